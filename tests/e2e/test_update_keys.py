# SPDX-License-Identifier: Apache-2.0
"""A peer's DNSKEY by dynamic update: its own, and nothing else."""
import os

import dns.dnssec
import dns.query
import dns.rcode
import dns.rdata
import dns.tsigkeyring
import dns.update
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

SECRETS = {"two.": "dHdvIHR3byB0d28gdHdvIHR3byB0d28gdHdvIQ==", "three.": "dGhyZWUgdGhyZWUgdGhyZWUgdGhyZWUgdGhyISE="}
RING = dns.tsigkeyring.from_text({n: ("hmac-sha256", s) for n, s in SECRETS.items()})
KEYS = "tsig-keys:\n" + "".join(f"  - {{name: {n}, secret: \"{s}\"}}\n" for n, s in SECRETS.items())
RULES = "[{key: two., peer: signer2}, {key: three., peer: signer3}]"


def new_key(flags=256):
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    octets = point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")
    return dns.rdata.from_wire("IN", "DNSKEY", flags.to_bytes(2, "big") + b"\3\15" + octets, 0, 68)


@pytest.fixture
def daemon(concord):
    c = concord(start=False, extra=KEYS, allow_update=RULES)
    os.chmod(c.config, 0o600)
    return c.start()


def send(daemon, change, key="two."):
    u = dns.update.UpdateMessage("example.", keyring=RING, keyname=key)
    change(u)
    return dns.query.tcp(u, daemon.address, port=daemon.port, timeout=10).rcode()


def owners(daemon):
    return {k["dnskey"].split(" DNSKEY ")[1]: k["owner"] for k in daemon.ctl("key", "list", "example.")["keys"]}


def text(key):
    head, octets = key.to_text().rsplit(" ", 1) if key.to_text().count(" ") == 3 else (" ".join(key.to_text().split()[:3]), "".join(key.to_text().split()[3:]))
    return f"{head} {octets}"


def served(daemon):
    return set(daemon.ask("example.", "DNSKEY", tcp=True).answer[0])


def test_a_peer_adds_and_removes_its_own_keys(daemon):
    a, b = new_key(), new_key()
    assert send(daemon, lambda u: u.add("@", 3600, a)) == dns.rcode.NOERROR
    assert owners(daemon)[text(a)] == "signer2" and a in served(daemon)
    assert send(daemon, lambda u: (u.add("@", 3600, b), u.delete("@", a))) == dns.rcode.REFUSED  # nothing of the old set would be left
    assert daemon.logged("no key of the present set would be left")
    assert send(daemon, lambda u: u.add("@", 3600, b)) == dns.rcode.NOERROR
    assert send(daemon, lambda u: u.delete("@", a)) == dns.rcode.NOERROR
    assert b in served(daemon) and a not in served(daemon)
    daemon.stop()
    daemon.start()
    assert b in served(daemon) and owners(daemon)[text(b)] == "signer2"


def test_keys_of_ours_and_of_others_stay(daemon):
    ours = served(daemon)
    mine, theirs = new_key(), new_key()
    assert send(daemon, lambda u: u.add("@", 3600, mine)) == dns.rcode.NOERROR
    assert send(daemon, lambda u: u.add("@", 3600, theirs), "three.") == dns.rcode.NOERROR
    for key in (*ours, theirs):
        assert send(daemon, lambda u: u.delete("@", key)) == dns.rcode.NOERROR
    assert served(daemon) == ours | {mine, theirs}
    assert daemon.logged("signer2 would remove a key that is not its own: ignored")
    again = new_key()
    assert send(daemon, lambda u: (u.delete("@", "DNSKEY"), u.add("@", 3600, mine), u.add("@", 3600, again))) == dns.rcode.NOERROR
    assert served(daemon) == ours | {mine, again, theirs}


def test_nothing_else_is_touched(daemon):
    key = new_key()
    before = daemon.ask("example.", "SOA").answer[0][0].serial
    for change in (lambda u: u.add("x", 60, "TXT", "x"), lambda u: u.add("www", 3600, key), lambda u: u.delete("@"),
                   lambda u: u.delete("@", "NS"), lambda u: (u.add("@", 3600, key), u.add("x", 60, "A", "192.0.2.1"))):
        assert send(daemon, change) == dns.rcode.REFUSED
    assert key not in served(daemon) and daemon.ask("example.", "SOA").answer[0][0].serial == before
    weak = dns.rdata.from_text("IN", "DNSKEY", "256 3 8 AwEAAcw5QLr0")
    assert send(daemon, lambda u: u.add("@", 3600, weak)) == dns.rcode.REFUSED
    assert send(daemon, lambda u: (u.present("nothere"), u.add("@", 3600, key))) == dns.rcode.NXDOMAIN
    assert key not in served(daemon)


def test_a_rule_for_a_peer_names_a_key_and_nothing_else(concord):
    for rule in ("{from: 127.0.0.1, peer: signer2}", "{key: two., peer: signer2, types: [DNSKEY]}", "{key: two., peer: own}"):
        c = concord(start=False, extra=KEYS, allow_update=f"[{rule}]")
        os.chmod(c.config, 0o600)
        code, said = c.check()
        assert code != 0 and "covers that signer's own DNSKEY" in said, said
