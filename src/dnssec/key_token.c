// SPDX-License-Identifier: Apache-2.0
/* Keys made in a token: PKCS #11 through p11-kit, as OpenSSL has no way to ask a token for a key on
 * every release that we run on. What was made is then read as any key that a URI names, so that
 * there is one way to sign with it. */
#include <fcntl.h>
#include <openssl/crypto.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "dnssec/algorithm.h"
#include "dnssec/key_internal.h"

#define PIN_MAX   256
#define SLOTS_MAX 64
#define ID_LEN    16
/* Each try leaves nothing behind; few tags are taken. */
#define TRIES 8

/* One attempt's view of the token. */
struct token {
	P11KitUri *uri;
	const char *name; /* the URI, for findings */
	CK_FUNCTION_LIST *module;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	bool open;
	struct diag *d;
};

/* Without the query of the URI: it may hold a PIN. */
static enum err finding(const struct token *t, enum err e, const char *what, CK_RV rv)
{
	char shown[300];
	struct diag_place at = { .file = shown };

	snprintf(shown, sizeof shown, "%.*s", (int)strcspn(t->name, "?"), t->name);
	if (rv != CKR_OK)
		diag_add(t->d, DIAG_ERROR, &at, NULL, "%s: %s", what, p11_kit_strerror(rv));
	else
		diag_add(t->d, DIAG_ERROR, &at, NULL, "%s", what);
	return e;
}

/* ---- the token ---- */

/* Kept for the life of the process: keys in use are reached through the same libraries, which must
 * not be finalized under them. */
static CK_FUNCTION_LIST **modules(const struct token *t)
{
	static CK_FUNCTION_LIST **all;
	static CK_FUNCTION_LIST *one[2];
	const char *path = p11_kit_uri_get_module_path(t->uri);

	if (all != NULL)
		return all;
	if (path == NULL)
		path = getenv("PKCS11_MODULE_PATH"); /* as OpenSSL's engine */
	if (path == NULL)
		return all = p11_kit_modules_load_and_initialize(0);
	one[0] = p11_kit_module_load(path, 0);
	if (one[0] == NULL)
		return NULL;
	if (p11_kit_module_initialize(one[0]) != CKR_OK) {
		p11_kit_module_release(one[0]);
		return NULL;
	}
	return all = one;
}

static bool is_in_slot(struct token *t, CK_FUNCTION_LIST *m, CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;

	if (m->C_GetTokenInfo(slot, &info) != CKR_OK ||
	    p11_kit_uri_match_token_info(t->uri, &info) != 1)
		return false;
	t->module = m;
	t->slot = slot;
	return true;
}

static bool find_token(struct token *t)
{
	CK_FUNCTION_LIST **all = modules(t);

	for (size_t i = 0; all != NULL && all[i] != NULL; i++) {
		CK_SLOT_ID slots[SLOTS_MAX];
		CK_ULONG n = SLOTS_MAX, now_n;
		/* Asking how many there are makes a library look for new ones (PKCS #11 §5.5). */
		if (all[i]->C_GetSlotList(CK_TRUE, NULL, &now_n) != CKR_OK ||
		    all[i]->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
			continue;
		for (CK_ULONG k = 0; k < n; k++)
			if (is_in_slot(t, all[i], slots[k]))
				return true;
	}
	return false;
}

/* The PIN of the file that pin-source names; it must be nobody else's to read. */
static enum err read_pin(const struct token *t, char pin[PIN_MAX], size_t *n)
{
	const char *path = p11_kit_uri_get_pin_source(t->uri);
	struct stat st;

	*n = 0;
	if (path == NULL)
		return ERR_OK;
	path += strncmp(path, "file:", 5) == 0 ? 5 : 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		if (fd >= 0)
			close(fd);
		return finding(t, ERR_IO, "the file of pin-source cannot be read", CKR_OK);
	}
	ssize_t got = read(fd, pin, PIN_MAX);
	close(fd);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return finding(t, ERR_PERMISSION,
			       "the file of pin-source may be read by others: chmod 600", CKR_OK);
	if (got <= 0)
		return finding(t, ERR_IO, "the file of pin-source is empty", CKR_OK);
	while (got > 0 && (pin[got - 1] == '\n' || pin[got - 1] == '\r'))
		got--;
	*n = (size_t)got;
	return ERR_OK;
}

static enum err log_in(struct token *t)
{
	char pin[PIN_MAX];
	size_t n;
	CK_RV rv = CKR_OK;
	enum err e = read_pin(t, pin, &n);

	if (!e && n > 0)
		rv = t->module->C_Login(t->session, CKU_USER, (CK_UTF8CHAR_PTR)pin, n);
	OPENSSL_cleanse(pin, sizeof pin);
	if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
		return finding(t, ERR_PERMISSION, "the token does not let us in", rv);
	return e;
}

static enum err open_token(struct token *t, const char *store, struct diag *d)
{
	*t = (struct token){ .name = store, .d = d, .uri = p11_kit_uri_new() };
	if (t->uri == NULL)
		return ERR_NOMEM;
	if (p11_kit_uri_parse(store, P11_KIT_URI_FOR_ANY, t->uri) != P11_KIT_URI_OK)
		return finding(t, ERR_SYNTAX, "no PKCS #11 URI", CKR_OK);
	if (p11_kit_uri_get_pin_value(t->uri) != NULL)
		return finding(t, ERR_INVALID, "a PIN in the configuration can be read by others",
			       CKR_OK);
	if (!find_token(t))
		return finding(t, ERR_NOKEY, "no such token", CKR_OK);
	CK_RV rv = t->module->C_OpenSession(t->slot, CKF_RW_SESSION | CKF_SERIAL_SESSION, NULL,
					    NULL, &t->session);
	if (rv != CKR_OK)
		return finding(t, ERR_IO, "the token opens no session", rv);
	t->open = true;
	return log_in(t);
}

static void close_token(struct token *t)
{
	if (t->open)
		t->module->C_CloseSession(t->session);
	p11_kit_uri_free(t->uri);
}

/* ---- a pair ---- */

struct pair {
	CK_OBJECT_HANDLE public, private;
	CK_BYTE id[ID_LEN];
};

#define YES(type)                                                                                  \
	{                                                                                          \
		(type), &yes, sizeof yes                                                           \
	}
#define NO(type)                                                                                   \
	{                                                                                          \
		(type), &no, sizeof no                                                             \
	}

/* What says of which kind the pair is; the last attribute of the public key. */
static bool kind_of(const struct algorithm *a, CK_MECHANISM *m, CK_ATTRIBUTE *attribute)
{
	static CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	static CK_BYTE p384[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 };
	static CK_ULONG bits = RSA_BITS;

	switch (a->family) {
	case FAMILY_RSA:
		*m = (CK_MECHANISM){ .mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN };
		*attribute = (CK_ATTRIBUTE){ CKA_MODULUS_BITS, &bits, sizeof bits };
		return true;
	case FAMILY_ECDSA:
		*m = (CK_MECHANISM){ .mechanism = CKM_EC_KEY_PAIR_GEN };
		*attribute = a->number == ALG_ECDSAP256SHA256
				 ? (CK_ATTRIBUTE){ CKA_EC_PARAMS, p256, sizeof p256 }
				 : (CK_ATTRIBUTE){ CKA_EC_PARAMS, p384, sizeof p384 };
		return true;
	case FAMILY_EDDSA:
		break;
	}
	return false;
}

static enum err make_pair(const struct token *t, const struct algorithm *a, const char *label,
			  struct pair *out)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_BYTE exponent[] = { 1, 0, 1 };
	union {
		const char *const_text;
		void *text;
	} l = { .const_text = label };
	CK_MECHANISM mechanism;
	CK_ATTRIBUTE private[] = {
		YES(CKA_TOKEN),
		YES(CKA_PRIVATE),
		YES(CKA_SENSITIVE),
		NO(CKA_EXTRACTABLE),
		YES(CKA_SIGN),
		{ CKA_ID, out->id, ID_LEN },
		{ CKA_LABEL, l.text, strlen(label) },
	};
	CK_ATTRIBUTE public[] = {
		YES(CKA_TOKEN),
		YES(CKA_VERIFY),
		{ CKA_ID, out->id, ID_LEN },
		{ CKA_LABEL, l.text, strlen(label) },
		{ 0 },
		{ CKA_PUBLIC_EXPONENT, exponent, sizeof exponent }, /* RSA alone */
	};
	CK_ULONG public_n = a->family == FAMILY_RSA ? 6 : 5;

	if (!kind_of(a, &mechanism, &public[4]))
		return finding(t, ERR_UNSUPPORTED, "tokens make RSA and ECDSA keys alone", CKR_OK);
	random_bytes(out->id, ID_LEN);
	CK_RV rv = t->module->C_GenerateKeyPair(t->session, &mechanism, public, public_n, private,
						sizeof private / sizeof *private, &out->public,
						&out->private);
	return rv == CKR_OK ? ERR_OK : finding(t, ERR_CRYPTO, "the token makes no key", rv);
}

static void destroy_pair(const struct token *t, const struct pair *p)
{
	t->module->C_DestroyObject(t->session, p->private);
	t->module->C_DestroyObject(t->session, p->public);
}

/* The private key's URI: the token's, with the object in it. Freed by the caller; NULL: no memory.
 */
static char *uri_of(const struct token *t, const struct pair *p, const char *label)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	union {
		const void *const_bytes;
		void *bytes;
	} id = { .const_bytes = p->id }, l = { .const_bytes = label };
	CK_ATTRIBUTE attributes[] = {
		{ CKA_CLASS, &class, sizeof class },
		{ CKA_ID, id.bytes, ID_LEN },
		{ CKA_LABEL, l.bytes, strlen(label) },
	};
	char *text = NULL;

	for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
		if (p11_kit_uri_set_attribute(t->uri, &attributes[i]) != P11_KIT_URI_OK)
			return NULL;
	return p11_kit_uri_format(t->uri, P11_KIT_URI_FOR_ANY, &text) == P11_KIT_URI_OK ? text
											: NULL;
}

struct made {
	struct key *key;
	char *uri;
};

static enum err make_one(const struct token *t, const struct key_wanted *w, const char *label,
			 struct made *out)
{
	const struct key_traits traits = { &w->role, w->algorithm };
	struct pair pair;
	enum err e = make_pair(t, algorithm_info(w->algorithm), label, &pair);

	if (e)
		return e;
	*out = (struct made){ .uri = uri_of(t, &pair, label) };
	e = out->uri != NULL ? key_read_as(&out->key, out->uri, NULL, &traits, t->d) : ERR_NOMEM;
	if (!e && key_tag_is_taken(key_dnskey(out->key)->tag, w->taken, w->taken_n))
		e = ERR_CONFLICT;
	if (e) {
		destroy_pair(t, &pair);
		key_free(out->key);
		free(out->uri);
	}
	return e;
}

enum err key_generate_in_token(struct key **out, char **uri_out, const char *store,
			       const char *label, const struct key_wanted *w, struct diag *d)
{
	struct token t;
	struct made made = { 0 };

	if (algorithm_info(w->algorithm) == NULL)
		return ERR_UNSUPPORTED;
	enum err e = open_token(&t, store, d);
	if (!e)
		e = ERR_CONFLICT;
	for (int i = 0; i < TRIES && e == ERR_CONFLICT; i++)
		e = make_one(&t, w, label, &made);
	close_token(&t);
	if (e)
		return e;
	*out = made.key;
	*uri_out = made.uri;
	return ERR_OK;
}

void key_destroy_in_token(const char *uri)
{
	struct token t;
	struct diag d = { 0 };
	CK_OBJECT_HANDLE found[4];
	CK_ULONG n = 0;
	CK_ATTRIBUTE *id;

	if (!open_token(&t, uri, &d) && (id = p11_kit_uri_get_attribute(t.uri, CKA_ID)) != NULL &&
	    id->ulValueLen == ID_LEN && t.module->C_FindObjectsInit(t.session, id, 1) == CKR_OK) {
		if (t.module->C_FindObjects(t.session, found, 4, &n) != CKR_OK)
			n = 0;
		t.module->C_FindObjectsFinal(t.session);
		for (CK_ULONG i = 0; i < n; i++)
			t.module->C_DestroyObject(t.session, found[i]);
	}
	close_token(&t);
	diag_free(&d);
}
