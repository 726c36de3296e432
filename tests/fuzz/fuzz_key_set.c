// SPDX-License-Identifier: Apache-2.0
// links: control
/* The body of a key set as a caller of the HTTP interface sends it: what is taken are keys of the
 * zone, and what may stand beside others is judged for each of them. */
#include "fuzz.h"

#include <jansson.h>
#include <stdlib.h>

#include "control/key_set_body.h"
#include "multisigner/admission.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dnskey keys[KEY_SET_MAX];
	struct key_member members[KEY_SET_MAX];
	char why[KEY_SET_WHY_MAX] = "";
	size_t n = 0;
	json_t *j = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	enum err e = key_set_body_read(json_object_get(j, "keys"), (const uint8_t *)"\7example",
				       keys, &n, why);

	if ((e != ERR_OK) != (why[0] != 0) || (e && n != 0) || n > KEY_SET_MAX)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (admission_judge(&keys[i], 13, members, i) == ADMISSION_OK &&
		    !dnskey_is_wellformed(&keys[i]))
			abort();
		members[i] = (struct key_member){ &keys[i], true };
	}
	json_decref(j);
	return 0;
}
