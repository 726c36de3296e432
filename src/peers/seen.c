// SPDX-License-Identifier: Apache-2.0
#include "peers/seen.h"

const char *seen_denial_text(enum seen_denial d)
{
	switch (d) {
#define X(code, text)                                                                              \
	case code:                                                                                 \
		return text;
		SEEN_DENIAL_TABLE(X)
#undef X
	case SEEN_DENIAL_UNKNOWN:
		break;
	}
	return "unknown";
}
