// SPDX-License-Identifier: Apache-2.0
/* Signed key sets in the zone's status and in Prometheus' text format. */
#include <time.h>

#include "control/bundle_commands.h"
#include "control/internal.h"
#include "control/key_bundles.h"

static int64_t end_of(const struct zone_entry *e)
{
	const struct key_bundles *b = e->keys->bundles;

	return b->row != NULL ? bundles_end(b->row, control_now()) : 0;
}

static const char *date(int64_t at, char out[32])
{
	time_t t = (time_t)at;
	struct tm tm;

	out[0] = 0;
	if (at != 0)
		strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return out;
}

json_t *bundles_status(const struct zone_entry *e)
{
	char end[32], in_force[32];

	if (e->keys == NULL || e->keys->bundles == NULL)
		return NULL;
	const struct key_bundles *b = e->keys->bundles;
	return json_pack("{s:I, s:s, s:s, s:b}", "bundles",
			 (json_int_t)(b->row != NULL ? b->row->n : 0), "in_force_since",
			 date(b->served != NULL ? b->served->from : 0, in_force), "end",
			 date(end_of(e), end), "refused", b->refused_from != 0);
}

void metrics_add_bundles(const struct control *c, struct text *out)
{
	static const struct {
		const char *name, *says;
	} ROWS[] = {
		{ "bundles_end_seconds", "When the signed key sets end; 0: none is valid." },
		{ "bundle_refused",
		  "Whether the key set that is due lacks a key of ours and is not served." },
	};
	char zone[2 * NAME_TEXT_MAX];

	for (size_t row = 0; row < sizeof ROWS / sizeof *ROWS; row++) {
		text_add(out, "# HELP concord_zone_%s %s\n# TYPE concord_zone_%s gauge\n",
			 ROWS[row].name, ROWS[row].says, ROWS[row].name);
		for (size_t i = 0; i < c->entry_n; i++) {
			const struct zone_entry *e = c->entries[i];
			if (e->keys == NULL || e->keys->bundles == NULL)
				continue;
			text_add(out, "concord_zone_%s{zone=\"%s\"} %lld\n", ROWS[row].name,
				 text_label(e->text, zone, sizeof zone),
				 row == 0 ? (long long)end_of(e)
					  : (long long)(e->keys->bundles->refused_from != 0));
		}
	}
}
