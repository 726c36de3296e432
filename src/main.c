// SPDX-License-Identifier: Apache-2.0
/* concordd: reads arguments, wires the modules together, starts the threads. */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <jansson.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <uv.h>

#include "api/api.h"
#include "base/give_way.h"
#include "base/log.h"
#include "control/control.h"
#include "net/counters.h"
#include "net/net.h"

#define EXIT_USAGE   2
#define CONTROL_NICE 10

struct daemon {
	uv_loop_t loop;
	struct control *control;
	struct net *net;
	struct api *api;
	uv_signal_t hup, term, interrupt;
};

static void usage(FILE *to)
{
	fputs("usage: concordd -c FILE [--check]\n"
	      "       concordd --version | --help\n"
	      "\n"
	      "  -c, --config FILE   the configuration (concord.yaml(5))\n"
	      "      --check         check the configuration, zones and policies, and exit with 0 "
	      "or 1\n",
	      to);
}

struct arguments {
	const char *config;
	bool check;
};

/* Returns -1 to go on, or the exit code. */
static int parse_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct option OPTIONS[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "c:h", OPTIONS, NULL)) != -1) {
		switch (o) {
		case 'c':
			a->config = optarg;
			break;
		case 'k':
			a->check = true;
			break;
		case 'v':
			puts("concordd " CONCORD_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (a->config == NULL || optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return -1;
}

/* Says all findings; true where one was an error. */
static bool report(struct diag *d, enum err e)
{
	bool failed = diag_failed(d) || e != ERR_OK;

	log_diag(NULL, d);
	if (e && !diag_failed(d))
		log_error(NULL, "%s", err_text(e));
	diag_free(d);
	return failed;
}

static int check(const char *config)
{
	struct diag d = { 0 };
	enum err e = control_check(config, &d);
	size_t warnings = d.warning_n;

	diag_print(&d, stderr);
	if (e && !diag_failed(&d))
		fprintf(stderr, "error: %s\n", err_text(e));
	bool failed = diag_failed(&d) || e != ERR_OK;
	diag_free(&d);
	if (!failed)
		printf("%s: no errors, %zu warnings\n", config, warnings);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- privileges ---- */

static bool fail(const char *what, const char *name)
{
	log_error(NULL, "privileges: %s %s: %s", what, name,
		  errno != 0 ? strerror(errno) : "not known");
	return false;
}

/* The directories that we write to belong to the user that we become. */
static bool hand_over(const char *path, uid_t uid, gid_t gid)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return fail("cannot make", path);
	return chown(path, uid, gid) == 0 || fail("cannot hand over", path);
}

static bool hand_over_parent(const char *path, uid_t uid, gid_t gid)
{
	char dir[4096];
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path || (size_t)(slash - path) >= sizeof dir)
		return true;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = 0;
	/* Only a directory of our own making: /run or /tmp stay what they are. */
	if (mkdir(dir, 0755) < 0)
		return errno == EEXIST || fail("cannot make", dir);
	return chown(dir, uid, gid) == 0 || fail("cannot hand over", dir);
}

static bool drop_privileges(const struct config_server *s)
{
	if (geteuid() != 0 || s->user == NULL)
		return true;
	errno = 0;
	const struct passwd *user = getpwnam(s->user);
	if (user == NULL)
		return fail("no such user:", s->user);
	uid_t uid = user->pw_uid;
	gid_t gid = user->pw_gid;
	if (s->group != NULL) {
		errno = 0;
		const struct group *group = getgrnam(s->group);
		if (group == NULL)
			return fail("no such group:", s->group);
		gid = group->gr_gid;
	}
	if (!hand_over(s->state_dir, uid, gid) || !hand_over_parent(s->control_socket, uid, gid))
		return false;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return fail("cannot become", s->user);
	return true;
}

/* ---- signals ---- */

static void on_reload_done(void *context, const struct control_result *result,
			   const struct diag *findings)
{
	(void)context;
	(void)result; /* it stands in the log */
	(void)findings;
	sd_notify(0, "READY=1");
}

static void on_reload(uv_signal_t *s, int number)
{
	struct daemon *m = s->data;

	(void)number;
	sd_notify(0, "RELOADING=1");
	control_reload(m->control, on_reload_done, m);
}

static void on_end(uv_signal_t *s, int number)
{
	struct daemon *m = s->data;

	log_info(NULL, "signal: %s, stopping", number == SIGINT ? "interrupt" : "terminate");
	sd_notify(0, "STOPPING=1");
	uv_stop(&m->loop);
}

static bool watch_signals(struct daemon *m)
{
	m->hup.data = m->term.data = m->interrupt.data = m;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error to report, not an end */
	return uv_signal_init(&m->loop, &m->hup) == 0 && uv_signal_init(&m->loop, &m->term) == 0 &&
	       uv_signal_init(&m->loop, &m->interrupt) == 0 &&
	       uv_signal_start(&m->hup, on_reload, SIGHUP) == 0 &&
	       uv_signal_start(&m->term, on_end, SIGTERM) == 0 &&
	       uv_signal_start(&m->interrupt, on_end, SIGINT) == 0;
}

/* ---- start ---- */

static json_t *stats(void *context)
{
	const struct daemon *m = context;

	return counters_json(m->net);
}

static void metrics(void *context, struct text *out)
{
	const struct daemon *m = context;

	counters_metrics(m->net, out);
}

static struct net_address *copy_addresses(const struct config_address *from, size_t n)
{
	struct net_address *all = calloc(n + 1, sizeof *all);

	for (size_t i = 0; all != NULL && i < n; i++)
		all[i] = (struct net_address){ from[i].addr, from[i].port };
	return all;
}

static void on_reloaded(const struct config *c, void *context, struct diag *d)
{
	struct daemon *m = context;

	if (c->server.tls_certificate != NULL)
		net_set_certificate(m->net, c->server.tls_certificate, c->server.tls_key,
				    config_asks_clients(c), d);
	if (m->api != NULL)
		api_reload(m->api, c, d);
}

static bool open_net(struct daemon *m)
{
	const struct config_server *s = &control_config(m->control)->server;
	struct diag d = { 0 };
	struct net_options o = {
		.listen_n = s->listen_n,
		.worker_n = s->workers,
		.signer_n = s->signers,
		.tcp_idle_ms = s->tcp_idle_s * 1000,
		.tcp_max = s->tcp_max_connections,
		.tcp_max_client = s->tcp_max_per_client,
		.listen_tls_n = s->listen_tls_n,
		.views = control_views(m->control),
		.handoff = control_take,
		.handoff_context = m->control,
	};
	struct net_address *listen = copy_addresses(s->listen, s->listen_n);
	struct net_address *listen_tls = copy_addresses(s->listen_tls, s->listen_tls_n);

	if (listen == NULL || listen_tls == NULL) {
		free(listen);
		free(listen_tls);
		return false;
	}
	o.listen = listen;
	o.listen_tls = listen_tls;
	enum err e = net_open(&m->net, &o, &d);
	free(listen);
	free(listen_tls);
	/* The key is read while still root: it may belong to another user. */
	if (!e && s->tls_certificate != NULL)
		e = net_set_certificate(m->net, s->tls_certificate, s->tls_key,
					config_asks_clients(control_config(m->control)), &d);
	if (e)
		return !report(&d, e);
	control_set_workers(m->control, net_worker_n(m->net));
	control_on_reload(m->control, on_reloaded, m);
	return true;
}

static bool load(struct daemon *m)
{
	struct diag d = { 0 };
	enum err e = control_load(m->control, &d);

	return !report(&d, e);
}

static bool start_api(struct daemon *m)
{
	struct diag d = { 0 };
	struct api_options o = {
		.socket_path = control_config(m->control)->server.control_socket,
		.control = m->control,
		.stats = stats,
		.stats_context = m,
		.metrics = metrics,
		.metrics_listen = control_config(m->control)->server.metrics_listen_n > 0
				      ? control_config(m->control)->server.metrics_listen
				      : NULL,
	};
	enum err e = api_start(&m->api, &m->loop, &o, &d);

	return !report(&d, e);
}

static void say_ready(const struct daemon *m)
{
	const struct config *c = control_config(m->control);
	char text[512] = "";
	size_t n = 0;

	for (size_t i = 0; i < c->server.listen_n && n < sizeof text; i++) {
		char addr[IP_TEXT_MAX];
		n += (size_t)snprintf(text + n, sizeof text - n, ", %s@%u",
				      ip_to_text(&c->server.listen[i].addr, addr),
				      c->server.listen[i].port);
	}
	log_info(NULL, "ready: %zu zones, %u workers%s (UDP, TCP%s)", c->zone_n,
		 net_worker_n(m->net), text, c->server.listen_tls_n > 0 ? ", TLS" : "");
	sd_notify(0, "READY=1");
}

static bool start(struct daemon *m, const char *config)
{
	struct diag d = { 0 };
	enum err e = control_new(&m->control, &m->loop, config, &d);

	if (report(&d, e))
		return false;
	/* Sockets while still root, everything else as the user that we become. */
	control_open_secure_heap(m->control); /* locking memory may need root */
	if (!open_net(m) || !drop_privileges(&control_config(m->control)->server))
		return false;
	if (!load(m) || !start_api(m) || !watch_signals(m))
		return false;
	if (net_start(m->net)) {
		log_error(NULL, "threads: cannot be started");
		return false;
	}
	/* From here on this thread is the control loop's alone: loading a large zone must not take
	 * a core from a worker. */
	give_way(CONTROL_NICE);
	say_ready(m);
	return true;
}

static void close_signal(uv_handle_t *h, void *context)
{
	(void)context;
	if (h->type == UV_SIGNAL && !uv_is_closing(h))
		uv_close(h, NULL);
}

static void stop(struct daemon *m)
{
	api_stop(m->api);
	control_stop_requests(m->control);
	net_close(m->net);
	control_stop(m->control);
	uv_walk(&m->loop, close_signal, NULL);
	uv_run(&m->loop, UV_RUN_DEFAULT); /* until every handle is closed */
	control_free(m->control);
	uv_loop_close(&m->loop);
}

/* The parser of zone files takes and gives back large blocks for each record: without this the heap
 * would grow and shrink by system calls two million times for a million records. What is left over
 * after a load goes back at once (control/control.c). */
static void keep_heap(void)
{
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
}

int main(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct daemon *m;
	int code = parse_arguments(argc, argv, &a);

	if (code >= 0)
		return code;
	if (a.check) {
		keep_heap();
		return check(a.config);
	}
	keep_heap();
	m = calloc(1, sizeof *m);
	if (m == NULL || uv_loop_init(&m->loop) != 0)
		return EXIT_FAILURE;
#ifndef __SANITIZE_ADDRESS__       /* whose leak check reads the process as a debugger does */
	prctl(PR_SET_DUMPABLE, 0); /* private keys do not go into core dumps */
#endif
	umask(077);
	bool started = start(m, a.config);
	if (started)
		uv_run(&m->loop, UV_RUN_DEFAULT);
	stop(m);
	free(m);
	return started ? EXIT_SUCCESS : EXIT_FAILURE;
}
