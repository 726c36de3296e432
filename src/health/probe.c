// SPDX-License-Identifier: Apache-2.0
#include "health/probe.h"

#include <stdlib.h>

#include "health/internal.h"

enum err prober_new(struct prober **out, uv_loop_t *loop)
{
	struct prober *p = calloc(1, sizeof *p);

	if (p == NULL)
		return ERR_NOMEM;
	p->loop = loop;
	enum err e = http_prober_new(&p->http, loop);
	if (!e)
		e = icmp_prober_new(&p->icmp, loop);
	if (e) {
		http_prober_close(p->http);
		free(p);
		return e;
	}
	*out = p;
	return ERR_OK;
}

void prober_close(struct prober *p)
{
	if (p == NULL)
		return;
	http_prober_close(p->http);
	icmp_prober_close(p->icmp);
	free(p);
}

enum err probe_start(struct prober *p, const struct check_spec *spec, probe_done done,
		     void *context, struct probe **out)
{
	struct probe as = {
		.icmp = spec->protocol == CHECK_ICMP,
		.spec = spec,
		.done = done,
		.context = context,
		.began_ns = uv_hrtime(),
	};

	if (spec->protocol == CHECK_FEED)
		return ERR_UNSUPPORTED;
	return as.icmp ? icmp_probe_start(p->icmp, &as, out) : http_probe_start(p->http, &as, out);
}

void probe_cancel(struct probe *b)
{
	if (b->icmp)
		icmp_probe_cancel(b);
	else
		http_probe_cancel(b);
}
