// SPDX-License-Identifier: Apache-2.0
/* Groups in Prometheus' text format. */
#include "control/group_hold.h"
#include "control/group_zone.h"

static void add_places(const struct control *c, struct text *out)
{
	char zone[2 * NAME_TEXT_MAX];

	text_add(out, "# HELP concord_group_signer Where each signer stands: 1 at its state.\n"
		      "# TYPE concord_group_signer gauge\n");
	for (size_t i = 0; i < c->entry_n; i++) {
		const struct group_zone *z = c->entries[i]->group;
		for (unsigned s = 0; z != NULL && s < GROUP_SIGNERS_MAX; s++)
			if (z->group.signer[s].used)
				text_add(
				    out,
				    "concord_group_signer{zone=\"%s\",signer=\"%s\",state=\"%s\"} "
				    "1\n",
				    text_label(z->entry->text, zone, sizeof zone), z->signer[s],
				    member_state_text(z->group.signer[s].state));
	}
}

static unsigned failing(const struct group_zone *z)
{
	unsigned n = 0;

	for (unsigned i = 0; i <= GROUP_PARENT_ROW; i++)
		for (unsigned v = 0; v < GROUP_SERVERS_MAX; v++)
			n += z->contact[i][v].failed_at != 0;
	return n;
}

static unsigned differing(const struct group_zone *z)
{
	return (unsigned)__builtin_popcount(z->drift.differs);
}

static unsigned bogus(const struct group_zone *z)
{
	return (unsigned)z->drift.fault_n;
}

static unsigned held(const struct group_zone *z)
{
	return group_is_held(z);
}

static const struct {
	const char *name, *help;
	unsigned (*value)(const struct group_zone *z);
} GAUGES[] = {
	{ "concord_group_servers_failing", "Servers of the group and of the parent that fail.",
	  failing },
	{ "concord_group_held", "Zones that are SERVFAIL until every signer was seen.", held },
	{ "concord_group_differences", "Facets in which the signers of the zone differ.",
	  differing },
	{ "concord_group_bogus_pairs",
	  "Answers of members that do not validate under another's DNSKEY set.", bogus },
};

void metrics_add_groups(const struct control *c, struct text *out)
{
	char zone[2 * NAME_TEXT_MAX];

	add_places(c, out);
	for (size_t m = 0; m < sizeof GAUGES / sizeof *GAUGES; m++) {
		text_add(out, "# HELP %s %s\n# TYPE %s gauge\n", GAUGES[m].name, GAUGES[m].help,
			 GAUGES[m].name);
		for (size_t i = 0; i < c->entry_n; i++) {
			const struct group_zone *z = c->entries[i]->group;
			if (z != NULL)
				text_add(out, "%s{zone=\"%s\"} %u\n", GAUGES[m].name,
					 text_label(z->entry->text, zone, sizeof zone),
					 GAUGES[m].value(z));
		}
	}
}
