# SPDX-License-Identifier: Apache-2.0
"""Secondaries that get the zone with its signatures: whole, valid, and by differences."""
import random
import signal

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.update
import dns.xfr
import dns.zone
import pytest

from lab.notified import Notified
from lab.signed_zone import check, records, transferred
from lab.wait import wait_until

POLICIES = """signing:
  - {id: chain, denial: nsec}
  - {id: hashed, denial: nsec3}
  - {id: compact, denial: compact}
"""
RULES = "[{from: 127.0.0.1, signed: yes}]"


@pytest.fixture
def start(concord):
    def make(policy, **options):
        return concord(signing=policy, extra=POLICIES, allow_transfer=RULES, allow_update="[{from: 127.0.0.1}]", **options)
    return make


def copy_of(daemon):
    return daemon.ctl("zone", "status", "example.")["signed_copy"]


def is_current(daemon):
    now = copy_of(daemon)
    return now["state"] == "current" and now["serial"] == daemon.ask("example.", "SOA").answer[0][0].serial


def update(daemon, lottery):
    u = dns.update.UpdateMessage("example.")
    name = f"c{lottery.randrange(20)}"
    if lottery.randrange(3) == 0:
        u.delete(name)
    else:
        u.add(name, 60, "A", f"192.0.2.{lottery.randrange(1, 9)}")
    u.replace("always", 60, "TXT", str(lottery.random()))
    assert dns.query.tcp(u, daemon.address, port=daemon.port, timeout=5).rcode() == dns.rcode.NOERROR


def ixfr(daemon, zone):
    """Brings a copy up to date; whether by differences."""
    before = zone.get_rdataset("example.", "SOA")[0].serial
    q, _ = dns.xfr.make_query(zone, serial=before)
    dns.query.inbound_xfr(daemon.address, zone, query=q, port=daemon.port, timeout=10, lifetime=20)


@pytest.mark.parametrize("policy", ["chain", "hashed"])
def test_the_whole_zone_has_all_signatures_and_its_chain(start, tmp_path, policy):
    daemon = start(policy)
    wait_until(lambda: is_current(daemon), "the copy is made")
    zone = transferred(daemon, "example.")
    check(zone, tmp_path)
    answered = daemon.ask("www.example.", "A", do=True).answer
    rrsig = [r for r in answered if r.rdtype == dns.rdatatype.RRSIG][0][0]
    given = zone.find_rrset("www.example.", "RRSIG", covers="A")[0]
    # What is not in the cache yet is signed for the copy itself, with the same times.
    assert (given.inception, given.expiration, given.key_tag) == (rrsig.inception, rrsig.expiration, rrsig.key_tag)


@pytest.mark.parametrize("policy", ["chain", "hashed"])
def test_differences_also_over_restarts_give_what_the_whole_zone_gives(start, tmp_path, policy):
    daemon = start(policy)
    lottery = random.Random(9103)
    wait_until(lambda: is_current(daemon), "the copy is made")
    copy = transferred(daemon, "example.")
    for i in range(30):
        update(daemon, lottery)
        if i == 10:
            daemon.stop()
            daemon.start()
        elif i == 20:
            daemon.stop(signal.SIGKILL)
            daemon.start()
        if i % 5 == 0:
            wait_until(lambda: is_current(daemon), "the copy has the update")
            ixfr(daemon, copy)
            assert records(copy) == records(transferred(daemon, "example."))
    wait_until(lambda: is_current(daemon), "the copy has the last update")
    ixfr(daemon, copy)
    assert records(copy) == records(transferred(daemon, "example."))
    check(copy, tmp_path)
    assert daemon.logged("transfer: IXFR to")


def test_signatures_of_what_did_not_change_are_kept_over_changes_and_restarts(start):
    daemon = start("chain")
    wait_until(lambda: is_current(daemon), "the copy is made")
    before = records(transferred(daemon, "example."))
    update(daemon, random.Random(1))
    wait_until(lambda: is_current(daemon), "the copy has the update")
    daemon.stop()
    daemon.start()
    wait_until(lambda: is_current(daemon), "the copy is looked at")
    after = records(transferred(daemon, "example."))
    # SOA, two names with an RRset and an NSEC each, the NSEC before each: with their signatures
    assert len(before - after) <= 6 and len(after - before) <= 14


def test_a_change_of_keys_has_a_serial_and_is_told(start, tmp_path):
    told = Notified()
    try:
        daemon = start("chain", notify=f"[\"{told.address}@{told.port}\"]")
        wait_until(lambda: told.serials() == [1], "the first copy is told of")
        daemon.ctl("key", "import", "example.",
                   "example. IN DNSKEY 256 3 13 oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA==",
                   "--owner", "other")
        wait_until(lambda: told.serials()[-1] > 1 and is_current(daemon), "and so is the one with the key")
        zone = transferred(daemon, "example.")
        assert len(zone.find_rdataset("example.", "DNSKEY")) == 3
        assert daemon.ask("example.", "SOA").answer[0][0].serial == zone.get_rdataset("example.", "SOA")[0].serial == told.serials()[-1]
        check(zone, tmp_path)
        daemon.stop()
        daemon.start()
        assert daemon.ask("example.", "SOA").answer[0][0].serial == told.serials()[-1]  # the serial lasts
    finally:
        told.stop()


def test_steered_names_go_out_signed_with_their_defaults(concord, tmp_path):
    steering = """
geo:
  type: A
  ttl: 60
  values: [192.0.2.99]
  dynamic:
    pools:
      home: {values: [{value: 192.0.2.10}]}
      away: {values: [{value: 192.0.2.20}]}
    rules:
      - {subnets: [10.9.0.0/16], pool: home}
      - {pool: away}
"""
    text = "$TTL 300\n@ IN SOA ns1 hostmaster 1 3600 900 604800 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"
    daemon = concord(zone=text, steering=steering, signing="chain", extra=POLICIES, allow_transfer=RULES)
    wait_until(lambda: is_current(daemon), "the copy is made")
    zone = transferred(daemon, "example.")
    assert [r.to_text() for r in zone.find_rdataset("geo.example.", "A")] == ["192.0.2.99"]
    check(zone, tmp_path)
    assert daemon.logged("steered names with their default values")


def test_what_cannot_be_given_out_signed_is_a_finding(concord):
    for policy, why in (("none", "but it is not signed"), ("compact", "with compact denial only this server can prove")):
        c = concord(start=False, signing=policy, extra=POLICIES, allow_transfer=RULES)
        code, said = c.check()
        assert code != 0 and why in said


def test_a_damaged_copy_is_made_anew_with_a_newer_serial(start, tmp_path):
    daemon = start("chain")
    wait_until(lambda: is_current(daemon), "the copy is made")
    daemon.stop()
    path = daemon.dir / "state" / "signed" / "example."
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2] ^= 1
    path.write_bytes(octets)
    daemon.start()
    wait_until(lambda: copy_of(daemon).get("serial") == 2 and is_current(daemon), "it is made anew")
    check(transferred(daemon, "example."), tmp_path)
