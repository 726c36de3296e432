// SPDX-License-Identifier: Apache-2.0
/*
 * rrtype.h -- resource record types: numbers, mnemonics, and the shape of their RDATA, one row a
 * type.
 *
 * Purpose.   All that must be known of a type stands in one table: names in its RDATA (which may be
 * compressed, RFC 1035 §4.1.4 and RFC 3597 §4; which are lower-cased in canonical form, RFC 4034
 * §6.2 as amended by RFC 6840 §5.1), whether it may be asked for, what additional data it draws.
 * Threads.   Constant data.
 */
#ifndef DNS_RRTYPE_H
#define DNS_RRTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rr_class { CLASS_IN = 1, CLASS_CH = 3, CLASS_NONE = 254, CLASS_ANY = 255 };

enum rr_type {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_MD = 3,
	TYPE_MF = 4,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_MB = 7,
	TYPE_MG = 8,
	TYPE_MR = 9,
	TYPE_NULL = 10,
	TYPE_WKS = 11,
	TYPE_PTR = 12,
	TYPE_HINFO = 13,
	TYPE_MINFO = 14,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_RP = 17,
	TYPE_AFSDB = 18,
	TYPE_X25 = 19,
	TYPE_ISDN = 20,
	TYPE_RT = 21,
	TYPE_NSAP = 22,
	TYPE_SIG = 24,
	TYPE_KEY = 25,
	TYPE_PX = 26,
	TYPE_AAAA = 28,
	TYPE_LOC = 29,
	TYPE_NXT = 30,
	TYPE_SRV = 33,
	TYPE_NAPTR = 35,
	TYPE_KX = 36,
	TYPE_CERT = 37,
	TYPE_DNAME = 39,
	TYPE_OPT = 41,
	TYPE_APL = 42,
	TYPE_DS = 43,
	TYPE_SSHFP = 44,
	TYPE_IPSECKEY = 45,
	TYPE_RRSIG = 46,
	TYPE_NSEC = 47,
	TYPE_DNSKEY = 48,
	TYPE_DHCID = 49,
	TYPE_NSEC3 = 50,
	TYPE_NSEC3PARAM = 51,
	TYPE_TLSA = 52,
	TYPE_SMIMEA = 53,
	TYPE_HIP = 55,
	TYPE_CDS = 59,
	TYPE_CDNSKEY = 60,
	TYPE_OPENPGPKEY = 61,
	TYPE_CSYNC = 62,
	TYPE_ZONEMD = 63,
	TYPE_SVCB = 64,
	TYPE_HTTPS = 65,
	TYPE_DSYNC = 66,
	TYPE_HHIT = 67,
	TYPE_BRID = 68,
	TYPE_SPF = 99,
	TYPE_NID = 104,
	TYPE_L32 = 105,
	TYPE_L64 = 106,
	TYPE_LP = 107,
	TYPE_EUI48 = 108,
	TYPE_EUI64 = 109,
	TYPE_NXNAME = 128,
	TYPE_TKEY = 249,
	TYPE_TSIG = 250,
	TYPE_IXFR = 251,
	TYPE_AXFR = 252,
	TYPE_MAILB = 253,
	TYPE_MAILA = 254,
	TYPE_ANY = 255,
	TYPE_URI = 256,
	TYPE_CAA = 257,
	TYPE_RESINFO = 261,
	TYPE_WALLET = 262,
	TYPE_ALIAS =
	    65401, /* for private use (RFC 6895 §3.1); as PowerDNS has it. In files alone */
};

/* Pieces of RDATA, in order; RDATA_END ends the list. */
enum rdata_piece {
	RDATA_END = 0,
	RDATA_U8,
	RDATA_U16,
	RDATA_U32,
	RDATA_U48,
	RDATA_U64,
	RDATA_IP4,
	RDATA_IP6,
	RDATA_NAME,       /* may be compressed when sent, lower-cased in canonical form */
	RDATA_NAME_CANON, /* never compressed, lower-cased in canonical form */
	RDATA_NAME_PLAIN, /* never compressed, case kept in canonical form */
	RDATA_STRING,     /* <character-string> */
	RDATA_STRINGS,    /* one or more, to the end */
	RDATA_BITMAP,     /* type bitmap, RFC 4034 §4.1.2, to the end; may be empty */
	RDATA_LEN8_BYTES, /* one length octet, then so many bytes (NSEC3 salt and hash) */
	RDATA_REST,       /* any bytes to the end, may be empty */
	RDATA_REST_SOME,  /* at least one byte */
	RDATA_SVC_PARAMS, /* RFC 9460 §2.2: key, length, value; keys strictly ascending */
	RDATA_APL,        /* RFC 3123 §4 */
	RDATA_GATEWAY,    /* RFC 4025 §2.5 (IPSECKEY after its type octet was read) */
};

#define RDATA_PIECES_MAX 10

enum rr_flag {
	RR_META = 1,        /* never data of a zone: OPT, TSIG, AXFR, ANY, ... (RFC 6895 §3.1) */
	RR_SINGLETON = 2,   /* at most one record an owner: SOA, CNAME, DNAME */
	RR_APEX_ONLY = 4,   /* SOA, DNSKEY, NSEC3PARAM, CDS, CDNSKEY, CSYNC, ZONEMD */
	RR_DENIAL = 8,      /* made by the signer: RRSIG, NSEC, NSEC3, NSEC3PARAM */
	RR_ADDITIONAL = 16, /* the name in it draws addresses into the additional section: NS, MX,
			       SRV, SVCB, HTTPS, ... */
};

struct rr_type_info {
	uint16_t type;
	const char *mnemonic;
	uint8_t flags; /* enum rr_flag */
	uint8_t pieces[RDATA_PIECES_MAX];
};

/* NULL for a type the table does not have: its RDATA is opaque (RFC 3597). */
const struct rr_type_info *rr_type_info(uint16_t type);
/* By mnemonic in any case, or TYPEnnn (RFC 3597 §5). False when it is neither. */
bool rr_type_from_text(const char *text, uint16_t *out);
/* The mnemonic, or TYPEnnn, into out[RR_TYPE_TEXT_MAX]; returns it. */
#define RR_TYPE_TEXT_MAX 24
char *rr_type_to_text(uint16_t type, char *out);

#endif
