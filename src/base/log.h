// SPDX-License-Identifier: Apache-2.0
/*
 * log.h -- lines for the operator: `level: [zone] subject: what`.
 *
 * Purpose.   One line an event, on standard error; with a timestamp when a person watches, with the
 * <N> priority prefix under systemd. Invariant. Never called from the data plane. Control
 * characters in texts are escaped, so no input can forge a line. Threads.   Any; a line is one
 * write().
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

struct diag;

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* Lines above `level` are dropped. Starts as info. */
void log_set_level(enum log_level level);
bool log_level_from_text(const char *text, enum log_level *out);

/* `zone` may be NULL. `format` gives "subject: what". */
void log_line(enum log_level level, const char *zone, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(zone, ...)   log_line(LOG_LEVEL_ERROR, (zone), __VA_ARGS__)
#define log_warning(zone, ...) log_line(LOG_LEVEL_WARNING, (zone), __VA_ARGS__)
#define log_notice(zone, ...)  log_line(LOG_LEVEL_NOTICE, (zone), __VA_ARGS__)
#define log_info(zone, ...)    log_line(LOG_LEVEL_INFO, (zone), __VA_ARGS__)
#define log_debug(zone, ...)   log_line(LOG_LEVEL_DEBUG, (zone), __VA_ARGS__)

/* Logs every finding, one line each, at the level of its severity. */
void log_diag(const char *zone, const struct diag *d);

#endif
