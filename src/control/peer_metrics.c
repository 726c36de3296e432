// SPDX-License-Identifier: Apache-2.0
/* What is known of looking at other signers, in Prometheus' text format. */
#include "control/internal.h"
#include "peers/observer.h"

void metrics_add_peers(const struct control *c, struct text *out)
{
	struct observer_counts n;

	if (c->observer == NULL)
		return;
	observer_count(c->observer, &n);
	text_add(out,
		 "# HELP concord_peer_rounds_total Rounds over all servers of a zone's group.\n"
		 "# TYPE concord_peer_rounds_total counter\nconcord_peer_rounds_total %llu\n"
		 "# HELP concord_peer_looks_total Servers whose answers validated, or did not.\n"
		 "# TYPE concord_peer_looks_total counter\n"
		 "concord_peer_looks_total{result=\"good\"} %llu\n"
		 "concord_peer_looks_total{result=\"failed\"} %llu\n"
		 "# HELP concord_peer_zones Zones whose groups are looked at.\n"
		 "# TYPE concord_peer_zones gauge\nconcord_peer_zones %zu\n"
		 "# HELP concord_peer_questions Questions to servers of groups just now.\n"
		 "# TYPE concord_peer_questions gauge\n"
		 "concord_peer_questions{state=\"under way\"} %u\n"
		 "concord_peer_questions{state=\"waiting\"} %u\n",
		 (unsigned long long)n.round_n, (unsigned long long)n.look_n,
		 (unsigned long long)n.failed_n, n.zone_n, n.questions_under_way,
		 n.questions_waiting);
}
