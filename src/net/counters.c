// SPDX-License-Identifier: Apache-2.0
#include "net/counters.h"

#include <string.h>

/* ---- sums over workers ---- */

struct histogram {
	uint64_t bucket[NET_LATENCY_BUCKETS], count, sum_us;
	unsigned buckets;
};
_Static_assert(NET_SIGN_BUCKETS <= NET_LATENCY_BUCKETS, "one size has room for both");

static void add_latency(struct histogram *h, const struct latency *l)
{
	h->buckets = NET_LATENCY_BUCKETS;
	for (unsigned b = 0; b < NET_LATENCY_BUCKETS; b++) {
		h->bucket[b] += counter_read(&l->bucket[b]);
		h->count += counter_read(&l->bucket[b]);
	}
	h->sum_us += counter_read(&l->sum_us);
}

static struct histogram udp_latency(const struct net *n)
{
	struct histogram h = { 0 };

	for (unsigned i = 0; i < net_worker_n(n); i++)
		add_latency(&h, &net_worker_stats(n, i)->udp);
	return h;
}

static struct histogram stream_latency(const struct net *n)
{
	struct histogram h = { 0 };

	for (unsigned i = 0; i < net_worker_n(n); i++)
		add_latency(&h, &net_worker_stats(n, i)->stream);
	return h;
}

static struct histogram signing_time(const struct net *n, unsigned algorithm)
{
	struct histogram h = { .buckets = NET_SIGN_BUCKETS };

	for (unsigned i = 0; i < net_sign_stats_n(n); i++) {
		const struct sign_time *t = &net_sign_stats(n, i)->by[algorithm];
		for (unsigned b = 0; b < NET_SIGN_BUCKETS; b++)
			h.bucket[b] += counter_read(&t->bucket[b]);
		h.count += counter_read(&t->made);
		h.sum_us += counter_read(&t->ns) / 1000;
	}
	return h;
}

/* The upper end of the bucket in which so many of a thousand lie; 0 of none. */
static uint64_t percentile_us(const struct histogram *h, unsigned per_mille)
{
	uint64_t seen = 0;
	unsigned b = 0;

	for (; b < h->buckets - 1; b++) {
		seen += h->bucket[b];
		if (seen * 1000 >= h->count * per_mille)
			break;
	}
	return h->count > 0 ? UINT64_C(1) << b : 0;
}

static uint64_t drops(const struct net *n, enum query_drop why)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < net_worker_n(n); i++)
		sum += counter_read(&net_query_stats(n, i)->drops_why[why]);
	return sum;
}

/* What is one less after it was one more may be read in between: less than none are none. */
static uint64_t connections(const struct net *n, enum net_tcp_state state)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < net_worker_n(n); i++)
		sum += (int64_t)counter_read(&net_worker_stats(n, i)->state[state]);
	return sum > 0 ? (uint64_t)sum : 0;
}

static const char *const TYPES[QUERY_TYPE_SLOTS] = {
#define X(type) [QUERY_TYPE_##type] = #type,
	QUERY_TYPES_TABLE(X)
#undef X
	    [QUERY_TYPE_OTHER] = "other",
};

static const char *const DROPS[QUERY_DROPS] = {
#define X(code, text) [QUERY_DROP_##code] = (text),
	QUERY_DROPS_TABLE(X)
#undef X
};

static const char *const STATES[NET_TCP_STATES] = {
#define X(code, text) [NET_TCP_##code] = (text),
	NET_TCP_STATES_TABLE(X)
#undef X
};

/* ---- for the API ---- */

static void add(json_t *j, const char *name, uint64_t value)
{
	json_int_t before = json_integer_value(json_object_get(j, name));

	json_object_set_new(j, name, json_integer(before + (json_int_t)value));
}

static void add_named(json_t *j, const char *what, const char *name, uint64_t value)
{
	char text[64];

	snprintf(text, sizeof text, "%s_%s", what, name);
	add(j, text, value);
}

static void add_percentiles(json_t *j, const char *what, const struct histogram *h)
{
	static const struct {
		const char *name;
		unsigned per_mille;
	} ROWS[] = { { "p50_us", 500 }, { "p90_us", 900 }, { "p99_us", 990 }, { "p999_us", 999 } };

	for (size_t r = 0; r < sizeof ROWS / sizeof *ROWS; r++)
		add_named(j, what, ROWS[r].name, percentile_us(h, ROWS[r].per_mille));
}

/* {"ECDSAP256SHA256": {"made", "mean_us", "p50_us", ...}} of the algorithms that were used. */
static json_t *signing_json(const struct net *n)
{
	json_t *all = json_object();

	for (unsigned i = 0; i < NET_SIGN_ALGORITHMS; i++) {
		struct histogram h = signing_time(n, i);
		if (h.count == 0)
			continue;
		json_t *one = json_pack("{s:I, s:I, s:I, s:I}", "made", (json_int_t)h.count,
					"mean_us", (json_int_t)(h.sum_us / h.count), "p50_us",
					(json_int_t)percentile_us(&h, 500), "p99_us",
					(json_int_t)percentile_us(&h, 990));
		json_object_set_new(all, NET_SIGN_ALGORITHM[i].name, one);
	}
	return all;
}

static void add_signing(const struct net *n, json_t *j)
{
	for (unsigned i = 0; i < NET_SIGN_ALGORITHMS; i++) {
		struct histogram h = signing_time(n, i);
		add(j, "signatures_made", h.count);
		add(j, "signing_us", h.sum_us);
	}
	json_object_set_new(j, "signing", signing_json(n));
}

json_t *counters_json(const struct net *n)
{
	json_t *j = json_object();
	struct histogram udp = udp_latency(n), stream = stream_latency(n);

	for (unsigned i = 0; i < net_worker_n(n); i++) {
		const struct query_stats *q = net_query_stats(n, i);
		const struct net_stats *s = net_worker_stats(n, i);
#define X(field, says) add(j, #field, counter_read(&q->field));
		QUERY_STATS_TABLE(X)
#undef X
#define X(field, says) add(j, #field, counter_read(&s->field));
		NET_STATS_TABLE(X)
#undef X
		for (unsigned t = 0; t < QUERY_TYPE_SLOTS; t++)
			add_named(j, "type", TYPES[t], counter_read(&q->by_type[t]));
	}
	for (unsigned i = 0; i < QUERY_DROPS; i++)
		add_named(j, "drops", DROPS[i], drops(n, i));
	add(j, "drops_receive_buffer", net_receive_drops(n));
	for (unsigned i = 0; i < NET_TCP_STATES; i++)
		add_named(j, "tcp", STATES[i], connections(n, i));
	add_percentiles(j, "udp", &udp);
	add_percentiles(j, "stream", &stream);
	add_signing(n, j);
	return j;
}

/* ---- for Prometheus ---- */

static void describe(struct text *out, const char *name, const char *type, const char *says)
{
	text_add(out, "# HELP concord_%s %s\n# TYPE concord_%s %s\n", name, says, name, type);
}

/* A table's row is a counter, but for what counts what is there now. */
static void add_metric(struct text *out, const char *field, const char *says, uint64_t value)
{
	bool gauge = strcmp(field, "tcp_open") == 0;
	char name[64];

	snprintf(name, sizeof name, "%s%s", field, gauge ? "" : "_total");
	describe(out, name, gauge ? "gauge" : "counter", says);
	text_add(out, "concord_%s %llu\n", name, (unsigned long long)value);
}

/* `label` is "" or `name="value"`. */
static void add_histogram(struct text *out, const char *name, const char *label,
			  const struct histogram *h)
{
	const char *comma = label[0] != 0 ? "," : "";
	const char *open = label[0] != 0 ? "{" : "", *close = label[0] != 0 ? "}" : "";
	uint64_t up_to = 0;

	for (unsigned b = 0; b + 1 < h->buckets; b++) {
		up_to += h->bucket[b];
		text_add(out, "concord_%s_bucket{%s%sle=\"%.6f\"} %llu\n", name, label, comma,
			 (double)(1u << b) / 1e6, (unsigned long long)up_to);
	}
	up_to += h->bucket[h->buckets - 1];
	text_add(out,
		 "concord_%s_bucket{%s%sle=\"+Inf\"} %llu\nconcord_%s_sum%s%s%s %.6f\n"
		 "concord_%s_count%s%s%s %llu\n",
		 name, label, comma, (unsigned long long)up_to, name, open, label, close,
		 (double)h->sum_us / 1e6, name, open, label, close, (unsigned long long)up_to);
}

static void add_latencies(const struct net *n, struct text *out)
{
	struct histogram udp = udp_latency(n), stream = stream_latency(n);

	describe(out, "udp_seconds", "histogram",
		 "Time from the receipt of a batch of queries to the sending of its answers.");
	add_histogram(out, "udp_seconds", "", &udp);
	describe(out, "stream_seconds", "histogram",
		 "Time from what one event of a TCP or TLS connection brought to its answers.");
	add_histogram(out, "stream_seconds", "", &stream);
}

static void add_signing_times(const struct net *n, struct text *out)
{
	char label[32];

	describe(out, "signature_seconds", "histogram",
		 "Time that a signature took, by algorithm; made together: its share.");
	for (unsigned i = 0; i < NET_SIGN_ALGORITHMS; i++) {
		struct histogram h = signing_time(n, i);
		if (h.count == 0)
			continue;
		uint8_t number = NET_SIGN_ALGORITHM[i].number;
		if (number != 0)
			snprintf(label, sizeof label, "algorithm=\"%u\"", number);
		else
			snprintf(label, sizeof label, "algorithm=\"several\"");
		add_histogram(out, "signature_seconds", label, &h);
	}
}

static void add_types(const struct net *n, struct text *out)
{
	describe(out, "queries_total", "counter", "Queries answered, by type asked for.");
	for (unsigned t = 0; t < QUERY_TYPE_SLOTS; t++) {
		uint64_t sum = 0;
		for (unsigned i = 0; i < net_worker_n(n); i++)
			sum += counter_read(&net_query_stats(n, i)->by_type[t]);
		text_add(out, "concord_queries_total{type=\"%s\"} %llu\n", TYPES[t],
			 (unsigned long long)sum);
	}
}

static void add_drops(const struct net *n, struct text *out)
{
	describe(out, "dropped_total", "counter",
		 "Requests that were never answered, by reason; receive-buffer: a worker did not "
		 "take them in time.");
	for (unsigned i = 0; i < QUERY_DROPS; i++)
		text_add(out, "concord_dropped_total{why=\"%s\"} %llu\n", DROPS[i],
			 (unsigned long long)drops(n, i));
	text_add(out, "concord_dropped_total{why=\"receive-buffer\"} %llu\n",
		 (unsigned long long)net_receive_drops(n));
}

static void add_states(const struct net *n, struct text *out)
{
	describe(out, "tcp_connections", "gauge", "TCP and TLS connections by what they are at.");
	for (unsigned i = 0; i < NET_TCP_STATES; i++)
		text_add(out, "concord_tcp_connections{state=\"%s\"} %llu\n", STATES[i],
			 (unsigned long long)connections(n, i));
}

void counters_metrics(const struct net *n, struct text *out)
{
#define SUM(stats, field)                                                                          \
	for (unsigned i = 0; i < net_worker_n(n); i++)                                             \
		sum += counter_read(&stats(n, i)->field);
#define X(field, says)                                                                             \
	{                                                                                          \
		uint64_t sum = 0;                                                                  \
		SUM(net_query_stats, field)                                                        \
		add_metric(out, #field, says, sum);                                                \
	}
	QUERY_STATS_TABLE(X)
#undef X
#define X(field, says)                                                                             \
	{                                                                                          \
		uint64_t sum = 0;                                                                  \
		SUM(net_worker_stats, field)                                                       \
		add_metric(out, #field, says, sum);                                                \
	}
	NET_STATS_TABLE(X)
#undef X
#undef SUM
	add_drops(n, out);
	add_states(n, out);
	add_signing_times(n, out);
	add_types(n, out);
	add_latencies(n, out);
}
