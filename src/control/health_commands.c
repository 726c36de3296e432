// SPDX-License-Identifier: Apache-2.0
/* What people ask of health checks and say to them. */
#include "control/internal.h"

json_t *control_health_list(struct control *c, const char *value, struct control_result *r)
{
	json_t *j = health_list(c->health, value);

	if (j == NULL)
		control_fail(r, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	return j;
}

json_t *control_health_set(struct control *c, const char *value, const char *to,
			   struct control_result *r)
{
	enum err e = health_set_override(c->health, value, to != NULL ? to : "");

	if (e == ERR_SYNTAX)
		control_fail(r, e, "a value is set to up, down or obey");
	else if (e == ERR_NOT_FOUND)
		control_fail(r, e, "%.200s is not held by hand: it obeys its checks", value);
	else if (e)
		control_fail(r, e, "%s", err_text(e));
	return e ? NULL : control_health_list(c, value, r);
}

json_t *control_health_feed(struct control *c, const char *value, const char *state, uint32_t load,
			    const char *reason, struct control_result *r)
{
	enum err e = health_feed(c->health, value, state, load, reason);

	if (e == ERR_SYNTAX)
		control_fail(r, e, "a value is fed up or down");
	else if (e)
		control_fail(r, e,
			     "no health check of %.200s takes results from outside (protocol FEED)",
			     value);
	return e ? NULL : control_health_list(c, value, r);
}
