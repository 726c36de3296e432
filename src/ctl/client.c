// SPDX-License-Identifier: Apache-2.0
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#define ANSWER_MAX ((size_t)64 << 20)
/* A reload of a large configuration takes its time. */
#define TIMEOUT_S 300L

struct answer {
	char *text;
	size_t n;
	CURL *curl;
	FILE *to; /* where what was asked for goes; NULL: text */
};

static size_t collect(char *data, size_t size, size_t n, void *context)
{
	struct answer *a = context;
	size_t more = size * n;

	long status = 0;

	if (a->to != NULL)
		curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return fwrite(data, size, n, a->to) == n ? more : 0;
	if (a->n + more > ANSWER_MAX)
		return 0;
	char *text = realloc(a->text, a->n + more + 1);
	if (text == NULL)
		return 0;
	memcpy(text + a->n, data, more);
	a->text = text;
	a->n += more;
	a->text[a->n] = 0;
	return more;
}

static int exit_of(long status)
{
	if (status >= 200 && status < 300)
		return CTL_OK;
	if (status == 404)
		return CTL_NOT_FOUND;
	return status == 409 ? CTL_REFUSED : CTL_FAILED;
}

/* The daemon's reason, and the findings of a reload one by one. */
static void tell(json_t *j, long status)
{
	const char *detail = json_string_value(json_object_get(j, "detail"));
	json_t *errors = json_object_get(j, "errors"), *e;
	size_t i;

	json_array_foreach(errors, i, e) fprintf(stderr, "%s\n", json_string_value(e));
	if (detail != NULL)
		fprintf(stderr, "concordctl: %s\n", detail);
	else
		fprintf(stderr, "concordctl: the daemon answered with status %ld\n", status);
}

static CURLcode perform(CURL *curl, const struct ctl *c, const char *method, const char *url,
			const char *body, struct answer *a)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");

	headers = curl_slist_append(headers, "Expect:");
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	if (body != NULL)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	else if (strcmp(method, "GET") != 0)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
	CURLcode code = curl_easy_perform(curl);
	curl_slist_free_all(headers);
	return code;
}

/* Says why there is no answer. */
static int unanswered(const struct ctl *c, CURLcode why)
{
	if (why == CURLE_WRITE_ERROR) {
		fprintf(stderr, "concordctl: cannot write: %s\n", strerror(errno));
		return CTL_FAILED;
	}
	fprintf(stderr, "concordctl: no daemon answers at %s: %s\n", c->socket,
		curl_easy_strerror(why));
	return CTL_UNREACHABLE;
}

int client_download(const struct ctl *c, const char *path, FILE *to)
{
	struct answer a = { .curl = curl_easy_init(), .to = to };
	long status = 0;
	char url[4096];

	if (a.curl == NULL ||
	    snprintf(url, sizeof url, "http://localhost%s", path) >= (int)sizeof url) {
		curl_easy_cleanup(a.curl);
		return CTL_FAILED;
	}
	CURLcode result = perform(a.curl, c, "GET", url, NULL, &a);
	curl_easy_getinfo(a.curl, CURLINFO_RESPONSE_CODE, &status);
	int code = result != CURLE_OK ? unanswered(c, result) : exit_of(status);
	if (result == CURLE_OK && code != CTL_OK) {
		json_t *problem = a.text != NULL ? json_loads(a.text, 0, NULL) : NULL;
		tell(problem, status);
		json_decref(problem);
	}
	free(a.text);
	curl_easy_cleanup(a.curl);
	return code;
}

int client_call(const struct ctl *c, const char *method, const char *path, json_t *body,
		json_t **out)
{
	struct answer a = { 0 };
	long status = 0;
	char url[4096];
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	CURL *curl = curl_easy_init();
	int code = CTL_FAILED;

	*out = NULL;
	if (curl == NULL ||
	    snprintf(url, sizeof url, "http://localhost%s", path) >= (int)sizeof url)
		goto done;
	CURLcode result = perform(curl, c, method, url, text, &a);
	if (result != CURLE_OK) {
		code = unanswered(c, result);
		goto done;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	code = exit_of(status);
	*out = a.text != NULL ? json_loads(a.text, 0, NULL) : NULL;
	if (code != CTL_OK)
		tell(*out, status);
	if (code != CTL_OK && !c->json) {
		json_decref(*out);
		*out = NULL;
	}
done:
	free(text);
	free(a.text);
	curl_easy_cleanup(curl);
	return code;
}

char *client_escape(const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0),
	     *copy = escaped != NULL ? strdup(escaped) : NULL;

	curl_free(escaped);
	return copy;
}

int client_run(const struct ctl *c, const char *method, char *path, json_t *body,
	       void (*print)(const struct ctl *c, json_t *j))
{
	json_t *j = NULL;
	int code = path != NULL ? client_call(c, method, path, body, &j) : CTL_FAILED;

	if (j != NULL && c->json)
		print_json(j);
	else if (j != NULL && print != NULL)
		print(c, j);
	json_decref(j);
	json_decref(body);
	free(path);
	return code;
}
