// SPDX-License-Identifier: Apache-2.0
#include "http/curl_loop.h"

#include <stdlib.h>

struct curl_loop {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
};

/* One socket of libcurl's. */
struct watched {
	uv_poll_t poll;
	struct curl_loop *owner;
	curl_socket_t fd;
};

static void collect(struct curl_loop *l)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(l->multi, &left)) != NULL) {
		struct curl_job *job = NULL;
		CURLcode code = m->data.result; /* gone when the handle is removed */
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &job);
		job->done(job, code);
	}
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct watched *w = poll->data;
	struct curl_loop *l = w->owner;
	int running, flags = 0;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(l->multi, w->fd, flags, &running);
	collect(l);
}

static void on_time(uv_timer_t *t)
{
	struct curl_loop *l = t->data;
	int running;

	curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(l);
}

/* libcurl: never call it back from here. */
static int want_timer(CURLM *multi, long ms, void *context)
{
	struct curl_loop *l = context;

	(void)multi;
	if (ms < 0)
		uv_timer_stop(&l->timer);
	else
		uv_timer_start(&l->timer, on_time, (uint64_t)ms, 0);
	return 0;
}

static void on_poll_closed(uv_handle_t *h)
{
	free(h->data);
}

static struct watched *watch(struct curl_loop *l, curl_socket_t fd)
{
	struct watched *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->owner = l;
	w->fd = fd;
	w->poll.data = w;
	if (uv_poll_init_socket(l->loop, &w->poll, fd) != 0) {
		free(w);
		return NULL;
	}
	curl_multi_assign(l->multi, fd, w);
	return w;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *of_socket)
{
	struct curl_loop *l = context;
	struct watched *w = of_socket;
	int events =
	    (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w != NULL) {
			uv_poll_stop(&w->poll);
			uv_close((uv_handle_t *)&w->poll, on_poll_closed);
			curl_multi_assign(l->multi, fd, NULL);
		}
		return 0;
	}
	if (w == NULL)
		w = watch(l, fd);
	return w != NULL && uv_poll_start(&w->poll, events, on_ready) == 0 ? 0 : -1;
}

bool curl_loop_add(struct curl_loop *l, CURL *easy, struct curl_job *job)
{
	return curl_easy_setopt(easy, CURLOPT_PRIVATE, job) == CURLE_OK &&
	       curl_multi_add_handle(l->multi, easy) == CURLM_OK;
}

void curl_loop_remove(struct curl_loop *l, CURL *easy)
{
	curl_multi_remove_handle(l->multi, easy);
}

enum err curl_loop_new(struct curl_loop **out, uv_loop_t *loop, unsigned connections)
{
	struct curl_loop *l = calloc(1, sizeof *l);

	if (l == NULL)
		return ERR_NOMEM;
	l->loop = loop;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (l->multi = curl_multi_init()) == NULL) {
		free(l);
		return ERR_NOMEM;
	}
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, (long)connections);
	uv_timer_init(loop, &l->timer);
	l->timer.data = l;
	*out = l;
	return ERR_OK;
}

static void on_timer_closed(uv_handle_t *h)
{
	free(h->data);
}

void curl_loop_close(struct curl_loop *l)
{
	if (l == NULL)
		return;
	curl_multi_cleanup(l->multi);
	curl_global_cleanup();
	uv_close((uv_handle_t *)&l->timer, on_timer_closed);
}
