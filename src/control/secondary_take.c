// SPDX-License-Identifier: Apache-2.0
/* What a transfer gave, put into service: differences on the version that is served and into the
 * journal, a whole zone in the place of what was. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/history.h"
#include "control/overlay.h"
#include "control/secondary_internal.h"
#include "control/transferred.h"

#define SHRINK_LEAST_N 20u /* a smaller zone may change as it likes */
/* Differences as large as this are laid on the file at once, where a start would read them again
 * and again: the zone is then made anew. */
#define CHANGE_OCTETS_MAX (64u << 20)

/* ---- guards ---- */

static bool shrinks_too_much(const struct secondary *s, uint64_t record_n, char *why, size_t n)
{
	const struct config_limits *l = &s->e->config.secondary.limits;
	size_t before = s->e->served != NULL ? zone_rr_n(s->e->served->zone) : 0;

	if (s->r.forced || before < SHRINK_LEAST_N || l->shrink >= 100 ||
	    record_n * 100 >= (uint64_t)before * (100 - l->shrink))
		return false;
	snprintf(
	    why, n,
	    "refused: %llu records where there were %zu; `concordctl zone retransfer` takes it "
	    "all the same, limits.shrink sets the guard",
	    (unsigned long long)record_n, before);
	return true;
}

/* Differences add up: what each transfer is held to does not bound the zone. */
static bool grows_too_much(const struct secondary *s, uint64_t record_n, uint64_t more_octets,
			   char *why, size_t n)
{
	const struct config_limits *l = &s->e->config.secondary.limits;
	uint64_t octets = zone_bytes(s->e->served->zone) + more_octets;
	bool records = l->records != 0 && record_n > l->records;

	if (!records && (l->octets == 0 || octets <= l->octets))
		return false;
	snprintf(why, n, "refused: the zone would have %llu %s; limits.%s is %llu",
		 (unsigned long long)(records ? record_n : octets), records ? "records" : "octets",
		 records ? "records" : "size",
		 (unsigned long long)(records ? l->records : l->octets));
	return true;
}

/* ---- in service ---- */

/* Whose keys stand in our set is not a primary's to say: they come by the API, by an update of
 * their owner's, or from what a group sees, validated, at its signers. */
static void tell_of_keys(struct secondary *s, const struct fetch_result *result)
{
	if (!result->has_keys || s->e->keys == NULL || s->said_keys)
		return;
	s->said_keys = true;
	log_notice(
	    s->e->text, "transfer: DNSKEY, CDS, CDNSKEY and CSYNC of the primary are left out%s",
	    s->e->config.group != NULL ? ": the group takes keys from what it sees at its signers"
				       : "; `concordctl key import` takes a peer's key");
}

void secondary_in_service(struct secondary *s)
{
	const struct fetch_result *result = &s->taken;
	char primary[REMOTE_TEXT_MAX];
	struct soa_times times;
	const struct rrset *soa = zone_soa(s->e->served->zone);
	struct span rdata = { soa->wire + RR_FIXED_LEN, load_u16(soa->wire + RR_FIXED_LEN - 2) };

	soa_times_read(rdata, &times);
	secondary_primary_text(s, primary);
	log_info(s->e->text, "transfer: serial %u from %s, %s, %llu records in %llu ms",
		 result->serial, primary, result->kind == FETCH_CHANGES ? "changes" : "whole zone",
		 (unsigned long long)result->record_n, (unsigned long long)result->took_ms);
	snprintf(s->last, sizeof s->last, "serial %u from %s", result->serial, primary);
	tell_of_keys(s, result);
	s->fetched_at = control_now();
	refresh_transferred(&s->r, &times, result->serial, secondary_now_ms(), secondary_lot());
	s->r.whole = s->unkept; /* nothing may lie on what is not there */
	secondary_mark_good(s);
	secondary_schedule(s);
}

/* ---- a whole zone ---- */

static enum err load_whole(struct secondary *s, struct spool *spool, char *why, size_t n)
{
	struct diag d = { 0 };
	enum err e = control_load_zone(s->c, s->e, spool_path(spool), &d);

	log_diag(s->e->text, &d);
	snprintf(why, n, "the zone is not good: %s", d.n > 0 ? d.findings[0].line : err_text(e));
	diag_free(&d);
	if (e) {
		spool_abort(spool);
		return e;
	}
	/* What is served is right in any case; without the file a restart fetches it again. */
	s->replaced = spool_place(spool) == ERR_OK;
	if (!s->replaced)
		log_error(s->e->text, "transfer: the zone cannot be kept on disk: %s",
			  strerror(errno));
	return ERR_OK;
}

static bool take_spool(struct secondary *s, const struct fetch_result *result, struct spool *spool,
		       uint64_t record_n)
{
	char why[700] = "";
	bool taken = false;
	struct served *before = s->e->served != NULL ? served_ref(s->e->served) : NULL;

	if (shrinks_too_much(s, record_n, why, sizeof why)) {
		spool_abort(spool);
		secondary_failed(s, false, "transfer", why);
	} else if (load_whole(s, spool, why, sizeof why)) {
		secondary_failed(s, result->kind == FETCH_CHANGES, "transfer", why);
	} else {
		history_keep(s->c, s->e, before != NULL ? before->zone : NULL);
		taken = true;
	}
	served_unref(before);
	return taken;
}

static bool take_whole(struct secondary *s, struct fetch_result *result)
{
	struct spool *spool = result->spool;

	if (!s->r.forced && s->r.has_zone && !serial_is_newer(result->serial, s->r.serial)) {
		secondary_failed(s, false, "AXFR", "its serial is not newer than ours");
		return false;
	}
	result->spool = NULL;
	return take_spool(s, result, spool, result->record_n - 1); /* the SOA comes twice */
}

/* ---- differences ---- */

/* On the file: what lies on it already, and these. The zone is then loaded from it. */
static bool take_changes_whole(struct secondary *s, const struct fetch_result *result)
{
	char path[SECONDARY_PATH_MAX], source[JOURNAL_SOURCE_MAX];
	struct overlay x = { 0 };
	struct spool *spool = NULL;
	uint64_t record_n = 0;
	enum err e = transferred_source(s->e->text, secondary_path_of(s, path), source);

	if (!e)
		e = overlay_read(&x, s->c->journal, source);
	struct change_set *all = e ? NULL : calloc(x.n + result->change_n + 1, sizeof *all);
	if (!e && all == NULL)
		e = ERR_NOMEM;
	if (!e) {
		if (x.n > 0)
			memcpy(all, x.sets, x.n * sizeof *all);
		memcpy(all + x.n, result->changes, result->change_n * sizeof *all);
		e = spool_patch(&spool, path, s->e->name, all, x.n + result->change_n, &record_n);
	}
	free(all);
	overlay_free(&x);
	if (!e)
		return take_spool(s, result, spool, record_n);
	secondary_failed(s, true, "changes", err_text(e));
	return false;
}

/* Into the journal: as it came on top of the file, as it is served for those who follow us. The
 * caller commits. */
static enum err journal_change(struct secondary *s, const struct transferred_change *t)
{
	char path[SECONDARY_PATH_MAX], source[JOURNAL_SOURCE_MAX];
	struct journal_limits limits = journal_limits_of(&s->e->config.transfer);
	struct journal_set ours = { t->from, t->to, control_now(), change_span(&t->ours) };
	struct journal_set raw = { t->primary_from, t->primary_to, control_now(),
				   change_span(&t->raw) };
	struct journal *j = s->c->journal;
	enum err e = transferred_source(s->e->text, secondary_path_of(s, path), source);

	if (!e)
		e = journal_begin(j);
	if (e)
		return e;
	e = journal_append(j, s->e->text, &ours, false, &limits);
	if (!e)
		e = journal_add_overlay(j, source, &raw);
	if (e)
		journal_rollback(j);
	return e;
}

static bool is_refused(const struct secondary *s, const struct transferred_change *t, char *why,
		       size_t n)
{
	uint64_t record_n = zone_rr_n(s->e->served->zone) + t->ours.added_n - t->ours.removed_n;

	return shrinks_too_much(s, record_n, why, n) ||
	       grows_too_much(s, record_n, t->ours.n, why, n);
}

/* Journals, seals, serves. What cannot be kept is served all the same, and fetched whole next. */
static enum err serve_change(struct secondary *s, struct transferred_change *t, char *why, size_t n,
			     struct diag *d)
{
	struct own_serial own = { true, t->to, t->primary_to };
	struct served *made = NULL;
	enum err e = journal_change(s, t);

	if (!e && s->e->config.transfer.serial != SERIAL_KEEP)
		e = own_serial_write(s->c->store, s->e->text, &own);
	if (e) {
		snprintf(why, n, "the changes cannot be kept: %s", err_text(e));
		journal_rollback(s->c->journal);
		return e;
	}
	e = zone_load_change(s->e->served, t->builder, &made, d);
	t->builder = NULL;
	if (e) {
		snprintf(why, n, "the zone is not good: %s",
			 d->n > 0 ? d->findings[0].line : err_text(e));
		journal_rollback(s->c->journal);
		return e;
	}
	made->primary_serial = t->primary_to;
	t->kept = journal_commit(s->c->journal) == ERR_OK;
	served_unref(s->e->served);
	s->e->served = made;
	return ERR_OK;
}

/* What came to nothing, so that the whole zone is asked for where that may do better. */
static enum err change_in_place(struct secondary *s, const struct fetch_result *result, char *why,
				size_t n)
{
	struct transferred_change t = { 0 };
	struct own_serial own;
	struct diag d = { 0 };

	own_serial_read(s->c->store, s->e->text, &own);
	enum err e =
	    transferred_change(s->e, &own, result->changes, result->change_n, &t, why, n, &d);
	if (!e && t.raw.n > CHANGE_OCTETS_MAX)
		e = ERR_TOO_LONG;
	if (!e && is_refused(s, &t, why, n))
		e = ERR_REFUSED;
	if (!e)
		e = serve_change(s, &t, why, n, &d);
	if (e && why[0] == 0)
		snprintf(why, n, "%s", err_text(e));
	log_diag(s->e->text, &d);
	diag_free(&d);
	s->unkept = !t.kept;
	transferred_change_free(&t);
	return e;
}

static bool take_changes(struct secondary *s, const struct fetch_result *result)
{
	char why[700] = "";
	enum err e = change_in_place(s, result, why, sizeof why);

	if (e == ERR_TOO_LONG) {
		s->unkept = false;
		return take_changes_whole(s, result);
	}
	if (e)
		secondary_failed(s, e != ERR_REFUSED, "IXFR", why);
	return e == ERR_OK;
}

/* ---- either ---- */

bool secondary_take(struct secondary *s, struct fetch_result *result)
{
	s->replaced = s->unkept = false;
	bool taken = result->kind == FETCH_WHOLE ? take_whole(s, result) : take_changes(s, result);
	fetch_result_free(result);
	s->taken = *result;
	return taken;
}
