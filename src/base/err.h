// SPDX-License-Identifier: Apache-2.0
/*
 * err.h -- the error codes of the control plane, from one table.
 *
 * Purpose.   A function that can fail returns enum err; 0 is success, so `if (e)` reads "if it
 * failed". What went wrong in detail is logged, or put into a struct diag, at the place that knows
 * it. Invariant. The data plane has no error codes: it has verdicts (query/query.h). Threads.
 * Constant data.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERR_TABLE(X)                                                                               \
	X(ERR_NOMEM, "out of memory")                                                              \
	X(ERR_SYNTAX, "input does not follow its grammar")                                         \
	X(ERR_RANGE, "value outside its permitted range")                                          \
	X(ERR_TOO_LONG, "longer than the limit")                                                   \
	X(ERR_EXISTS, "exists already")                                                            \
	X(ERR_NOT_FOUND, "not found")                                                              \
	X(ERR_CONFLICT, "conflicts with the present state")                                        \
	X(ERR_REFUSED, "refused")                                                                  \
	X(ERR_UNSUPPORTED, "not supported")                                                        \
	X(ERR_PERMISSION, "permissions are wrong")                                                 \
	X(ERR_NOKEY, "no usable signing key")                                                      \
	X(ERR_CRYPTO, "the cryptographic library refused")                                         \
	X(ERR_IO, "operating system input/output failure")                                         \
	X(ERR_STORE, "the store failed")                                                           \
	X(ERR_CORRUPT, "data is damaged")                                                          \
	X(ERR_INVALID, "contents are not valid")                                                   \
	X(ERR_TIMEOUT, "no answer in time")                                                        \
	X(ERR_CANCELED, "given up before it was done")                                             \
	X(ERR_UNTRUSTED, "the other side did not prove who it is")

enum err {
	ERR_OK = 0,
#define X(code, text) code,
	ERR_TABLE(X)
#undef X
};

/* The static text of a code; never NULL. */
const char *err_text(enum err e);

#endif
