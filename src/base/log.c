// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/diag.h"

#define LINE_MAX_LEN 2048

/* The one piece of state of the process that is not handed around: what an operator set for all of
 * it. */
static _Atomic int level_now = LOG_LEVEL_INFO;

static const struct {
	const char *name;
	char priority; /* of syslog, for journald */
	const char *colour;
} LEVELS[] = {
	[LOG_LEVEL_ERROR] = { "error", '3', "\033[31m" },
	[LOG_LEVEL_WARNING] = { "warning", '4', "\033[33m" },
	[LOG_LEVEL_NOTICE] = { "notice", '5', "\033[36m" },
	[LOG_LEVEL_INFO] = { "info", '6', "" },
	[LOG_LEVEL_DEBUG] = { "debug", '7', "\033[2m" },
};

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
}

bool log_level_from_text(const char *text, enum log_level *out)
{
	for (size_t i = 0; i < sizeof LEVELS / sizeof *LEVELS; i++) {
		if (strcasecmp(text, LEVELS[i].name) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

struct line {
	char text[LINE_MAX_LEN];
	size_t n;
};

static void append(struct line *l, const char *s, size_t n)
{
	size_t room = sizeof l->text - 1 - l->n;

	if (n > room)
		n = room;
	memcpy(l->text + l->n, s, n);
	l->n += n;
}

static void append_text(struct line *l, const char *s)
{
	append(l, s, strlen(s));
}

/* Control characters would let an input forge a line. */
static void append_escaped(struct line *l, const char *s)
{
	for (; *s != 0; s++) {
		unsigned char c = (unsigned char)*s;
		if ((c >= 0x20 && c != 0x7f) || c == '\t') {
			append(l, s, 1);
		} else {
			char escaped[8];
			snprintf(escaped, sizeof escaped, "\\x%02x", c);
			append_text(l, escaped);
		}
	}
}

static void append_start(struct line *l, enum log_level level)
{
	if (getenv("JOURNAL_STREAM") != NULL) {
		char prefix[4] = { '<', LEVELS[level].priority, '>', 0 };
		append_text(l, prefix);
		append_text(l, LEVELS[level].name);
	} else if (isatty(STDERR_FILENO)) {
		char stamp[32];
		struct tm tm;
		time_t now = time(NULL);
		bool colour = getenv("NO_COLOR") == NULL && LEVELS[level].colour[0] != 0;
		strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S ", localtime_r(&now, &tm));
		append_text(l, stamp);
		append_text(l, colour ? LEVELS[level].colour : "");
		append_text(l, LEVELS[level].name);
		append_text(l, colour ? "\033[0m" : "");
	} else {
		append_text(l, LEVELS[level].name);
	}
	append_text(l, ": ");
}

void log_line(enum log_level level, const char *zone, const char *format, ...)
{
	struct line l = { .n = 0 };
	char text[LINE_MAX_LEN];
	va_list ap;

	if ((int)level > atomic_load_explicit(&level_now, memory_order_relaxed))
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	append_start(&l, level);
	if (zone != NULL) {
		append_text(&l, "[");
		append_escaped(&l, zone);
		append_text(&l, "] ");
	}
	append_escaped(&l, text);
	l.text[l.n++] = '\n';
	ssize_t done = write(STDERR_FILENO, l.text, l.n);
	(void)done; /* there is nowhere to say that standard error is gone */
}

static enum log_level level_of(enum diag_severity severity)
{
	return severity == DIAG_ERROR     ? LOG_LEVEL_ERROR
	       : severity == DIAG_WARNING ? LOG_LEVEL_WARNING
					  : LOG_LEVEL_NOTICE;
}

void log_diag(const char *zone, const struct diag *d)
{
	for (size_t i = 0; i < d->n; i++)
		log_line(level_of(d->findings[i].severity), zone, "%s", d->findings[i].line);
}
