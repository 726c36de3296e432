// SPDX-License-Identifier: Apache-2.0
#include "control/steering_memory.h"

#include "control/internal.h"
#include "dns/name.h"

#define MIB ((size_t)1 << 20)

enum err steering_memory_open(struct control *c)
{
	c->partitions = partition_store_new(c->config->server.steering_mib * MIB);
	return c->partitions != NULL ? ERR_OK : ERR_NOMEM;
}

struct partition_store *steering_memory_for(struct control *c, const struct config *config)
{
	partition_store_limit(c->partitions, config->server.steering_mib * MIB);
	return c->partitions;
}

static double mib(size_t bytes)
{
	return (double)bytes / (double)MIB;
}

void steering_memory_refuse(struct partition_store *s, const struct policy *p, enum err e,
			    struct diag *d)
{
	struct diag_place at = { .file = p->file, .line = p->at.line, .column = p->at.column };
	char name[NAME_TEXT_MAX];
	struct partition_usage u = { 0 };

	name_to_text(p->owner, name);
	if (s != NULL)
		u = partition_store_usage(s);
	if (e == ERR_REFUSED)
		diag_add(
		    d, DIAG_ERROR, &at,
		    "raise steering-mib under server, or let more policies have the same rules: "
		    "they then share it",
		    "what the rules of %s make of the address space does not fit: %.1f MiB of the "
		    "%.0f MiB that all policies may have are in use",
		    name, mib(u.bytes), mib(u.max_bytes));
	else
		diag_add(d, DIAG_ERROR, &at, NULL, "cannot compile the policy of %s: %s", name,
			 e == ERR_TOO_LONG ? "its pools stand in too many different orders by "
					     "distance"
					   : err_text(e));
}

json_t *steering_memory_status(const struct control *c)
{
	struct partition_usage u = partition_store_usage(c->partitions);

	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "bytes", (json_int_t)u.bytes, "max_bytes",
			 (json_int_t)u.max_bytes, "partitions", (json_int_t)u.partitions, "built",
			 (json_int_t)u.built, "reused", (json_int_t)u.reused);
}

void steering_memory_metrics(const struct control *c, struct text *out)
{
	struct partition_usage u = partition_store_usage(c->partitions);
	const struct {
		const char *name, *type, *says;
		uint64_t value;
	} ROWS[] = {
		{ "steering_bytes", "gauge",
		  "Memory of what policies have made of the address space.", u.bytes },
		{ "steering_max_bytes", "gauge", "The most that it may be (steering-mib).",
		  u.max_bytes },
		{ "steering_partitions", "gauge", "Different partitions of the address space.",
		  u.partitions },
		{ "steering_built_total", "counter", "Partitions built.", u.built },
		{ "steering_reused_total", "counter",
		  "Policies that found theirs built: another policy's, or that of before.",
		  u.reused },
	};

	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		text_add(out, "# HELP concord_%s %s\n# TYPE concord_%s %s\nconcord_%s %llu\n",
			 ROWS[i].name, ROWS[i].says, ROWS[i].name, ROWS[i].type, ROWS[i].name,
			 (unsigned long long)ROWS[i].value);
}
