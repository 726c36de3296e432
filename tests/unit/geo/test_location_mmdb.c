// SPDX-License-Identifier: Apache-2.0
/* MMDB files: both schemas, all record sizes, and files that somebody damaged or made to do harm.
 * The fixtures are made by data/make_mmdb.pl. */
#include "check.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "geo/location.h"

#define NESTED   "unit/geo/data/nested.mmdb"
#define FLAT     "unit/geo/data/flat.mmdb"
#define IPV4     "unit/geo/data/ipv4.mmdb"
#define CITY     "unit/geo/data/city.mmdb"
#define FLATCITY "unit/geo/data/flatcity.mmdb"
#define ASN      "unit/geo/data/asn.mmdb"

static const struct location_paths FLAT_PATHS = { .country = "country_code",
						  .continent = "continent_code",
						  .subdivision = "region" };

static struct location_db *open_fixture(const char *file, const struct location_paths *paths)
{
	struct location_db *db = NULL;
	struct diag d = { 0 };
	enum err e = location_open_mmdb(&db, file, paths, &d);

	if (e)
		fail_msg("%s", d.findings[0].text);
	assert_int_equal(d.n, 0);
	return db;
}

struct row {
	const char *address, *place;
	uint8_t len;
};

static void check_rows(const struct location_db *db, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct ip_addr a;
		uint8_t len;
		char got[20];
		assert_true(ip_from_text(rows[i].address, &a));
		const struct place *p = location_find(db, &a, &len);
		snprintf(got, sizeof got, "%s/%s/%s", p->continent, p->country, p->subdivision);
		if (strcmp(got, rows[i].place) != 0 || len != rows[i].len)
			fail_msg("%s: %s /%u", rows[i].address, got, len);
	}
}

static void reads_the_nested_schema_by_default(void **state)
{
	static const struct row ROWS[] = {
		{ "9.255.255.255", "//", 7 },
		{ "10.1.2.3", "EU/DE/BY", 9 },
		{ "10.200.0.0", "EU/DE/BE", 9 },
		{ "11.1.2.2", "NA/US/KY", 32 },
		{ "11.1.2.3", "NA/CA/QC", 32 },
		{ "11.200.0.0", "NA/US/KY", 9 },
		{ "12.0.0.1", "EU/CY/", 9 },
		{ "12.128.0.1", "AF//", 9 },
		/* No continent in the file: the one of the table. */
		{ "13.0.0.1", "AS/JP/", 8 },
		{ "2001:db8::", "EU/DE/BY", 33 },
		{ "2001:db8:8000::", "NA/US/KY", 128 },
		{ "2001:db8:8000::1", "SA/BR/", 128 },
		{ "2001:db8:8000::2", "NA/US/KY", 127 },
		{ "2001:db9::", "//", 32 },
		{ "::ffff:11.1.2.3", "NA/CA/QC", 128 },
		{ "::ffff:10.1.2.3", "EU/DE/BY", 105 },
		/* An alias of the IPv4 part in the file: not read a second time. */
		{ "2002:b01:203::1", "NA/CA/QC", 48 },
		{ "2001:0:1::f4fe:fdfc", "NA/CA/QC", 128 },
	};
	struct location_db *db = open_fixture(NESTED, NULL);

	(void)state;
	check_rows(db, ROWS, sizeof ROWS / sizeof *ROWS);
	assert_int_equal(location_place_n(db), 9);
	assert_non_null(strstr(location_describe(db), "Test-nested of "));
	location_unref(db);
}

static void reads_a_flat_schema_by_its_paths(void **state)
{
	static const struct row ROWS[] = {
		{ "10.1.2.3", "EU/DE/BY", 9 },
		{ "11.1.2.3", "NA/CA/QC", 32 },
		/* The continents come from the table, which has Cyprus in Asia. */
		{ "12.0.0.1", "AS/CY/", 9 },
		{ "12.128.0.1", "//", 9 },
		{ "2001:db8:8000::1", "SA/BR/", 128 },
	};
	struct location_db *db = open_fixture(FLAT, &FLAT_PATHS);

	(void)state;
	check_rows(db, ROWS, sizeof ROWS / sizeof *ROWS);
	location_unref(db);
}

static void reads_a_tree_of_ipv4_only(void **state)
{
	static const struct row ROWS[] = {
		{ "10.1.2.3", "EU/DE/BY", 9 },   { "11.1.2.3", "NA/CA/QC", 32 },
		{ "255.255.255.255", "//", 1 },  { "::ffff:11.1.2.3", "NA/CA/QC", 128 },
		{ "2001:db8:8000::1", "//", 0 },
	};
	struct location_db *db = open_fixture(IPV4, NULL);

	(void)state;
	check_rows(db, ROWS, sizeof ROWS / sizeof *ROWS);
	location_unref(db);
}

struct city_row {
	const char *address;
	int32_t latitude, longitude;
	uint32_t asn;
};

static void check_cities(const struct location_db *db, const struct city_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct ip_addr a;
		assert_true(ip_from_text(rows[i].address, &a));
		const struct place *p = location_find(db, &a, NULL);
		assert_int_equal(p->latitude, rows[i].latitude);
		assert_int_equal(p->longitude, rows[i].longitude);
		assert_int_equal(p->asn, rows[i].asn);
	}
}

static void reads_coordinates_where_they_are_wanted(void **state)
{
	static const struct city_row ROWS[] = {
		{ "10.1.2.3", 481374, 115755, 0 },
		{ "10.200.0.0", 525200, 134050, 0 },
		{ "11.1.2.3", 468139, -712082, 0 },
		{ "12.0.0.1", PLACE_NOWHERE, PLACE_NOWHERE, 0 },
		{ "99.0.0.1", PLACE_NOWHERE, PLACE_NOWHERE, 0 },
	};
	static const struct location_paths WANTED = { .coordinates = true };
	struct location_db *db = open_fixture(CITY, &WANTED);

	(void)state;
	check_cities(db, ROWS, sizeof ROWS / sizeof *ROWS);
	assert_true(location_has_coordinates(db) && !location_has_asns(db));
	location_unref(db);
	db = open_fixture(CITY, NULL);
	assert_false(location_has_coordinates(db));
	location_unref(db);
}

static void reads_floats_and_texts_of_flat_schemas(void **state)
{
	static const struct city_row ROWS[] = {
		{ "10.1.2.3", 481374, 115755, 64500 },
		{ "11.1.2.3", 468139, -712082, 0 },
		{ "12.0.0.1", PLACE_NOWHERE, PLACE_NOWHERE, 0 },
	};
	static const struct location_paths PATHS = { .country = "country_code",
						     .asn = "asn",
						     .latitude = "point.lat",
						     .longitude = "point.long",
						     .coordinates = true };
	struct location_db *db = open_fixture(FLATCITY, &PATHS);

	(void)state;
	check_cities(db, ROWS, sizeof ROWS / sizeof *ROWS);
	location_unref(db);
}

static void reads_as_numbers(void **state)
{
	static const struct city_row ROWS[] = {
		{ "10.1.2.3", PLACE_NOWHERE, PLACE_NOWHERE, 64500 },
		{ "11.1.2.2", PLACE_NOWHERE, PLACE_NOWHERE, 64501 },
		{ "11.1.2.3", PLACE_NOWHERE, PLACE_NOWHERE, 4200000000 },
		{ "2001:db8::1", PLACE_NOWHERE, PLACE_NOWHERE, 64500 },
		{ "12.0.0.1", PLACE_NOWHERE, PLACE_NOWHERE, 0 },
	};
	struct location_db *db = open_fixture(ASN, NULL);

	(void)state;
	check_cities(db, ROWS, sizeof ROWS / sizeof *ROWS);
	assert_true(location_has_asns(db));
	location_unref(db);
}

static void a_path_that_is_given_must_find_something(void **state)
{
	static const struct {
		const char *file;
		struct location_paths paths;
		const char *says;
	} ROWS[] = {
		{ ASN,
		  { .country = "country.iso_code" },
		  "no entry has a country at 'country.iso_code'" },
		{ NESTED,
		  { .asn = "autonomous_system_number" },
		  "no entry has an AS number at 'autonomous_" },
		{ NESTED,
		  { .coordinates = true },
		  "no entry has coordinates at 'location.latitude' and" },
		{ FLAT,
		  { .country = NULL },
		  "no entry has a country at 'country.iso_code' or an AS number at" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct location_db *db = NULL;
		struct diag d = { 0 };
		assert_int_equal(location_open_mmdb(&db, ROWS[i].file, &ROWS[i].paths, &d),
				 ERR_INVALID);
		if (strstr(d.findings[0].text, ROWS[i].says) == NULL)
			fail_msg("%s", d.findings[0].text);
		diag_free(&d);
	}
}

static void refuses_paths_that_lead_nowhere(void **state)
{
	static const char *const PATHS[] = { "land",
					     "country",
					     "country.iso_code.x",
					     "",
					     ".",
					     "subdivisions.9.iso_code",
					     "a.b.c.d.e.f.g.h.i.j.k.l" };

	(void)state;
	for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
		struct location_paths paths = { .country = PATHS[i], .continent = "none" };
		struct location_db *db = NULL;
		struct diag d = { 0 };
		assert_int_equal(location_open_mmdb(&db, NESTED, &paths, &d), ERR_INVALID);
		assert_int_equal(d.n, 1);
		if (strstr(d.findings[0].text, NESTED ": error: no entry has a country at '") ==
		    NULL)
			fail_msg("%s", d.findings[0].text);
		assert_null(db);
		diag_free(&d);
	}
}

static void names_a_file_that_cannot_be_opened(void **state)
{
	struct location_db *db = NULL;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(location_open_mmdb(&db, "/nonexistent/x.mmdb", NULL, &d), ERR_IO);
	assert_non_null(strstr(d.findings[0].text, "/nonexistent/x.mmdb: error: "));
	diag_free(&d);
}

/* ---- damaged files ---- */

/* Loads these bytes as a file. What loads is walked through; what does not says so once. */
static enum err load(const uint8_t *bytes, size_t n)
{
	char path[64];
	struct location_db *db = NULL;
	struct diag d = { 0 };
	int fd = memfd_create("mmdb", MFD_CLOEXEC);

	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	enum err e = location_open_mmdb(&db, path, NULL, &d);
	assert_true((e == ERR_OK) == (db != NULL));
	assert_int_equal(d.n, e == ERR_OK ? 0 : 1);
	for (int family = IP_V4; db != NULL && family <= IP_V6; family += IP_V6 - IP_V4) {
		const struct location_range *r;
		size_t ranges = location_ranges(db, (enum ip_family)family, &r);
		assert_true(ranges > 0 && r[0].hi == 0 && r[0].lo == 0);
		for (size_t i = 0; i < ranges; i++)
			assert_true(r[i].place < location_place_n(db));
	}
	location_unref(db);
	diag_free(&d);
	close(fd);
	return e;
}

static uint8_t *read_fixture(const char *file, size_t *n)
{
	FILE *f = fopen(file, "rb");

	assert_non_null(f);
	uint8_t *bytes = malloc(1 << 16);
	*n = fread(bytes, 1, 1 << 16, f);
	fclose(f);
	return bytes;
}

static void a_truncated_file_is_refused(void **state)
{
	static const char *const FILES[] = { NESTED, FLAT, IPV4 };
	size_t n;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		uint8_t *bytes = read_fixture(FILES[i], &n);
		for (size_t k = 0; k < n; k++)
			if (load(bytes, k) == ERR_OK)
				fail_msg("%s loads with %zu of %zu octets", FILES[i], k, n);
		free(bytes);
	}
}

static void a_flipped_bit_loads_or_is_refused(void **state)
{
	static const char *const FILES[] = { NESTED, FLAT, IPV4 };
	struct lottery l = { 4711 };
	size_t n;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		uint8_t *bytes = read_fixture(FILES[i], &n);
		for (size_t k = 0; k < n; k++) {
			uint8_t bit = (uint8_t)(1u << lottery_below(&l, 8));
			bytes[k] ^= bit;
			load(bytes, n);
			bytes[k] ^= bit;
		}
		free(bytes);
	}
}

static void noise_in_many_places_loads_or_is_refused(void **state)
{
	struct lottery l = { 42 };
	size_t n;
	uint8_t *bytes = read_fixture(NESTED, &n);

	(void)state;
	for (int round = 0; round < 1000; round++) {
		uint8_t *copy = exact_copy(bytes, n);
		for (uint32_t k = 1 + lottery_below(&l, 20); k > 0; k--)
			copy[lottery_below(&l, (uint32_t)n)] = (uint8_t)lottery_next(&l);
		load(copy, n);
		free(copy);
	}
	free(bytes);
}

/* ---- files made to do harm: a writer that writes what it is told ---- */

struct forged {
	uint8_t bytes[1 << 17];
	size_t n;
	uint32_t node_n;
};

static void put(struct forged *f, const void *bytes, size_t n)
{
	assert_true(f->n + n <= sizeof f->bytes);
	memcpy(f->bytes + f->n, bytes, n);
	f->n += n;
}

static void put_text(struct forged *f, const char *text)
{
	put(f, &(uint8_t){ (uint8_t)(2 << 5 | strlen(text)) }, 1);
	put(f, text, strlen(text));
}

static void put_node(struct forged *f, uint32_t left, uint32_t right)
{
	uint32_t values[] = { left, right };

	for (int i = 0; i < 2; i++)
		put(f,
		    (uint8_t[]){ (uint8_t)(values[i] >> 16), (uint8_t)(values[i] >> 8),
				 (uint8_t)values[i] },
		    3);
	f->node_n++;
}

static void put_separator(struct forged *f)
{
	put(f, (uint8_t[16]){ 0 }, 16);
}

/* {"country": {"iso_code": CC}}, 22 octets. */
#define ENTRY_LEN 22u
static void put_country(struct forged *f, const char *country)
{
	put(f, "\xe1", 1);
	put_text(f, "country");
	put(f, "\xe1", 1);
	put_text(f, "iso_code");
	put_text(f, country);
}

static void put_metadata(struct forged *f, uint16_t ip_version)
{
	uint8_t version[] = { 0xa1, (uint8_t)ip_version };

	put(f, "\xab\xcd\xefMaxMind.com\xe9", 15);
	put_text(f, "node_count");
	put(f,
	    (uint8_t[]){ 0xc4, (uint8_t)(f->node_n >> 24), (uint8_t)(f->node_n >> 16),
			 (uint8_t)(f->node_n >> 8), (uint8_t)f->node_n },
	    5);
	put_text(f, "record_size");
	put(f, "\xa1\x18", 2);
	put_text(f, "ip_version");
	put(f, version, 2);
	put_text(f, "database_type");
	put_text(f, "forged\n\x1b[2J");
	put_text(f, "languages");
	put(f, "\x00\x04", 2);
	put_text(f, "binary_format_major_version");
	put(f, "\xa1\x02", 2);
	put_text(f, "binary_format_minor_version");
	put(f, "\xa1\x00", 2);
	put_text(f, "build_epoch");
	put(f, "\x01\x02\x07", 3);
	put_text(f, "description");
	put(f, "\xe0", 1);
}

static struct forged *forge(void)
{
	return calloc(1, sizeof(struct forged));
}

static void reads_what_the_forger_writes(void **state)
{
	struct forged *f = forge();

	(void)state;
	put_node(f, 1 + 16, 1 + 16 + ENTRY_LEN);
	put_separator(f);
	put_country(f, "DE");
	put_country(f, "US");
	put_metadata(f, 4);
	assert_int_equal(load(f->bytes, f->n), ERR_OK);
	free(f);
}

static void a_tree_that_multiplies_its_own_branches_ends_soon(void **state)
{
	static const uint16_t VERSIONS[] = { 4, 6 };

	(void)state;
	for (size_t v = 0; v < 2; v++) {
		struct forged *f = forge();
		uint32_t depth = VERSIONS[v] == 4 ? 31 : 127;
		/* Each node leads to the next one twice: 2^31 or 2^127 leaves. */
		for (uint32_t i = 0; i < depth; i++)
			put_node(f, i + 1, i + 1);
		put_node(f, depth + 1 + 16, depth + 1 + 16 + ENTRY_LEN);
		put_separator(f);
		put_country(f, "DE");
		put_country(f, "US");
		put_metadata(f, VERSIONS[v]);
		assert_int_equal(load(f->bytes, f->n), ERR_CORRUPT);
		free(f);
	}
}

static void a_tree_with_a_cycle_is_refused(void **state)
{
	static const struct {
		uint32_t nodes[3][2];
	} TREES[] = {
		{ { { 0, 0 }, { 0, 0 }, { 0, 0 } } },
		{ { { 1, 2 }, { 0, 3 }, { 3, 3 } } },
		{ { { 1, 3 }, { 2, 3 }, { 0, 3 } } },
		{ { { 3, 1 }, { 3, 2 }, { 3, 2 } } },
	};
	static const uint16_t VERSIONS[] = { 4, 6 };

	(void)state;
	for (size_t i = 0; i < sizeof TREES / sizeof *TREES; i++) {
		for (size_t v = 0; v < 2; v++) {
			struct forged *f = forge();
			for (size_t k = 0; k < 3; k++)
				put_node(f, TREES[i].nodes[k][0], TREES[i].nodes[k][1]);
			put_separator(f);
			put_country(f, "DE");
			put_metadata(f, VERSIONS[v]);
			assert_int_equal(load(f->bytes, f->n), ERR_CORRUPT);
			free(f);
		}
	}
}

static void records_that_point_outside_are_refused(void **state)
{
	static const uint32_t RECORDS[] = { 2, 5, 16, 17 + 4000, 0xffffff };

	(void)state;
	for (size_t i = 0; i < sizeof RECORDS / sizeof *RECORDS; i++) {
		struct forged *f = forge();
		put_node(f, RECORDS[i], 1);
		put_separator(f);
		put_country(f, "DE");
		put_metadata(f, 4);
		assert_int_not_equal(load(f->bytes, f->n), ERR_OK);
		free(f);
	}
}

static void entries_that_are_no_places_are_unknown(void **state)
{
	static const struct {
		const char *says, *bytes;
		size_t n;
	} ENTRIES[] = {
		{ "a pointer to itself", "\x20\x00", 2 },
		{ "a text",
		  "\x42"
		  "DE",
		  3 },
		{ "an empty map", "\xe0", 1 },
		{ "a country that is a text",
		  "\xe1\x47"
		  "country\x42"
		  "DE",
		  12 },
		{ "a map longer than the file",
		  "\xff\xff\xff\xff\x47"
		  "country",
		  12 },
		{ "a country of digits and dots",
		  "\xe1\x47"
		  "country\xe1\x48iso_code\x42..",
		  22 },
		{ "a country of three letters",
		  "\xe1\x47"
		  "country\xe1\x48iso_code\x43"
		  "DEU",
		  23 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ENTRIES / sizeof *ENTRIES; i++) {
		struct forged *f = forge();
		put_node(f, 1 + 16, 1 + 16);
		put_separator(f);
		put(f, ENTRIES[i].bytes, ENTRIES[i].n);
		put_metadata(f, 4);
		enum err e = load(f->bytes, f->n);
		if (e != ERR_INVALID && e != ERR_CORRUPT)
			fail_msg("%s: %s", ENTRIES[i].says, err_text(e));
		free(f);
	}
}

static void another_ip_version_is_refused(void **state)
{
	static const uint16_t VERSIONS[] = { 0, 5, 7, 255 };

	(void)state;
	for (size_t i = 0; i < sizeof VERSIONS / sizeof *VERSIONS; i++) {
		struct forged *f = forge();
		put_node(f, 1 + 16, 1);
		put_separator(f);
		put_country(f, "DE");
		put_metadata(f, VERSIONS[i]);
		assert_int_equal(load(f->bytes, f->n), ERR_CORRUPT);
		free(f);
	}
}

/* Entries as hostile as they can be numerous: each another place. */
static void many_places_cost_no_more_than_their_number(void **state)
{
	struct forged *f = forge();
	const uint32_t n = 2048;
	static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	char country[3] = "";

	(void)state;
	/* A complete binary tree: node i has the children 2i+1 and 2i+2. */
	for (uint32_t i = 0; i < n - 1; i++) {
		uint32_t left = 2 * i + 1, right = 2 * i + 2;
		put_node(f, left < n - 1 ? left : n - 1 + 16 + (left - (n - 1)) * ENTRY_LEN % 26400,
			 right < n - 1 ? right
				       : n - 1 + 16 + (right - (n - 1)) * ENTRY_LEN % 26400);
	}
	put_separator(f);
	for (uint32_t i = 0; i < 1200; i++) {
		country[0] = LETTERS[i % 36];
		country[1] = LETTERS[i / 36];
		put_country(f, country);
	}
	put_metadata(f, 4);
	assert_int_equal(load(f->bytes, f->n), ERR_OK);
	free(f);
}

static void a_description_is_one_clean_line(void **state)
{
	struct forged *f = forge();
	struct location_db *db = NULL;
	struct diag d = { 0 };
	char path[64];
	int fd = memfd_create("mmdb", MFD_CLOEXEC);

	(void)state;
	put_node(f, 1 + 16, 1);
	put_separator(f);
	put_country(f, "DE");
	put_metadata(f, 4);
	assert_int_equal(write(fd, f->bytes, f->n), (ssize_t)f->n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	assert_int_equal(location_open_mmdb(&db, path, NULL, &d), ERR_OK);
	assert_string_equal(location_describe(db), "forged??[2J of 7, 2+1 ranges, 2 places");
	location_unref(db);
	close(fd);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_nested_schema_by_default),
		cmocka_unit_test(reads_a_flat_schema_by_its_paths),
		cmocka_unit_test(reads_a_tree_of_ipv4_only),
		cmocka_unit_test(reads_coordinates_where_they_are_wanted),
		cmocka_unit_test(reads_floats_and_texts_of_flat_schemas),
		cmocka_unit_test(reads_as_numbers),
		cmocka_unit_test(a_path_that_is_given_must_find_something),
		cmocka_unit_test(refuses_paths_that_lead_nowhere),
		cmocka_unit_test(names_a_file_that_cannot_be_opened),
		cmocka_unit_test(a_truncated_file_is_refused),
		cmocka_unit_test(a_flipped_bit_loads_or_is_refused),
		cmocka_unit_test(noise_in_many_places_loads_or_is_refused),
		cmocka_unit_test(reads_what_the_forger_writes),
		cmocka_unit_test(a_tree_that_multiplies_its_own_branches_ends_soon),
		cmocka_unit_test(a_tree_with_a_cycle_is_refused),
		cmocka_unit_test(records_that_point_outside_are_refused),
		cmocka_unit_test(entries_that_are_no_places_are_unknown),
		cmocka_unit_test(another_ip_version_is_refused),
		cmocka_unit_test(many_places_cost_no_more_than_their_number),
		cmocka_unit_test(a_description_is_one_clean_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
