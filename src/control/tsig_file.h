// SPDX-License-Identifier: Apache-2.0
/*
 * tsig_file.h -- shared keys from text, and from files in BIND's form as tsig-keygen writes them:
 * key "name" { algorithm hmac-sha256; secret "base64"; };
 *
 * Limits.    A file is small, holds at most TSIG_FILE_KEYS_MAX keys, and must not be readable by
 * everybody. Comments of all three kinds (//, #, C) are skipped. Errors.    Findings name file and
 * line and never show the line. Threads.   Pure but for the file.
 */
#ifndef CONTROL_TSIG_FILE_H
#define CONTROL_TSIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/err.h"
#include "dns/tsig.h"

#define TSIG_FILE_KEYS_MAX 64
#define TSIG_FILE_MAX      65536

/* False, with *why static, where a part is wrong. */
bool tsig_key_from_text(struct tsig_key *out, const char *name, const char *algorithm,
			const char *secret, const char **why);
/* ERR_IO, ERR_PERMISSION, ERR_SYNTAX, ERR_TOO_LONG. */
enum err tsig_file_read(const char *path, struct tsig_key out[TSIG_FILE_KEYS_MAX], size_t *n,
			struct diag *d);
/* The same from memory; `name` stands for the path. */
enum err tsig_file_parse(const char *name, const char *text, size_t len,
			 struct tsig_key out[TSIG_FILE_KEYS_MAX], size_t *n, struct diag *d);
/* Whether everybody may read the file. */
bool tsig_file_is_open(const char *path);

#endif
