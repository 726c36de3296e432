// SPDX-License-Identifier: Apache-2.0
/* What control knows, in Prometheus' text format. */
#include "control/aliases.h"
#include "control/bundle_commands.h"
#include "control/group_zone.h"
#include "control/internal.h"
#include "control/steering_memory.h"

static void add_answers(struct control *c, struct text *out)
{
	static const char *const RCODES[ZONE_RCODES] = { "NOERROR", "NXDOMAIN", "SERVFAIL",
							 "other" };
	char zone[2 * NAME_TEXT_MAX];

	text_add(out, "# HELP concord_zone_responses_total Answers sent, by zone and rcode.\n"
		      "# TYPE concord_zone_responses_total counter\n");
	for (size_t i = 0; i < c->entry_n; i++) {
		const struct zone_entry *e = c->entries[i];
		if (e->counts == NULL)
			continue;
		for (unsigned k = 0; k < ZONE_RCODES; k++) {
			uint64_t sum = 0;
			for (unsigned w = 0; w < c->worker_n; w++)
				sum += counter_read(&e->counts->rcode_n[w * ZONE_RCODES + k]);
			text_add(out,
				 "concord_zone_responses_total{zone=\"%s\",rcode=\"%s\"} %llu\n",
				 text_label(e->text, zone, sizeof zone), RCODES[k],
				 (unsigned long long)sum);
		}
	}
}

static void add_zones(struct control *c, struct text *out)
{
	char zone[2 * NAME_TEXT_MAX];

	text_add(out, "# HELP concord_zone_serial Serial of the zone as served.\n"
		      "# TYPE concord_zone_serial gauge\n");
	for (size_t i = 0; i < c->entry_n; i++)
		if (c->entries[i]->served != NULL)
			text_add(out, "concord_zone_serial{zone=\"%s\"} %u\n",
				 text_label(c->entries[i]->text, zone, sizeof zone),
				 zone_serial(c->entries[i]->served->zone));
	text_add(out, "# HELP concord_zone_stale Whether the last attempt to load it failed.\n"
		      "# TYPE concord_zone_stale gauge\n");
	for (size_t i = 0; i < c->entry_n; i++)
		text_add(out, "concord_zone_stale{zone=\"%s\"} %d\n",
			 text_label(c->entries[i]->text, zone, sizeof zone), c->entries[i]->stale);
}

void control_metrics(struct control *c, struct text *out)
{
	const struct view *v = view_load(&c->views);

	text_add(out,
		 "# HELP concord_info The version.\n# TYPE concord_info gauge\n"
		 "concord_info{version=\"%s\"} 1\n"
		 "# HELP concord_start_time_seconds When the process started.\n"
		 "# TYPE concord_start_time_seconds gauge\n"
		 "concord_start_time_seconds %lld\n"
		 "# HELP concord_view Number of the view that is served.\n"
		 "# TYPE concord_view counter\nconcord_view %llu\n"
		 "# HELP concord_reload_failed Whether the last reload failed.\n"
		 "# TYPE concord_reload_failed gauge\nconcord_reload_failed %d\n"
		 "# HELP concord_zones Zones configured.\n"
		 "# TYPE concord_zones gauge\nconcord_zones %zu\n",
		 CONCORD_VERSION, (long long)c->started_at,
		 (unsigned long long)(v != NULL ? v->id : 0), c->reload_failed, c->entry_n);
	add_zones(c, out);
	add_answers(c, out);
	metrics_add_signing(c, out);
	metrics_add_groups(c, out);
	metrics_add_keys(c, out);
	metrics_add_peers(c, out);
	metrics_add_bundles(c, out);
	databases_metrics(c->databases, out);
	steering_memory_metrics(c, out);
	if (c->aliases != NULL)
		aliases_metrics(c, out);
	if (c->health != NULL)
		health_metrics(c->health, out);
}
