# SPDX-License-Identifier: Apache-2.0
"""Dynamic update (RFC 2136): prerequisites, permissions, atomicity, and what outlives kill -9; a model in dnspython is the oracle."""
import os
import random
import signal
import socket
import subprocess

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import pytest

from lab.wait import wait_until

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE="
KEYS = f"""tsig-keys:
  - {{name: wide., secret: "{SECRET}"}}
  - {{name: acme., algorithm: hmac-sha512, secret: "{SECRET}"}}
  - {{name: other., secret: "{SECRET}"}}
"""
RULES = '[{key: wide.}, {key: acme., names: ["_acme-challenge.example.", "*.dyn.example."], types: [TXT]}]'
ZONE = """$TTL 300
@ IN SOA ns1 hostmaster 1 3600 900 604800 300
@ IN NS ns1
@ IN NS ns2
ns1 IN A 192.0.2.1
ns2 IN A 192.0.2.2
www IN A 192.0.2.80
alias IN CNAME www
"""


@pytest.fixture
def daemon(concord):
    c = concord(start=False, zone=ZONE, extra=KEYS, allow_update=RULES)
    os.chmod(c.config, 0o600)
    return c.start()


def key(name="wide."):
    return dns.tsig.Key(name, SECRET, "hmac-sha512" if name == "acme." else "hmac-sha256")


def update(name="wide."):
    u = dns.update.UpdateMessage("example.")
    if name:
        u.use_tsig(key(name))
    return u


def send(daemon, u, tcp=True):
    how = dns.query.tcp if tcp else dns.query.udp
    return how(u, daemon.address, port=daemon.port, timeout=10).rcode()


def values(daemon, name, rdtype):
    r = daemon.ask(name, rdtype, tcp=True)
    return {x.to_text() for rrset in r.answer for x in rrset if rrset.rdtype == dns.rdatatype.from_text(rdtype)}


def serial(daemon):
    return daemon.ask("example.", "SOA").answer[0][0].serial


def raw(daemon, wire, tcp, mac):
    """The rcode of an answer to these octets, which must be signed for them."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.connect((daemon.address, daemon.port))
        s.sendall(len(wire).to_bytes(2, "big") + wire if tcp else wire)
        answer = s.recv(65535)[2 if tcp else 0:]
    return dns.message.from_wire(answer, keyring=key(), request_mac=mac).rcode()


def test_the_same_signed_octets_again_change_nothing(daemon):
    """RFC 8945 section 5.2.3: a signature is good for minutes, in which whoever has recorded an update could undo what came after it."""
    u, refused = update(), update()
    u.add("again", 60, "A", "192.0.2.9")
    refused.present("later")
    refused.add("again", 60, "A", "192.0.2.10")
    recorded = [(x.to_wire(), x.mac, rcode) for x, rcode in ((u, dns.rcode.NOERROR), (refused, dns.rcode.NXDOMAIN))]
    for wire, mac, rcode in recorded:
        assert raw(daemon, wire, True, mac) == rcode
    assert values(daemon, "again.example.", "A") == {"192.0.2.9"}
    undone = update()
    undone.delete("again")
    undone.add("later", 60, "A", "192.0.2.11")
    assert send(daemon, undone) == dns.rcode.NOERROR
    at = serial(daemon)
    for tcp in (True, False):
        for wire, mac, rcode in recorded:
            assert raw(daemon, wire, tcp, mac) == rcode, "a client that has missed the answer gets it"
    assert values(daemon, "again.example.", "A") == set() and serial(daemon) == at
    assert daemon.logged("the same octets again, of 127.0.0.1 key wide.", 4)


def test_records_are_added_and_removed_and_the_file_stays_as_it_was(daemon):
    before = (daemon.dir / "example.zone").read_bytes()
    u = update()
    u.add("new", 60, "A", "192.0.2.9")
    u.add("new", 60, "TXT", '"text"')
    assert send(daemon, u) == dns.rcode.NOERROR
    assert values(daemon, "new.example.", "A") == {"192.0.2.9"} and serial(daemon) == 2
    u = update()
    u.delete("new", "A")
    u.add("new", 60, "TXT", '"more"')
    assert send(daemon, u, tcp=False) == dns.rcode.NOERROR
    assert values(daemon, "new.example.", "TXT") == {'"text"', '"more"'} and serial(daemon) == 3
    assert daemon.ask("new.example.", "A").answer == []
    u = update()
    u.delete("new")
    assert send(daemon, u) == dns.rcode.NOERROR
    assert daemon.ask("new.example.", "TXT").rcode() == dns.rcode.NXDOMAIN or not values(daemon, "new.example.", "TXT")
    assert send(daemon, u) == dns.rcode.NOERROR and serial(daemon) == 4  # nothing changed: the serial stays
    assert (daemon.dir / "example.zone").read_bytes() == before


PREREQUISITES = [
    (lambda u: u.present("www"), dns.rcode.NOERROR),
    (lambda u: u.present("nothing"), dns.rcode.NXDOMAIN),
    (lambda u: u.present("www", "A"), dns.rcode.NOERROR),
    (lambda u: u.present("www", "MX"), dns.rcode.NXRRSET),
    (lambda u: u.present("www", "A", "192.0.2.80"), dns.rcode.NOERROR),
    (lambda u: u.present("www", "A", "192.0.2.81"), dns.rcode.NXRRSET),
    (lambda u: u.present("@", "NS", "ns1"), dns.rcode.NXRRSET),  # one of two
    (lambda u: u.absent("www"), dns.rcode.YXDOMAIN),
    (lambda u: u.absent("nothing"), dns.rcode.NOERROR),
    (lambda u: u.absent("www", "A"), dns.rcode.YXRRSET),
    (lambda u: u.absent("www", "MX"), dns.rcode.NOERROR),
    (lambda u: u.present("www.other.", "A"), dns.rcode.NOTZONE),
]


def test_prerequisites_are_those_of_rfc_2136_section_3_2(daemon):
    for i, (need, want) in enumerate(PREREQUISITES):
        u = update()
        need(u)
        u.add(f"p{i}", 60, "A", "192.0.2.9")
        assert send(daemon, u) == want, i
        assert bool(values(daemon, f"p{i}.example.", "A")) == (want == dns.rcode.NOERROR), i


def test_who_may_not_changes_nothing(daemon):
    def one(who, name, rdtype, value):
        u = update(who)
        u.add(name, 60, rdtype, value)
        return send(daemon, u)

    assert one(None, "a", "A", "192.0.2.9") == dns.rcode.REFUSED
    assert one("other.", "a", "A", "192.0.2.9") == dns.rcode.REFUSED
    assert one("acme.", "_acme-challenge", "A", "192.0.2.9") == dns.rcode.REFUSED
    assert one("acme.", "www", "TXT", '"x"') == dns.rcode.REFUSED
    assert one("wide.", "@", "NS", "ns3") == dns.rcode.REFUSED
    assert one("wide.", "@", "DNSKEY", "257 3 13 AAAA") == dns.rcode.REFUSED
    assert one("wide.", "a.other.", "A", "192.0.2.9") == dns.rcode.NOTZONE
    u = update("acme.")  # one that is permitted and one that is not: neither
    u.add("_acme-challenge", 60, "TXT", '"token"')
    u.add("www", 60, "TXT", '"x"')
    assert send(daemon, u) == dns.rcode.REFUSED
    assert serial(daemon) == 1
    assert one("acme.", "_acme-challenge", "TXT", '"token"') == dns.rcode.NOERROR
    assert one("acme.", "deep.host.dyn", "TXT", '"token"') == dns.rcode.NOERROR
    assert serial(daemon) == 3
    other = dns.update.UpdateMessage("elsewhere.org.")
    other.use_tsig(key())
    other.add("a", 60, "A", "192.0.2.9")
    assert send(daemon, other) == dns.rcode.NOTAUTH


def test_cname_and_other_data_never_meet_and_the_apex_keeps_its_ns(daemon):
    u = update()
    u.add("www", 60, "CNAME", "ns1")
    u.add("alias", 60, "A", "192.0.2.9")
    u.delete("@")
    u.add("@", 60, "TXT", '"stays"')
    assert send(daemon, u) == dns.rcode.NOERROR
    for rdtype in ("NS", "SOA", "DNSKEY"):
        u = update()
        u.delete("@", rdtype)
        assert send(daemon, u) == dns.rcode.REFUSED
    assert daemon.ask("example.", "DNSKEY").answer and values(daemon, "example.", "TXT") == {'"stays"'}
    assert values(daemon, "example.", "NS") == {"ns1.example.", "ns2.example."}
    assert values(daemon, "www.example.", "A") == {"192.0.2.80"}
    assert values(daemon, "alias.example.", "CNAME") == {"www.example."}


def test_what_was_added_is_signed_and_other_signatures_stay(daemon):
    def rrsig(name):
        return [r for r in daemon.ask(name, "A", do=True, tcp=True).answer if r.rdtype == dns.rdatatype.RRSIG]

    before = rrsig("www.example.")
    u = update()
    u.add("new", 60, "A", "192.0.2.9")
    assert send(daemon, u) == dns.rcode.NOERROR
    assert rrsig("new.example.") and rrsig("www.example.") == before


class Model:
    """What the zone must hold: name -> set of values."""

    def __init__(self):
        self.has = {}

    def step(self, lottery, u):
        name = f"h{lottery.randrange(40)}"
        how = lottery.randrange(4)
        value = f"192.0.2.{lottery.randrange(1, 20)}"
        if how == 0:
            u.delete(name)
            self.has.pop(name, None)
        elif how == 1:
            u.delete(name, "A", value)
            self.has.get(name, set()).discard(value)
        else:
            u.add(name, 60, "A", value)
            self.has.setdefault(name, set()).add(value)

    def check(self, daemon):
        for i in range(40):
            assert values(daemon, f"h{i}.example.", "A") == self.has.get(f"h{i}", set()), i


def test_a_storm_of_updates_leaves_what_the_model_says_also_after_a_reload_and_a_restart(daemon):
    lottery, model = random.Random(2136), Model()
    for _ in range(120):
        u = update()
        for _ in range(lottery.randrange(1, 6)):
            model.step(lottery, u)
        assert send(daemon, u) == dns.rcode.NOERROR
    model.check(daemon)
    last = serial(daemon)
    daemon.ctl("reload")
    model.check(daemon)
    daemon.stop()
    daemon.start()
    model.check(daemon)
    assert serial(daemon) == last


@pytest.mark.parametrize("seed", range(int(os.environ.get("CONCORD_KILLS", "3"))))
def test_kill_9_loses_nothing_that_was_answered_and_keeps_nothing_that_was_not(daemon, seed):
    lottery = random.Random(seed)
    answered, unknown = set(), None
    for life in range(5):
        stop_after = lottery.randrange(1, 100)
        for i in range(100):
            name = f"k{life}-{i}"
            u = update()
            u.add(name, 60, "A", "192.0.2.9")
            if i == stop_after:  # it dies while this one is on its way: there or not, whole
                with socket.create_connection((daemon.address, daemon.port)) as s:
                    w = u.to_wire()
                    s.sendall(len(w).to_bytes(2, "big") + w)
                    daemon.process.send_signal(signal.SIGKILL)
                unknown = name
                break
            assert send(daemon, u) == dns.rcode.NOERROR
            answered.add(name)
        daemon.process.wait()
        daemon.process = None
        daemon.start()
        there = {n for n in (f"k{life}-{i}" for i in range(100)) if values(daemon, f"{n}.example.", "A")}
        assert {n for n in answered if n.startswith(f"k{life}-")} <= there <= answered | {unknown}
        answered |= there


def test_a_file_with_a_newer_serial_wins_and_an_older_one_gets_the_updates_again(daemon):
    u = update()
    u.add("new", 60, "A", "192.0.2.9")
    assert send(daemon, u) == dns.rcode.NOERROR
    daemon.file("example.zone", ZONE + "more IN A 192.0.2.7\n")
    daemon.ctl("reload")
    assert values(daemon, "new.example.", "A") and values(daemon, "more.example.", "A") and serial(daemon) == 2
    daemon.file("example.zone", ZONE.replace("hostmaster 1 ", "hostmaster 50 "))
    daemon.ctl("reload")
    assert not values(daemon, "new.example.", "A") and serial(daemon) == 50
    assert daemon.logged("the file wins")


def test_nsupdate_and_knsupdate_update(daemon):
    for tool in ("nsupdate", "knsupdate"):
        done = subprocess.run([tool, "-y", f"hmac-sha256:wide:{SECRET}"], text=True, capture_output=True, timeout=30,
                              input=f"server {daemon.address} {daemon.port}\nzone example.\nupdate add {tool}.example. 60 A 192.0.2.9\nsend\n")
        assert done.returncode == 0, done.stderr
        wait_until(lambda t=tool: values(daemon, f"{t}.example.", "A") == {"192.0.2.9"}, f"{tool}'s record is served")


def test_malformed_updates_are_formerr_and_other_classes_are_refused(daemon):
    u = dns.update.UpdateMessage("example.", rdclass="CH")
    u.use_tsig(key())
    assert send(daemon, u) == dns.rcode.REFUSED
    wire = bytearray(update(None).to_wire())
    wire[12 + 9 + 1] = 1  # the type of the zone section: A instead of SOA (RFC 2136 section 3.1.1)
    with socket.create_connection((daemon.address, daemon.port)) as c:
        c.sendall(len(wire).to_bytes(2, "big") + wire)
        assert c.recv(4096)[5] & 15 == dns.rcode.FORMERR
