# SPDX-License-Identifier: Apache-2.0
"""Transfers to secondaries: AXFR and IXFR by dnspython and by the tools of BIND and Knot, signed, permitted, bounded, and a client that
does not read."""
import os
import random
import socket
import subprocess

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import dns.xfr
import dns.zone

from lab.wait import wait_until

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE="
ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
KEYS = "tsig-keys:\n" + "".join(f"  - {{name: {a}., algorithm: {a}, secret: \"{SECRET}\"}}\n" for a in ALGORITHMS)
RULES = "[{key: [%s]}]" % ", ".join(f"{a}." for a in ALGORITHMS)
HEAD = """$TTL 300
@ IN SOA ns1 hostmaster 1 3600 900 604800 300
@ IN NS ns1
ns1 IN A 192.0.2.1
"""


def start(concord, text, **options):
    c = concord(start=False, zone=text, extra=KEYS, allow_transfer=RULES, allow_update="[{key: hmac-sha256.}]", **options)
    os.chmod(c.config, 0o600)
    return c.start()


def key(a="hmac-sha256"):
    return dns.tsig.Key(f"{a}.", SECRET, a)


def axfr(daemon, a="hmac-sha256", **options):
    messages = dns.query.xfr(daemon.address, "example.", port=daemon.port, keyring={key(a).name: key(a)}, keyname=f"{a}.",
                             keyalgorithm=key(a).algorithm, relativize=False, timeout=20, lifetime=60, **options)
    return dns.zone.from_xfr(messages, relativize=False)


def texts(zone):
    return {f"{name} {ttl} {rdata.rdtype} {rdata.to_text()}" for name, ttl, rdata in zone.iterate_rdatas()}


def test_what_is_transferred_is_the_file_with_every_algorithm(concord):
    text = HEAD + "".join(f"h{i} IN A 10.0.{i // 256}.{i % 256}\nh{i} IN TXT \"{'x' * 200}\"\n" for i in range(2000))
    daemon = start(concord, text)
    want = texts(dns.zone.from_text(text, "example.", relativize=False))
    for a in ALGORITHMS:
        assert texts(axfr(daemon, a)) == want, a


def test_every_message_of_a_transfer_is_signed(concord):
    daemon = start(concord, HEAD + "".join(f"h{i} IN TXT \"{'x' * 200}\"\n" for i in range(500)))
    q = dns.message.make_query("example.", "AXFR")
    q.use_tsig(key())
    wire = q.to_wire()
    signed = []
    with socket.create_connection((daemon.address, daemon.port)) as s:
        s.settimeout(10)
        s.sendall(len(wire).to_bytes(2, "big") + wire)
        f = s.makefile("rb")
        soas = 0
        while soas < 2:
            m = f.read(int.from_bytes(f.read(2), "big"))
            signed.append(int.from_bytes(m[10:12], "big"))
            soas += m.count(b"\x0ahostmaster")  # of the SOA, whose names in RDATA are whole
    assert len(signed) > 3 and all(n == 1 for n in signed)


def test_who_may_not_gets_nothing_and_the_log_says_who(concord):
    daemon = start(concord, HEAD)
    q = dns.message.make_query("example.", "AXFR")
    r = dns.query.tcp(q, daemon.address, port=daemon.port, timeout=5)
    assert r.rcode() == dns.rcode.REFUSED and not r.answer
    assert dns.query.udp(q, daemon.address, port=daemon.port, timeout=5).rcode() == dns.rcode.REFUSED
    assert daemon.logged("no rule of allow-transfer permits it")
    q = dns.message.make_query("other.", "AXFR")
    q.use_tsig(key())
    assert dns.query.tcp(q, daemon.address, port=daemon.port, timeout=5).rcode() == dns.rcode.NOTAUTH


def change(daemon, lottery):
    u = dns.update.UpdateMessage("example.")
    u.use_tsig(key())
    for _ in range(lottery.randrange(1, 4)):
        name = f"c{lottery.randrange(30)}"
        if lottery.randrange(3) == 0:
            u.delete(name)
        else:
            u.add(name, 60, "A", f"192.0.2.{lottery.randrange(1, 9)}")
    assert dns.query.tcp(u, daemon.address, port=daemon.port, timeout=5).rcode() == dns.rcode.NOERROR


def ixfr(daemon, zone, udp=dns.query.UDPMode.NEVER):
    """Brings a copy up to date."""
    serial = zone.get_rdataset("example.", "SOA")[0].serial
    k = key()
    q, _ = dns.xfr.make_query(zone, serial=serial, keyring={k.name: k}, keyname=k.name, keyalgorithm=k.algorithm)
    dns.query.inbound_xfr(daemon.address, zone, query=q, port=daemon.port, timeout=10, lifetime=20, udp_mode=udp)


def test_two_hundred_changes_by_ixfr_give_what_axfr_gives_also_over_restarts(concord):
    daemon = start(concord, HEAD)
    lottery = random.Random(1995)
    copy = axfr(daemon)
    for i in range(220):
        change(daemon, lottery)
        if i % 20 == 7:
            ixfr(daemon, copy)
            assert texts(copy) == texts(axfr(daemon))
        if i in (60, 150):
            daemon.stop()
            daemon.start()
    old = dns.zone.from_text(HEAD, "example.", relativize=False)  # all of them at once, condensed
    ixfr(daemon, old)
    ixfr(daemon, copy, dns.query.UDPMode.TRY_FIRST)
    assert texts(old) == texts(copy) == texts(axfr(daemon))
    assert daemon.logged("transfer: IXFR to")
    ixfr(daemon, copy)  # nothing is newer: one SOA
    assert texts(copy) == texts(old)


def test_a_serial_that_the_journal_does_not_have_gets_the_whole_zone(concord):
    daemon = start(concord, HEAD.replace("hostmaster 1 ", "hostmaster 900 "))
    old = dns.zone.from_text(HEAD, "example.", relativize=False)
    ixfr(daemon, old)
    assert texts(old) == texts(axfr(daemon))


def test_the_tools_of_bind_and_knot_take_it(concord):
    daemon = start(concord, HEAD + "".join(f"h{i} IN TXT \"{'x' * 200}\"\n" for i in range(500)))
    for tool in ("dig", "kdig"):
        done = subprocess.run([tool, f"@{daemon.address}", "-p", str(daemon.port), "-y", f"hmac-sha256:hmac-sha256.:{SECRET}",
                               "example.", "AXFR"], text=True, capture_output=True, timeout=30)
        assert done.returncode == 0 and done.stdout.count("\tTXT\t") == 500, done.stdout[-600:] + done.stderr


def test_a_client_that_does_not_read_holds_nobody_up_and_ends_with_its_connection(concord):
    daemon = start(concord, HEAD + "".join(f"h{i} IN TXT \"{'x' * 240}\"\n" for i in range(20000)), signing="none")
    q = dns.message.make_query("example.", "AXFR")
    q.use_tsig(key())
    wire = q.to_wire()
    lazy = [socket.create_connection((daemon.address, daemon.port)) for _ in range(4)]
    for s in lazy:
        s.sendall(len(wire).to_bytes(2, "big") + wire)
    for _ in range(50):
        assert daemon.ask("h1.example.", "TXT", tcp=True).answer
    assert len(axfr(daemon).nodes) == 20002
    for s in lazy:
        s.close()
    wait_until(lambda: daemon.log().count("ended early") == 4, "the four transfers end")


def test_steered_names_go_out_with_their_defaults_and_the_log_marks_it(concord):
    steering = """www:
  type: A
  values: [192.0.2.80]
  dynamic:
    pools: {a: {values: [{value: 192.0.2.81}]}}
    rules: [{pool: a}]
"""
    c = concord(start=False, zone=HEAD, steering=steering, extra=KEYS, allow_transfer=RULES)
    os.chmod(c.config, 0o600)
    c.start()
    assert [t.split()[-1] for t in texts(axfr(c)) if t.startswith("www.example.")] == ["192.0.2.80"]
    assert c.logged("steered names with their default values")


def test_an_edited_file_goes_out_by_differences_and_with_a_newer_serial(concord):
    """The operator edits the file, with or without a new serial, and over updates that lie on it."""
    text = HEAD + "".join(f"h{i} IN A 192.0.2.{i}\n" for i in range(50))
    daemon = start(concord, text, signing="none")
    copy = axfr(daemon)
    for change, serial in (
        (lambda: daemon.file("example.zone", text + "new IN A 192.0.2.9\n"), 2),  # its serial is 1 still
        (lambda: change_by_update(daemon), 3),
        (lambda: daemon.file("example.zone", text.replace("h7 IN A", "h7 60 IN A")), 4),
        (lambda: daemon.file("example.zone", text.replace("hostmaster 1 ", "hostmaster 10 ")), 10),
    ):
        change()
        daemon.ctl("reload")
        ixfr(daemon, copy)
        assert copy.get_rdataset("example.", "SOA")[0].serial == serial
        assert texts(copy) == texts(axfr(daemon))
        daemon.stop()
        daemon.start()
        assert daemon.ask("example.", "SOA").answer[0][0].serial == serial
    assert daemon.logged("transfer: IXFR to", times=4)
    assert daemon.log().count("transfer: IXFR to") == 4
    assert daemon.logged("its serial 1 is not newer than 1")


def change_by_update(daemon):
    u = dns.update.UpdateMessage("example.")
    u.use_tsig(key())
    u.add("updated", 60, "A", "192.0.2.8")
    assert dns.query.tcp(u, daemon.address, port=daemon.port, timeout=5).rcode() == dns.rcode.NOERROR
