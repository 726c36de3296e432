// SPDX-License-Identifier: Apache-2.0
#include "dns/rrtype.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SHAPE(...)                                                                                 \
	{                                                                                          \
		__VA_ARGS__, RDATA_END                                                             \
	}

/* Ascending by number. RDATA as in the RFC named; names that RFC 1035 defines may be compressed,
 * all others not (RFC 3597 §4); which names canonical form lower-cases: RFC 4034 §6.2, without NSEC
 * (RFC 6840 §5.1). */
static const struct rr_type_info TYPES[] = {
	{ TYPE_A, "A", 0, SHAPE(RDATA_IP4) },                     /* 1035 §3.4.1 */
	{ TYPE_NS, "NS", RR_ADDITIONAL, SHAPE(RDATA_NAME) },      /* 1035 §3.3.11 */
	{ TYPE_MD, "MD", 0, SHAPE(RDATA_NAME) },                  /* 1035 §3.3.4 */
	{ TYPE_MF, "MF", 0, SHAPE(RDATA_NAME) },                  /* 1035 §3.3.5 */
	{ TYPE_CNAME, "CNAME", RR_SINGLETON, SHAPE(RDATA_NAME) }, /* 1035 §3.3.1 */
	{ TYPE_SOA, "SOA", RR_SINGLETON | RR_APEX_ONLY,
	  SHAPE(RDATA_NAME, RDATA_NAME, RDATA_U32, RDATA_U32, RDATA_U32, RDATA_U32,
		RDATA_U32) },                                            /* 1035 §3.3.13 */
	{ TYPE_MB, "MB", 0, SHAPE(RDATA_NAME) },                         /* 1035 §3.3.3 */
	{ TYPE_MG, "MG", 0, SHAPE(RDATA_NAME) },                         /* 1035 §3.3.6 */
	{ TYPE_MR, "MR", 0, SHAPE(RDATA_NAME) },                         /* 1035 §3.3.8 */
	{ TYPE_NULL, "NULL", 0, SHAPE(RDATA_REST) },                     /* 1035 §3.3.10 */
	{ TYPE_WKS, "WKS", 0, SHAPE(RDATA_IP4, RDATA_U8, RDATA_REST) },  /* 1035 §3.4.2 */
	{ TYPE_PTR, "PTR", 0, SHAPE(RDATA_NAME) },                       /* 1035 §3.3.12 */
	{ TYPE_HINFO, "HINFO", 0, SHAPE(RDATA_STRING, RDATA_STRING) },   /* 1035 §3.3.2 */
	{ TYPE_MINFO, "MINFO", 0, SHAPE(RDATA_NAME, RDATA_NAME) },       /* 1035 §3.3.7 */
	{ TYPE_MX, "MX", RR_ADDITIONAL, SHAPE(RDATA_U16, RDATA_NAME) },  /* 1035 §3.3.9 */
	{ TYPE_TXT, "TXT", 0, SHAPE(RDATA_STRINGS) },                    /* 1035 §3.3.14 */
	{ TYPE_RP, "RP", 0, SHAPE(RDATA_NAME_CANON, RDATA_NAME_CANON) }, /* 1183 §2.2 */
	{ TYPE_AFSDB, "AFSDB", RR_ADDITIONAL, SHAPE(RDATA_U16, RDATA_NAME_CANON) }, /* 1183 §1 */
	{ TYPE_X25, "X25", 0, SHAPE(RDATA_STRING) },                                /* 1183 §3.1 */
	{ TYPE_ISDN, "ISDN", 0, SHAPE(RDATA_STRINGS) },                             /* 1183 §3.2 */
	{ TYPE_RT, "RT", RR_ADDITIONAL, SHAPE(RDATA_U16, RDATA_NAME_CANON) },       /* 1183 §3.3 */
	{ TYPE_NSAP, "NSAP", 0, SHAPE(RDATA_REST) },                                /* 1706 §5 */
	{ TYPE_SIG, "SIG", 0,
	  SHAPE(RDATA_U16, RDATA_U8, RDATA_U8, RDATA_U32, RDATA_U32, RDATA_U32, RDATA_U16,
		RDATA_NAME_CANON, RDATA_REST_SOME) },                               /* 2535 §4.1 */
	{ TYPE_KEY, "KEY", 0, SHAPE(RDATA_U16, RDATA_U8, RDATA_U8, RDATA_REST) },   /* 2535 §3.1 */
	{ TYPE_PX, "PX", 0, SHAPE(RDATA_U16, RDATA_NAME_CANON, RDATA_NAME_CANON) }, /* 2163 §4 */
	{ TYPE_AAAA, "AAAA", 0, SHAPE(RDATA_IP6) },                                 /* 3596 §2.2 */
	{ TYPE_LOC, "LOC", 0,
	  SHAPE(RDATA_U8, RDATA_U8, RDATA_U8, RDATA_U8, RDATA_U32, RDATA_U32,
		RDATA_U32) },                                        /* 1876 §2 */
	{ TYPE_NXT, "NXT", 0, SHAPE(RDATA_NAME_CANON, RDATA_REST) }, /* 2535 §5.2 */
	{ TYPE_SRV, "SRV", RR_ADDITIONAL,
	  SHAPE(RDATA_U16, RDATA_U16, RDATA_U16, RDATA_NAME_CANON) }, /* 2782 */
	{ TYPE_NAPTR, "NAPTR", 0,
	  SHAPE(RDATA_U16, RDATA_U16, RDATA_STRING, RDATA_STRING, RDATA_STRING,
		RDATA_NAME_CANON) },                                          /* 3403 §4.1 */
	{ TYPE_KX, "KX", RR_ADDITIONAL, SHAPE(RDATA_U16, RDATA_NAME_CANON) }, /* 2230 §3.1 */
	{ TYPE_CERT, "CERT", 0, SHAPE(RDATA_U16, RDATA_U16, RDATA_U8, RDATA_REST) }, /* 4398 §2 */
	{ TYPE_DNAME, "DNAME", RR_SINGLETON, SHAPE(RDATA_NAME_CANON) }, /* 6672 §2.1 */
	{ TYPE_OPT, "OPT", RR_META, SHAPE(RDATA_REST) },                /* 6891 §6.1 */
	{ TYPE_APL, "APL", 0, SHAPE(RDATA_APL) },                       /* 3123 §4 */
	{ TYPE_DS, "DS", 0, SHAPE(RDATA_U16, RDATA_U8, RDATA_U8, RDATA_REST_SOME) }, /* 4034 §5.1 */
	{ TYPE_SSHFP, "SSHFP", 0, SHAPE(RDATA_U8, RDATA_U8, RDATA_REST_SOME) }, /* 4255 §3.1 */
	{ TYPE_IPSECKEY, "IPSECKEY", 0,
	  SHAPE(RDATA_U8, RDATA_U8, RDATA_U8, RDATA_GATEWAY, RDATA_REST) }, /* 4025 §2.1 */
	{ TYPE_RRSIG, "RRSIG", RR_DENIAL,
	  SHAPE(RDATA_U16, RDATA_U8, RDATA_U8, RDATA_U32, RDATA_U32, RDATA_U32, RDATA_U16,
		RDATA_NAME_CANON, RDATA_REST_SOME) },                            /* 4034 §3.1 */
	{ TYPE_NSEC, "NSEC", RR_DENIAL, SHAPE(RDATA_NAME_PLAIN, RDATA_BITMAP) }, /* 4034 §4.1 */
	{ TYPE_DNSKEY, "DNSKEY", RR_APEX_ONLY,
	  SHAPE(RDATA_U16, RDATA_U8, RDATA_U8, RDATA_REST_SOME) }, /* 4034 §2.1 */
	{ TYPE_DHCID, "DHCID", 0, SHAPE(RDATA_REST_SOME) },        /* 4701 §3.1 */
	{ TYPE_NSEC3, "NSEC3", RR_DENIAL,
	  SHAPE(RDATA_U8, RDATA_U8, RDATA_U16, RDATA_LEN8_BYTES, RDATA_LEN8_BYTES,
		RDATA_BITMAP) }, /* 5155 §3.2 */
	{ TYPE_NSEC3PARAM, "NSEC3PARAM", RR_DENIAL | RR_APEX_ONLY,
	  SHAPE(RDATA_U8, RDATA_U8, RDATA_U16, RDATA_LEN8_BYTES) }, /* 5155 §4.2 */
	{ TYPE_TLSA, "TLSA", 0,
	  SHAPE(RDATA_U8, RDATA_U8, RDATA_U8, RDATA_REST_SOME) }, /* 6698 §2.1 */
	{ TYPE_SMIMEA, "SMIMEA", 0,
	  SHAPE(RDATA_U8, RDATA_U8, RDATA_U8, RDATA_REST_SOME) },                 /* 8162 §2 */
	{ TYPE_HIP, "HIP", 0, SHAPE(RDATA_U8, RDATA_U8, RDATA_U16, RDATA_REST) }, /* 8005 §5 */
	{ TYPE_CDS, "CDS", RR_APEX_ONLY,
	  SHAPE(RDATA_U16, RDATA_U8, RDATA_U8, RDATA_REST_SOME) }, /* 7344 §3.1 */
	{ TYPE_CDNSKEY, "CDNSKEY", RR_APEX_ONLY,
	  SHAPE(RDATA_U16, RDATA_U8, RDATA_U8, RDATA_REST_SOME) },    /* 7344 §3.2 */
	{ TYPE_OPENPGPKEY, "OPENPGPKEY", 0, SHAPE(RDATA_REST_SOME) }, /* 7929 §2.1 */
	{ TYPE_CSYNC, "CSYNC", RR_APEX_ONLY,
	  SHAPE(RDATA_U32, RDATA_U16, RDATA_BITMAP) }, /* 7477 §2.1.1 */
	{ TYPE_ZONEMD, "ZONEMD", RR_APEX_ONLY,
	  SHAPE(RDATA_U32, RDATA_U8, RDATA_U8, RDATA_REST_SOME) }, /* 8976 §2.2 */
	{ TYPE_SVCB, "SVCB", RR_ADDITIONAL,
	  SHAPE(RDATA_U16, RDATA_NAME_PLAIN, RDATA_SVC_PARAMS) }, /* 9460 §2.2 */
	{ TYPE_HTTPS, "HTTPS", RR_ADDITIONAL,
	  SHAPE(RDATA_U16, RDATA_NAME_PLAIN, RDATA_SVC_PARAMS) }, /* 9460 §9 */
	{ TYPE_DSYNC, "DSYNC", 0,
	  SHAPE(RDATA_U16, RDATA_U8, RDATA_U16, RDATA_NAME_PLAIN) }, /* 9859 §2.1 */
	{ TYPE_HHIT, "HHIT", 0, SHAPE(RDATA_REST_SOME) },            /* 9886 §5.1 */
	{ TYPE_BRID, "BRID", 0, SHAPE(RDATA_REST_SOME) },            /* 9886 §5.2 */
	{ TYPE_SPF, "SPF", 0, SHAPE(RDATA_STRINGS) },                /* 7208 §3.1 */
	{ TYPE_NID, "NID", 0, SHAPE(RDATA_U16, RDATA_U64) },         /* 6742 §2.1 */
	{ TYPE_L32, "L32", 0, SHAPE(RDATA_U16, RDATA_IP4) },         /* 6742 §2.2 */
	{ TYPE_L64, "L64", 0, SHAPE(RDATA_U16, RDATA_U64) },         /* 6742 §2.3 */
	{ TYPE_LP, "LP", 0, SHAPE(RDATA_U16, RDATA_NAME_PLAIN) },    /* 6742 §2.4 */
	{ TYPE_EUI48, "EUI48", 0, SHAPE(RDATA_U48) },                /* 7043 §3.1 */
	{ TYPE_EUI64, "EUI64", 0, SHAPE(RDATA_U64) },                /* 7043 §4.1 */
	{ TYPE_NXNAME, "NXNAME", RR_META, SHAPE(RDATA_REST) },       /* 9824 §3.4 */
	{ TYPE_TKEY, "TKEY", RR_META, SHAPE(RDATA_REST) },           /* 2930 §2 */
	{ TYPE_TSIG, "TSIG", RR_META, SHAPE(RDATA_REST) },           /* 8945 §4.2 */
	{ TYPE_IXFR, "IXFR", RR_META, SHAPE(RDATA_REST) },           /* 1995 */
	{ TYPE_AXFR, "AXFR", RR_META, SHAPE(RDATA_REST) },           /* 5936 */
	{ TYPE_MAILB, "MAILB", RR_META, SHAPE(RDATA_REST) },         /* 1035 §3.2.3 */
	{ TYPE_MAILA, "MAILA", RR_META, SHAPE(RDATA_REST) },         /* 1035 §3.2.3 */
	{ TYPE_ANY, "ANY", RR_META, SHAPE(RDATA_REST) },             /* 1035 §3.2.3, 8482 */
	{ TYPE_URI, "URI", 0, SHAPE(RDATA_U16, RDATA_U16, RDATA_REST_SOME) }, /* 7553 §4.5 */
	{ TYPE_CAA, "CAA", 0, SHAPE(RDATA_U8, RDATA_STRING, RDATA_REST) },    /* 8659 §4.1 */
	{ TYPE_RESINFO, "RESINFO", 0, SHAPE(RDATA_STRINGS) },                 /* 9606 §4 */
	{ TYPE_WALLET, "WALLET", 0, SHAPE(RDATA_STRINGS) }, /* registry template */
};

#define TYPE_N (sizeof TYPES / sizeof *TYPES)

const struct rr_type_info *rr_type_info(uint16_t type)
{
	size_t lo = 0, hi = TYPE_N;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (TYPES[mid].type == type)
			return &TYPES[mid];
		if (TYPES[mid].type < type)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static bool number_of(const char *digits, uint16_t *out)
{
	uint32_t v = 0;

	if (*digits == 0)
		return false;
	for (; *digits != 0; digits++) {
		if (*digits < '0' || *digits > '9')
			return false;
		v = v * 10 + (uint32_t)(*digits - '0');
		if (v > 65535)
			return false;
	}
	*out = (uint16_t)v;
	return true;
}

bool rr_type_from_text(const char *text, uint16_t *out)
{
	for (size_t i = 0; i < TYPE_N; i++) {
		if (strcasecmp(text, TYPES[i].mnemonic) == 0) {
			*out = TYPES[i].type;
			return true;
		}
	}
	return strncasecmp(text, "TYPE", 4) == 0 && number_of(text + 4, out);
}

char *rr_type_to_text(uint16_t type, char *out)
{
	const struct rr_type_info *info = rr_type_info(type);

	if (info != NULL)
		snprintf(out, RR_TYPE_TEXT_MAX, "%s", info->mnemonic);
	else
		snprintf(out, RR_TYPE_TEXT_MAX, "TYPE%u", type);
	return out;
}
