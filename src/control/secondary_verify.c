// SPDX-License-Identifier: Apache-2.0
/* What a transfer gave, against the digest that came with it (RFC 8976), in a thread of the pool:
 * before any of it is served. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/overlay.h"
#include "control/secondary_internal.h"
#include "control/transferred.h"
#include "control/zone_digest.h"
#include "dns/rrtype.h"
#include "transfer/zonemd.h"

struct verification {
	struct secondary *s; /* NULL: the zone is gone */
	struct fetch_result result;
	struct change_set *changes; /* on the file: those that lie there, and (the result's) came */
	size_t change_n, came_at;
	char path[SECONDARY_PATH_MAX];
	uint8_t zone[NAME_MAX_LEN];
	enum zonemd_verdict verdict;
	char why[ZONEMD_WHY_MAX];
	enum err err;
	uv_work_t work;
};

static void verification_free(struct verification *v)
{
	for (size_t i = 0; i < v->came_at; i++)
		change_free(&v->changes[i]);
	free(v->changes);
	free(v);
}

/* ---- whether ---- */

static void refuse(struct secondary *s, const struct fetch_result *result, const char *why)
{
	struct fetch_result lost = *result;

	fetch_result_free(&lost);
	secondary_failed(s, result->kind == FETCH_CHANGES, "ZONEMD", why);
}

/* Differences that leave the digest as it was: it is of another serial then. */
static bool is_left_stale(const struct secondary *s, const struct fetch_result *result)
{
	return result->kind == FETCH_CHANGES && !result->has_zonemd && s->e->served != NULL &&
	       s->e->keys == NULL && !zone_digest_is_made(s->e) &&
	       node_rrset(zone_apex(s->e->served->zone), TYPE_ZONEMD) != NULL;
}

/* ---- how ---- */

static void work(uv_work_t *w)
{
	struct verification *v = w->data;

	if (v->result.kind == FETCH_WHOLE)
		v->err = zonemd_verify_spool(spool_path(v->result.spool), v->zone, NULL, 0,
					     &v->verdict, v->why);
	else
		v->err = zonemd_verify_spool(v->path, v->zone, v->changes, v->change_n, &v->verdict,
					     v->why);
}

/* What is to be laid on the file that is there. */
static enum err gather_changes(struct verification *v, const struct fetch_result *result)
{
	char source[JOURNAL_SOURCE_MAX];
	struct secondary *s = v->s;
	struct overlay x = { 0 };
	enum err e = transferred_source(s->e->text, secondary_path_of(s, v->path), source);

	if (!e)
		e = overlay_read(&x, s->c->journal, source);
	if (!e) {
		v->changes = calloc(x.n + result->change_n + 1, sizeof *v->changes);
		e = v->changes == NULL ? ERR_NOMEM : ERR_OK;
	}
	if (!e && x.n > 0) {
		memcpy(v->changes, x.sets, x.n * sizeof *v->changes);
		v->change_n = v->came_at = x.n;
		x.n = 0; /* they are ours now */
	}
	if (!e) {
		memcpy(v->changes + v->came_at, result->changes,
		       result->change_n * sizeof *v->changes);
		v->change_n += result->change_n;
	}
	overlay_free(&x);
	return e;
}

static void take(struct secondary *s, struct verification *v)
{
	bool required = s->e->config.zonemd_verify == ZONE_DIGEST_REQUIRED;

	if (v->err)
		snprintf(v->why, sizeof v->why, "the digest cannot be made: %s", err_text(v->err));
	if (v->err || v->verdict == ZONEMD_BAD || (required && v->verdict != ZONEMD_GOOD)) {
		refuse(s, &v->result, v->why);
		return;
	}
	if (v->verdict == ZONEMD_UNKNOWN)
		log_notice(s->e->text, "transfer: the zone was not verified: %s", v->why);
	secondary_arrive(s, &v->result);
}

static void on_worked(uv_work_t *w, int status)
{
	struct verification *v = w->data;

	(void)status;
	if (v->s == NULL) {
		fetch_result_free(&v->result);
	} else {
		v->s->verification = NULL;
		take(v->s, v);
	}
	verification_free(v);
}

static enum err start(struct secondary *s, const struct fetch_result *result)
{
	struct verification *v = calloc(1, sizeof *v);

	if (v == NULL)
		return ERR_NOMEM;
	v->s = s;
	v->result = *result;
	v->work.data = v;
	memcpy(v->zone, s->e->name, name_len(s->e->name));
	enum err e = result->kind == FETCH_CHANGES ? gather_changes(v, result) : ERR_OK;
	if (!e && uv_queue_work(s->c->loop, &v->work, work, on_worked) != 0)
		e = ERR_NOMEM;
	if (e)
		verification_free(v);
	else
		s->verification = v;
	return e;
}

bool secondary_verify(struct secondary *s, const struct fetch_result *result)
{
	unsigned policy = s->e->config.zonemd_verify;

	if (policy == ZONE_DIGEST_NO)
		return false;
	if (is_left_stale(s, result)) {
		refuse(s, result, "the changes leave the ZONEMD of another serial");
		return true;
	}
	if (!result->has_zonemd && policy == ZONE_DIGEST_REQUIRED) {
		refuse(s, result, "no ZONEMD came with it");
		return true;
	}
	if (!result->has_zonemd)
		return false;
	enum err e = start(s, result);
	if (e)
		refuse(s, result, err_text(e));
	return true;
}

void secondary_verify_forget(struct secondary *s)
{
	if (s->verification != NULL)
		s->verification->s = NULL;
	s->verification = NULL;
}
