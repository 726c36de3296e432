# SPDX-License-Identifier: Apache-2.0
"""Keys of peers in the merged DNSKEY set (RFC 8901, Model 2), and what the tool says of keys."""
import base64
import calendar
import signal
import struct
import time

import dns.dnssec
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from lab.oracle import check_answer, check_keys
from lab.wait import wait_until
from test_signing import ZONE, ds_of


QUICK_ZONE = """$TTL 1
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 1
@ IN NS ns1
ns1 IN A 192.0.2.1
www IN A 192.0.2.80
"""
QUICK_POLICY = """signing:
  - id: quick
    dnskey-ttl: 1
    propagation-delay: 0
    safety-margin: 0
    parent-ds-ttl: 1
    parent-propagation-delay: 0
"""


def key_state(c, role):
    return next(k["state"] for k in c.ctl("key", "list", "example.")["keys"] if k["role"] == role)


def p256():
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return base64.b64encode(point[1:]).decode()


def eddsa():
    raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def tag_of(rdata):
    return dns.dnssec.key_id(dns.rrset.from_text("example.", 300, "IN", "DNSKEY", rdata)[0])


def served_keys(c):
    return {k.to_text() for k in c.ask("example.", "DNSKEY", do=True).answer[0]}


def test_a_foreign_key_is_served_in_the_set_that_our_own_ksk_signs(concord):
    c = concord()
    rdata = f"256 3 13 {p256()}"
    told = c.ctl("key", "import", "example.", f"example. 3600 IN DNSKEY {rdata}", "--owner", "bind")
    assert (told["origin"], told["owner"], told["role"], told["tag"]) == ("foreign", "bind", "zsk", tag_of(rdata))
    answer = c.ask("example.", "DNSKEY", do=True)
    keys = check_keys(answer, ZONE, ds_of(c))
    assert len(keys) == 3
    own_ksk = [k["tag"] for k in c.ctl("key", "list", "example.")["keys"] if k["role"] == "ksk"]
    assert [s.key_tag for s in answer.answer[1]] == own_ksk
    check_answer(c.ask("nothing.example.", "A", do=True), ZONE, keys)


def test_keys_are_listed_with_owner_role_and_state(concord):
    c = concord()
    c.ctl("key", "import", "example.", f"257 3 13 {p256()}", "--owner", "other-provider")
    listed = c.ctl("key", "list", "example.")["keys"]
    assert [(k["origin"], k["owner"], k["role"], k["flags"], k["state"]) for k in listed] == [
        ("own", "own", "ksk", 257, "published"), ("own", "own", "zsk", 256, "active"),
        ("foreign", "other-provider", "ksk", 257, "foreign")]
    person = c.ctl_raw("key", "list", "example.").stdout
    assert "other-provider" in person and "ECDSAP256SHA256" in person and "\033" not in person
    assert "\033" in c.ctl_raw("--color", "always", "key", "list", "example.").stdout


def test_foreign_keys_survive_kill_9(concord):
    c = concord()
    c.ctl("key", "import", "example.", f"256 3 13 {p256()}")
    c.ctl("cds", "publish", "example.")
    before = served_keys(c)
    c.process.send_signal(signal.SIGKILL)
    c.process.wait()
    c.start()
    assert served_keys(c) == before and len(before) == 3
    assert c.ask("example.", "CDS").answer


def test_a_foreign_key_is_removed_and_an_own_one_in_use_is_not(concord):
    c = concord()
    rdata = f"256 3 13 {p256()}"
    c.ctl("key", "import", "example.", rdata)
    refused = c.ctl_raw("key", "remove", "example.", f"{tag_of(rdata)}/13")
    assert refused.returncode == 5 and "the last one of its owner" in refused.stderr
    c.ctl("key", "remove", "example.", f"{tag_of(rdata)}/13", "--force")
    assert len(served_keys(c)) == 2
    own = c.ctl("key", "list", "example.")["keys"][0]["tag"]
    refused = c.ctl_raw("key", "remove", "example.", own)
    assert refused.returncode == 5 and "in use" in refused.stderr and len(served_keys(c)) == 2
    assert c.ctl_raw("key", "remove", "example.", tag_of(rdata)).returncode == 4


REFUSALS = [
    ("another algorithm than the zone's", lambda own: f"256 3 15 {eddsa()}", "algorithm is not the zone's"),
    ("a protocol other than 3", lambda own: f"256 2 13 {p256()}", "protocol is not 3"),
    ("the REVOKE flag", lambda own: f"384 3 13 {p256()}", "REVOKE"),
    ("no zone key", lambda own: f"0 3 13 {p256()}", "not a zone key"),
    ("a key of the wrong length", lambda own: "256 3 13 " + base64.b64encode(b"x" * 63).decode(), "not one of its algorithm"),
    ("a point that is not on the curve", lambda own: "256 3 13 " + base64.b64encode(b"\x01" * 64).decode(), "not one of its algorithm"),
    ("a key that is there already", lambda own: own.split(" IN DNSKEY ")[1], "there already"),
    ("base64 that is none", lambda own: "256 3 13 !!!!", "malformed"),
    ("a record of another zone", lambda own: f"other.test. 3600 IN DNSKEY 256 3 13 {p256()}", "belongs to other.test."),
]


@pytest.mark.parametrize("row", REFUSALS, ids=[r[0] for r in REFUSALS])
def test_refuses_with_a_reason(concord, row):
    _, record, reason = row
    c = concord()
    own = c.ctl("key", "export", "example.", "--role", "zsk")["dnskey"][0]
    refused = c.ctl_raw("key", "import", "example.", record(own))
    assert refused.returncode in (1, 5) and reason in refused.stderr, refused
    assert len(served_keys(c)) == 2


def test_refuses_a_key_with_the_tag_of_one_that_is_there(concord):
    c = concord()
    own = c.ctl("key", "export", "example.", "--role", "zsk")["dnskey"][0].split(" IN DNSKEY ")[1]
    wanted = tag_of(own)
    prime = 2**256 - 2**224 + 2**192 + 2**96 - 1
    found = []
    while not found:  # one key in 65,536 has the tag (RFC 4034 appendix B)
        candidate = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
        x = candidate.x.to_bytes(32, "big")
        for y in (candidate.y, prime - candidate.y):
            raw = x + y.to_bytes(32, "big")
            total = 256 + 3 * 256 + 13 + sum(struct.unpack("!32H", raw))
            if (total + (total >> 16)) & 0xFFFF == wanted:
                found.append(raw)
    assert tag_of(f"256 3 13 {base64.b64encode(found[0]).decode()}") == wanted
    refused = c.ctl_raw("key", "import", "example.", f"256 3 13 {base64.b64encode(found[0]).decode()}")
    assert refused.returncode == 5 and "same tag" in refused.stderr


def test_own_keys_are_exported_as_records(concord):
    c = concord()
    lines = c.ctl_raw("key", "export", "example.").stdout.split("\n")[:-1]
    assert len(lines) == 2 and all(" IN DNSKEY " in line for line in lines)
    assert {line.split(" IN DNSKEY ")[1].replace(" ", "") for line in lines} == {k.replace(" ", "") for k in served_keys(c)}


def test_an_exported_file_can_be_imported_by_another_signer(concord, tmp_path):
    one, two = concord(), concord()
    (tmp_path / "keys").write_text(one.ctl_raw("key", "export", "example.").stdout)
    assert two.ctl_raw("key", "import", "example.", tmp_path / "keys", "--owner", "one").returncode == 0
    assert {k.replace(" ", "") for k in served_keys(one)} < {k.replace(" ", "") for k in served_keys(two)}


def test_cds_and_cdnskey_are_published_on_demand_and_agree(concord):
    """RFC 7344 section 4.1; signed by the key-signing key."""
    c = concord()
    assert not c.ask("example.", "CDS").answer
    c.ctl("cds", "publish", "example.")
    cds, cdnskey = c.ask("example.", "CDS", do=True), c.ask("example.", "CDNSKEY", do=True)
    assert [d.to_text() for d in cds.answer[0]] == [d.to_text() for d in ds_of(c)]
    ksk = [k["tag"] for k in c.ctl("key", "list", "example.")["keys"] if k["role"] == "ksk"]
    assert dns.dnssec.key_id(cdnskey.answer[0][0]) == ksk[0]
    for answer in (cds, cdnskey):
        assert [s.key_tag for s in answer.answer[1]] == ksk
    c.ctl("cds", "withdraw", "example.")
    assert not c.ask("example.", "CDS").answer and not c.ask("example.", "CDNSKEY").answer


def test_a_generated_key_waits_for_the_next_roll(concord):
    c = concord()
    made = c.ctl("key", "generate", "example.", "--role", "zsk")
    assert made["state"] == "standby" and len(served_keys(c)) == 2
    told = c.ctl("key", "roll", "example.", "--role", "zsk")["keys"]
    states = {k["tag"]: (k["state"], k["signs_zone"]) for k in told if k["role"] == "zsk"}
    assert states.pop(made["tag"]) == ("published", False) and list(states.values()) == [("active", True)]
    assert len(served_keys(c)) == 3
    assert made["tag"] not in [s.key_tag for s in c.ask("www.example.", "A", do=True).answer[1]]
    c.ctl("key", "remove", "example.", made["tag"])
    assert len(served_keys(c)) == 2


def test_each_key_says_what_is_next_and_who_acts(concord):
    c = concord()
    ksk, zsk = c.ctl("key", "list", "example.")["keys"]
    assert ksk["next"] == "is announced to the parent" and ksk["who_acts"] == "time" and ksk["next_at"]
    assert zsk["next"] == "gets a successor" and zsk["next_at"] > ksk["next_at"]
    person = c.ctl_raw("zone", "status", "example.").stdout
    assert "is announced to the parent on 20" in person and "nobody has to act" in person


def test_a_hold_survives_kill_9_and_stops_rolls(concord):
    c = concord()
    c.ctl("key", "hold", "example.", "audit until monday")
    c.ctl("key", "roll", "example.", "--role", "zsk")
    assert len(served_keys(c)) == 2
    c.process.send_signal(signal.SIGKILL)
    c.process.wait()
    c.start()
    assert c.ctl("zone", "status", "example.")["hold"] == "audit until monday"
    assert "audit until monday" in c.ctl_raw("zone", "status", "example.").stdout
    c.ctl("key", "release", "example.")
    assert len(served_keys(c)) == 3  # what was asked for is not forgotten


def test_a_roll_that_cannot_be_is_refused_with_a_reason(concord):
    c = concord()
    refused = c.ctl_raw("key", "roll", "example.", "--role", "nonsense")
    assert refused.returncode != 0 and "not a roll" in refused.stderr
    assert c.ctl_raw("key", "ds-seen", "example.", "1").returncode == 4
    zsk = [k["tag"] for k in c.ctl("key", "list", "example.")["keys"] if k["role"] == "zsk"][0]
    assert c.ctl_raw("key", "ds-seen", "example.", zsk).returncode == 5
    assert c.ctl_raw("zone", "adopt", "example.", "/nonexistent").returncode != 0
    assert len(served_keys(c)) == 2


def test_signatures_of_unchanged_data_survive_a_change_of_keys_and_a_reload(concord):
    c = concord()
    first = c.ask("www.example.", "A", do=True).answer
    made = c.ctl("stats")["sig_made"]
    c.ctl("key", "import", "example.", f"256 3 13 {p256()}")
    c.ctl("reload")
    assert c.ask("www.example.", "A", do=True).answer == first
    assert c.ctl("stats")["sig_made"] == made


def test_a_roll_of_the_ksk_keeps_the_signatures_of_the_zone(concord):
    c = concord(zone=QUICK_ZONE, extra=QUICK_POLICY, signing="quick")
    wait_until(lambda: key_state(c, "ksk") == "ready", "every cache knows the first KSK", 30)
    first = c.ask("www.example.", "A", do=True).answer
    c.ask("example.", "DNSKEY", do=True)
    made = c.ctl("stats")["sig_made"]
    c.ctl("key", "ds-seen", "example.", next(k["tag"] for k in c.ctl("key", "list", "example.")["keys"] if k["role"] == "ksk"))
    c.ctl("key", "roll", "example.", "--role", "ksk")
    assert len(c.ask("example.", "DNSKEY", do=True).answer[1]) == 2
    assert c.ask("www.example.", "A", do=True).answer == first
    assert c.ctl("stats")["sig_made"] == made + 1  # that of the DNSKEY set, anew


def pem_file(path, key):
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    path.chmod(0o600)
    return path


def test_private_keys_are_taken_as_own_ones_that_wait(concord, tmp_path):
    one, two = concord(), concord()
    bind = next(p for p in (one.dir / "state" / "keys" / "example.").glob("*.private")
                if "256 3 13" in p.with_suffix(".key").read_text())
    told = two.ctl("key", "take", "example.", bind)["keys"]
    new = [k for k in told if k["state"] == "standby"]
    assert len(new) == 1 and new[0]["role"] == "zsk" and len(served_keys(two)) == 2
    key = pem_file(tmp_path / "next.pem", ec.generate_private_key(ec.SECP256R1()))
    assert two.ctl_raw("key", "take", "example.", key).returncode == 5  # a PEM file does not say its role
    told = two.ctl("key", "take", "example.", key, "--role", "zsk", "--state", "published")["keys"]
    published = [k for k in told if k["role"] == "zsk" and k["state"] == "published"]
    assert len(published) == 1 and len(served_keys(two)) == 3 and published[0]["next"] == "signs the zone alone"
    assert two.ctl_raw("key", "take", "example.", key, "--role", "zsk", "--state", "active").returncode != 0
    assert two.ctl_raw("key", "take", "example.", bind).returncode == 5  # it is there
    key.chmod(0o644)
    open_key = two.ctl_raw("key", "take", "example.", key, "--role", "ksk")
    assert open_key.returncode == 5 and "may be read by others" in open_key.stderr
    files = {p.name for p in (two.dir / "state" / "keys" / "example.").glob("*.private")}
    assert len(files) == 4
    two.process.send_signal(signal.SIGKILL)
    two.process.wait()
    two.start()
    assert len(served_keys(two)) == 3 and len(two.ctl("key", "list", "example.")["keys"]) == 4


def test_a_key_that_is_retired_gets_a_successor_and_an_unused_one_goes(concord):
    c = concord()
    zsk = next(k["tag"] for k in c.ctl("key", "list", "example.")["keys"] if k["role"] == "zsk")
    spare = c.ctl("key", "generate", "example.", "--role", "ksk")["tag"]
    assert spare not in {k["tag"] for k in c.ctl("key", "retire", "example.", spare)["keys"]}
    told = c.ctl("key", "retire", "example.", f"{zsk}-13")["keys"]
    assert {(k["state"], k["signs_zone"]) for k in told if k["role"] == "zsk"} == {("active", True), ("published", False)}
    new = next(k["tag"] for k in told if k["role"] == "zsk" and k["tag"] != zsk)
    refused = c.ctl_raw("key", "retire", "example.", new)
    assert refused.returncode == 5 and "its way is fixed" in refused.stderr
    assert c.ctl_raw("key", "retire", "example.", 1).returncode == 4


def test_exit_codes(concord):
    c = concord()
    assert c.ctl_raw("status").returncode == 0
    assert c.ctl_raw("no-such-verb").returncode == 2
    assert c.ctl_raw("key", "list").returncode == 2
    assert c.ctl_raw("zone", "status", "other.test.").returncode == 4
    assert c.ctl_raw("explain", "www.example.", "A").returncode == 2
    unsigned = concord(signing="none")
    assert unsigned.ctl_raw("key", "import", "example.", f"256 3 13 {p256()}").returncode == 5
    c.stop()
    assert c.ctl_raw("status").returncode == 3


def test_status_and_lists(concord):
    c = concord()
    assert c.ctl("status")["zones"] == 1
    assert [z["name"] for z in c.ctl("zone", "list")["zones"]] == ["example."]
    told = c.ctl("zone", "status", "example")
    assert told["signed"] and len(told["ds"]) == 1 and told["serial"] == 1
    assert c.ctl_raw("zone", "ds", "example.").stdout.strip() == told["ds"][0]
    assert c.ctl("stats")["udp_requests"] >= 0


POLICIES = """signing:
  - {id: fast, algorithm: ed25519, keys: csk, dnskey-ttl: %d}
  - {id: dear, algorithm: ecdsap384sha384, denial: nsec3, dnskey-ttl: 600}
"""
SHARED = {"a.": "fast", "b.": "dear", "c.": "fast", "d.": "dear", "e.": "default"}


def test_policies_are_shared_by_zones_and_each_zone_has_keys_of_its_own(concord):
    c = concord(start=False, zone=None, extra=POLICIES % 900)
    for zone, policy in SHARED.items():
        c.zone(zone, QUICK_ZONE, signing=policy)
    c.write_config()
    c.start()
    keys = {z: c.ctl("key", "list", z)["keys"] for z in SHARED}
    schemes = {"fast": ([15], 900), "dear": ([14, 14], 600), "default": ([13, 13], 3600)}
    for zone, policy in SHARED.items():
        answer = c.ask(zone, "DNSKEY", do=True)
        assert ([k["algorithm"] for k in keys[zone]], answer.answer[0].ttl) == schemes[policy]
        name = dns.name.from_text(zone)
        told = check_keys(answer, name, ds_of(c, zone))
        for asked, rdtype in (("www." + zone, "A"), ("no." + zone, "A")):
            check_answer(c.ask(asked, rdtype, do=True), name, told)
    assert len({k["dnskey"].split(" DNSKEY ")[1] for own in keys.values() for k in own}) == 8
    c.extra = POLICIES % 60  # a change of one policy is one of the zones that have it, and of no other
    c.write_config()
    c.ctl("reload")
    schemes["fast"] = ([15], 60)
    assert {z: c.ask(z, "DNSKEY").answer[0].ttl for z in SHARED} == {z: schemes[p][1] for z, p in SHARED.items()}
    assert all([k["tag"] for k in c.ctl("key", "list", z)["keys"]] == [k["tag"] for k in keys[z]] for z in SHARED)


def knot_keys(c):
    """A listing of keymgr and its directory: a CSK in use, and a successor that was published just now."""
    lines, now = [], int(time.time())
    (c.dir / "knot").mkdir()
    for number, timers in ((1, f"publish={now - 10**6} ready={now - 10**6} active={now - 10**6}"), (2, f"publish={now - 5}")):
        key, ident = ec.generate_private_key(ec.SECP256R1()), f"{number:040x}"
        path = c.dir / "knot" / f"{ident}.pem"
        path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        path.chmod(0o600)
        numbers = key.public_key().public_numbers()
        public = base64.b64encode(numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")).decode()
        lines.append(f"{ident} {tag_of(f'257 3 13 {public}')} CSK ECDSAP256SHA256 {timers}\n")
    (c.dir / "listing").write_text("".join(lines))
    return str(c.dir / "listing"), "--knot", str(c.dir / "knot")


@pytest.mark.parametrize("said,wait", [((), 86400), (("--served-ttl", "7200"), 7200), (("--served-ttl", "0"), 1)])
def test_keys_taken_in_the_middle_of_a_roll_wait_for_what_the_other_server_gave(concord, said, wait):
    c = concord(zone=QUICK_ZONE, extra=QUICK_POLICY + "    keys: csk\n", signing="quick")
    begun, listed = time.time(), knot_keys(c)
    c.ctl("zone", "adopt", "example.", *listed, *said)
    if wait == 1:
        wait_until(lambda: any(k["state"] == "ready" for k in c.ctl("key", "list", "example.")["keys"]), "it is ready")
        return
    new = next(k for k in c.ctl("key", "list", "example.")["keys"] if k["state"] == "published")
    at = calendar.timegm(time.strptime(new["next_at"], "%Y-%m-%dT%H:%M:%SZ"))
    assert wait <= at - begun < wait + 60
    refused = c.ctl_raw("zone", "adopt", "example.", *listed, "--served-ttl", "a day")
    assert refused.returncode != 0 and "number of seconds" in refused.stderr
