# SPDX-License-Identifier: Apache-2.0
"""Transfers over TLS (RFC 9103), to those whose certificate, key or address permits it."""
import base64
import hashlib
import os
import socket
import ssl
import struct
import subprocess

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.tsig
import pytest

from lab.daemons import free_port

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE="
KEY = dns.tsig.Key("k.", SECRET, "hmac-sha512")


def make_certificate(directory, name):
    """Its pin (RFC 7858 section 4.2)."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                    "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    public = subprocess.run(["openssl", "x509", "-in", directory / f"{name}.pem", "-noout", "-pubkey"], check=True, capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public, check=True, capture_output=True).stdout
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


@pytest.fixture
def served(concord):
    def make(rule):
        c = concord(start=False, zone=None)
        c.tls_port = free_port()
        c.options.update({"listen-tls": f"[127.0.0.1@{c.tls_port}]", "tls": "{certificate: dns.test.pem, key: dns.test.key}"})
        make_certificate(c.dir, "dns.test")
        c.pins = {name: make_certificate(c.dir, name) for name in ("ns2.test", "other.test")}
        c.extra = f"tsig-keys:\n  - {{name: k., algorithm: hmac-sha512, secret: \"{SECRET}\"}}\n"
        text = "$TTL 60\n@ IN SOA ns1 h 1 3600 900 604800 60\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"
        c.zone("example.", text + "".join(f"h{i} IN TXT \"{'x' * 200}\"\n" for i in range(500)), signing="none",
               allow_transfer="[" + rule.format(**{n.split(".")[0]: p for n, p in c.pins.items()}) + "]")
        c.write_config()
        os.chmod(c.config, 0o600)
        return c.start()

    return make


def receive(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        assert more, "closed"
        data += more
    return data


def axfr(c, certificate=None, key=None, tls=True):
    """(rcode, records), every message checked."""
    q = dns.message.make_query("example.", "AXFR")
    q.flags = 0
    if key is not None:
        q.use_tsig(key)
    wire = q.to_wire()
    s = socket.create_connection((c.address, c.tls_port if tls else c.port), timeout=20)
    if tls:
        context = ssl.create_default_context(cafile=c.dir / "dns.test.pem")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["dot"])
        if certificate is not None:
            context.load_cert_chain(c.dir / f"{certificate}.pem", c.dir / f"{certificate}.key")
        s = context.wrap_socket(s, server_hostname="dns.test")
        assert s.selected_alpn_protocol() == "dot" and s.version() == "TLSv1.3"
    with s:
        s.sendall(struct.pack("!H", len(wire)) + wire)
        records, soas, context = [], 0, None
        while soas < 2:
            m = dns.message.from_wire(receive(s, struct.unpack("!H", receive(s, 2))[0]), keyring=key, request_mac=q.mac, xfr=True,
                                      tsig_ctx=context, multi=True, one_rr_per_rrset=True)
            context = m.tsig_ctx
            assert m.had_tsig == (key is not None)
            if m.rcode() != dns.rcode.NOERROR:
                return m.rcode(), records
            records += m.answer
            soas += sum(r.rdtype == dns.rdatatype.SOA for r in m.answer)
    return dns.rcode.NOERROR, records


def test_a_certificate_that_is_pinned_gets_the_zone_and_no_other(served):
    c = served("{{client-certificate: \"{ns2}\"}}")
    rcode, records = axfr(c, "ns2.test")
    assert rcode == dns.rcode.NOERROR and len(records) == 504
    assert axfr(c, "other.test")[0] == dns.rcode.REFUSED
    assert axfr(c)[0] == dns.rcode.REFUSED
    assert axfr(c, tls=False)[0] == dns.rcode.REFUSED


def test_a_rule_for_tls_refuses_plain_tcp_and_signatures_go_through_tls_too(served):
    c = served("{{key: k., tls: yes}}")
    rcode, records = axfr(c, key=KEY)
    assert rcode == dns.rcode.NOERROR and len(records) == 504
    assert axfr(c)[0] == dns.rcode.REFUSED
    assert axfr(c, key=KEY, tls=False)[0] == dns.rcode.REFUSED


def test_certificate_and_key_must_both_be_there_where_a_rule_names_both(served):
    c = served("{{client-certificate: \"{ns2}\", key: k.}}")
    assert axfr(c, "ns2.test", KEY)[0] == dns.rcode.NOERROR
    assert axfr(c, "ns2.test")[0] == dns.rcode.REFUSED
    assert axfr(c, "other.test", KEY)[0] == dns.rcode.REFUSED
