// SPDX-License-Identifier: Apache-2.0
#include "check.h"
#include "place.h"

#include "geo/codes.h"
#include "geo/location.h"

static void knows_continents_countries_and_subdivisions(void **state)
{
	static const char *const GOOD[] = {
		"AF",        "AN",      "AS",       "EU",       "NA",       "OC",       "SA",
		"AF-ZW",     "AF-AO",   "AN-TF",    "AS-YE",    "EU-VA",    "EU-DE",    "NA-VI",
		"OC-WS",     "SA-VE",   "NA-US-AK", "NA-US-WY", "NA-CA-AB", "NA-CA-YT", "EU-DE-BE",
		"EU-GB-ENG", "EU-AT-9", "AS-JP-13", "NA-MX-CMX"
	};
	static const char *const BAD[] = { "",           "E",         "EUR",      "XX",
					   "DE",         "EU-",       "EU-D",     "EU-DEU",
					   "EU_DE",      "EU-XX",     "AS-DE",    "EU-DE-be",
					   "NA-US-",     "NA-US-X",   "NA-US-XX", "NA-US-KYX",
					   "NA-CA-KY",   "NA-US-K",   "eu",       "EU-de",
					   "EU DE",      "EU-E ",     "  ",       "NA-US-KY-",
					   "EU-DE-BEBE", "EU-GB-E.G", "AS-DE-BE" };

	(void)state;
	for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++)
		if (!geo_code_is_valid(GOOD[i], NULL))
			fail_msg("'%s' is refused", GOOD[i]);
	for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
		if (geo_code_is_valid(BAD[i], NULL))
			fail_msg("'%s' is accepted", BAD[i]);
}

static void suggests_what_was_probably_meant(void **state)
{
	static const struct {
		const char *code, *hint;
	} ROWS[] = {
		{ "EU-DE", "" },
		{ "eu", "EU" },
		{ "as", "AS" },
		{ "eu-de", "EU-DE" },
		{ "EU_DE", "EU-DE" },
		{ "DE", "EU-DE" },
		{ "de", "EU-DE" },
		{ "AS-DE", "EU-DE" },
		{ "UK", "EU-GB" },
		{ "EU-UK", "EU-GB" },
		{ "EL", "EU-GR" },
		{ "US-KY", "NA-US-KY" },
		{ "us-ca", "NA-US-CA" },
		{ "CA-NS", "NA-CA-NS" },
		{ "SA-US-KY", "NA-US-KY" },
		{ "NA-US-XX", "NA-US" },
		{ "EU-de-by", "EU-DE-BY" },
		{ "AS-DE-BY", "EU-DE-BY" },
		{ "AS-JP_13", "AS-JP-13" },
		{ "XX", "" },
		{ "EU-XX", "" },
		{ "US-XX", "" },
		{ "", "" },
		{ "EUROPE", "" },
		{ "NA-US-KENTUCKY", "" },
		{ "a very long text that is no code", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		char hint[GEO_HINT_MAX];
		geo_code_is_valid(ROWS[i].code, hint);
		if (strcmp(hint, ROWS[i].hint) != 0)
			fail_msg("'%s': '%s' instead of '%s'", ROWS[i].code, hint, ROWS[i].hint);
		if (hint[0] != 0)
			assert_true(geo_code_is_valid(hint, NULL));
	}
}

static void gives_a_country_its_continent(void **state)
{
	(void)state;
	assert_string_equal(geo_continent_of("DE"), "EU");
	assert_string_equal(geo_continent_of("US"), "NA");
	assert_string_equal(geo_continent_of("AO"), "AF");
	assert_string_equal(geo_continent_of("ZW"), "AF");
	assert_string_equal(geo_continent_of("VE"), "SA");
	assert_null(geo_continent_of("XK"));
	assert_null(geo_continent_of("??"));
	assert_null(geo_continent_of(""));
	assert_null(geo_continent_of("D"));
}

static void matches_places_by_continent_country_and_province(void **state)
{
	static const struct {
		const char *code;
		struct place place;
		bool matches;
	} ROWS[] = {
		{ "EU", PLACE("EU", "DE", ""), true },
		{ "EU", PLACE("EU", "", ""), true },
		{ "EU", PLACE("AS", "JP", ""), false },
		{ "EU-DE", PLACE("EU", "DE", "BY"), true },
		{ "EU-DE", PLACE("EU", "FR", ""), false },
		{ "EU-DE", PLACE("EU", "", ""), false },
		{ "NA-US-KY", PLACE("NA", "US", "KY"), true },
		{ "NA-US-KY", PLACE("NA", "US", "K"), false },
		{ "NA-US-KY", PLACE("NA", "US", "KYX"), false },
		{ "NA-US-KY", PLACE("NA", "US", ""), false },
		{ "NA-US-CA", PLACE("NA", "CA", "CA"), false },
		{ "EU-GB-ENG", PLACE("EU", "GB", "ENG"), true },
		{ "EU-GB-EN", PLACE("EU", "GB", "ENG"), false },
		{ "EU-AT-9", PLACE("EU", "AT", "9"), true },
		{ "EU", PLACE("", "", ""), false },
		{ "EU-DE", PLACE("", "", ""), false },
		/* A database may put Cyprus into Europe, where octoDNS has it in Asia. */
		{ "AS-CY", PLACE("EU", "CY", ""), true },
		{ "EU", PLACE("EU", "CY", ""), true },
		{ "AS", PLACE("EU", "CY", ""), false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		if (geo_code_matches(ROWS[i].code, &ROWS[i].place) != ROWS[i].matches)
			fail_msg("row %zu: '%s'", i, ROWS[i].code);
}

static void knows_what_lies_within_what(void **state)
{
	(void)state;
	assert_true(geo_code_is_within("EU", "EU"));
	assert_true(geo_code_is_within("EU-DE", "EU"));
	assert_true(geo_code_is_within("NA-US-KY", "NA"));
	assert_true(geo_code_is_within("NA-US-KY", "NA-US"));
	assert_false(geo_code_is_within("EU", "EU-DE"));
	assert_false(geo_code_is_within("NA-US-KY", "NA-CA"));
	assert_false(geo_code_is_within("EUX", "EU"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_continents_countries_and_subdivisions),
		cmocka_unit_test(suggests_what_was_probably_meant),
		cmocka_unit_test(gives_a_country_its_continent),
		cmocka_unit_test(matches_places_by_continent_country_and_province),
		cmocka_unit_test(knows_what_lies_within_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
