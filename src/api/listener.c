// SPDX-License-Identifier: Apache-2.0
/* The Unix socket, and TCP sockets. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/internal.h"

static enum err finding(const char *path, struct diag *d, const char *why)
{
	struct diag_place at = { .file = path };

	diag_add(d, DIAG_ERROR, &at, NULL, "cannot listen on the control socket: %s", why);
	return ERR_IO;
}

/* Whether somebody answers there: then the file is not ours to replace. */
static bool is_alive(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) == 0;

	if (fd >= 0)
		close(fd);
	return alive;
}

static void make_directory(const char *path)
{
	char dir[sizeof((struct sockaddr_un *)NULL)->sun_path];
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = 0;
	(void)mkdir(dir, 0755); /* bind() says what is wrong */
}

enum err listener_open(const char *path, int *out, struct diag *d)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stat st;

	if (strlen(path) >= sizeof at.sun_path)
		return finding(path, d, "the path is too long");
	strcpy(at.sun_path, path);
	make_directory(path);
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return finding(path, d, "a file that is not a socket stands there");
		if (is_alive(&at))
			return finding(path, d, "another concordd listens there");
		unlink(path);
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return finding(path, d, strerror(errno));
	/* 0660 from the first moment on. */
	mode_t before = umask(0117);
	bool bound = bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
	umask(before);
	if (!bound || listen(fd, CONNECTIONS_MAX) < 0) {
		enum err e = finding(path, d, strerror(errno));
		close(fd);
		return e;
	}
	*out = fd;
	return ERR_OK;
}

enum err listener_open_tcp(const struct config_address *at, const char *what, int *out,
			   struct diag *d)
{
	char text[IP_TEXT_MAX];
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(at->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(at->port) };
	bool is_v4 = at->addr.family == IP_V4;
	int on = 1;
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(&v4.sin_addr, at->addr.bytes, 4);
	memcpy(&v6.sin6_addr, at->addr.bytes, 16);
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd >= 0 &&
	    bind(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
		 is_v4 ? sizeof v4 : sizeof v6) == 0 &&
	    listen(fd, CONNECTIONS_MAX) == 0) {
		*out = fd;
		return ERR_OK;
	}
	diag_add(d, DIAG_ERROR, NULL, NULL, "cannot listen on %s@%u (%s): %s",
		 ip_to_text(&at->addr, text), at->port, what, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ERR_IO;
}
