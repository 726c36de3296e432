// SPDX-License-Identifier: Apache-2.0
/* MMDB files: the search tree is walked once, in address order. IPv4 stands at ::/96; writers let
 * ::ffff:0:0/96, 2002::/16 and others lead to the same nodes, which would cost all IPv4 ranges
 * again for each. Such subtrees count as unknown: mapped addresses are located as their IPv4
 * anyway. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "geo/location_internal.h"
#include "geo/partition.h"

#define COPY_LEN   (1u << 30)
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
	struct path country, continent, subdivision, asn, latitude, longitude;
	bool coordinates;
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

/* An AS number: of any width, or as "AS64500". */
static uint32_t read_asn(MMDB_entry_s *entry, const struct path *p)
{
	MMDB_entry_data_s data;
	uint64_t n = 0;

	if (MMDB_aget_value(entry, &data, p->step) != MMDB_SUCCESS || !data.has_data)
		return 0;
	if (data.type == MMDB_DATA_TYPE_UINT32)
		return data.uint32;
	if (data.type == MMDB_DATA_TYPE_UINT16)
		return data.uint16;
	if (data.type == MMDB_DATA_TYPE_UINT64)
		return data.uint64 <= UINT32_MAX ? (uint32_t)data.uint64 : 0;
	if (data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size > 12)
		return 0;
	uint32_t i = data.data_size > 2 && memcmp(data.utf8_string, "AS", 2) == 0 ? 2 : 0;
	for (; i < data.data_size; i++) {
		if (data.utf8_string[i] < '0' || data.utf8_string[i] > '9')
			return 0;
		n = n * 10 + (uint64_t)(data.utf8_string[i] - '0');
	}
	return n <= UINT32_MAX ? (uint32_t)n : 0;
}

/* Degrees within -limit..limit; what else is there counts as unknown. */
static bool read_degrees(MMDB_entry_s *entry, const struct path *p, double limit, int32_t *out)
{
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, p->step) != MMDB_SUCCESS || !data.has_data)
		return false;
	double v = data.type == MMDB_DATA_TYPE_DOUBLE  ? data.double_value
		   : data.type == MMDB_DATA_TYPE_FLOAT ? (double)data.float_value
						       : NAN;
	if (!(v >= -limit && v <= limit))
		return false;
	*out = (int32_t)lround(v / PLACE_UNIT);
	return true;
}

static void read_coordinates(struct mmdb *m, MMDB_entry_s *entry, struct place *p)
{
	int32_t latitude, longitude;

	if (m->coordinates && read_degrees(entry, &m->latitude, 90, &latitude) &&
	    read_degrees(entry, &m->longitude, 180, &longitude)) {
		p->latitude = latitude;
		p->longitude = longitude;
	}
}

static enum err place_at(struct mmdb *m, MMDB_entry_s *entry, uint32_t *out)
{
	size_t slot = (entry->offset * 2654435761u) & (MEMO_N - 1);

	if (m->memo[slot].used && m->memo[slot].offset == entry->offset) {
		*out = m->memo[slot].place;
		return ERR_OK;
	}
	struct place p = place_unknown();
	read_code(entry, &m->country, p.country, 2, 2);
	read_code(entry, &m->continent, p.continent, 2, 2);
	read_code(entry, &m->subdivision, p.subdivision, 1, 3);
	p.asn = read_asn(entry, &m->asn);
	read_coordinates(m, entry, &p);
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

static bool split_paths(struct mmdb *m, const struct location_paths *p)
{
	m->coordinates = p->coordinates;
	return split_path(&m->country, or_else(p->country, "country.iso_code")) &&
	       split_path(&m->continent, or_else(p->continent, "continent.code")) &&
	       split_path(&m->subdivision, or_else(p->subdivision, "subdivisions.0.iso_code")) &&
	       split_path(&m->asn, or_else(p->asn, "autonomous_system_number")) &&
	       split_path(&m->latitude, or_else(p->latitude, "location.latitude")) &&
	       split_path(&m->longitude, or_else(p->longitude, "location.longitude"));
}

/* A path that finds nothing is one that was misspelt, or belongs to another file. */
static enum err check_found(const struct mmdb *m, const char *file, const struct location_paths *p,
			    struct diag *d)
{
	char why[500];

	if (!m->db->has_countries && (p->country != NULL || !m->db->has_asns)) {
		snprintf(why, sizeof why, "no entry has a country at '%.200s'%s",
			 or_else(p->country, "country.iso_code"),
			 p->asn == NULL && p->country == NULL
			     ? " or an AS number at 'autonomous_system_number'"
			     : "");
		return finding(d, file, ERR_INVALID, why);
	}
	if (!m->db->has_asns && p->asn != NULL) {
		snprintf(why, sizeof why, "no entry has an AS number at '%.200s'", p->asn);
		return finding(d, file, ERR_INVALID, why);
	}
	if (!m->db->has_coordinates && p->coordinates) {
		snprintf(why, sizeof why, "no entry has coordinates at '%.200s' and '%.200s'",
			 or_else(p->latitude, "location.latitude"),
			 or_else(p->longitude, "location.longitude"));
		return finding(d, file, ERR_INVALID, why);
	}
	return ERR_OK;
}

static enum err read_database(struct mmdb *m, const char *file, const struct location_paths *paths,
			      struct diag *d)
{
	if (!split_paths(m, paths))
		return finding(d, file, ERR_RANGE, "a path of fields is too long");
	if (m->file->metadata.ip_version != 4 && m->file->metadata.ip_version != 6)
		return finding(d, file, ERR_CORRUPT, "the MMDB file is of no IP version");
	enum err e = read_tree(m);
	if (e == ERR_NOMEM || e == ERR_TOO_LONG)
		return finding(d, file, e, err_text(e));
	if (e)
		return finding(d, file, ERR_CORRUPT, "the MMDB file is damaged");
	return check_found(m, file, paths, d);
}

/* A copy that nobody can cut short or overwrite while it is mapped. */
static enum err copy_file(const char *file, int *out, struct diag *d)
{
	int from = open(file, O_RDONLY | O_CLOEXEC);
	int to = memfd_create("mmdb", MFD_CLOEXEC);
	ssize_t n = from < 0 || to < 0 ? -1 : 1;

	while (n > 0)
		n = sendfile(to, from, NULL, COPY_LEN);
	enum err e = n < 0 ? finding(d, file, ERR_IO, strerror(errno)) : ERR_OK;
	if (from >= 0)
		close(from);
	if (e && to >= 0)
		close(to);
	*out = to;
	return e;
}

static enum err open_copy(MMDB_s *mmdb, const char *file, struct diag *d)
{
	char path[40], why[200];
	int fd;
	enum err e = copy_file(file, &fd, d);

	if (e)
		return e;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int status = MMDB_open(path, MMDB_MODE_MMAP, mmdb);
	close(fd);
	if (status == MMDB_SUCCESS)
		return ERR_OK;
	snprintf(why, sizeof why, "cannot be read as MMDB: %s", MMDB_strerror(status));
	return finding(d, file, status == MMDB_OUT_OF_MEMORY_ERROR ? ERR_NOMEM : ERR_CORRUPT, why);
}

enum err location_open_mmdb(struct location_db **out, const char *file,
			    const struct location_paths *paths, struct diag *d)
{
	static const struct location_paths DEFAULTS = { 0 };
	MMDB_s mmdb;
	enum err e = open_copy(&mmdb, file, d);

	if (e)
		return e;
	e = ERR_NOMEM;
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
		location_unref(m->db);
	}
	free(m);
	MMDB_close(&mmdb);
	return e;
}
