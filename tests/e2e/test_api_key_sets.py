# SPDX-License-Identifier: Apache-2.0
"""Whole key sets of peers over the HTTP interface: taken whole, once, and by whom they belong to (RFC 8901 section 9)."""
import signal
import time

import dns.dnssec
import dns.name
import dns.rrset
import pytest

from lab.oracle import check_answer, check_keys
from lab.web import Access
from test_keys import p256, served_keys, tag_of
from test_signing import ZONE as NAME
from test_signing import ds_of

ZONE = "example."


def keys_of(peer):
    return f"/v1/zones/{ZONE}/peers/{peer}/keys"


def zsk():
    return f"256 3 13 {p256()}"


@pytest.fixture
def access(concord):
    c = concord(start=False)
    a = Access(c)
    a.operator = a.web(a.token("operator", "read,keys,operate"))
    a.controller = a.web(a.token("controller", "read,keys"))
    a.bind = a.web(a.token("bind", "read,keys", zone=ZONE, peer="bind"))
    a.write()
    c.start()
    return a


def foreign(c):
    return {(k["owner"], k["tag"]) for k in c.ctl("key", "list", ZONE)["keys"] if k["origin"] == "foreign"}


def test_a_peer_puts_its_set_and_every_answer_validates(access):
    one, two = zsk(), zsk()
    made = access.bind.ask("PUT", keys_of("bind"), {"keys": [one, f"{ZONE} 300 IN DNSKEY {two}"]}, If_None_Match="*")
    assert made.status == 200 and {k["tag"] for k in made.json["keys"]} == {tag_of(one), tag_of(two)}
    keys = check_keys(access.concord.ask(ZONE, "DNSKEY", do=True), NAME, ds_of(access.concord))
    assert len(keys) == 4
    check_answer(access.concord.ask("nothing.example.", "A", do=True), NAME, keys)
    got = access.bind.get(keys_of("bind"))
    assert got.etag == made.etag and got.json == made.json


def test_the_same_set_again_changes_nothing(access):
    body = {"keys": [zsk()]}
    first = access.bind.ask("PUT", keys_of("bind"), body, If_None_Match="*")
    again = access.bind.ask("PUT", keys_of("bind"), body, If_Match=first.etag)
    assert again.status == 200 and again.etag == first.etag and again.json == first.json


def test_replayed_and_reordered_calls_do_nothing(access):
    one, two, three = zsk(), zsk(), zsk()
    first = access.bind.ask("PUT", keys_of("bind"), {"keys": [one]}, If_None_Match="*")
    second = access.bind.ask("PUT", keys_of("bind"), {"keys": [one, two]}, If_Match=first.etag)
    third = access.bind.ask("PUT", keys_of("bind"), {"keys": [two, three]}, If_Match=second.etag)
    assert [a.status for a in (first, second, third)] == [200] * 3
    before = served_keys(access.concord)
    for body, tag in (({"keys": [one]}, {"If_None_Match": "*"}), ({"keys": [one, two]}, {"If_Match": first.etag}),
                      ({"keys": [two, three]}, {"If_Match": second.etag}), ({"keys": [one]}, {"If_Match": "W/" + third.etag})):
        got = access.bind.ask("PUT", keys_of("bind"), body, **tag)
        assert got.status == 412, got
    assert access.bind.ask("PUT", keys_of("bind"), {"keys": [one]}).status == 428
    assert served_keys(access.concord) == before
    # Not after everything was taken out either: revisions do not start again.
    gone = access.operator.ask("DELETE", keys_of("bind") + "?force=yes", If_Match=third.etag)
    assert gone.status == 200 and gone.json["keys"] == []
    for tag in (first.etag, second.etag, third.etag):
        assert access.bind.ask("PUT", keys_of("bind"), {"keys": [one]}, If_Match=tag).status == 412
    assert access.bind.ask("PUT", keys_of("bind"), {"keys": [one]}, If_None_Match="*").status == 412
    assert access.bind.ask("PUT", keys_of("bind"), {"keys": [one]}, If_Match=gone.etag).status == 200


def test_a_peer_touches_its_own_keys_alone(access):
    mine, theirs = zsk(), zsk()
    assert access.controller.ask("PUT", keys_of("knot"), {"keys": [theirs]}, If_None_Match="*").status == 200
    first = access.bind.ask("PUT", keys_of("bind"), {"keys": [mine]}, If_None_Match="*")
    before = served_keys(access.concord)
    own = [k for k in access.concord.ctl("key", "list", ZONE)["keys"] if k["origin"] == "own"]
    for method, path, body in (("PUT", keys_of("knot"), {"keys": [mine]}), ("DELETE", keys_of("knot"), None),
                               ("DELETE", f"/v1/zones/{ZONE}/keys/{own[0]['tag']}", None), ("POST", f"/v1/zones/{ZONE}/keys", {"generate": "zsk"}),
                               ("POST", f"/v1/zones/{ZONE}/keys", {"dnskey": zsk(), "owner": "knot"}), ("PUT", f"/v1/zones/{ZONE}/cds", None),
                               ("DELETE", "/v1/zones/other.test./peers/bind/keys", None)):
        got = access.bind.ask(method, path, body, If_Match="*")
        assert got.status == 403, (method, path, got)
    # Nor by putting keys of others into its own set.
    for record in [k["dnskey"] for k in own] + [theirs, theirs.replace("256 3", "257 3", 1)]:
        got = access.bind.ask("PUT", keys_of("bind"), {"keys": [mine, record]}, If_Match=first.etag)
        assert got.status == 409 and "there already" in got.json["detail"], got
    assert access.controller.ask("PUT", keys_of("own"), {"keys": [zsk()]}, If_None_Match="*").status == 400
    assert served_keys(access.concord) == before


MALFORMED = {
    "another algorithm": "256 3 8 AwEAAa==",
    "revoked": None,
    "not a zone key": None,
    "another protocol": None,
    "a point that is not on the curve": "256 3 13 " + "A" * 86 + "==",
    "too short": "256 3 13 AAAA",
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_one_bad_key_refuses_the_whole_set(access, kind):
    key = p256()
    bad = {"revoked": f"384 3 13 {key}", "not a zone key": f"0 3 13 {key}", "another protocol": f"256 2 13 {key}"}.get(kind) or MALFORMED[kind]
    got = access.bind.ask("PUT", keys_of("bind"), {"keys": [zsk(), bad, zsk()]}, If_None_Match="*")
    assert got.status in (400, 409) and "key 2" in got.json["detail"], got
    assert foreign(access.concord) == set()


@pytest.mark.parametrize("body", [
    {}, [], {"keys": "256 3 13 AAAA"}, {"keys": [17]}, {"keys": [None]}, {"keys": [["256 3 13 AAAA"]]}, {"keys": {"0": "x"}},
    {"keys": ["x" * 100000]}, {"keys": ["256 3 13 AAAA"] * 5000}, {"keys": [""]},
], ids=range(10))
def test_a_malformed_body_changes_nothing(access, body):
    got = access.bind.ask("PUT", keys_of("bind"), body, If_None_Match="*")
    assert got.status == 400 and got.type == "application/problem+json"
    assert foreign(access.concord) == set() and access.bind.get(keys_of("bind")).status == 404


def test_a_set_that_is_too_large_is_refused(access):
    assert access.bind.ask("PUT", keys_of("bind"), {"keys": [zsk() for _ in range(17)]}, If_None_Match="*").status == 400
    assert access.bind.ask("PUT", keys_of("bind"), {"keys": [zsk() for _ in range(16)]}, If_None_Match="*").status == 200
    assert access.controller.ask("PUT", keys_of("knot"), {"keys": [zsk() for _ in range(16)]}, If_None_Match="*").status == 200
    got = access.controller.ask("PUT", keys_of("third"), {"keys": [zsk()]}, If_None_Match="*")
    assert got.status == 409 and "as many foreign keys" in got.json["detail"]


def test_the_guard_refuses_to_drop_all_keys_that_stand_there(access):
    one, two = zsk(), zsk()
    first = access.bind.ask("PUT", keys_of("bind"), {"keys": [one]}, If_None_Match="*")
    for method, body in (("PUT", {"keys": []}), ("PUT", {"keys": [two]}), ("DELETE", None)):
        got = access.bind.ask(method, keys_of("bind"), body, If_Match=first.etag)
        assert got.status == 409 and "resolvers hold answers" in got.json["detail"], got
        got = access.bind.ask(method, keys_of("bind") + "?force=yes", body, If_Match=first.etag)
        assert got.status == 403 and "operate" in got.json["detail"], got
    assert foreign(access.concord) == {("bind", tag_of(one))}
    both = access.bind.ask("PUT", keys_of("bind"), {"keys": [one, two]}, If_Match=first.etag)
    assert access.bind.ask("PUT", keys_of("bind"), {"keys": [two]}, If_Match=both.etag).status == 200
    assert access.operator.ask("DELETE", keys_of("bind") + "?force=yes", If_Match="*").status == 200
    assert access.concord.ctl("audit")["entries"][0]["forced"] is True and foreign(access.concord) == set()


def test_sets_survive_a_kill_and_keep_their_etag(access):
    made = access.bind.ask("PUT", keys_of("bind"), {"keys": [zsk(), zsk()]}, If_None_Match="*")
    access.concord.stop(signal.SIGKILL)
    access.concord.start()
    got = access.bind.get(keys_of("bind"))
    assert got.etag == made.etag and sorted(k["tag"] for k in got.json["keys"]) == sorted(k["tag"] for k in made.json["keys"])
    listed = access.bind.get(f"/v1/zones/{ZONE}/peers").json["sets"]
    assert [s["peer"] for s in listed] == ["bind"]


@pytest.mark.parametrize("type", ["DNSKEY", "CDS", "CDNSKEY"])
def test_what_the_key_signing_key_signs_is_handed_out_with_signatures_that_validate(access, type):
    access.controller.ask("PUT", keys_of("bind"), {"keys": [zsk()]}, If_None_Match="*")
    assert access.controller.get(f"/v1/zones/{ZONE}/signed/CDS").status == 404  # not published yet
    access.concord.ctl("cds", "publish", ZONE)
    got = access.controller.get(f"/v1/zones/{ZONE}/signed/{type.lower()}").json
    name = dns.name.from_text(ZONE)
    records = dns.rrset.from_text_list(ZONE, got["ttl"], "IN", type, [r.split(f" IN {type} ")[1] for r in got["records"]])
    signatures = dns.rrset.from_text_list(ZONE, got["ttl"], "IN", "RRSIG", [s.split(" IN RRSIG ")[1] for s in got["signatures"]])
    served = access.concord.ask(ZONE, type).answer[0]
    assert records == served and got["ttl"] == served.ttl
    keys = check_keys(access.concord.ask(ZONE, "DNSKEY", do=True), NAME, ds_of(access.concord))
    assert keys
    dns.dnssec.validate(records, signatures, {name: access.concord.ask(ZONE, "DNSKEY").answer[0]})
    assert got["inception"] <= time.time() <= got["expiration"] == signatures[0].expiration
    assert access.controller.get(f"/v1/zones/{ZONE}/signed/A").status == 404


def test_the_tool_sets_a_peers_keys_whole(access, tmp_path):
    c = access.concord
    one, two = zsk(), zsk()
    (tmp_path / "keys").write_text(f"; of knot\n{ZONE} 300 IN DNSKEY {one}\n\n{two}\n")
    made = c.ctl("key", "set", ZONE, "knot", tmp_path / "keys")
    assert {k["tag"] for k in made["keys"]} == {tag_of(one), tag_of(two)} == {t for _, t in foreign(c)}
    assert c.ctl_raw("key", "sets", ZONE).stdout.count("knot") == 2
    (tmp_path / "keys").write_text("")
    done = c.ctl_raw("key", "set", ZONE, "knot", tmp_path / "keys")
    assert done.returncode == 5 and "resolvers hold answers" in done.stderr and len(foreign(c)) == 2
    assert c.ctl_raw("key", "set", ZONE, "knot", tmp_path / "keys", "--force").returncode == 0 and not foreign(c)
    assert c.ctl("audit")["entries"][0]["forced"] is True
    assert c.ctl_raw("key", "set", ZONE, "knot", tmp_path / "missing").returncode == 1
