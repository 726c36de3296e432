# SPDX-License-Identifier: Apache-2.0
"""Limits of one zone: what a transfer may bring and how long it may take, and how much updates may change in a second."""
import dns.query
import dns.rcode
import dns.update
import pytest

from lab.daemons import Concord
from lab.wait import wait_until
from test_hostile_primary import ZONE, Primary, good, record, soa


def sends_much(primary, zone, connection, query):
    primary.send(connection, query, [soa(2), *good(), *[record(f"e{i}.{ZONE}") for i in range(900)], soa(2)])


def sends_and_sends(primary, zone, connection, query):
    """At a pace that no time of a message ends."""
    primary.send(connection, query, [soa(2), *good()])
    i = 0
    while True:
        primary.send(connection, query, [record(f"e{i}.{ZONE}")])
        i = (i + 1) % 1000


@pytest.mark.parametrize("limits, trick, says", [
    ("{records: 800}", sends_much, "more than 800 records"), ("{size: 8k}", sends_much, "more than 8192 octets"),
    ("{transfer-time: 1s, size: 16G}", sends_and_sends, "the transfer takes too long")])
def test_a_transfer_that_brings_too_much_is_refused_and_the_old_zone_goes_on(daemons, tmp_path, limits, trick, says):
    p = Primary()
    daemons.append(p)
    c = Concord(tmp_path / "concord")
    c.extra = f"remotes:\n  - {{id: main, address: 127.0.0.1@{p.port}}}"
    c.zones.append(f"  - name: {ZONE}\n    primaries: [main]\n    signing: none\n    limits: {limits}\n")
    c.write_config()
    daemons.append(c)
    c.start()
    wait_until(lambda: c.ask(ZONE, "SOA").rcode() == dns.rcode.NOERROR, "the zone is there")
    p.tricks = {ZONE: trick}
    c.ctl("zone", "refresh", ZONE)
    wait_until(lambda: says in c.log(), "the limit is logged", 30)
    assert c.ask(ZONE, "SOA").answer[0][0].serial == 1 and "the version that we have goes on" in c.log()
    p.tricks[ZONE] = lambda primary, zone, connection, query: primary.send(connection, query, [soa(2), *good(), soa(2)])
    c.ctl("zone", "refresh", ZONE)
    wait_until(lambda: c.ask(ZONE, "SOA").answer[0][0].serial == 2, "the next good one is taken", 30)


def test_updates_past_the_rate_are_refused_and_said_once(concord):
    c = concord(start=False, allow_update="[{from: 127.0.0.1}]", limits="{changes-per-second: 5}")
    c.start()

    def send(n):
        u = dns.update.UpdateMessage("example.")
        for i in range(n):
            u.add(f"n{i}", 60, "A", "192.0.2.9")
        return dns.query.tcp(u, c.address, port=c.port, timeout=10).rcode()

    assert send(100) == dns.rcode.NOERROR  # and what follows waits for twenty seconds
    assert [send(1) for _ in range(5)] == [dns.rcode.REFUSED] * 5
    c.logged("more than 5 records a second (limits.changes-per-second)")
    assert c.log().count("limits.changes-per-second") == 1
    c.config.write_text(c.config.read_text().replace("changes-per-second: 5", "changes-per-second: 1000"))
    c.ctl("reload")
    wait_until(lambda: send(1) == dns.rcode.NOERROR, "they are taken again")
    assert c.logged("taken again; ")
