// SPDX-License-Identifier: Apache-2.0
#include "dns/rdata.h"

#include "dns/name.h"
#include "dns/rrtype.h"
#include "dns/wire.h"

/* ---- pieces that need more than a length ---- */

/* RFC 4034 §4.1.2: windows ascending, 1 to 32 octets each, the last one not zero. */
static void skip_bitmap(struct reader *r)
{
	int last = -1;

	while (!r->bad && reader_left(r) > 0) {
		int window = read_u8(r);
		uint8_t n = read_u8(r);
		const uint8_t *bits = read_bytes(r, n);
		if (r->bad || window <= last || n == 0 || n > 32 || bits[n - 1] == 0)
			r->bad = true;
		last = window;
	}
}

/* RFC 9460 §2.2: keys strictly ascending. */
static void skip_svc_params(struct reader *r)
{
	int last = -1;

	while (!r->bad && reader_left(r) > 0) {
		int key = read_u16(r);
		read_bytes(r, read_u16(r));
		if (key <= last)
			r->bad = true;
		last = key;
	}
}

/* RFC 3123 §4: family, prefix, negation and length, address without trailing zero octets. */
static void skip_apl(struct reader *r)
{
	while (!r->bad && reader_left(r) > 0) {
		uint16_t family = read_u16(r);
		uint8_t prefix = read_u8(r), n = read_u8(r) & 0x7f;
		const uint8_t *addr = read_bytes(r, n);
		unsigned max = family == 1 ? 32 : family == 2 ? 128 : 255;
		if (r->bad || prefix > max || (max != 255 && n > max / 8) ||
		    (n > 0 && addr[n - 1] == 0))
			r->bad = true;
	}
}

/* RFC 4025 §2.3 and §2.5: the octet before the algorithm says what the gateway is. */
static void skip_gateway(struct reader *r)
{
	struct name name;

	switch (r->start[1]) {
	case 0:
		break;
	case 1:
		read_bytes(r, 4);
		break;
	case 2:
		read_bytes(r, 16);
		break;
	case 3:
		name_read_plain(r, &name);
		break;
	default:
		r->bad = true;
	}
}

static void skip_strings(struct reader *r)
{
	do
		read_bytes(r, read_u8(r));
	while (!r->bad && reader_left(r) > 0);
}

static void skip_piece(struct reader *r, enum rdata_piece piece)
{
	struct name name;

	switch (piece) {
	case RDATA_U8:
		read_bytes(r, 1);
		break;
	case RDATA_U16:
		read_bytes(r, 2);
		break;
	case RDATA_U32:
	case RDATA_IP4:
		read_bytes(r, 4);
		break;
	case RDATA_U48:
		read_bytes(r, 6);
		break;
	case RDATA_U64:
		read_bytes(r, 8);
		break;
	case RDATA_IP6:
		read_bytes(r, 16);
		break;
	case RDATA_NAME:
	case RDATA_NAME_CANON:
	case RDATA_NAME_PLAIN:
		name_read_plain(r, &name);
		break;
	case RDATA_STRING:
	case RDATA_LEN8_BYTES:
		read_bytes(r, read_u8(r));
		break;
	case RDATA_STRINGS:
		skip_strings(r);
		break;
	case RDATA_BITMAP:
		skip_bitmap(r);
		break;
	case RDATA_REST_SOME:
		if (reader_left(r) == 0)
			r->bad = true;
		read_bytes(r, reader_left(r));
		break;
	case RDATA_REST:
		read_bytes(r, reader_left(r));
		break;
	case RDATA_SVC_PARAMS:
		skip_svc_params(r);
		break;
	case RDATA_APL:
		skip_apl(r);
		break;
	case RDATA_GATEWAY:
		skip_gateway(r);
		break;
	case RDATA_END:
		break;
	}
}

/* ---- rules of single types beyond their shape ---- */

/* Digest lengths of the types we know (RFC 4034 §A.2, 4509, 5933, 6605); others may have any. */
static bool ds_is_valid(struct span rdata)
{
	static const uint8_t LENGTHS[] = { [1] = 20, [2] = 32, [3] = 32, [4] = 48 };
	uint8_t digest = rdata.p[3];

	return digest == 0 || digest >= sizeof LENGTHS || rdata.n == 4u + LENGTHS[digest];
}

/* RFC 8659 §4.1: a tag of letters and digits. */
static bool caa_is_valid(struct span rdata)
{
	if (rdata.p[1] == 0)
		return false;
	for (size_t i = 0; i < rdata.p[1]; i++) {
		uint8_t c = rdata.p[2 + i] | 0x20;
		if (!(c >= 'a' && c <= 'z') && !(rdata.p[2 + i] >= '0' && rdata.p[2 + i] <= '9'))
			return false;
	}
	return true;
}

static bool extra_rules(uint16_t type, struct span rdata)
{
	switch (type) {
	case TYPE_DS:
	case TYPE_CDS:
		return ds_is_valid(rdata);
	case TYPE_CAA:
		return caa_is_valid(rdata);
	case TYPE_LOC:
		return rdata.p[0] == 0; /* RFC 1876 §2: version */
	case TYPE_HIP:
		return rdata.n >= 4u + rdata.p[0] + load_u16(rdata.p + 2);
	default:
		return true;
	}
}

bool rdata_is_valid(uint16_t type, struct span rdata)
{
	const struct rr_type_info *info = rr_type_info(type);
	struct reader r = reader_of(rdata.p, rdata.n);

	if (rdata.n > RDATA_MAX)
		return false;
	if (info == NULL)
		return true;
	for (const uint8_t *piece = info->pieces; *piece != RDATA_END && !r.bad; piece++)
		skip_piece(&r, (enum rdata_piece) * piece);
	return !r.bad && reader_left(&r) == 0 && extra_rules(type, rdata);
}

/* ---- from messages ---- */

bool rdata_may_be_compressed(uint16_t type)
{
	const struct rr_type_info *info = rr_type_info(type);

	for (const uint8_t *piece = info != NULL ? info->pieces : NULL;
	     piece != NULL && *piece != RDATA_END; piece++)
		if (*piece == RDATA_NAME || *piece == RDATA_NAME_CANON)
			return true;
	return false;
}

static void expand_piece(struct reader *r, enum rdata_piece piece, struct writer *out)
{
	const uint8_t *from = r->p;
	struct name name;

	if (piece == RDATA_NAME || piece == RDATA_NAME_CANON) {
		name_read(r, &name);
		if (!r->bad)
			write_bytes(out, name.wire, name.len);
		return;
	}
	skip_piece(r, piece);
	if (!r->bad)
		write_bytes(out, from, (size_t)(r->p - from));
}

void rdata_expand(uint16_t type, struct reader *r, size_t n, struct writer *out)
{
	/* Ends with the RDATA and starts with the message, so that pointers are followed. */
	struct reader inside = *r;
	const uint8_t *from = read_bytes(r, n);

	if (from == NULL)
		return;
	inside.end = from + n;
	if (n > 0 && rdata_may_be_compressed(type))
		for (const uint8_t *piece = rr_type_info(type)->pieces;
		     *piece != RDATA_END && !inside.bad; piece++)
			expand_piece(&inside, (enum rdata_piece) * piece, out);
	write_bytes(out, inside.p, reader_left(&inside)); /* checked by rdata_is_valid() */
	r->bad = r->bad || inside.bad || out->full;
}

/* ---- names inside ---- */

static bool is_name(uint8_t piece)
{
	return piece == RDATA_NAME || piece == RDATA_NAME_CANON || piece == RDATA_NAME_PLAIN;
}

void rdata_canonicalize(uint16_t type, struct span rdata, uint8_t *out)
{
	const struct rr_type_info *info = rr_type_info(type);
	struct reader r = reader_of(rdata.p, rdata.n);

	if (out != rdata.p && rdata.n > 0)
		memcpy(out, rdata.p, rdata.n);
	if (info == NULL)
		return;
	for (const uint8_t *piece = info->pieces; *piece != RDATA_END && !r.bad; piece++) {
		size_t at = reader_at(&r);
		skip_piece(&r, (enum rdata_piece) * piece);
		if (!r.bad && is_name(*piece) && *piece != RDATA_NAME_PLAIN)
			name_lower(rdata.p + at, out + at);
	}
}

int rdata_compare(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

size_t rdata_names(uint16_t type, struct span rdata, struct rdata_name out[RDATA_NAMES_MAX])
{
	const struct rr_type_info *info = rr_type_info(type);
	struct reader r = reader_of(rdata.p, rdata.n);
	size_t n = 0;

	if (info == NULL)
		return 0;
	for (const uint8_t *piece = info->pieces; *piece != RDATA_END; piece++) {
		size_t at = reader_at(&r);
		skip_piece(&r, (enum rdata_piece) * piece);
		if (r.bad)
			break;
		if (is_name(*piece) && n < RDATA_NAMES_MAX)
			out[n++] = (struct rdata_name){ (uint16_t)at, *piece == RDATA_NAME };
	}
	return n;
}

const uint8_t *rdata_additional_name(uint16_t type, struct span rdata)
{
	const struct rr_type_info *info = rr_type_info(type);
	struct rdata_name names[RDATA_NAMES_MAX];

	if (info == NULL || !(info->flags & RR_ADDITIONAL) || rdata_names(type, rdata, names) == 0)
		return NULL;
	const uint8_t *name = rdata.p + names[0].at;
	return *name == 0 ? NULL : name; /* the root says "none" (RFC 2782, 7505, 9460 §2.5) */
}

/* ---- bitmaps ---- */

size_t rdata_write_bitmap(const uint16_t *types, size_t n, uint8_t *out, size_t cap)
{
	struct writer w = writer_of(out, cap);

	for (size_t i = 0; i < n;) {
		uint8_t bits[32] = { 0 }, window = (uint8_t)(types[i] >> 8), last = 0;
		for (; i < n && types[i] >> 8 == window; i++) {
			uint8_t low = (uint8_t)types[i];
			bits[low / 8] |= (uint8_t)(0x80 >> (low % 8));
			last = low / 8;
		}
		write_u8(&w, window);
		write_u8(&w, (uint8_t)(last + 1));
		write_bytes(&w, bits, last + 1u);
	}
	return w.full ? 0 : writer_len(&w);
}
