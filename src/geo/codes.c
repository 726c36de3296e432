// SPDX-License-Identifier: Apache-2.0
#include "geo/codes.h"

#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "geo/location.h"

/* The codes that octoDNS accepts: continents, and the ISO countries of each. */
static const struct {
	const char *continent;
	const char *countries; /* two letters each, a blank between */
} CONTINENTS[] = {
	{ "AF", "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE "
		"KM LR LS LY MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST "
		"SZ TD TG TN TZ UG YT ZA ZM ZW" },
	{ "AN", "AQ BV HM TF" },
	{ "AS", "AE AF AM AZ BD BH BN BT CC CN CX CY GE HK ID IL IN IO IQ IR JO JP KG KH "
		"KP KR KW KZ LA LB LK MM MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TL "
		"TM TR TW UZ VN YE" },
	{ "EU", "AD AL AT AX BA BE BG BY CH CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE "
		"IM IS IT JE LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK "
		"SM UA VA" },
	{ "NA", "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY "
		"LC MF MQ MS MX NI PA PM PR SV SX TC TT US VC VG VI" },
	{ "OC", "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU "
		"WF WS" },
	{ "SA", "AR BO BR CL CO EC FK GF GS GY PE PY SR UY VE" },
};

/* States and provinces, which octoDNS knows of two countries. */
static const struct {
	const char *country;
	const char *provinces;
} PROVINCES[] = {
	{ "CA", "AB BC MB NB NL NS NT NU ON PE QC SK YT" },
	{ "US", "AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME "
		"MI MN MO MP MS MT NC ND NE NH NJ NM NV NY OH OK OR PA PR RI SC SD TN TX "
		"UM UT VA VI VT WA WI WV WY" },
};

#define CONTINENT_N (sizeof CONTINENTS / sizeof *CONTINENTS)
#define PROVINCE_N  (sizeof PROVINCES / sizeof *PROVINCES)

/* Whether a two-letter code stands in a list. */
static bool listed(const char *list, const char *code)
{
	for (; *list != 0; list += list[2] == 0 ? 2 : 3)
		if (list[0] == code[0] && list[1] == code[1])
			return true;
	return false;
}

static const char *countries_of(const char *continent)
{
	for (size_t i = 0; i < CONTINENT_N; i++)
		if (strncmp(CONTINENTS[i].continent, continent, 2) == 0)
			return CONTINENTS[i].countries;
	return NULL;
}

static const char *provinces_of(const char *country)
{
	for (size_t i = 0; i < PROVINCE_N; i++)
		if (strncmp(PROVINCES[i].country, country, 2) == 0)
			return PROVINCES[i].provinces;
	return NULL;
}

/* "CC", "CC-XX" or "CC-XX-S" with one to three letters and digits of ISO 3166-2. */
static bool has_form(const char *code)
{
	size_t n = strlen(code);

	if ((n != 2 && n != 5 && (n < 7 || n > 9)) || (n >= 5 && code[2] != '-') ||
	    (n >= 7 && code[5] != '-'))
		return false;
	for (size_t i = 6; i < n; i++)
		if (!(code[i] >= 'A' && code[i] <= 'Z') && !(code[i] >= '0' && code[i] <= '9'))
			return false;
	return true;
}

/* Of the two countries whose provinces octoDNS knows it must be one of those. */
static bool is_subdivision(const char *country, const char *code)
{
	const char *provinces = provinces_of(country);

	return provinces == NULL || (strlen(code) == 2 && listed(provinces, code));
}

static bool is_known(const char *code)
{
	size_t n = strlen(code);

	if (!has_form(code) || countries_of(code) == NULL)
		return false;
	if (n >= 5 && !listed(countries_of(code), code + 3))
		return false;
	return n < 7 || is_subdivision(code + 3, code + 6);
}

/* Codes that people write for a country, but ISO does not have. */
static const char *country_meant(const char *code)
{
	static const char *const MEANT[][2] = { { "UK", "GB" }, { "EL", "GR" } };

	for (size_t i = 0; i < sizeof MEANT / sizeof *MEANT; i++)
		if (strncmp(MEANT[i][0], code, 2) == 0)
			return MEANT[i][1];
	return code;
}

/* Capitals, and a dash for whatever stands between the letters. False: too long to be a code. */
static bool normalize(const char *code, char out[GEO_HINT_MAX])
{
	size_t n = strlen(code);

	if (n > 9)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = code[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool digit = c >= '0' && c <= '9';
		out[i] = letter ? (char)(c & ~0x20) : digit ? c : '-';
	}
	out[n] = 0;
	return true;
}

/* "DE", "US-KY", or with another continent than the country's: the whole code. */
static void suggest(const char *code, char hint[GEO_HINT_MAX])
{
	char given[GEO_HINT_MAX];
	size_t n = strlen(code);

	if (!normalize(code, given) || !has_form(given))
		return;
	if (is_known(given)) {
		snprintf(hint, GEO_HINT_MAX, "%.9s", given);
		return;
	}
	bool province_of_country = n == 5 && provinces_of(given) != NULL &&
				   listed(provinces_of(given), given + 3) &&
				   countries_of(given) == NULL;
	const char *country = country_meant(n == 2 || province_of_country ? given : given + 3);
	const char *province = province_of_country ? given + 3 : n >= 7 ? given + 6 : NULL;
	const char *continent = geo_continent_of(country);
	if (continent != NULL && province != NULL)
		snprintf(hint, GEO_HINT_MAX, "%.2s-%.2s-%.3s", continent, country, province);
	else if (continent != NULL)
		snprintf(hint, GEO_HINT_MAX, "%.2s-%.2s", continent, country);
	/* An unknown province: at least the country can be meant. */
	if (continent != NULL && province != NULL && !is_known(hint))
		hint[5] = 0;
}

bool geo_code_is_valid(const char *code, char hint[GEO_HINT_MAX])
{
	if (hint != NULL)
		hint[0] = 0;
	if (is_known(code))
		return true;
	if (hint != NULL)
		suggest(code, hint);
	return false;
}

const char *geo_continent_of(const char *country)
{
	for (size_t i = 0; country[0] != 0 && country[1] != 0 && i < CONTINENT_N; i++)
		if (listed(CONTINENTS[i].countries, country))
			return CONTINENTS[i].continent;
	return NULL;
}

bool geo_code_matches(const char *code, const struct place *p)
{
	size_t n = strlen(code);

	/* The country decides. Databases and octoDNS do not always agree on its continent (Cyprus).
	 */
	if (n >= 5)
		return strncmp(code + 3, p->country, 2) == 0 &&
		       (n < 7 || strcmp(code + 6, p->subdivision) == 0);
	return strncmp(code, p->continent, 2) == 0;
}

bool geo_code_is_within(const char *inner, const char *outer)
{
	size_t n = strlen(outer);

	return strncmp(inner, outer, n) == 0 && (inner[n] == 0 || inner[n] == '-');
}
