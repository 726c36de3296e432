# SPDX-License-Identifier: Apache-2.0
"""Key sets that somebody else signed: what is taken, what is refused, and what is served (RFC 8901 section 2.1.1, Model 1)."""
import signal
import time

import dns.dnssec
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from lab.daemons import Concord
from lab.oracle import check_answer, check_keys
from lab.wait import wait_until
from lab.web import Access

ZONE = "shop.example."
NAME = dns.name.from_text(ZONE)
DAY = 86400
TEXT = f"""$TTL 3600
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 60
@ IN NS ns1
ns1 IN A 192.0.2.1
www IN A 192.0.2.80
"""
SIGNING = """signing:
  - {id: signer, keys: zsk, propagation-delay: 0, safety-margin: 0}
"""


class Key:
    def __init__(self, flags=257, name=NAME):
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.dnskey = dns.dnssec.make_dnskey(self.private.public_key(), dns.dnssec.ECDSAP256SHA256, flags)
        self.name = name

    def sign(self, rrset, begins, ends, signer=NAME):
        return dns.dnssec.sign(rrset, self.private, signer, self.dnskey, inception=begins, expiration=ends)


def rrset_of(rdtype, rdatas, ttl=3600):
    made = dns.rrset.RRset(NAME, 1, dns.rdatatype.from_text(rdtype))
    made.update_ttl(ttl)
    for r in rdatas:
        made.add(r)
    return made


class Holder:
    """Signs bundles, right or wrong."""

    def __init__(self, *zsks):
        self.ksk, self.zsks, self.now = Key(), list(zsks), int(time.time())

    def bundle(self, start=0, life=14 * DAY, keys=None, zsks=None, spoil=None, cds=(), cdnskey=(), ttl=3600, begins=None, with_ksk=True):
        at = self.now + start
        ksks = keys or [self.ksk]
        zsks = self.zsks if zsks is None else zsks
        sets = [rrset_of("DNSKEY", ([k.dnskey for k in ksks] if with_ksk else []) + zsks, ttl)]
        sets += [rrset_of("CDS", cds, ttl)] if cds else []
        sets += [rrset_of("CDNSKEY", cdnskey, ttl)] if cdnskey else []
        lines = [f";; SignedKeyResponse 1.0 {at}"]
        for s in sets:
            lines += s.to_text().splitlines()
            for k in ksks:
                r = k.sign(s, at - 3600 if begins is None else begins, at + life)
                lines.append(f"{ZONE} {ttl} IN RRSIG {r.to_text()}")
        text = "\n".join(lines) + "\n"
        return spoil(text) if spoil else text

    def cds(self, key=None):
        return dns.dnssec.make_cds(NAME, (key or self.ksk).dnskey, "SHA256")

    def cdnskey(self, key=None):
        return dns.rdata.from_text(1, dns.rdatatype.CDNSKEY, (key or self.ksk).dnskey.to_text())

    def ds(self):
        return [dns.dnssec.make_ds(NAME, self.ksk.dnskey, "SHA256")]


@pytest.fixture
def signer(tmp_path, daemons):
    def make(**zone):
        c = Concord(tmp_path / "signer")
        c.zone(ZONE, TEXT, signing="signer", **zone)
        c.extra = SIGNING
        c.write_config()
        daemons.append(c)
        return c.start()
    return make


def own_zsk(c):
    return dns.rdata.from_text(1, dns.rdatatype.DNSKEY, c.ctl("key", "export", ZONE, "--role", "zsk")["dnskey"][0].split(" DNSKEY ")[1])


def load(c, text, *options):
    path = c.dir / "in.skr"
    path.write_text(text)
    return c.ctl_raw("bundle", "load", ZONE, path, *options)


def flip(text):
    """Another octet in the last signature."""
    at = text.rindex("RRSIG") + 120
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


def test_what_was_signed_is_served_as_it_is(signer):
    c = signer()
    assert c.ask(ZONE, "DNSKEY", do=True).rcode() == dns.rcode.SERVFAIL
    h = Holder(own_zsk(c), Key(256).dnskey)
    text = h.bundle(cds=[h.cds()], cdnskey=[h.cdnskey()], ttl=1234)
    done = load(c, text)
    assert done.returncode == 0, done.stderr
    answer = c.ask(ZONE, "DNSKEY", do=True)
    keys = check_keys(answer, NAME, h.ds())
    assert len(keys) == 3 and keys.ttl == 1234
    served = {"".join(r.to_text().split()) for rrset in answer.answer if rrset.rdtype == dns.rdatatype.RRSIG for r in rrset}
    assert served == {"".join(line.split(" IN RRSIG ")[1].split()) for line in text.splitlines() if " IN RRSIG DNSKEY" in line}
    for name, rdtype in [("www." + ZONE, "A"), ("no." + ZONE, "A"), (ZONE, "CDS"), (ZONE, "CDNSKEY"), (ZONE, "SOA")]:
        check_answer(c.ask(name, rdtype, do=True), NAME, keys)
    assert c.ctl("bundle", "list", ZONE)["bundles"][0]["in_force"]


def test_a_plain_signed_set_without_headers_is_in_force_at_once(signer):
    c = signer()
    h = Holder(own_zsk(c))
    text = "".join(h.bundle().splitlines(keepends=True)[1:])
    assert load(c, text).returncode == 0
    check_keys(c.ask(ZONE, "DNSKEY", do=True), NAME, h.ds())


def refusals():
    """(what, how the text is made, what is said)."""
    other = Key()
    return [
        ("not text of that kind", lambda h: "\x01\x02 not a record\n", "skr:1"),
        ("empty", lambda h: ";; nothing\n", "no bundle"),
        ("another zone's", lambda h: h.bundle().replace(ZONE, "other.example."), "another name"),
        ("a type that does not belong", lambda h: h.bundle() + f"{ZONE} 3600 IN A 192.0.2.1\n", "belong here"),
        ("a bracket left open", lambda h: h.bundle() + f"{ZONE} 3600 IN DNSKEY 256 3 13 (\n", "not closed"),
        ("unsigned", lambda h: "\n".join(x for x in h.bundle().splitlines() if "RRSIG" not in x) + "\n", "no signature"),
        ("a signature that does not fit", lambda h: h.bundle(spoil=flip), "does not fit"),
        ("a key added behind the signature", lambda h: h.bundle() + rrset_of("DNSKEY", [Key(256).dnskey]).to_text() + "\n", "does not fit"),
        ("signed by a key that is not in it", lambda h: h.bundle(with_ksk=False), "named by the DS"),
        ("not yet valid when it begins", lambda h: h.bundle(begins=h.now + 50), "not valid when"),
        ("expired", lambda h: h.bundle(start=-20 * DAY), "has expired"),
        ("expired before it begins", lambda h: h.bundle(life=-10), "not valid when"),
        ("without our key", lambda h: h.bundle(zsks=[Key(256).dnskey]), "lacks a key of ours"),
        ("a gap", lambda h: h.bundle(life=DAY) + h.bundle(start=2 * DAY), "expires before"),
        ("a later one without our key", lambda h: h.bundle() + h.bundle(start=7 * DAY, zsks=[Key(256).dnskey]), "no key of ours"),
        ("another KSK in the row", lambda h: h.bundle() + h.bundle(start=7 * DAY, keys=[other]), "known from before"),
        ("a request to delete the DS", lambda h: h.bundle(cds=[dns.rdata.from_text(1, 59, "0 0 0 00")]), "delete the DS"),
        ("CDS of a stranger", lambda h: h.bundle(cds=[h.cds(other)]), "not in the set"),
        ("CDS and CDNSKEY that differ", lambda h: h.bundle(keys=[h.ksk, other], cds=[h.cds()], cdnskey=[h.cdnskey(other)]), "not the same"),
        ("TTLs that differ", lambda h: h.bundle().replace(" 3600 IN DNSKEY", " 60 IN DNSKEY", 1), "TTL"),
        ("a TTL that was not signed", lambda h: h.bundle().replace(" 3600 IN ", " 60 IN "), "TTL"),
        ("a revoked key", lambda h: h.bundle(zsks=h.zsks + [Key(385).dnskey]), "revoked"),
        ("a key of another algorithm", lambda h: h.bundle(zsks=h.zsks + [dns.rdata.from_text(1, 48, "256 3 15 " + "A" * 43 + "=")]), "another algorithm"),
        ("too many keys", lambda h: h.bundle(zsks=h.zsks + [dns.rdata.from_text(1, 48, f"256 3 13 {'A' * 80}{i:04d}AA==") for i in range(70)]),
         "more records"),
        ("too many bundles", lambda h: "".join(f";; SignedKeyResponse 1.0 {h.now + i}\n" for i in range(500)), "more bundles"),
        ("a header without a time", lambda h: ";; SignedKeyResponse 1.0 soon\n", "no time"),
        ("a header with a time of fourteen wrong digits", lambda h: ";; SignedKeyResponse 1.0 99999999999999\n", "no time"),
    ]


def test_what_is_wrong_is_refused_whole_and_what_was_served_goes_on(signer):
    c = signer()
    h = Holder(own_zsk(c))
    good = h.bundle()
    assert load(c, good).returncode == 0
    before = c.ask(ZONE, "DNSKEY", do=True)
    for what, make, says in refusals():
        done = load(c, make(h))
        assert done.returncode != 0 and says in done.stderr, (what, says, done.stderr)
        after = c.ask(ZONE, "DNSKEY", do=True)
        assert after.answer == before.answer and [r.to_text() for r in after.answer] == [r.to_text() for r in before.answer], what


def test_force_takes_another_holder_but_nothing_that_is_wrong_in_itself(signer):
    c = signer()
    h, other = Holder(own_zsk(c)), Holder(own_zsk(c))
    assert load(c, h.bundle()).returncode == 0
    assert "known from before" in load(c, other.bundle()).stderr
    assert load(c, other.bundle(spoil=flip), "--force").returncode != 0
    assert load(c, other.bundle(), "--force").returncode == 0
    check_keys(c.ask(ZONE, "DNSKEY", do=True), NAME, other.ds())


def test_the_holder_that_the_configuration_names_is_the_only_one_believed(signer):
    h = Holder()
    c = signer(holder_ds=f'"{h.ds()[0].to_text()}"')
    h.zsks = [own_zsk(c)]
    assert "named by the DS" in load(c, Holder(own_zsk(c)).bundle()).stderr
    assert load(c, h.bundle()).returncode == 0
    check_keys(c.ask(ZONE, "DNSKEY", do=True), NAME, h.ds())


def test_a_key_signing_key_is_rolled_by_sets_that_both_sign(signer):
    c = signer()
    h, new = Holder(own_zsk(c)), Key()
    assert load(c, h.bundle() + h.bundle(start=2, keys=[h.ksk, new]) + h.bundle(start=4, keys=[new])).returncode == 0
    ds = dns.dnssec.make_ds(NAME, new.dnskey, "SHA256")

    def is_new():
        answer = c.ask(ZONE, "DNSKEY", do=True)
        return sum(k.flags == 257 for k in answer.answer[0]) == 1 and answer.answer[0] if new.dnskey in answer.answer[0] else None

    wait_until(is_new, "the third set is in force")
    check_keys(c.ask(ZONE, "DNSKEY", do=True), NAME, [ds])


def test_a_set_without_a_key_that_signs_is_never_put_into_force(signer):
    """It was loaded when the key was not in use: the one before goes on, and the log says who must act."""
    c = signer()
    first = own_zsk(c)
    c.ctl("key", "generate", ZONE, "--role", "zsk")
    standby = [k for k in c.ctl("key", "list", ZONE)["keys"] if k["state"] == "standby"][0]["dnskey"].split(" DNSKEY ")[1]
    second = dns.rdata.from_text(1, dns.rdatatype.DNSKEY, standby)
    h = Holder(first, second)
    assert load(c, h.bundle() + h.bundle(start=2, zsks=[second])).returncode == 0
    wait_until(lambda: time.time() > h.now + 3, "the second set is due")
    keys = check_keys(c.ask(ZONE, "DNSKEY", do=True), NAME, h.ds())
    assert len(keys) == 3
    check_answer(c.ask("www." + ZONE, "A", do=True), NAME, keys)
    c.ctl("reload")
    assert c.ctl("zone", "status", ZONE)["bundles"]["refused"]


def test_sets_are_there_after_kill_9(signer):
    c = signer()
    h = Holder(own_zsk(c))
    assert load(c, h.bundle()).returncode == 0
    c.process.send_signal(signal.SIGKILL)
    c.process.wait()
    c.start()
    check_keys(c.ask(ZONE, "DNSKEY", do=True), NAME, h.ds())
    assert load(c, Holder(own_zsk(c)).bundle()).returncode != 0, "who signed before is remembered"


def test_bundles_by_the_api_need_their_scopes_and_what_was_seen(tmp_path, daemons):
    c = Concord(tmp_path / "signer")
    c.zone(ZONE, TEXT, signing="signer")
    access = Access(c)
    read, keys = access.token("reader"), access.token("controller", scopes="read,keys")
    access.write()
    c.config.write_text(c.config.read_text() + SIGNING)
    daemons.append(c)
    c.start()
    h = Holder(own_zsk(c))
    path = f"/v1/zones/{ZONE}/bundles"
    web = access.web(keys)
    assert access.web(read).ask("PUT", path, {"skr": h.bundle()}, If_None_Match="*").status == 403
    assert web.ask("PUT", path, {"skr": h.bundle()}).status == 428
    put = web.ask("PUT", path, {"skr": h.bundle()}, If_None_Match="*")
    assert put.status == 200 and put.etag, put
    got = access.web(read).get(path)
    assert got.etag == put.etag and got.json["bundles"][0]["in_force"] and "SignedKeyResponse" in got.json["skr"]
    assert web.ask("PUT", path, {"skr": h.bundle()}, If_None_Match="*").status == 412, "replayed"
    assert web.ask("PUT", path + "?force=yes", {"skr": h.bundle()}, If_Match=put.etag).status == 403
    assert web.ask("POST", path + "/sign", {"requests": []}).status == 403
    metrics = access.web(read).get("/metrics").body.decode()
    assert f'concord_zone_bundle_refused{{zone="{ZONE}"}} 0' in metrics
    end = [line for line in metrics.splitlines() if line.startswith("concord_zone_bundles_end_seconds{")]
    assert abs(int(end[0].split()[1]) - (h.now + 14 * DAY)) < 5
    asked = web.ask("POST", path + "/request", {"days": 30})
    assert asked.status == 200 and "KeySigningRequest" in asked.json["ksr"]
    for bad in ({"days": 0}, {"days": 100000}, {"form": "odd"}):
        assert web.ask("POST", path + "/request", bad).status in (400, 422), bad


def test_who_signs_its_own_key_sets_takes_none(tmp_path, daemons):
    c = Concord(tmp_path / "plain")
    c.zone(ZONE, TEXT)
    c.write_config()
    daemons.append(c)
    c.start()
    for verb in (("bundle", "request", ZONE), ("bundle", "list", ZONE), ("bundle", "sign", ZONE, "/dev/null")):
        done = c.ctl_raw(*verb)
        assert done.returncode != 0 and "takes no part" in done.stderr.replace("does not take part", "takes no part"), done.stderr
