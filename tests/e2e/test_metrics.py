# SPDX-License-Identifier: Apache-2.0
"""Prometheus text."""
import re
import socket
import struct
import time
import urllib.error
import urllib.request

import pytest

from lab.daemons import free_port, make_query
from lab.wait import wait_until


def fetch(port, path="/metrics"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as r:
        return r.headers["Content-Type"], r.read().decode()


def values(text):
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#")}


@pytest.fixture
def served(concord):
    port = free_port()
    c = concord(server={"metrics-listen": f"127.0.0.1@{port}"})
    c.metrics_port = port
    return c


def test_answers_are_counted_by_zone_rcode_transport_and_time(served):
    for _ in range(3):
        served.ask("www.example.", "A")
    served.ask("nothing.example.", "A")
    served.ask("www.example.", "A", tcp=True)
    kind, text = fetch(served.metrics_port)
    assert kind.startswith("text/plain; version=0.0.4")
    v = values(text)
    assert v['concord_zone_responses_total{zone="example.",rcode="NOERROR"}'] == 4
    assert v['concord_zone_responses_total{zone="example.",rcode="NXDOMAIN"}'] == 1
    assert v['concord_queries_total{type="A"}'] == 5 and v['concord_queries_total{type="other"}'] == 0
    assert v["concord_udp_requests_total"] == 4 and v["concord_tcp_requests_total"] == 1
    assert v["concord_udp_seconds_count"] == 4 == v['concord_udp_seconds_bucket{le="+Inf"}']
    assert v['concord_zone_serial{zone="example."}'] == 1 and v["concord_zones"] == 1
    buckets = [n for k, n in v.items() if k.startswith("concord_udp_seconds_bucket")]
    assert buckets == sorted(buckets)


def test_stats_tell_types_and_percentiles(served):
    stats = served.ctl("stats")
    assert stats["udp_p99_us"] == 0 and stats["type_A"] == 0
    for _ in range(20):
        served.ask("www.example.", "A")
    served.ask("www.example.", "TYPE65280")
    stats = served.ctl("stats")
    assert stats["type_A"] == 20 and stats["type_other"] == 1
    percentiles = [stats[f"udp_p{n}_us"] for n in ("50", "90", "99", "999")]
    assert percentiles == sorted(percentiles) and percentiles[0] >= 1
    assert all(p & (p - 1) == 0 for p in percentiles)


def histogram(v, name, label=""):
    """Its count, after a look that it is one."""
    comma = label + "," if label else ""
    buckets = [n for k, n in v.items() if k.startswith(f"concord_{name}_bucket{{{comma}le=")]
    count = v[f"concord_{name}_count" + (f"{{{label}}}" if label else "")]
    assert buckets == sorted(buckets) and buckets[-1] == count
    assert v[f"concord_{name}_sum" + (f"{{{label}}}" if label else "")] >= 0
    return count


def test_signing_time_is_told_by_algorithm(concord):
    """Two zones, each with a policy of its own."""
    port = free_port()
    c = concord(start=False, server={"metrics-listen": f"127.0.0.1@{port}"}, extra="signing:\n  - {id: dear, algorithm: rsasha256}")
    c.zone("dear.", "$TTL 60\n@ IN SOA ns h 1 2 3 4 5\n@ IN NS ns\nns IN A 192.0.2.1\n", signing="dear")
    c.write_config()
    c.start()
    for _ in range(3):  # hits make none
        c.ask("www.example.", "A", do=True)
    c.ask("ns.dear.", "A", do=True)
    v = values(fetch(port)[1])
    made = {n: histogram(v, "signature_seconds", f'algorithm="{n}"') for n in (13, 8)}
    assert made == {13: 1, 8: 1}
    signing = c.ctl("stats")["signing"]
    assert {n: s["made"] for n, s in signing.items()} == {"ECDSAP256SHA256": 1, "RSASHA256": 1}
    assert signing["RSASHA256"]["mean_us"] > 0
    assert "signatures by RSASHA256: 1 made" in c.ctl_raw("stats").stdout


def test_what_was_never_answered_is_told_by_reason(served):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((served.address, served.port))
        s.send(b"short")
        s.send(make_query("www.example.", "A").to_wire()[:2] + b"\x80" + bytes(40))
        s.send(bytes(6000))
    served.ask("www.example.", "A")
    v = values(fetch(served.metrics_port)[1])
    told = {w: v[f'concord_dropped_total{{why="{w}"}}'] for w in ("short", "response", "oversized", "receive-buffer")}
    assert told == {"short": 1, "response": 1, "oversized": 1, "receive-buffer": 0}
    stats = served.ctl("stats")
    assert stats["drops"] == 3 and stats["drops_short"] == stats["drops_oversized"] == 1 and stats["drops_receive_buffer"] == 0


def test_connections_are_told_by_what_they_are_at(served):
    wire = make_query("www.example.", "A").to_wire()
    idle, partial, unread = (socket.socket() for _ in range(3))
    unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for s in (idle, partial, unread):
        s.connect((served.address, served.port))
    partial.sendall(b"\0\x20only part")
    big = make_query("big.example.", "TXT").to_wire()
    unread.setblocking(False)
    try:
        while True:
            unread.send((struct.pack("!H", len(big)) + big) * 100)
    except BlockingIOError:
        pass

    def states():
        v = values(fetch(served.metrics_port)[1])
        return [v[f'concord_tcp_connections{{state="{s}"}}'] for s in ("handshake", "idle", "partial", "waiting", "unread")]

    wait_until(lambda: states() == [0, 1, 1, 0, 1], "each is told")
    idle.sendall(struct.pack("!H", len(wire)) + wire)
    assert idle.recv(2)
    stats = served.ctl("stats")
    assert stats["tcp_idle"] == stats["tcp_partial"] == stats["tcp_unread"] == 1
    assert histogram(values(fetch(served.metrics_port)[1]), "stream_seconds") > 1
    for s in (idle, partial, unread):
        s.close()
    wait_until(lambda: states() == [0] * 5, "none is left")


def test_every_line_is_well_formed_and_every_name_explained(served):
    """The exposition format: one HELP and TYPE for each name, before its values."""
    _, text = fetch(served.metrics_port)
    told = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            assert name not in told, name
            told.add(name)
        elif not line.startswith("#"):
            m = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+', line)
            assert m, line
            base = re.sub(r"_(bucket|sum|count)$", "", m[1])
            assert m[1] in told or base in told, line


def test_nothing_but_metrics_is_served_there(served):
    for path in ("/", "/v1/status", "/v1/zones/example./keys", "/metrics/../v1/status"):
        with pytest.raises(urllib.error.HTTPError) as e:
            fetch(served.metrics_port, path)
        assert e.value.code == 404


def test_states_and_deadlines_of_keys_are_told(served):
    served.ctl("key", "hold", "example.", "x")
    v = values(fetch(served.metrics_port)[1])
    for key, state in zip(served.ctl("key", "list", "example.")["keys"], ("published", "active")):
        labels = f'zone="example.",role="{key["role"]}",tag="{key["tag"]}",algorithm="13"'
        assert abs(v[f'concord_zone_key_since_seconds{{{labels},state="{state}"}}'] - time.time()) < 120
        assert v[f'concord_zone_key_next_seconds{{{labels},actor="{key["who_acts"]}"}}'] > time.time()
    assert v['concord_zone_rolls_held{zone="example."}'] == 1
    served.ctl("key", "release", "example.")
    assert values(fetch(served.metrics_port)[1])['concord_zone_rolls_held{zone="example."}'] == 0
