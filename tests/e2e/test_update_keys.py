# SPDX-License-Identifier: Apache-2.0
"""A peer's DNSKEY by dynamic update: its own, and nothing else."""
import os
import subprocess

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


def records_of(key, digest="SHA256"):
    """CDS and CDNSKEY of a key."""
    ds = dns.dnssec.make_ds("example.", key, digest)
    cds = dns.rdata.from_wire("IN", "CDS", ds.to_wire(), 0, len(ds.to_wire()))
    return cds, dns.rdata.from_wire("IN", "CDNSKEY", key.to_wire(), 0, len(key.to_wire()))


def at_apex(daemon, rdtype):
    return {x for rrset in daemon.ask("example.", rdtype, tcp=True).answer for x in rrset}


def test_a_peers_cds_stands_beside_ours_and_goes_with_it(daemon):
    ksk, zsk = new_key(257), new_key()
    cds, cdnskey = records_of(ksk)
    assert send(daemon, lambda u: (u.add("@", 3600, cds), u.add("@", 3600, ksk), u.add("@", 3600, zsk))) == dns.rcode.NOERROR
    ours = {k for k in served(daemon) if k.flags == 257 and k != ksk}
    assert len(ours) == 1
    want_cds, want_cdnskey = {cds} | {records_of(k)[0] for k in ours}, {cdnskey} | {records_of(k)[1] for k in ours}
    assert at_apex(daemon, "CDS") == want_cds and at_apex(daemon, "CDNSKEY") == want_cdnskey
    daemon.stop()
    daemon.start()
    assert at_apex(daemon, "CDS") == want_cds and at_apex(daemon, "CDNSKEY") == want_cdnskey
    for mine in ours:  # stays, and is logged
        assert send(daemon, lambda u: u.delete("@", records_of(mine)[0])) == dns.rcode.NOERROR
    assert at_apex(daemon, "CDS") == want_cds
    assert daemon.logged("signer2 would remove a CDS that is not its own: ignored")
    assert send(daemon, lambda u: u.delete("@", "CDS"), "three.") == dns.rcode.NOERROR
    assert at_apex(daemon, "CDS") == want_cds
    assert send(daemon, lambda u: u.delete("@", cdnskey)) == dns.rcode.NOERROR
    assert at_apex(daemon, "CDS") == at_apex(daemon, "CDNSKEY") == set()
    assert ksk in served(daemon)


def test_a_peer_that_asked_nothing_keeps_its_ds_when_another_asks(daemon):
    two, three = new_key(257), new_key(257)
    assert send(daemon, lambda u: u.add("@", 3600, three), "three.") == dns.rcode.NOERROR
    assert at_apex(daemon, "CDS") == set()
    assert send(daemon, lambda u: (u.add("@", 3600, two), u.add("@", 3600, records_of(two)[1]))) == dns.rcode.NOERROR
    assert {records_of(two)[0], records_of(three)[0]} < at_apex(daemon, "CDS")


def test_a_cds_of_no_key_of_the_peers_is_refused(daemon):
    ksk, zsk = new_key(257), new_key()
    off = dns.rdata.from_text("IN", "CDS", "0 0 0 00")
    assert send(daemon, lambda u: u.add("@", 3600, ksk)) == dns.rcode.NOERROR
    for bad in (records_of(new_key(257))[0], records_of(new_key(257))[1], off, dns.rdata.from_text("IN", "CDNSKEY", "0 3 0 AA==")):
        assert send(daemon, lambda u: u.add("@", 3600, bad)) == dns.rcode.REFUSED
    assert send(daemon, lambda u: (u.add("@", 3600, zsk), u.add("@", 3600, records_of(zsk)[0]))) == dns.rcode.REFUSED
    assert at_apex(daemon, "CDS") == set() and zsk not in served(daemon)


def test_a_peers_csync_stands_until_it_takes_it_out(daemon):
    csync = dns.rdata.from_text("IN", "CSYNC", "66 3 A NS AAAA")
    assert send(daemon, lambda u: u.add("@", 3600, csync)) == dns.rcode.NOERROR
    assert at_apex(daemon, "CSYNC") == {csync}
    assert send(daemon, lambda u: u.add("@", 3600, dns.rdata.from_text("IN", "CSYNC", "1 1 NS")), "three.") == dns.rcode.NOERROR
    assert send(daemon, lambda u: u.delete("@", "CSYNC"), "three.") == dns.rcode.NOERROR
    assert send(daemon, lambda u: u.add("@", 3600, dns.rdata.from_text("IN", "CSYNC", "1 1 NS MX"))) == dns.rcode.REFUSED
    daemon.stop()
    daemon.start()
    assert at_apex(daemon, "CSYNC") == {csync}
    assert send(daemon, lambda u: u.delete("@", "CSYNC")) == dns.rcode.NOERROR
    assert at_apex(daemon, "CSYNC") == set()
    daemon.ctl("reload")
    assert at_apex(daemon, "CSYNC") == set()


def test_deleting_the_whole_rrset_takes_out_the_peers_own_and_leaves_all_else(daemon):
    ours = served(daemon)
    a, b, other = new_key(), new_key(257), new_key()
    assert send(daemon, lambda u: u.add("@", 3600, other), "three.") == dns.rcode.NOERROR
    assert send(daemon, lambda u: (u.add("@", 3600, a), u.add("@", 3600, b), u.add("@", 3600, records_of(b)[0]))) == dns.rcode.NOERROR
    # One key for another at once, or each by its name: what they signed is forgotten about.
    assert send(daemon, lambda u: (u.delete("@", "DNSKEY"), u.add("@", 3600, new_key()))) == dns.rcode.REFUSED
    assert send(daemon, lambda u: (u.delete("@", a), u.delete("@", b))) == dns.rcode.REFUSED
    assert {a, b} < served(daemon)
    assert send(daemon, lambda u: u.delete("@", "DNSKEY")) == dns.rcode.NOERROR
    assert served(daemon) == ours | {other} and at_apex(daemon, "CDS") == set()
    assert daemon.logged("signer2 has taken out all of its keys; what they signed fails where it is cached, for up to 3600 s")
    daemon.stop()
    daemon.start()
    assert served(daemon) == ours | {other}


TOOLS = {"nsupdate": ["nsupdate"], "knsupdate": ["knsupdate"]}


@pytest.mark.parametrize("tool", TOOLS)
def test_the_tools_of_others_do_it(daemon, tool):
    ksk = new_key(257)
    cds, cdnskey = records_of(ksk)
    ours = served(daemon)

    def run(*lines):
        script = [f"server 127.0.0.1 {daemon.port}", "zone example.", f"key hmac-sha256:two. {SECRETS['two.']}", *lines, "send", ""]
        if tool == "knsupdate":
            script[2] = f"key hmac-sha256:two. {SECRETS['two.']}"
        return subprocess.run([*TOOLS[tool], "-v"], input="\n".join(script), text=True, capture_output=True, timeout=30)

    done = run(f"add example. 3600 DNSKEY {ksk.to_text()}", f"add example. 3600 CDS {cds.to_text()}",
               f"add example. 3600 CDNSKEY {cdnskey.to_text()}", "add example. 3600 CSYNC 0 1 NS")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert ksk in served(daemon) and cds in at_apex(daemon, "CDS") and cdnskey in at_apex(daemon, "CDNSKEY") and at_apex(daemon, "CSYNC")
    done = run("add www.example. 60 A 192.0.2.1")
    assert "REFUSED" in done.stdout + done.stderr
    done = run("del example. CDS", "del example. CSYNC", "del example. DNSKEY")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert served(daemon) == ours and at_apex(daemon, "CDS") == at_apex(daemon, "CSYNC") == set()


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
