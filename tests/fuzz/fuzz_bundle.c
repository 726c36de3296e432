// SPDX-License-Identifier: Apache-2.0
// links: control
/* Signed key responses and requests of others: read, judged, and written so that they read back the
 * same. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "control/bundle_text.h"
#include "multisigner/bundle.h"

static const uint8_t ZONE[] = "\4shop\7example";
#define NOW INT64_C(1768000000)

static void check_same(const struct bundles *a, const struct bundles *b)
{
	if (a->n != b->n)
		abort();
	for (size_t i = 0; i < a->n; i++) {
		if (a->all[i]->expires_at != b->all[i]->expires_at)
			abort();
		for (size_t t = 0; t < BUNDLE_TYPES; t++)
			if (a->all[i]->set[t].rr_n != b->all[i]->set[t].rr_n ||
			    a->all[i]->set[t].signature_n != b->all[i]->set[t].signature_n)
				abort();
	}
}

static void read_back(const struct bundles *b, enum bundle_form form)
{
	struct text t = { 0 };
	struct diag d = { 0 };
	struct bundles *again = NULL;

	bundle_text_write(b, "shop.example.", true, form, NOW, &t);
	if (!t.bad && bundle_text_read(&again, t.p, ZONE, "again", &d))
		abort();
	if (again != NULL)
		check_same(b, again);
	bundles_free(again);
	diag_free(&d);
	free(t.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct bundles *b = NULL;
	struct diag d = { 0 };

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (bundle_text_read(&b, text, ZONE, "fuzz", &d) == ERR_OK) {
		struct bundle_judge j = { .zone = ZONE, .algorithm = 13, .now = NOW };
		(void)bundles_judge(b, &j);
		(void)bundles_judge_request(b, 13);
		(void)bundles_end(b, NOW);
		read_back(b, BUNDLE_FORM_KNOT);
		read_back(b, BUNDLE_FORM_BIND);
	}
	bundles_free(b);
	diag_free(&d);
	free(text);
	return 0;
}
