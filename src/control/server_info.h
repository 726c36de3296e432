// SPDX-License-Identifier: Apache-2.0
/*
 * server_info.h -- what a view says of the server itself: CHAOS answers and cookie secrets.
 *
 * Threads.   Control thread.
 */
#ifndef CONTROL_SERVER_INFO_H
#define CONTROL_SERVER_INFO_H

#include "base/diag.h"
#include "base/err.h"
#include "control/config.h"
#include "query/view.h"

/* A CHAOS TXT RRset of one text (at most 255 octets), or NULL without memory; free() it. */
struct rrset *server_info_text(const char *text);

/* The secrets in a file: 32 hexadecimal digits a line, "#" starts a comment; the first makes
 * cookies, all are accepted. The file must not be readable by others. Findings name file:line. */
enum err cookie_file_read(const char *path, struct cookie_secrets *out, struct diag *d);

/* A new secret in front; the one before is still accepted, so that no client is asked twice. */
void cookie_secrets_roll(struct cookie_secrets *s);

#endif
