// SPDX-License-Identifier: Apache-2.0
/* Keys named by a URI: "file:" and whatever scheme OpenSSL has a store for (pkcs11-provider), and
 * "pkcs11:" through the engine of libp11 where no provider serves it (Debian 12). The private part
 * of a token's key stays in the token. */
#define OPENSSL_SUPPRESS_DEPRECATED  /* ENGINE: the only way to a token on OpenSSL 3.0 of Debian 12 \
				      */
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdio.h>
#include <string.h>

#include "dnssec/key_internal.h"

#define NAME_SHOWN_MAX 300

bool key_is_uri(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789+.-");

	return n > 1 && name[n] == ':';
}

/* Without the query: it may hold a PIN. */
static enum err finding(struct diag *d, const char *uri, enum err e, const char *why,
			const char *hint)
{
	char shown[NAME_SHOWN_MAX];
	struct diag_place at = { .file = shown };

	snprintf(shown, sizeof shown, "%.*s", (int)strcspn(uri, "?"), uri);
	diag_add(d, DIAG_ERROR, &at, hint, "%s", why);
	return e;
}

/* The first private key that the store gives. Nobody is asked for a passphrase. */
static EVP_PKEY *load_from_store(const char *uri)
{
	EVP_PKEY *pkey = NULL;
	OSSL_STORE_CTX *store = OSSL_STORE_open(uri, UI_null(), NULL, NULL, NULL);

	if (store == NULL)
		return NULL;
	OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
	while (pkey == NULL && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);
		if (info == NULL)
			break;
		if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			pkey = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return pkey;
}

/* Kept for the life of the process: keys refer to it. */
static ENGINE *pkcs11_engine(void)
{
	static ENGINE *engine;
	ENGINE *e;

	if (engine != NULL)
		return engine;
	ENGINE_load_dynamic();
	e = ENGINE_by_id("pkcs11");
	if (e != NULL && ENGINE_init(e) == 1)
		engine = e;
	else
		ENGINE_free(e);
	return engine;
}

static EVP_PKEY *load_from_token(const char *uri, const char **hint)
{
	ENGINE *e = pkcs11_engine();
	EVP_PKEY *pkey;

	*hint = "install libengine-pkcs11-openssl, or pkcs11-provider";
	if (e == NULL)
		return NULL;
	*hint = "is the token there, and does the URI name one key with its PIN (pin-source)?";
	UI_METHOD *silent = UI_create_method("silent"); /* UI_null() is const */
	pkey = silent != NULL ? ENGINE_load_private_key(e, uri, silent, NULL) : NULL;
	UI_destroy_method(silent);
	return pkey;
}

enum err key_uri_load(EVP_PKEY **out, const char *uri, struct diag *d)
{
	const char *hint = NULL;

	if (strstr(uri, "pin-value=") != NULL)
		return finding(d, uri, ERR_INVALID,
			       "a PIN in the configuration can be read by others",
			       "use pin-source=file:/path, with mode 600");
	ERR_clear_error();
	*out = load_from_store(uri);
	if (*out == NULL && strncmp(uri, "pkcs11:", 7) == 0)
		*out = load_from_token(uri, &hint);
	unsigned long code = ERR_peek_last_error();
	const char *why = code != 0 ? ERR_reason_error_string(code) : NULL;
	ERR_clear_error();
	if (*out != NULL)
		return ERR_OK;
	char text[200];
	snprintf(text, sizeof text, "no private key there%s%s", why != NULL ? ": " : "",
		 why != NULL ? why : "");
	return finding(d, uri, ERR_NOKEY, text, hint);
}
