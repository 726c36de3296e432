// SPDX-License-Identifier: Apache-2.0
/* Pushes records to a peer of a configuration, as the daemon does, and prints what came of it:
 *
 *   push_tool CONFIG PEER ZONE [ours|want|drop TYPE RDATA]...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/config.h"
#include "dns/rrtype.h"
#include "peers/record_text.h"

static void fail(const char *what)
{
	fprintf(stderr, "push_tool: %s\n", what);
	exit(2);
}

static bool over;

static void on_done(const struct push_result *r, void *context)
{
	(void)context;
	printf("{\"err\": \"%s\", \"changed\": %s, \"why\": \"%s\"}\n",
	       r->err ? err_text(r->err) : "", r->changed ? "true" : "false", r->why);
	over = true;
}

static void read_record(char **argv, struct push_record *r)
{
	static uint8_t room[PUSH_RECORDS_MAX][RECORD_RDATA_MAX];
	static size_t used;
	size_t n = 0;

	r->wanted = strcmp(argv[0], "drop") != 0;
	r->ours = strcmp(argv[0], "ours") == 0;
	if (!rr_type_from_text(argv[1], &r->type))
		fail("not a type");
	if (argv[2][0] != 0 && record_from_text(r->type, argv[2], room[used], &n))
		fail("not RDATA of that type");
	r->rdata = (struct span){ room[used++], n };
}

int main(int argc, char **argv)
{
	static struct push_record records[PUSH_RECORDS_MAX];
	struct diag d = { 0 };
	struct config *config;
	struct name zone;
	struct pusher *pusher;
	struct push_call *call;
	uv_loop_t *loop = uv_default_loop();

	if (argc < 4 || (argc - 4) % 3 != 0)
		fail("push_tool CONFIG PEER ZONE [ours|want|drop TYPE RDATA]...");
	if (config_read(&config, argv[1], &d)) {
		log_diag(NULL, &d);
		diag_free(&d);
		return 1;
	}
	const struct peer *peer = config_peer_find(&config->peers, argv[2]);
	if (peer == NULL || name_from_text(argv[3], NULL, &zone))
		fail("no such peer, or not a zone");
	struct push push = { zone.wire, argv[3], 3600, records, 0 };
	for (int i = 4; i + 2 < argc; i += 3)
		read_record(argv + i, &records[push.n++]);
	if (pusher_new(&pusher, loop) || pusher_push(&call, pusher, peer, &push, on_done, NULL))
		fail("cannot begin");
	while (!over)
		uv_run(loop, UV_RUN_ONCE);
	pusher_close(pusher);
	uv_run(loop, UV_RUN_DEFAULT);
	config_free(config);
	diag_free(&d);
	return uv_loop_close(loop) == 0 ? 0 : 1;
}
