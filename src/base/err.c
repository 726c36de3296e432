// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

const char *err_text(enum err e)
{
	switch (e) {
	case ERR_OK:
		return "no error";
#define X(code, text)                                                                              \
	case code:                                                                                 \
		return text;
		ERR_TABLE(X)
#undef X
	}
	return "unknown error";
}
