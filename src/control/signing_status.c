// SPDX-License-Identifier: Apache-2.0
/* Signatures: how many are held and until when, what upkeep does, and the table of made names; for
 * the API and for Prometheus. */
#include <time.h>

#include "control/internal.h"

static const char *time_or_nothing(int64_t at, char out[32])
{
	struct tm tm;
	time_t t = (time_t)at;

	out[0] = 0;
	if (at != 0)
		strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return out;
}

json_t *status_signatures(const struct signatures *s)
{
	char expiry[32];
	const struct upkeep *u = &s->upkeep;
	/* Signatures may be replaced while they are counted: they stay readable until this thread
	 * is quiescent. */
	rcu_online();
	struct sigcache_usage usage = sigcache_usage(s->cache);
	rcu_offline();

	return json_pack("{s:I, s:I, s:s, s:I, s:I, s:I, s:b}", "signatures",
			 (json_int_t)usage.signatures, "bytes", (json_int_t)usage.bytes,
			 "earliest_expiry", time_or_nothing(usage.earliest_expiry, expiry), "of",
			 (json_int_t)counter_read(&u->wanted), "renewed",
			 (json_int_t)counter_read(&u->made), "refresh_lag_s",
			 (json_int_t)counter_read(&u->lag_s), "prewarming",
			 counter_read(&u->ahead) != 0);
}

json_t *control_cache_stats(struct control *c)
{
	json_t *all = json_object();

	for (size_t i = 0; i < c->entry_n; i++)
		if (c->entries[i]->served != NULL && c->entries[i]->served->signatures != NULL)
			json_object_set_new(all, c->entries[i]->text,
					    status_signatures(c->entries[i]->served->signatures));
	return all;
}

json_t *control_made_stats(struct control *c)
{
	char expiry[32];

	if (c->made_names == NULL)
		return json_object();
	struct keyed_usage u = keyed_usage(c->made_names->table);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "signatures",
			 (json_int_t)u.signatures, "bytes", (json_int_t)u.used_bytes, "bytes_max",
			 (json_int_t)u.bytes, "made", (json_int_t)u.puts, "admitted",
			 (json_int_t)u.admitted, "evicted", (json_int_t)u.evicted,
			 "earliest_expiry", time_or_nothing(u.earliest_expiry, expiry));
}

/* ---- Prometheus ---- */

static const struct {
	const char *name, *type, *says;
	size_t offset;
} ZONE_METRICS[] = {
	{ "signatures", "gauge", "Signatures held.", offsetof(struct upkeep, held) },
	{ "signatures_possible", "gauge", "RRsets and variants that can be signed.",
	  offsetof(struct upkeep, wanted) },
	{ "signatures_kept_total", "counter",
	  "Signatures renewed or made ahead without a question.", offsetof(struct upkeep, made) },
	{ "refresh_lag_seconds", "gauge", "The most that a renewal was overdue when last looked.",
	  offsetof(struct upkeep, lag_s) },
	{ "earliest_expiry_seconds", "gauge", "When the first signature held expires; 0: none.",
	  offsetof(struct upkeep, earliest_expiry) },
};

static void add_zones(const struct control *c, struct text *out, size_t row)
{
	char zone[2 * NAME_TEXT_MAX];

	text_add(out, "# HELP concord_zone_%s %s\n# TYPE concord_zone_%s %s\n",
		 ZONE_METRICS[row].name, ZONE_METRICS[row].says, ZONE_METRICS[row].name,
		 ZONE_METRICS[row].type);
	for (size_t i = 0; i < c->entry_n; i++) {
		const struct zone_entry *e = c->entries[i];
		if (e->served == NULL || e->served->signatures == NULL)
			continue;
		const struct counter *value =
		    (const void *)((const char *)&e->served->signatures->upkeep +
				   ZONE_METRICS[row].offset);
		text_add(out, "concord_zone_%s{zone=\"%s\"} %llu\n", ZONE_METRICS[row].name,
			 text_label(e->text, zone, sizeof zone),
			 (unsigned long long)counter_read(value));
	}
}

static void add_made(const struct control *c, struct text *out)
{
	struct keyed_usage u = { 0 };

	if (c->made_names != NULL)
		u = keyed_usage(c->made_names->table);
	const struct {
		const char *name, *type, *says;
		uint64_t value;
	} ROWS[] = {
		{ "made_signatures", "gauge",
		  "Signatures of names made at query time that are held.", u.signatures },
		{ "made_signatures_bytes", "gauge", "Memory of these.", u.used_bytes },
		{ "made_signatures_total", "counter", "Signatures of such names made so far.",
		  u.puts },
		{ "made_signatures_admitted_total", "counter", "... that got a lasting place.",
		  u.admitted },
		{ "made_signatures_evicted_total", "counter", "... that had to go.", u.evicted },
	};

	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		text_add(out, "# HELP concord_%s %s\n# TYPE concord_%s %s\nconcord_%s %llu\n",
			 ROWS[i].name, ROWS[i].says, ROWS[i].name, ROWS[i].type, ROWS[i].name,
			 (unsigned long long)ROWS[i].value);
}

void metrics_add_signing(const struct control *c, struct text *out)
{
	for (size_t i = 0; i < sizeof ZONE_METRICS / sizeof *ZONE_METRICS; i++)
		add_zones(c, out, i);
	add_made(c, out);
}
