// SPDX-License-Identifier: Apache-2.0
#include "control/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

struct yaml {
	struct arena *arena;
	const char *path;
	const char *text;
	size_t len;
	const struct yaml_node *root;
};

/* One map or list that is still open, while libyaml's events come in. */
struct frame {
	struct yaml_node *node;
	const struct yaml_node **keys, **items;
	size_t n, cap;
	const struct yaml_node *key; /* of a map: read, its value not yet */
};

struct load {
	struct yaml *y;
	struct diag *d;
	yaml_parser_t parser;
	struct frame stack[YAML_DEPTH_MAX];
	size_t depth;
	size_t node_n;
	bool done;
	enum err err;
};

/* The line of a finding, to be shown; one that may hold a secret is not. */
static char *shown_line(const struct yaml *y, unsigned line)
{
	char *source = diag_line_of(y->text, line);

	if (source == NULL || strcasestr(source, "secret") == NULL)
		return source;
	free(source);
	return NULL;
}

static void finding_at(const struct yaml *y, unsigned line, unsigned column, struct diag *d,
		       const char *text)
{
	char *source = shown_line(y, line);
	struct diag_place at = { y->path, line, column, source };

	diag_add(d, DIAG_ERROR, &at, NULL, "%s", text);
	free(source);
}

void yaml_finding(const struct yaml *y, const struct yaml_node *at, struct diag *d,
		  enum diag_severity severity, const char *hint, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	char *source = at != NULL ? shown_line(y, at->line) : NULL;
	struct diag_place place = { y->path, at != NULL ? at->line : 0, at != NULL ? at->column : 0,
				    source };
	diag_add(d, severity, &place, hint, "%s", text);
	free(source);
}

static void fail(struct load *l, const yaml_mark_t *mark, enum err e, const char *text)
{
	finding_at(l->y, (unsigned)mark->line + 1, (unsigned)mark->column + 1, l->d, text);
	l->err = e;
}

static struct yaml_node *new_node(struct load *l, enum yaml_kind kind, const yaml_mark_t *mark)
{
	if (++l->node_n > YAML_NODES_MAX) {
		fail(l, mark, ERR_TOO_LONG, "the file has too many values");
		return NULL;
	}
	struct yaml_node *n = arena_alloc(l->y->arena, sizeof *n);
	if (n == NULL) {
		l->err = ERR_NOMEM;
		return NULL;
	}
	n->kind = kind;
	n->line = (unsigned)mark->line + 1;
	n->column = (unsigned)mark->column + 1;
	return n;
}

static bool grow(struct frame *f)
{
	if (f->n < f->cap)
		return true;
	size_t cap = f->cap == 0 ? 8 : f->cap * 2;
	const struct yaml_node **items = realloc(f->items, cap * sizeof *items);
	if (items == NULL)
		return false;
	f->items = items;
	const struct yaml_node **keys = realloc(f->keys, cap * sizeof *keys);
	if (keys == NULL)
		return false;
	f->keys = keys;
	f->cap = cap;
	return true;
}

/* Puts a finished node where it belongs: the root, a list's next item, a map's key or value. */
static void attach(struct load *l, struct yaml_node *n, const yaml_mark_t *mark)
{
	if (l->depth == 0) {
		l->y->root = n;
		return;
	}
	struct frame *f = &l->stack[l->depth - 1];
	if (f->node->kind == YAML_MAP && f->key == NULL) {
		if (n->kind != YAML_SCALAR)
			fail(l, mark, ERR_SYNTAX, "a key must be plain text");
		f->key = n;
		return;
	}
	if (!grow(f)) {
		l->err = ERR_NOMEM;
		return;
	}
	f->keys[f->n] = f->key;
	f->items[f->n++] = n;
	f->key = NULL;
}

static void open_node(struct load *l, enum yaml_kind kind, const yaml_mark_t *mark)
{
	struct yaml_node *n = new_node(l, kind, mark);

	if (n == NULL)
		return;
	if (l->depth == YAML_DEPTH_MAX) {
		fail(l, mark, ERR_TOO_LONG, "nested too deep");
		return;
	}
	attach(l, n, mark);
	if (l->err == ERR_OK)
		l->stack[l->depth++] = (struct frame){ .node = n };
}

static int by_key(const void *a, const void *b)
{
	const struct yaml_node *const *x = a, *const *y = b;
	int c = strcmp((*x)->text, (*y)->text);

	return c != 0 ? c : (int)((*x)->line > (*y)->line) - (int)((*x)->line < (*y)->line);
}

static void find_duplicate_keys(struct load *l, struct frame *f)
{
	const struct yaml_node **sorted = malloc(f->n * sizeof *sorted);

	if (sorted == NULL) {
		l->err = ERR_NOMEM;
		return;
	}
	memcpy(sorted, f->keys, f->n * sizeof *sorted);
	qsort(sorted, f->n, sizeof *sorted, by_key);
	for (size_t i = 1; i < f->n; i++) {
		if (strcmp(sorted[i]->text, sorted[i - 1]->text) != 0)
			continue;
		char hint[64];
		snprintf(hint, sizeof hint, "it stands first in line %u", sorted[i - 1]->line);
		yaml_finding(l->y, sorted[i], l->d, DIAG_ERROR, hint, "'%s' is given twice",
			     sorted[i]->text);
		l->err = ERR_SYNTAX;
	}
	free(sorted);
}

static void close_node(struct load *l)
{
	struct frame *f = &l->stack[--l->depth];

	if (f->node->kind == YAML_MAP && f->n > 1)
		find_duplicate_keys(l, f);
	f->node->n = f->n;
	if (f->n > 0) {
		f->node->item = arena_copy(l->y->arena, f->items, f->n * sizeof *f->items);
		if (f->node->kind == YAML_MAP)
			f->node->key = arena_copy(l->y->arena, f->keys, f->n * sizeof *f->keys);
		if (f->node->item == NULL || (f->node->kind == YAML_MAP && f->node->key == NULL))
			l->err = ERR_NOMEM;
	}
	free(f->items);
	free(f->keys);
}

static void scalar(struct load *l, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t n = ev->data.scalar.length;

	if (memchr(text, 0, n) != NULL) {
		fail(l, &ev->start_mark, ERR_SYNTAX, "a zero byte inside a value");
		return;
	}
	struct yaml_node *node = new_node(l, YAML_SCALAR, &ev->start_mark);
	if (node == NULL)
		return;
	node->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->text = arena_strdup(l->y->arena, text);
	if (node->text == NULL)
		l->err = ERR_NOMEM;
	else
		attach(l, node, &ev->start_mark);
}

static void handle(struct load *l, const yaml_event_t *ev)
{
	const yaml_char_t *anchor = NULL;

	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		anchor = ev->data.scalar.anchor;
		scalar(l, ev);
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = ev->data.sequence_start.anchor;
		open_node(l, YAML_LIST, &ev->start_mark);
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = ev->data.mapping_start.anchor;
		open_node(l, YAML_MAP, &ev->start_mark);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_node(l);
		break;
	case YAML_ALIAS_EVENT:
		fail(l, &ev->start_mark, ERR_SYNTAX, "aliases (*name) are not supported");
		break;
	case YAML_DOCUMENT_START_EVENT:
		if (l->y->root != NULL)
			fail(l, &ev->start_mark, ERR_SYNTAX, "a second document in one file");
		break;
	case YAML_STREAM_END_EVENT:
		l->done = true;
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	if (anchor != NULL && l->err == ERR_OK)
		fail(l, &ev->start_mark, ERR_SYNTAX, "anchors (&name) are not supported");
}

static void parser_failed(struct load *l)
{
	const yaml_parser_t *p = &l->parser;
	char text[300];

	if (p->error == YAML_MEMORY_ERROR) {
		l->err = ERR_NOMEM;
		return;
	}
	snprintf(text, sizeof text, "not valid YAML: %s%s%s", p->problem != NULL ? p->problem : "?",
		 p->context != NULL ? ", " : "", p->context != NULL ? p->context : "");
	if (p->error == YAML_READER_ERROR) {
		yaml_mark_t mark = p->mark;
		fail(l, &mark, ERR_SYNTAX, text);
	} else {
		fail(l, &p->problem_mark, ERR_SYNTAX, text);
	}
}

static enum err parse(struct yaml *y, struct diag *d)
{
	struct load l = { .y = y, .d = d };

	if (!yaml_parser_initialize(&l.parser))
		return ERR_NOMEM;
	yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&l.parser, (const unsigned char *)y->text, y->len);
	while (!l.done && l.err == ERR_OK) {
		yaml_event_t ev;
		if (!yaml_parser_parse(&l.parser, &ev)) {
			parser_failed(&l);
			break;
		}
		handle(&l, &ev);
		yaml_event_delete(&ev);
	}
	while (l.depth > 0) {
		struct frame *f = &l.stack[--l.depth];
		free(f->items);
		free(f->keys);
	}
	yaml_parser_delete(&l.parser);
	return l.err;
}

enum err yaml_read_text(struct yaml **out, const char *name, const char *text, size_t n,
			struct diag *d)
{
	enum err e = ERR_NOMEM;
	struct arena *arena = arena_new(0);
	struct yaml *y = arena != NULL ? arena_alloc(arena, sizeof *y) : NULL;

	if (y == NULL)
		goto failed;
	y->arena = arena;
	y->path = arena_strdup(arena, name);
	y->text = arena_copy(arena, text, n + 1);
	y->len = n;
	if (y->path == NULL || y->text == NULL)
		goto failed;
	e = parse(y, d);
	if (e)
		goto failed;
	*out = y;
	return ERR_OK;
failed:
	arena_free(arena);
	return e;
}

static enum err unreadable(const char *path, struct diag *d, const char *why)
{
	struct diag_place at = { .file = path };

	diag_add(d, DIAG_ERROR, &at, NULL, "%s", why);
	return ERR_IO;
}

enum err yaml_read(struct yaml **out, const char *path, struct diag *d)
{
	enum err e = ERR_OK;
	char *text = NULL;
	size_t n = 0;
	struct stat st;

	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return unreadable(path, d, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		e = unreadable(path, d, "not a regular file");
		goto done;
	}
	if (st.st_size > (off_t)YAML_FILE_MAX) {
		unreadable(path, d, "larger than 64 MiB");
		e = ERR_TOO_LONG;
		goto done;
	}
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL) {
		e = ERR_NOMEM;
		goto done;
	}
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, text + n, (size_t)st.st_size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			e = unreadable(path, d, strerror(errno));
			goto done;
		}
		if (got == 0)
			break;
		n += (size_t)got;
	}
	text[n] = 0;
	e = yaml_read_text(out, path, text, n, d);
done:
	free(text);
	close(fd);
	return e;
}

void yaml_free(struct yaml *y)
{
	if (y != NULL)
		arena_free(y->arena);
}

const struct yaml_node *yaml_root(const struct yaml *y)
{
	return y->root;
}

const char *yaml_text(const struct yaml *y)
{
	return y->text;
}

const char *yaml_path(const struct yaml *y)
{
	return y->path;
}

struct arena *yaml_arena(struct yaml *y)
{
	return y->arena;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (map == NULL || map->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->key[i]->text, key) == 0)
			return map->item[i];
	return NULL;
}

bool yaml_is_null(const struct yaml_node *n)
{
	return n->kind == YAML_SCALAR && !n->quoted &&
	       (n->text[0] == 0 || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}
