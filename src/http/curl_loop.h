// SPDX-License-Identifier: Apache-2.0
/*
 * curl_loop.h -- libcurl's transfers, driven by our loop.
 *
 * Use.       Give a handle that is set up, with a struct curl_job; its `done` is called from the
 * loop when the transfer has ended, and takes the handle back with curl_loop_remove(). Removing it
 * earlier ends the transfer without a call. CURLOPT_PRIVATE is the loop's.
 * Threads.   The loop's.
 */
#ifndef HTTP_CURL_LOOP_H
#define HTTP_CURL_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>

#include "base/err.h"

struct curl_loop;

struct curl_job {
	void (*done)(struct curl_job *job, CURLcode code);
};

/* `connections`: how many are kept for later transfers. */
enum err curl_loop_new(struct curl_loop **out, uv_loop_t *loop, unsigned connections);
/* Nothing may be under way. Its handles close with the next turns of the loop, then it frees
 * itself. Accepts NULL. */
void curl_loop_close(struct curl_loop *l);

bool curl_loop_add(struct curl_loop *l, CURL *easy, struct curl_job *job);
void curl_loop_remove(struct curl_loop *l, CURL *easy);

#endif
