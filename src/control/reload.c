// SPDX-License-Identifier: Apache-2.0
/* Reloads one after another: large files are read ahead (read_ahead.h), then all is loaded at once.
 * Who asks while files are read may have changed them since: that is another reload. */
#include <stdlib.h>

#include "base/log.h"
#include "control/internal.h"
#include "control/read_ahead.h"

/* Smaller files are read in less time than a caller notices. */
#define LARGE ((off_t)1 << 20)

struct asker {
	control_reloaded *done;
	void *context;
	struct asker *next;
};

struct reload {
	struct asker *now;   /* who asked before it began */
	struct asker *after; /* ... and since */
	struct read_ahead *files;
};

static void tell_all(struct asker *list, const struct control_result *result, const struct diag *d)
{
	while (list != NULL) {
		struct asker *a = list;
		list = a->next;
		a->done(a->context, result, d);
		free(a);
	}
}

static void begin(struct control *c);

static void finish(struct control *c)
{
	struct reload *r = c->reload;
	struct diag d = { 0 };

	c->read_ahead = r->files;
	struct control_result result = control_reload_now(c, &d);
	c->read_ahead = NULL;
	read_ahead_free(r->files);
	r->files = NULL;
	struct asker *told = r->now;
	r->now = r->after;
	r->after = NULL;
	if (r->now == NULL) {
		c->reload = NULL;
		free(r);
	}
	tell_all(told, &result, &d);
	diag_free(&d);
	if (c->reload == r)
		begin(c);
}

static void on_read(void *context)
{
	finish(context);
}

/* What is wrong with the configuration is found when it is loaded. */
static void begin(struct control *c)
{
	struct reload *r = c->reload;
	struct config *config = NULL;
	struct diag d = { 0 };

	if (config_read(&config, c->path, &d) == ERR_OK)
		r->files = read_ahead_start(c->loop, config, LARGE, on_read, c);
	config_free(config);
	diag_free(&d);
	if (r->files == NULL)
		finish(c);
	else
		log_info(NULL, "reload: large zone files are read");
}

void control_reload(struct control *c, control_reloaded *done, void *context)
{
	struct asker *a = calloc(1, sizeof *a);
	bool runs = c->reload != NULL;

	if (!runs)
		c->reload = calloc(1, sizeof *c->reload);
	if (a == NULL || c->reload == NULL) {
		struct control_result result = { 0 };
		struct diag none = { 0 };
		control_fail(&result, ERR_NOMEM, "no memory for a reload");
		free(a);
		if (!runs) {
			free(c->reload);
			c->reload = NULL;
		}
		done(context, &result, &none);
		return;
	}
	*a = (struct asker){ done, context, NULL };
	struct asker **last = runs ? &c->reload->after : &c->reload->now;
	while (*last != NULL)
		last = &(*last)->next;
	*last = a;
	if (!runs)
		begin(c);
}

static void forget(struct asker **at, const void *context)
{
	while (*at != NULL) {
		struct asker *a = *at;
		if (a->context == context) {
			*at = a->next;
			free(a);
		} else {
			at = &a->next;
		}
	}
}

void control_reload_forget(struct control *c, const void *context)
{
	if (c->reload == NULL)
		return;
	forget(&c->reload->now, context);
	forget(&c->reload->after, context);
}

static void free_all(struct asker *list)
{
	while (list != NULL) {
		struct asker *a = list;
		list = a->next;
		free(a);
	}
}

void reload_stop(struct control *c)
{
	struct reload *r = c->reload;

	if (r == NULL)
		return;
	c->reload = NULL;
	read_ahead_free(r->files);
	free_all(r->now);
	free_all(r->after);
	free(r);
}
