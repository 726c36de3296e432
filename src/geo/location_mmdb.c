// SPDX-License-Identifier: Apache-2.0
/* MMDB files: the search tree is walked once, in address order. IPv4 stands at ::/96; writers let
 * ::ffff:0:0/96, 2002::/16 and others lead to the same nodes, which would cost all IPv4 ranges
 * again for each. Such subtrees count as unknown: mapped addresses are located as their IPv4
 * anyway. */
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/location_internal.h"
#include "geo/partition.h"

#define PATH_STEPS 10
#define RANGES_MAX 40000000u /* several times what whole-internet city databases have */
/* A tree reaches each of its nodes once; a writer may share equal subtrees. Beyond that a file is
 * made to keep us busy. */
#define VISITS_PER_NODE 8u
#define VISITS_SPARE    4096u
#define MEMO_N          65536u /* power of two */

struct path {
	char text[200];
	const char *step[PATH_STEPS + 1];
};

struct mmdb {
	MMDB_s *file;
	struct location_db *db;
	struct path country, continent, subdivision;
	size_t added;
	uint64_t visits, visits_max;
	uint64_t ipv4_root; /* the node at ::/96; UINT64_MAX: none, or a tree of IPv4 */
	struct {
		uint32_t offset;
		uint32_t place;
		bool used;
	} memo[MEMO_N]; /* places by data offset: most leaves share few records */
};

static bool split_path(struct path *p, const char *dotted)
{
	size_t n = 0;

	if (snprintf(p->text, sizeof p->text, "%s", dotted) >= (int)sizeof p->text)
		return false;
	for (char *at = p->text; at != NULL && n < PATH_STEPS; n++) {
		char *dot = strchr(at, '.');
		if (dot != NULL)
			*dot++ = 0;
		p->step[n] = at;
		at = dot;
	}
	p->step[n] = NULL;
	return n > 0;
}

/* A text of exactly or at most so many letters, in capitals; anything else counts as unknown. */
static void read_code(MMDB_entry_s *entry, const struct path *p, char *out, size_t min, size_t max)
{
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, p->step) != MMDB_SUCCESS || !data.has_data ||
	    data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size < min || data.data_size > max)
		return;
	for (size_t i = 0; i < data.data_size; i++) {
		char c = data.utf8_string[i];
		c = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
		bool ok = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		out[i] = ok ? c : 0;
		if (!ok) {
			memset(out, 0, max);
			return;
		}
	}
}

static enum err place_at(struct mmdb *m, MMDB_entry_s *entry, uint32_t *out)
{
	size_t slot = (entry->offset * 2654435761u) & (MEMO_N - 1);

	if (m->memo[slot].used && m->memo[slot].offset == entry->offset) {
		*out = m->memo[slot].place;
		return ERR_OK;
	}
	struct place p = { 0 };
	read_code(entry, &m->country, p.country, 2, 2);
	read_code(entry, &m->continent, p.continent, 2, 2);
	read_code(entry, &m->subdivision, p.subdivision, 1, 3);
	enum err e = location_intern(m->db, &p, out);
	m->memo[slot].used = !e;
	m->memo[slot].offset = entry->offset;
	m->memo[slot].place = *out;
	return e;
}

/* Where a subtree at a depth of the tree starts, as an address of its family. */
struct spot {
	enum ip_family family;
	struct address at;
	unsigned depth; /* bits of the family that are settled */
	unsigned bits;
};

static struct spot child(struct spot s, bool right)
{
	unsigned shift = s.bits - s.depth - 1;

	if (right && shift >= 64)
		s.at.hi |= 1ULL << (shift - 64);
	else if (right)
		s.at.lo |= 1ULL << shift;
	s.depth++;
	return s;
}

static enum err walk(struct mmdb *m, uint64_t node, struct spot s);

static enum err record(struct mmdb *m, uint64_t value, uint8_t type, MMDB_entry_s *entry,
		       struct spot s)
{
	uint32_t place = 0;

	switch (type) {
	case MMDB_RECORD_TYPE_SEARCH_NODE:
		if (s.family == IP_V6 && value == m->ipv4_root)
			break;
		/* Deeper than the addresses are long: the tree is damaged. */
		return s.depth < s.bits ? walk(m, value, s) : ERR_CORRUPT;
	case MMDB_RECORD_TYPE_EMPTY:
		break;
	case MMDB_RECORD_TYPE_DATA: {
		enum err e = place_at(m, entry, &place);
		if (e)
			return e;
		break;
	}
	default:
		return ERR_CORRUPT;
	}
	if (++m->added > RANGES_MAX)
		return ERR_TOO_LONG;
	return location_add(m->db, s.family, s.at.hi, s.at.lo, place);
}

static enum err walk(struct mmdb *m, uint64_t node, struct spot s)
{
	MMDB_search_node_s n;

	if (++m->visits > m->visits_max || node >= m->file->metadata.node_count ||
	    MMDB_read_node(m->file, (uint32_t)node, &n) != MMDB_SUCCESS)
		return ERR_CORRUPT;
	enum err e =
	    record(m, n.left_record, n.left_record_type, &n.left_record_entry, child(s, false));
	return e ? e
		 : record(m, n.right_record, n.right_record_type, &n.right_record_entry,
			  child(s, true));
}

/* In a tree of IPv6 the IPv4 addresses stand at ::/96. */
static enum err walk_ipv4(struct mmdb *m)
{
	MMDB_search_node_s n;
	uint64_t node = 0;
	struct spot s = { .family = IP_V4, .bits = 32 };

	for (int i = 0; m->file->metadata.ip_version == 6 && i < 96; i++) {
		if (MMDB_read_node(m->file, (uint32_t)node, &n) != MMDB_SUCCESS)
			return ERR_CORRUPT;
		if (n.left_record_type != MMDB_RECORD_TYPE_SEARCH_NODE) {
			return record(m, n.left_record, n.left_record_type, &n.left_record_entry,
				      s);
		}
		node = n.left_record;
	}
	if (m->file->metadata.ip_version == 6)
		m->ipv4_root = node;
	return walk(m, node, s);
}

static enum err read_tree(struct mmdb *m)
{
	struct spot v6 = { .family = IP_V6, .bits = 128 };

	m->visits_max = (uint64_t)m->file->metadata.node_count * VISITS_PER_NODE + VISITS_SPARE;
	m->ipv4_root = UINT64_MAX;
	enum err e = walk_ipv4(m);

	if (!e && m->file->metadata.ip_version == 6)
		e = walk(m, 0, v6);
	return e ? e : location_finish(m->db);
}

static enum err finding(struct diag *d, const char *file, enum err e, const char *why)
{
	struct diag_place at = { .file = file };

	diag_add(d, DIAG_ERROR, &at, NULL, "%s", why);
	return e;
}

static const char *or_else(const char *given, const char *fallback)
{
	return given != NULL ? given : fallback;
}

static enum err read_database(struct mmdb *m, const char *file, const struct location_paths *paths,
			      struct diag *d)
{
	char why[200];

	if (!split_path(&m->country, or_else(paths->country, "country.iso_code")) ||
	    !split_path(&m->continent, or_else(paths->continent, "continent.code")) ||
	    !split_path(&m->subdivision, or_else(paths->subdivision, "subdivisions.0.iso_code")))
		return finding(d, file, ERR_RANGE, "a path of fields is too long");
	if (m->file->metadata.ip_version != 4 && m->file->metadata.ip_version != 6)
		return finding(d, file, ERR_CORRUPT, "the MMDB file is of no IP version");
	enum err e = read_tree(m);
	if (e == ERR_NOMEM || e == ERR_TOO_LONG)
		return finding(d, file, e, err_text(e));
	if (e)
		return finding(d, file, ERR_CORRUPT, "the MMDB file is damaged");
	if (m->db->place_n == 1) {
		snprintf(why, sizeof why, "no entry has a country at '%s'",
			 or_else(paths->country, "country.iso_code"));
		return finding(d, file, ERR_INVALID, why);
	}
	return ERR_OK;
}

enum err location_open_mmdb(struct location_db **out, const char *file,
			    const struct location_paths *paths, struct diag *d)
{
	static const struct location_paths DEFAULTS = { 0 };
	MMDB_s mmdb;
	char why[200];
	int status = MMDB_open(file, MMDB_MODE_MMAP, &mmdb);

	if (status != MMDB_SUCCESS) {
		snprintf(why, sizeof why, "cannot be read as MMDB: %s", MMDB_strerror(status));
		return finding(d, file, status == MMDB_FILE_OPEN_ERROR ? ERR_IO : ERR_CORRUPT, why);
	}
	enum err e = ERR_NOMEM;
	struct mmdb *m = calloc(1, sizeof *m);
	if (m != NULL) {
		m->file = &mmdb;
		m->db = location_new();
		if (m->db != NULL)
			e = read_database(m, file, paths != NULL ? paths : &DEFAULTS, d);
	}
	if (!e) {
		snprintf(m->db->description, sizeof m->db->description,
			 "%.60s of %llu, %zu+%zu ranges, %zu places", mmdb.metadata.database_type,
			 (unsigned long long)mmdb.metadata.build_epoch, m->db->v4.n, m->db->v6.n,
			 m->db->place_n);
		location_clean(m->db->description);
		*out = m->db;
	} else if (m != NULL) {
		location_free(m->db);
	}
	free(m);
	MMDB_close(&mmdb);
	return e;
}
