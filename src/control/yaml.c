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
	struct yaml_source source;
	const struct yaml_node *root;
	/* Over all of its files. */
	bool includes;
	size_t node_n, file_n, octets;
	int64_t changed_at;
};

#define MERGE_MAX 10000000u /* comparisons of keys */

/* One map or list that is still open, while libyaml's events come in. */
struct frame {
	struct yaml_node *node;
	const struct yaml_node **keys, **items;
	size_t n, cap;
	const struct yaml_node *key; /* of a map: read, its value not yet */
	const char *anchor;          /* NULL: none */
	size_t before;               /* nodes before it */
	bool include;                /* a list of files */
};

struct anchor {
	const char *name;
	const struct yaml_node *node;
	size_t weight; /* nodes that it stands for */
};

/* One file while it is read. */
struct load {
	struct yaml *y;
	struct diag *d;
	const struct yaml_source *source;
	const struct yaml_node *root;
	yaml_parser_t parser;
	struct frame stack[YAML_DEPTH_MAX];
	size_t depth;
	struct anchor *anchors;
	size_t anchor_n, anchor_cap;
	unsigned level; /* of inclusion */
	bool done;
	enum err err;
};

static enum err parse_file(struct yaml *y, const char *path, unsigned level,
			   const struct yaml_node **root, struct diag *d);

/* The line of a finding, to be shown; one that may hold a secret is not. */
static char *shown_line(const struct yaml_source *s, unsigned line)
{
	char *source = diag_line_of(s->text, line);

	if (source == NULL || strcasestr(source, "secret") == NULL)
		return source;
	free(source);
	return NULL;
}

static void finding_at(const struct yaml_source *s, unsigned line, unsigned column, struct diag *d,
		       const char *text)
{
	char *source = shown_line(s, line);
	struct diag_place at = { s->path, line, column, source };

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
	const struct yaml_source *s = at != NULL && at->source != NULL ? at->source : &y->source;
	char *source = at != NULL ? shown_line(s, at->line) : NULL;
	struct diag_place place = { s->path, at != NULL ? at->line : 0, at != NULL ? at->column : 0,
				    source };
	diag_add(d, severity, &place, hint, "%s", text);
	free(source);
}

static void fail(struct load *l, const yaml_mark_t *mark, enum err e, const char *text)
{
	finding_at(l->source, (unsigned)mark->line + 1, (unsigned)mark->column + 1, l->d, text);
	l->err = e;
}

static struct yaml_node *new_node(struct load *l, enum yaml_kind kind, const yaml_mark_t *mark)
{
	if (++l->y->node_n > YAML_NODES_MAX) {
		fail(l, mark, ERR_TOO_LONG, "the file has too many values");
		return NULL;
	}
	struct yaml_node *n = arena_alloc(l->y->arena, sizeof *n);
	if (n == NULL) {
		l->err = ERR_NOMEM;
		return NULL;
	}
	n->kind = kind;
	n->source = l->source;
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
static void attach(struct load *l, const struct yaml_node *n, const yaml_mark_t *mark)
{
	if (l->depth == 0) {
		l->root = n;
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

static void open_node(struct load *l, enum yaml_kind kind, const yaml_char_t *anchor, bool include,
		      const yaml_mark_t *mark)
{
	size_t before = l->y->node_n;
	struct yaml_node *n = new_node(l, kind, mark);

	if (n == NULL)
		return;
	if (l->depth == YAML_DEPTH_MAX) {
		fail(l, mark, ERR_TOO_LONG, "nested too deep");
		return;
	}
	/* A list of files is attached as what is in them. */
	if (!include)
		attach(l, n, mark);
	struct frame f = { .node = n, .before = before, .include = include };
	if (anchor != NULL)
		f.anchor = arena_strdup(l->y->arena, (const char *)anchor);
	if (anchor != NULL && f.anchor == NULL)
		l->err = ERR_NOMEM;
	if (l->err == ERR_OK)
		l->stack[l->depth++] = f;
}

/* ---- anchors and aliases ---- */

static void note_anchor(struct load *l, const char *name, const struct yaml_node *n, size_t weight,
			const yaml_mark_t *mark)
{
	if (l->anchor_n == YAML_ANCHORS_MAX) {
		fail(l, mark, ERR_TOO_LONG, "too many anchors");
		return;
	}
	if (l->anchor_n == l->anchor_cap) {
		size_t cap = l->anchor_cap == 0 ? 16 : l->anchor_cap * 2;
		struct anchor *more = realloc(l->anchors, cap * sizeof *more);
		if (more == NULL) {
			l->err = ERR_NOMEM;
			return;
		}
		l->anchors = more;
		l->anchor_cap = cap;
	}
	l->anchors[l->anchor_n++] = (struct anchor){ name, n, weight };
}

/* The last one of that name holds (YAML 1.1 §3.2.2.2). */
static void alias(struct load *l, const char *name, const yaml_mark_t *mark)
{
	char text[120];

	for (size_t i = l->anchor_n; i-- > 0;) {
		if (strcmp(l->anchors[i].name, name) != 0)
			continue;
		l->y->node_n += l->anchors[i].weight;
		if (l->y->node_n > YAML_NODES_MAX)
			fail(l, mark, ERR_TOO_LONG, "the aliases stand for too many values");
		else
			attach(l, l->anchors[i].node, mark);
		return;
	}
	snprintf(text, sizeof text, "no anchor &%.60s stands before this alias", name);
	fail(l, mark, ERR_SYNTAX, text);
}

/* ---- merges ---- */

static bool has_key(const struct frame *f, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(f->keys[i]->text, key) == 0)
			return true;
	return false;
}

/* What stands in the map itself goes before what is merged; of several maps the first. */
static void merge_map(struct load *l, struct frame *f, const struct yaml_node *at,
		      const struct yaml_node *from)
{
	if (from->kind != YAML_MAP) {
		yaml_finding(l->y, at, l->d, DIAG_ERROR, NULL,
			     "'<<' takes a map, or a list of maps");
		l->err = ERR_SYNTAX;
		return;
	}
	if (f->n * from->n > MERGE_MAX) {
		yaml_finding(l->y, at, l->d, DIAG_ERROR, NULL,
			     "the maps are too large to be merged");
		l->err = ERR_TOO_LONG;
		return;
	}
	for (size_t i = 0; i < from->n && l->err == ERR_OK; i++) {
		if (has_key(f, f->n, from->key[i]->text))
			continue;
		if (!grow(f)) {
			l->err = ERR_NOMEM;
			return;
		}
		f->keys[f->n] = from->key[i];
		f->items[f->n++] = from->item[i];
	}
}

static void merge(struct load *l, struct frame *f)
{
	for (size_t i = 0; i < f->n && l->err == ERR_OK; i++) {
		const struct yaml_node *key = f->keys[i], *from = f->items[i];
		if (key->quoted || strcmp(key->text, "<<") != 0)
			continue;
		f->n--;
		memmove(f->keys + i, f->keys + i + 1, (f->n - i) * sizeof *f->keys);
		memmove(f->items + i, f->items + i + 1, (f->n - i) * sizeof *f->items);
		if (from->kind != YAML_LIST)
			merge_map(l, f, key, from);
		for (size_t k = 0; from->kind == YAML_LIST && k < from->n && l->err == ERR_OK; k++)
			merge_map(l, f, key, from->item[k]);
		return;
	}
}

/* ---- included files ---- */

/* What the file holds; NULL where it is empty, or cannot be read. */
static const struct yaml_node *include(struct load *l, const char *name, const yaml_mark_t *mark)
{
	const char *slash = strrchr(l->source->path, '/');
	const struct yaml_node *root = NULL;

	if (!l->y->includes) {
		fail(l, mark, ERR_SYNTAX, "!include has no meaning in this file");
		return NULL;
	}
	if (l->level == YAML_INCLUDE_MAX || l->y->file_n == YAML_FILES_MAX) {
		fail(l, mark, ERR_TOO_LONG, "files include one another too often");
		return NULL;
	}
	const char *path =
	    name[0] == '/' || slash == NULL
		? arena_strdup(l->y->arena, name)
		: arena_printf(l->y->arena, "%.*s/%s", (int)(slash - l->source->path),
			       l->source->path, name);
	l->err = path != NULL ? parse_file(l->y, path, l->level + 1, &root, l->d) : ERR_NOMEM;
	return root;
}

/* Files of a list: their maps, or their lists, joined. */
static void join(struct load *l, struct frame *f, const yaml_mark_t *mark)
{
	struct frame all = { .node = f->node };
	bool first = true;

	for (size_t i = 0; i < f->n && l->err == ERR_OK; i++) {
		const struct yaml_node *root =
		    f->items[i]->kind == YAML_SCALAR ? include(l, f->items[i]->text, mark) : NULL;
		if (root == NULL)
			continue;
		if (root->kind == YAML_SCALAR || (!first && root->kind != f->node->kind)) {
			fail(l, mark, ERR_SYNTAX,
			     "the files of a list hold maps, or lists, all of them");
			break;
		}
		f->node->kind = root->kind;
		first = false;
		for (size_t k = 0; k < root->n && l->err == ERR_OK; k++) {
			if (!grow(&all)) {
				l->err = ERR_NOMEM;
				break;
			}
			all.keys[all.n] = root->kind == YAML_MAP ? root->key[k] : NULL;
			all.items[all.n++] = root->item[k];
		}
	}
	free(f->items);
	free(f->keys);
	f->items = all.items;
	f->keys = all.keys;
	f->n = all.n;
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

static void close_node(struct load *l, const yaml_mark_t *mark)
{
	struct frame *f = &l->stack[--l->depth];

	if (f->include)
		join(l, f, mark);
	if (f->node->kind == YAML_MAP)
		merge(l, f);
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
	if (f->include && l->err == ERR_OK)
		attach(l, f->node, mark);
	if (f->anchor != NULL && l->err == ERR_OK)
		note_anchor(l, f->anchor, f->node, l->y->node_n - f->before, mark);
}

static bool is_include(const yaml_char_t *tag)
{
	return tag != NULL && strcmp((const char *)tag, "!include") == 0;
}

static void scalar(struct load *l, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t n = ev->data.scalar.length;

	if (memchr(text, 0, n) != NULL) {
		fail(l, &ev->start_mark, ERR_SYNTAX, "a zero byte inside a value");
		return;
	}
	size_t before = l->y->node_n;
	const struct yaml_node *made = NULL;
	if (is_include(ev->data.scalar.tag)) {
		made = include(l, text, &ev->start_mark);
		if (l->err)
			return;
	}
	struct yaml_node *node = made == NULL ? new_node(l, YAML_SCALAR, &ev->start_mark) : NULL;
	if (made == NULL && node == NULL)
		return;
	if (node != NULL) {
		bool empty = is_include(ev->data.scalar.tag);
		node->quoted = !empty && ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
		node->text = arena_strdup(l->y->arena, empty ? "" : text);
		if (node->text == NULL) {
			l->err = ERR_NOMEM;
			return;
		}
		made = node;
	}
	attach(l, made, &ev->start_mark);
	const yaml_char_t *anchor = ev->data.scalar.anchor;
	const char *name = anchor != NULL ? arena_strdup(l->y->arena, (const char *)anchor) : NULL;
	if (name != NULL && l->err == ERR_OK)
		note_anchor(l, name, made, l->y->node_n - before, &ev->start_mark);
}

static void handle(struct load *l, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		scalar(l, ev);
		break;
	case YAML_SEQUENCE_START_EVENT:
		open_node(l, YAML_LIST, ev->data.sequence_start.anchor,
			  is_include(ev->data.sequence_start.tag), &ev->start_mark);
		break;
	case YAML_MAPPING_START_EVENT:
		open_node(l, YAML_MAP, ev->data.mapping_start.anchor, false, &ev->start_mark);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_node(l, &ev->start_mark);
		break;
	case YAML_ALIAS_EVENT:
		alias(l, (const char *)ev->data.alias.anchor, &ev->start_mark);
		break;
	case YAML_DOCUMENT_START_EVENT:
		if (l->root != NULL)
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

static enum err parse(struct yaml *y, const struct yaml_source *source, size_t len, unsigned level,
		      const struct yaml_node **root, struct diag *d)
{
	struct load l = { .y = y, .d = d, .source = source, .level = level };

	if (!yaml_parser_initialize(&l.parser))
		return ERR_NOMEM;
	yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&l.parser, (const unsigned char *)source->text, len);
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
	free(l.anchors);
	yaml_parser_delete(&l.parser);
	*root = l.root;
	return l.err;
}

static struct yaml *yaml_new(void)
{
	struct arena *arena = arena_new(0);
	struct yaml *y = arena != NULL ? arena_alloc(arena, sizeof *y) : NULL;

	if (y == NULL) {
		arena_free(arena);
		return NULL;
	}
	*y = (struct yaml){ .arena = arena };
	return y;
}

enum err yaml_read_text(struct yaml **out, const char *name, const char *text, size_t n,
			struct diag *d)
{
	enum err e = ERR_NOMEM;
	struct yaml *y = yaml_new();

	if (y == NULL)
		return ERR_NOMEM;
	y->source.path = arena_strdup(y->arena, name);
	y->source.text = arena_copy(y->arena, text, n + 1);
	if (y->source.path != NULL && y->source.text != NULL)
		e = parse(y, &y->source, n, 0, &y->root, d);
	if (e)
		arena_free(y->arena);
	else
		*out = y;
	return e;
}

static enum err unreadable(const char *path, struct diag *d, const char *why)
{
	struct diag_place at = { .file = path };

	diag_add(d, DIAG_ERROR, &at, NULL, "%s", why);
	return ERR_IO;
}

/* The whole file, in the arena; its length in *n. */
static enum err read_whole(struct yaml *y, const char *path, char **out, size_t *n, struct diag *d)
{
	struct stat st;
	enum err e = ERR_OK;
	size_t got_n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return unreadable(path, d, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return unreadable(path, d, "not a regular file");
	}
	if (st.st_size > (off_t)(YAML_FILE_MAX - y->octets)) {
		unreadable(path, d, "larger than 64 MiB");
		close(fd);
		return ERR_TOO_LONG;
	}
	char *text = arena_alloc(y->arena, (size_t)st.st_size + 1);
	while (text != NULL && !e && got_n < (size_t)st.st_size) {
		ssize_t got = read(fd, text + got_n, (size_t)st.st_size - got_n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			e = unreadable(path, d, strerror(errno));
		if (got <= 0)
			break;
		got_n += (size_t)got;
	}
	close(fd);
	if (text == NULL)
		return ERR_NOMEM;
	text[got_n] = 0;
	y->octets += got_n;
	y->changed_at = st.st_mtime > y->changed_at ? st.st_mtime : y->changed_at;
	*out = text;
	*n = got_n;
	return e;
}

static enum err parse_file(struct yaml *y, const char *path, unsigned level,
			   const struct yaml_node **root, struct diag *d)
{
	struct yaml_source *source =
	    level == 0 ? &y->source : arena_alloc(y->arena, sizeof *source);
	char *text = NULL;
	size_t n = 0;

	if (source == NULL)
		return ERR_NOMEM;
	y->file_n++;
	source->path = path;
	enum err e = read_whole(y, path, &text, &n, d);
	source->text = text;
	return e ? e : parse(y, source, n, level, root, d);
}

static enum err read_file(struct yaml **out, const char *path, bool includes, struct diag *d)
{
	struct yaml *y = yaml_new();

	if (y == NULL)
		return ERR_NOMEM;
	y->includes = includes;
	const char *copy = arena_strdup(y->arena, path);
	enum err e = copy != NULL ? parse_file(y, copy, 0, &y->root, d) : ERR_NOMEM;
	if (e)
		arena_free(y->arena);
	else
		*out = y;
	return e;
}

enum err yaml_read(struct yaml **out, const char *path, struct diag *d)
{
	return read_file(out, path, false, d);
}

enum err yaml_read_included(struct yaml **out, const char *path, struct diag *d)
{
	return read_file(out, path, true, d);
}

int64_t yaml_changed_at(const struct yaml *y)
{
	return y->changed_at;
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
	return y->source.text;
}

const char *yaml_path(const struct yaml *y)
{
	return y->source.path;
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
