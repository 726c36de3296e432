// SPDX-License-Identifier: Apache-2.0
/*
 * yaml.h -- a YAML file as a tree that knows where everything stood.
 *
 * Purpose.   Configuration and steering files are read whole, so that every finding can name
 * file:line:column and show the line. Limits.    File size, depth and node count are bounded, and
 * aliases count as often as they stand for something; a key that stands twice in one map is an
 * error. Anchors (&a), aliases (*a) and merges (<<: *a) are read; `!include FILE` and `!include
 * [FILES]` where the reader allows them, relative to the file that has them. Memory.    The tree
 * and the file's text lie in one arena owned by struct yaml; yaml_free() frees all. Errors.
 * Findings; ERR_IO, ERR_SYNTAX, ERR_TOO_LONG.
 */
#ifndef CONTROL_YAML_H
#define CONTROL_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"

#define YAML_FILE_MAX    (64u << 20)
#define YAML_DEPTH_MAX   32
#define YAML_NODES_MAX   8000000u
#define YAML_FILES_MAX   1000u
#define YAML_INCLUDE_MAX 8 /* files within files */
#define YAML_ANCHORS_MAX 10000u

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

/* A file that was read. */
struct yaml_source {
	const char *path, *text;
};

struct yaml_node {
	enum yaml_kind kind;
	const struct yaml_source *source; /* where it stands */
	unsigned line, column;            /* from 1 */
	bool quoted;                      /* scalar in quotes: never null, a number or a boolean */
	const char *text;                 /* scalar */
	const struct yaml_node *const *item; /* list items, or the values of a map */
	const struct yaml_node *const *key;  /* keys of a map: scalars */
	size_t n;
};

struct yaml;

enum err yaml_read(struct yaml **out, const char *path, struct diag *d);
/* The same, with `!include`. */
enum err yaml_read_included(struct yaml **out, const char *path, struct diag *d);
/* The same from memory; `name` stands for the path in findings. */
enum err yaml_read_text(struct yaml **out, const char *name, const char *text, size_t n,
			struct diag *d);
void yaml_free(struct yaml *y);

/* NULL for an empty file. */
const struct yaml_node *yaml_root(const struct yaml *y);
const char *yaml_path(const struct yaml *y);
/* The file as it was read. */
const char *yaml_text(const struct yaml *y);
/* When the newest of its files was changed last; 0: of a text. */
int64_t yaml_changed_at(const struct yaml *y);
/* For data that should live as long as the tree. */
struct arena *yaml_arena(struct yaml *y);

/* The value of a key in a map, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* An unquoted empty scalar, "~" or "null". */
bool yaml_is_null(const struct yaml_node *n);

/* A finding at a node, with its line and a caret. */
void yaml_finding(const struct yaml *y, const struct yaml_node *at, struct diag *d,
		  enum diag_severity severity, const char *hint, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

#endif
