// SPDX-License-Identifier: Apache-2.0
/* A response that is not there yet: its connection sleeps, and the library asks for it again when
 * it is. */
#include "api/internal.h"
#include "control/zone_export.h"

struct response later_response(struct request *r)
{
	if (!r->answered)
		return (struct response){ .is_later = true };
	r->answered = false;
	return r->answer;
}

static void wake(struct request *r)
{
	for (struct request **at = &r->http->api->asleep; *at != NULL; at = &(*at)->next_asleep) {
		if (*at == r) {
			*at = r->next_asleep;
			break;
		}
	}
	r->asleep = false;
	MHD_resume_connection(r->connection);
	http_run_soon(r->http);
}

void later_answer(struct request *r, struct response out)
{
	r->answer = out;
	r->answered = true;
	if (r->asleep)
		wake(r);
}

void later_sleep(struct api *a, struct request *r)
{
	r->asleep = true;
	r->next_asleep = a->asleep;
	a->asleep = r;
	MHD_suspend_connection(r->connection);
}

void later_end(struct api *a)
{
	while (a->asleep != NULL) {
		struct request *r = a->asleep;
		control_reload_forget(a->options.control, r);
		zone_export_forget(a->options.control, r);
		later_answer(r, response_problem(503, "the daemon ends"));
	}
}
