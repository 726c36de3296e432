# SPDX-License-Identifier: Apache-2.0
"""Questions signed with TSIG: the answer is signed, and a wrong signature gets the error of RFC 8945."""
import os
import socket
import time

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import pytest

ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE="


KEYS = "tsig-keys:\n" + "".join(
    f"  - {{name: {a}.key., algorithm: {a}, secret: \"{SECRET}\"}}\n" for a in ALGORITHMS)


@pytest.fixture
def daemon(concord):
    c = concord(start=False, extra=KEYS)
    os.chmod(c.config, 0o600)
    return c.start()


def key(algorithm, secret=SECRET):
    return dns.tsig.Key(f"{algorithm}.key.", secret, algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("transport", [dns.query.udp, dns.query.tcp])
def test_a_signed_question_gets_a_signed_answer(daemon, algorithm, transport):
    q = dns.message.make_query("example.", "SOA")
    q.flags &= ~dns.flags.RD
    q.use_tsig(key(algorithm))
    r = transport(q, daemon.address, port=daemon.port, timeout=5)
    assert r.had_tsig and r.rcode() == dns.rcode.NOERROR
    assert r.flags & dns.flags.AA and r.answer[0].rdtype == dns.rdatatype.SOA


def test_names_that_are_not_there_get_signed_answers_too(daemon):
    for name, want in (("nothing.example.", dns.rcode.NXDOMAIN), ("elsewhere.org.", dns.rcode.REFUSED)):
        q = dns.message.make_query(name, "SOA")
        q.use_tsig(key("hmac-sha256"))
        r = dns.query.tcp(q, daemon.address, port=daemon.port, timeout=5)
        assert r.had_tsig and r.rcode() == want


def refused(daemon, q, error):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.sendto(q if isinstance(q, bytes) else q.to_wire(), (daemon.address, daemon.port))
        wire = s.recv(4096)
    assert wire[3] & 15 == dns.rcode.NOTAUTH
    t = tsig_of(wire)
    assert t["error"] == error
    return t


def tsig_of(wire):
    """The TSIG record behind the question, read by hand: dnspython raises where there is an error in it."""
    at = dns.name.from_wire(wire, 12)[1] + 12 + 4
    at += dns.name.from_wire(wire, at)[1] + 10
    at += dns.name.from_wire(wire, at)[1]
    signed, mac_len = int.from_bytes(wire[at:at + 6], "big"), int.from_bytes(wire[at + 8:at + 10], "big")
    end = at + 10 + mac_len
    return {"time": signed, "mac": wire[at + 10:end], "error": int.from_bytes(wire[end + 2:end + 4], "big"),
            "other": wire[end + 6:]}


def test_a_wrong_key_secret_or_time_is_told_as_the_rfc_says(daemon, monkeypatch):
    q = dns.message.make_query("example.", "SOA")
    q.use_tsig(dns.tsig.Key("other.key.", SECRET, "hmac-sha256"))
    assert len(refused(daemon, q, dns.rcode.BADKEY)["mac"]) == 0
    q = dns.message.make_query("example.", "SOA")
    q.use_tsig(key("hmac-sha256", "b3RoZXI="))
    assert len(refused(daemon, q, dns.rcode.BADSIG)["mac"]) == 0
    q = dns.message.make_query("example.", "SOA")
    q.use_tsig(key("hmac-sha256"))
    now = time.time()
    monkeypatch.setattr(dns.message.time, "time", lambda: now - 301)
    wire = q.to_wire()
    monkeypatch.undo()
    t = refused(daemon, wire, dns.rcode.BADTIME)
    assert len(t["mac"]) == 32 and t["time"] == int(now - 301)
    assert abs(int.from_bytes(t["other"], "big") - now) < 5


def test_the_log_tells_who_was_refused_and_no_secret(daemon):
    q = dns.message.make_query("example.", "SOA")
    q.use_tsig(key("hmac-sha256", "b3RoZXI="))
    refused(daemon, q, dns.rcode.BADSIG)
    text = daemon.log()
    assert "BADSIG" in text and "hmac-sha256.key." in text and SECRET not in text


def test_an_answer_that_does_not_fit_with_its_signature_is_cut_and_signed(daemon):
    q = dns.message.make_query("www.example.", "A", use_edns=False)
    q.use_tsig(key("hmac-sha512"))
    r = dns.query.udp(q, daemon.address, port=daemon.port, timeout=5)
    assert r.had_tsig and len(r.to_wire()) <= 512


def test_hundreds_of_signed_questions_and_plain_ones_beside_them_are_all_answered(daemon):
    with socket.create_connection((daemon.address, daemon.port)) as s:
        s.settimeout(30)
        wires = []
        for i in range(500):
            q = dns.message.make_query("www.example.", "A", id=i + 1)
            if i % 2:
                q.use_tsig(key("hmac-sha256"))
            w = q.to_wire()
            wires.append(len(w).to_bytes(2, "big") + w)
        s.sendall(b"".join(wires))
        seen, data = set(), b""
        while len(seen) < 500:
            data += s.recv(65536)
            while len(data) >= 2 and len(data) >= 2 + int.from_bytes(data[:2], "big"):
                n = int.from_bytes(data[:2], "big")
                seen.add(int.from_bytes(data[2:4], "big"))
                assert data[5] & 15 in (0, 2)  # beyond what one connection may have waiting: SERVFAIL
                data = data[2 + n:]
