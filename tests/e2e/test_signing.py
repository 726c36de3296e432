# SPDX-License-Identifier: Apache-2.0
"""Every answer with DO is signed, and validates under the keys that are served."""
import os
import socket
import stat
import struct

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from lab.daemons import make_query
from lab.oracle import Bogus, check_answer, check_keys

ZONE = dns.name.from_text("example.")

QUESTIONS = [
    ("www.example.", "A"), ("www.example.", "AAAA"), ("example.", "SOA"), ("example.", "NS"), ("example.", "MX"),
    ("alias.example.", "A"), ("a.b.wild.example.", "A"), ("a.wild.example.", "MX"), ("nothing.example.", "A"),
    ("x.nothing.example.", "A"), ("zzz.example.", "A"), ("www.example.", "MX"), ("ent.deep.example.", "A"), ("deep.example.", "TXT"),
    ("y.ent.deep.example.", "A"), ("secure.example.", "DS"), ("child.example.", "DS"), ("www.child.example.", "A"), ("www.secure.example.", "A"),
    ("target.moved.example.", "A"), ("moved.example.", "DNAME"), ("moved.example.", "A"), ("odd.example.", "TYPE65280"),
    ("example.", "NSEC"), ("a.wild.example.", "NSEC"), ("a.b.wild.example.", "NSEC"), ("*.wild.example.", "A"), ("wild.example.", "A"), ("example.", "DNSKEY"), ("loop-a.example.", "A"),
]


def ds_of(c, zone="example."):
    name = dns.name.from_text(zone)
    return [dns.rrset.from_text(name, 300, "IN", "DS", line.split(" IN DS ")[1])[0] for line in c.ds(zone)]


def keys_of(c):
    return check_keys(c.ask("example.", "DNSKEY", do=True, tcp=True), ZONE, ds_of(c))


def signing(policy):
    return "signing:\n  - {id: test, " + policy + "}"


@pytest.mark.parametrize("policy", ["algorithm: ecdsap256sha256", "algorithm: ed25519", "keys: csk", "algorithm: ed25519, keys: csk"])
def test_every_kind_of_answer_validates(concord, policy):
    c = concord(extra=signing(policy), signing="test")
    keys = keys_of(c)
    assert len(keys) == (1 if "csk" in policy else 2)
    for name, rdtype in QUESTIONS:
        check_answer(c.ask(name, rdtype, do=True, tcp=True), ZONE, keys)


def test_the_check_can_fail(concord):
    """The oracle itself: another zone's keys validate nothing."""
    c, other = concord(), concord()
    with pytest.raises(Bogus):
        check_answer(c.ask("www.example.", "A", do=True), ZONE, keys_of(other))
    unsigned = c.ask("www.example.", "A")
    with pytest.raises(Bogus):
        check_answer(unsigned, ZONE, keys_of(c))
    denied = c.ask("nothing.example.", "A", do=True)
    denied.authority = [r for r in denied.authority if r.rdtype != dns.rdatatype.NSEC and r.covers != dns.rdatatype.NSEC]
    with pytest.raises(Bogus):
        check_answer(denied, ZONE, keys_of(c))


def test_signatures_are_made_once(concord):
    c = concord()
    first = c.ask("www.example.", "A", do=True)
    made = c.ctl("stats")["sig_made"]
    for _ in range(20):
        assert c.ask("www.example.", "A", do=True).answer == first.answer
    assert c.ctl("stats")["sig_made"] == made


def test_without_do_nothing_is_signed(concord):
    got = concord().ask("www.example.", "A")
    assert [r.rdtype for r in got.answer] == [dns.rdatatype.A]


def test_inception_lies_an_hour_back_and_expiry_within_the_validity(concord):
    c = concord(extra=signing("validity: 10d, refresh: 3d, inception-offset: 1h"), signing="test")
    sig = c.ask("www.example.", "A", do=True).answer[1][0]
    span = sig.expiration - sig.inception
    assert 10 * 86400 + 3600 - 0.1 * 7 * 86400 <= span <= 10 * 86400 + 3600


def test_key_files_are_the_owners_alone(concord):
    c = concord()
    private = list((c.dir / "state" / "keys" / "example.").glob("*.private"))
    assert len(private) == 2
    for f in private:
        assert stat.S_IMODE(f.stat().st_mode) == 0o600
    assert stat.S_IMODE((c.dir / "state" / "concord.db").stat().st_mode) == 0o600
    assert stat.S_IMODE(os.stat(c.dir / "state").st_mode) == 0o700


def test_keys_survive_a_restart_and_are_read_where_they_are_named(concord):
    c = concord()
    before = {k["tag"] for k in c.ctl("key", "list", "example.")["keys"]}
    c.stop()
    c.start()
    assert {k["tag"] for k in c.ctl("key", "list", "example.")["keys"]} == before
    files = sorted((c.dir / "state" / "keys" / "example.").glob("*.private"))
    other = concord(keys="[" + ", ".join(f"{{file: {f}}}" for f in files) + "]")
    listed = other.ctl("key", "list", "example.")["keys"]
    assert {k["tag"] for k in listed} == before and {k["role"] for k in listed} == {"ksk", "zsk"}
    check_answer(other.ask("www.example.", "A", do=True), ZONE, keys_of(other))


def test_a_pem_key_needs_its_role_and_signs(concord, tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    pem = tmp_path / "csk.pem"
    pem.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    pem.chmod(0o600)
    c = concord(keys=f"[{{file: {pem}, role: csk}}]")
    check_answer(c.ask("nothing.example.", "A", do=True), ZONE, keys_of(c))
    without = concord(start=False, keys=f"[{{file: {pem}}}]")
    code, said = without.fails_to_start()
    assert code == 1 and "needs its role" in said


def test_bind_made_keys_sign(concord, tmp_path):
    import subprocess

    for flags in (["-f", "KSK"], []):
        subprocess.run(["dnssec-keygen", "-a", "ECDSAP256SHA256", *flags, "example."], cwd=tmp_path, check=True, capture_output=True)
    files = sorted(tmp_path.glob("K*.private"))
    c = concord(keys="[" + ", ".join(f"{{file: {f}}}" for f in files) + "]")
    check_answer(c.ask("www.example.", "A", do=True), ZONE, keys_of(c))


@pytest.mark.parametrize("policy", ["denial: nsec", "denial: compact", "algorithm: rsasha256"])
def test_answers_that_waited_together_are_signed_under_their_own_names(concord, policy):
    """Many misses at one time, in workers and in signer threads: a signature must be that of its own question."""
    names = [f"h{i}.example." for i in range(60)]
    zone = "$TTL 3600\n@ IN SOA ns1 h 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n" + "".join(f"{n} IN A 192.0.2.9\n" for n in names)
    c = concord(zone=zone, extra=signing(policy), signing="test", server={"workers": "1"})
    asked = [(n, "A") for n in names] + [(f"x{n}", "A") for n in names]
    queries = [make_query(n, t, do=True) for n, t in asked]
    answers = []
    with socket.create_connection((c.address, c.port), timeout=20) as s:
        stream = s.makefile("rb")
        for at in range(0, len(queries), 12):  # of one connection, few may wait
            together = [q.to_wire() for q in queries[at:at + 12]]
            s.sendall(b"".join(struct.pack("!H", len(w)) + w for w in together))
            answers += [dns.message.from_wire(stream.read(struct.unpack("!H", stream.read(2))[0])) for _ in together]
    keys = keys_of(c)
    for m in answers:
        check_answer(m, ZONE, keys)
    assert {m.question[0].name for m in answers} == {q.question[0].name for q in queries}


# RFC 4034 section 6.2 without NSEC (RFC 6840 section 5.1): names in RDATA are signed in lower case, in these types and no others.
NAMES_IN_RDATA = [
    ("ns.u", "NS", "NS.Elsewhere.TEST."), ("cname.u", "CNAME", "WWW.Example."), ("ptr.u", "PTR", "WWW.Example."), ("mx.u", "MX", "10 MAIL.Example."),
    ("rp.u", "RP", "Who.Example. What.EXAMPLE."), ("afsdb.u", "AFSDB", "1 DB.Example."), ("rt.u", "RT", "1 RT.Example."),
    ("px.u", "PX", "1 A.Example. B.EXAMPLE."), ("naptr.u", "NAPTR", '1 2 "S" "E2U" "" To.EXAMPLE.'), ("kx.u", "KX", "1 KX.Example."),
    ("srv.u", "SRV", "1 2 3 To.EXAMPLE."), ("dname.u", "DNAME", "To.EXAMPLE."),
    # not lowered
    ("svcb.u", "SVCB", "1 To.EXAMPLE. alpn=h2"), ("https.u", "HTTPS", "1 To.EXAMPLE. alpn=h2"),
    ("dsync.u", "DSYNC", "CDS NOTIFY 5359 To.EXAMPLE."), ("txt.u", "TXT", '"To.EXAMPLE."'), ("caa.u", "CAA", '0 issue "To.EXAMPLE"'),
    ("uri.u", "URI", '1 2 "https://To.EXAMPLE/"'), ("unknown.u", "TYPE65281", "\\# 4 41424344"),
]


@pytest.mark.parametrize("denial", ["nsec", "nsec3", "compact"])
def test_names_in_rdata_are_signed_as_each_type_asks_for(concord, denial):
    records = "".join(f"{owner.upper()} {rdtype} {rdata}\n" for owner, rdtype, rdata in NAMES_IN_RDATA)
    text = f"$TTL 300\n@ IN SOA NS1.Example. HostMaster.EXAMPLE. 1 7200 3600 1209600 300\n@ IN NS NS1.Example.\nns1 IN A 192.0.2.1\n{records}"
    c = concord(zone=text, extra=signing(f"denial: {denial}"), signing="test")
    keys = keys_of(c)
    check_answer(c.ask("example.", "SOA", do=True), ZONE, keys)
    check_answer(c.ask("example.", "NS", do=True), ZONE, keys)
    for owner, rdtype, rdata in NAMES_IN_RDATA:
        if rdtype == "NS":
            continue  # a delegation: not signed
        answer = c.ask(f"{owner}.Example.", "TYPE66" if rdtype == "DSYNC" else rdtype, do=True, tcp=True)
        assert answer.answer, (owner, rdtype)
        check_answer(answer, ZONE, keys)
        if rdtype == "SVCB":
            assert "To.EXAMPLE." in answer.answer[0].to_text()  # served as written
