# SPDX-License-Identifier: Apache-2.0
"""Health checks: what ails an endpoint reaches answers, and nothing else does."""
import signal
import time
import urllib.request

import dns.name
import dns.rrset
import pytest

from lab import oracle
from lab.daemons import free_port
from lab.endpoints import Endpoint, make_certificate
from lab.wait import wait_until

ONE, TWO, SPARE, DEFAULT = "127.0.7.1", "127.0.7.2", "127.0.7.3", "127.0.7.9"

ZONE = """$TTL 3600
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300
@ IN NS ns1
ns1 IN A 192.0.2.1
"""

STEERING = """
www:
  type: A
  ttl: 5
  value: %(default)s
  dynamic:
    pools:
      main: {fallback: spare, values: [{value: %(one)s}, {value: %(two)s}]}
      spare: {values: [{value: %(spare)s}]}
    rules: [{pool: main}]
  octodns:
    healthcheck: {%(check)s, interval: 1s, timeout: 500ms, rise: 2, fall: 2}
"""

CLIENTS = [f"10.0.{i}.0/24" for i in range(40)]


@pytest.fixture
def lab(concord, tmp_path):
    """Three endpoints and a daemon whose answers depend on them."""
    running = []

    def make(check="protocol: HTTP, port: {port}, path: /health", certificate=None, start=True, steering=STEERING, more=(), **options):
        addresses = (ONE, TWO, SPARE, *more)
        port = free_port(*addresses)
        ends = {a: Endpoint(a, port, certificate) for a in addresses}
        running.extend(ends.values())
        text = steering % {"one": ONE, "two": TWO, "spare": SPARE, "default": DEFAULT, "check": check.format(port=port)}
        c = concord(start=False, zone=ZONE, steering=text, **options)
        if start:
            c.start()
            wait_until(lambda: counts(c)["up"] == len(addresses), "all are found up")
        return c, ends

    yield make
    for e in running:
        e.stop()


def counts(c):
    return c.ctl("health", "list")["counts"]


def check_of(c, address):
    return next(x for x in c.ctl("health", "list")["checks"] if x["value"] == address)


def answers(c):
    """What many clients get: {address: how many}."""
    got = {}
    for client in CLIENTS:
        value = c.ask("www.example.", "A", ecs=client).answer[0][0].to_text()
        got[value] = got.get(value, 0) + 1
    return got


def wait_for_answers(c, expected, what):
    wait_until(lambda: set(answers(c)) == set(expected), what)


def test_an_endpoint_that_dies_is_left_within_its_interval_times_threshold(lab):
    c, ends = lab()
    assert set(answers(c)) == {ONE, TWO}
    began = time.monotonic()
    ends[ONE].stop()
    wait_for_answers(c, [TWO], "all clients are sent to the one that lives")
    assert time.monotonic() - began < 1 * 2 + 1
    assert "Connection refused" in check_of(c, ONE)["reason"]
    ends[ONE].start()
    wait_for_answers(c, [ONE, TWO], "it comes back")
    assert c.logged("is down: cannot connect") and c.logged("is up: status 200")


ILLS = {"127.0.7.4": ("500", "status 500, not 200 to 399"), "127.0.7.5": ("hang", "not done within 500 ms"),
        "127.0.7.6": ("slow", "not done within 500 ms")}


def test_endpoints_that_answer_badly_are_left_while_one_that_flaps_changes_nothing(lab):
    """All ills at once: every one of them ends within interval times threshold and a second."""
    pool = f"{{value: %(one)s}}, {{value: %(two)s}}, {', '.join(f'{{value: {a}}}' for a in ILLS)}"
    c, ends = lab(steering=STEERING.replace("{value: %(one)s}, {value: %(two)s}", pool), more=ILLS)
    assert set(answers(c)) == {ONE, TWO, *ILLS}
    ends[TWO].mode = "flap"
    began = time.monotonic()
    for address, (mode, _) in ILLS.items():
        ends[address].mode = mode
    wait_for_answers(c, [ONE, TWO], "all clients are sent to the others")
    assert time.monotonic() - began < 1 * 2 + 1
    for address, (_, reason) in ILLS.items():
        assert reason in check_of(c, address)["reason"]
    assert ends[TWO].path == "/health" and ends[TWO].host.split(":")[0] == "www.example"
    seen = ends[TWO].requests
    wait_until(lambda: ends[TWO].requests >= seen + 4, "it has flapped")
    assert check_of(c, TWO)["changes"] == 0 and set(answers(c)) == {ONE, TWO}


def test_a_body_without_the_expected_text_is_a_failure(lab):
    c, ends = lab("protocol: HTTP, port: {port}, path: /, expect: all is well")
    ends[TWO].mode = "other"
    wait_for_answers(c, [ONE], "all clients are sent to the other")
    assert "expected text" in check_of(c, TWO)["reason"]


def test_a_certificate_that_has_expired_is_a_failure(lab, tmp_path):
    good = make_certificate(tmp_path, "www.example")
    c, ends = lab("protocol: HTTPS, port: {port}, path: /, ca: %s" % good[0], certificate=good)
    ends[ONE].stop()
    ends[ONE].certificate = make_certificate(tmp_path, "www.example", days=-2, began=-30)
    ends[ONE].start()
    wait_for_answers(c, [TWO], "all clients are sent to the other")
    wait_until(lambda: "certificate" in check_of(c, ONE)["reason"], "the reason is the certificate")


def test_a_name_in_a_certificate_that_is_not_the_host_is_a_failure(lab, tmp_path):
    other = make_certificate(tmp_path, "elsewhere.example")
    c, _ = lab("protocol: HTTPS, port: {port}, path: /, ca: %s" % other[0], certificate=other, start=False)
    c.start()
    wait_for_answers(c, [DEFAULT], "nothing is trusted, the default values answer")


def test_pools_fall_back_and_at_the_end_stand_the_default_values_all_signed(lab):
    c, ends = lab()
    zone = dns.name.from_text("example.")
    ds = dns.rrset.from_text_list(zone, 3600, "IN", "DS", [r.split(" DS ")[1] for r in c.ds("example.")])
    keys = oracle.check_keys(c.ask("example.", "DNSKEY", do=True), zone, ds)
    for gone, left in (((), {ONE, TWO}), ((ONE, TWO), {SPARE}), ((SPARE,), {DEFAULT})):
        for address in gone:
            ends[address].stop()
        wait_for_answers(c, left, f"answers are {left}")
        nsec = c.ask("www.example.", "TXT", do=True)
        for client in CLIENTS[:5]:
            got = c.ask("www.example.", "A", ecs=client, do=True)
            oracle.check_rrset(got.answer[0], got.answer, zone, keys)
            assert c.ask("www.example.", "TXT", do=True, ecs=client).authority == nsec.authority


def test_nothing_is_down_before_anything_is_known(lab):
    c, ends = lab(start=False)
    for e in ends.values():
        e.mode = "hang"
    c.start()
    assert set(answers(c)) == {ONE, TWO}


def test_what_was_down_is_so_after_a_kill(lab):
    c, ends = lab()
    ends[ONE].stop()
    wait_for_answers(c, [TWO], "one is down")
    wait_until(lambda: c.ctl("health", "list")["unsaved"] == 0, "the store has it")
    since = check_of(c, ONE)["since"]
    c.stop(signal.SIGKILL)
    c.start()
    assert set(answers(c)) == {TWO}
    assert check_of(c, ONE)["since"] == since


def test_an_operator_outranks_checks_and_lasts(lab):
    c, _ = lab()
    c.ctl("health", "set", ONE, "down")
    assert set(answers(c)) == {TWO}
    c.stop(signal.SIGKILL)
    c.start()
    wait_until(lambda: counts(c)["up"] == 3, "checks have run")
    assert set(answers(c)) == {TWO} and check_of(c, ONE)["override"] == "down"
    c.ctl("health", "set", ONE, "obey")
    assert set(answers(c)) == {ONE, TWO}
    assert c.ctl_raw("health", "set", ONE, "obey").returncode == 4
    assert c.ctl_raw("health", "set", ONE, "sideways").returncode != 0


def test_a_check_that_is_edited_or_removed_stops_at_once(lab):
    c, ends = lab()
    path = c.dir / "example.steering.yaml"
    text = path.read_text()
    path.write_text(text.replace("path: /health", "path: /edited"))
    c.ctl("reload")
    wait_until(lambda: ends[ONE].path == "/edited", "the new check runs")
    wait_until(lambda: counts(c)["checks"] == 3, "the old one is gone")
    path.write_text("\n".join(line for line in text.splitlines() if "healthcheck" not in line and "octodns" not in line))
    c.ctl("reload")
    wait_until(lambda: counts(c)["checks"] == 0, "nothing is checked")


def test_a_steering_file_that_is_refused_changes_no_check(lab):
    c, ends = lab()
    path = c.dir / "example.steering.yaml"
    path.write_text(path.read_text().replace("protocol: HTTP", "protocol: GOPHER"))
    done = c.ctl_raw("reload")
    assert done.returncode != 0
    seen = ends[ONE].requests
    wait_until(lambda: ends[ONE].requests > seen, "the old check goes on")


def test_results_from_outside_are_believed(lab):
    c, _ = lab("protocol: FEED", start=False)
    c.start()
    for address, state in ((ONE, "up"), (TWO, "down"), (SPARE, "up")):
        c.ctl("health", "feed", address, state)
        c.ctl("health", "feed", address, state)
    assert set(answers(c)) == {ONE}
    assert c.ctl_raw("health", "feed", "192.0.2.222", "up").returncode == 4


def test_a_target_that_does_not_resolve_is_a_failure_and_holds_up_nothing(lab):
    c, ends = lab("protocol: HTTP, port: {port}, path: /, target: gone.invalid", start=False)
    c.start()
    wait_for_answers(c, [DEFAULT], "all checks fail")
    assert "resolve" in check_of(c, ONE)["reason"]
    assert ends[ONE].requests == 0


def test_explain_says_what_the_checks_found(lab):
    c, ends = lab()
    ends[ONE].mode = "500"
    wait_for_answers(c, [TWO], "one is down")
    said = c.ctl("explain", "www.example", "A", "--client", "10.0.0.1")
    tried = {v["value"]: v for v in said["chain"][0]["tried"]}
    assert tried[ONE]["health"] == "down" and "status 500" in tried[ONE]["check"]["reason"]
    assert tried[TWO]["usable"] is True


def test_metrics_show_checks(lab):
    port = free_port()
    c, ends = lab(server={"metrics-listen": f"127.0.0.1@{port}"})
    ends[ONE].stop()
    wait_for_answers(c, [TWO], "one is down")
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    assert 'concord_health_checks{state="down"} 1' in text
    assert f'concord_health_up{{value="{ONE}"' in text
