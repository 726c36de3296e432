# SPDX-License-Identifier: Apache-2.0
"""ALIAS records: a name has the addresses of another one, resolved in the background and signed like all else."""
import signal
import subprocess
import urllib.request

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset
import dns.update
import pytest
from test_steering import ecs_of

from lab.daemons import free_port
from lab.resolver import Resolver
from lab.signed_zone import check, records, transferred
from lab.wait import wait_until

ZONE = """$TTL 3600
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300
@ IN NS ns1
@ IN MX 10 mail
ns1 IN A 192.0.2.1
mail IN A 192.0.2.25
"""
TARGET = "lb.cdn.test."
APEX = f"'': {{type: ALIAS, ttl: 300, value: {TARGET}}}\n"
NO_REACHABLE_AUTHORITY = 22


@pytest.fixture
def resolver():
    r = Resolver()
    r.set(TARGET, "A", "203.0.113.2", "203.0.113.1", ttl=60)
    r.set(TARGET, "AAAA", "2001:db8::1", ttl=120)
    yield r
    r.close()


def section(*resolvers, **options):
    rows = [f"resolvers: [{', '.join(resolvers)}]"] if resolvers else []
    return "alias: {" + ", ".join(rows + [f"{k.replace('_', '-')}: {v}" for k, v in options.items()]) + "}\n"


@pytest.fixture
def aliased(concord, resolver):
    def make(steering=APEX, start=True, zone=ZONE, extra="", alias=None, **options):
        return concord(start=start, zone=zone, steering=steering, extra=section(resolver.text, **(alias or {})) + extra, **options)

    return make


def values(c, name, rdtype, **options):
    a = c.ask(name, rdtype, **options)
    return sorted(r.to_text() for s in a.answer for r in s) if a.rcode() == dns.rcode.NOERROR else dns.rcode.to_text(a.rcode())


def becomes(c, name, rdtype, expected):
    wait_until(lambda: values(c, name, rdtype) == expected, f"{name} {rdtype} is {expected}")


def bitmap(c, name, rdtype="TXT"):
    nsec = [r for s in c.ask(name, rdtype, do=True).authority for r in s if s.rdtype == dns.rdatatype.NSEC]
    return [t for r in nsec for t in ("A", "AAAA", "MX", "TYPE65401") if t in r.to_text().split()[1:]]


def delv(c, directory, name, rdtype):
    anchors = directory / "anchors"
    keys = [r.to_text() for r in c.ask("example.", "DNSKEY").answer[0] if r.flags & 1]
    anchors.write_text("trust-anchors {\n" + "".join(
        'example. static-key {} {} {} "{}";\n'.format(*k.split(None, 3)[:3], k.split(None, 3)[3].replace(" ", "")) for k in keys) + "};\n")
    return subprocess.run(["delv", f"@{c.address}", "-p", str(c.port), "-a", str(anchors), "+root=example.", name, rdtype],
                          capture_output=True, text=True, timeout=30).stdout


def test_the_apex_has_the_addresses_of_its_target_beside_other_types(aliased, resolver, tmp_path):
    c = aliased()
    becomes(c, "example.", "A", ["203.0.113.1", "203.0.113.2"])
    assert values(c, "example.", "AAAA") == ["2001:db8::1"]
    assert [s.ttl for s in c.ask("example.", "A").answer] == [60] and [s.ttl for s in c.ask("example.", "AAAA").answer] == [120]
    assert values(c, "example.", "MX") == ["10 mail.example."]
    assert values(c, "example.", "TYPE65401") == [] and bitmap(c, "example.") == ["A", "AAAA", "MX"]
    for rdtype, said in (("A", "; fully validated"), ("AAAA", "; fully validated"), ("TXT", "; negative response, fully validated")):
        assert said in delv(c, tmp_path, "example.", rdtype)
    assert 0 < resolver.asked[TARGET, "A"] < 10  # once, and again where an answer was slow


def test_what_the_target_has_later_is_followed_without_another_serial(aliased, resolver, tmp_path):
    c = aliased(alias={"ttl_min": "1s"})
    becomes(c, "example.", "A", ["203.0.113.1", "203.0.113.2"])
    resolver.set(TARGET, "A", "203.0.113.9", ttl=1)
    del resolver.says[TARGET, "AAAA"]
    c.ctl("reload")  # asks for nothing again
    c.extra = c.extra.replace("ttl-min: 1s", "ttl-min: 1s, ttl-max: 1s")
    c.write_config()
    c.stop()
    c.start()  # what was heard for a minute holds for a second now
    becomes(c, "example.", "A", ["203.0.113.9"])
    becomes(c, "example.", "AAAA", [])
    assert bitmap(c, "example.") == ["A", "MX"] and "fully validated" in delv(c, tmp_path, "example.", "AAAA")
    resolver.set(TARGET, "AAAA", "2001:db8::9", ttl=1)
    becomes(c, "example.", "AAAA", ["2001:db8::9"])
    assert bitmap(c, "example.") == ["A", "AAAA", "MX"] and "; fully validated" in delv(c, tmp_path, "example.", "A")
    assert c.ask("example.", "SOA").answer[0][0].serial == 1


def ede_of(answer):
    return [o.code for o in answer.options if isinstance(o, dns.edns.EDEOption)]


def test_an_unknown_target_is_servfail_for_that_name_only(aliased, resolver):
    resolver.fail(TARGET, dns.rcode.SERVFAIL)
    c = aliased()
    wait_until(lambda: "lb.cdn.test.: it says SERVFAIL; its aliases answer SERVFAIL" in c.log(), "the fault is logged")
    for rdtype in ("A", "AAAA"):
        a = c.ask("example.", rdtype, do=True)
        assert a.rcode() == dns.rcode.SERVFAIL and ede_of(a) == [NO_REACHABLE_AUTHORITY]
    assert values(c, "example.", "MX") == ["10 mail.example."] and values(c, "mail.example.", "A") == ["192.0.2.25"]
    assert bitmap(c, "example.") == ["A", "AAAA", "MX"]
    assert c.ask("example.", "ANY").rcode() == dns.rcode.NOERROR
    resolver.set(TARGET, "A", "203.0.113.1")
    resolver.set(TARGET, "AAAA", "2001:db8::1")
    becomes(c, "example.", "A", ["203.0.113.1"])
    wait_until(lambda: "resolved again" in c.log(), "its end too")


def test_what_was_known_answers_until_it_is_too_old_and_survives_kill_9(aliased, resolver):
    c = aliased(alias={"ttl_min": "1s", "ttl_max": "1s", "stale_max": "1h"})
    becomes(c, "example.", "A", ["203.0.113.1", "203.0.113.2"])
    wait_until(lambda: c.ctl("zone", "status", "example.")["aliases"][0]["A"]["heard_s_ago"] >= 0, "it is known")
    resolver.fail(TARGET, dns.rcode.SERVFAIL)
    before = len(c.log())
    wait_until(lambda: "it says SERVFAIL; what was known answers for" in c.log()[before:], "the fault is logged", 30)
    c.stop(signal.SIGKILL)
    c.start()
    assert values(c, "example.", "A") == ["203.0.113.1", "203.0.113.2"] and values(c, "example.", "AAAA") == ["2001:db8::1"]
    c.stop()
    c.extra = c.extra.replace("1h", "0s")
    c.write_config()
    c.start()
    becomes(c, "example.", "A", "SERVFAIL")
    resolver.set(TARGET, "A", "203.0.113.2", "203.0.113.1")
    resolver.set(TARGET, "AAAA", "2001:db8::1")
    becomes(c, "example.", "A", ["203.0.113.1", "203.0.113.2"])


OWN = """
'': {type: ALIAS, ttl: 300, value: www.example.}
www:
  type: A
  ttl: 60
  values: [192.0.2.80]
  dynamic:
    pools:
      eu: {ttl: 20, values: [{value: 203.0.113.1, weight: 3}, {value: 203.0.113.2}]}
      us: {values: [{value: 198.51.100.1}]}
    rules: [{subnets: [10.0.0.0/9], pool: eu}, {pool: us}]
hop: {type: ANAME, value: example.}
plain: {type: ALIAS, value: cname.example.}
"*.wild": {type: ALIAS, value: www.other.}
nothing: {type: ALIAS, value: text.example.}
nobody: {type: ALIAS, value: no.such.example.}
far: {type: ALIAS, value: into.cdn.test.}
"""
OWN_ZONE = ZONE + "cname IN CNAME mail\ntext IN TXT x\nmore IN AAAA 2001:db8::44\n"


def test_targets_of_our_own_are_answered_from_our_zones(aliased, resolver, tmp_path):
    resolver.set("into.cdn.test.", "A", "into.cdn.test. CNAME mail.example.", "mail.example. A 203.0.113.66")
    resolver.set("into.cdn.test.", "AAAA", "into.cdn.test. CNAME mail.example.")
    c = aliased(OWN, start=False, zone=OWN_ZONE)
    c.zone("other.", ZONE + "www IN A 192.0.2.90\nwww IN AAAA 2001:db8::90\n")
    c.write_config()
    c.start()
    for name in ("example.", "hop.example."):
        for net in range(40):
            client = f"10.{3 * net}.{net}.0/24"
            mine, target = c.ask(name, "A", ecs=client), c.ask("www.example.", "A", ecs=client)
            assert [r.to_text() for r in mine.answer[0]] == [r.to_text() for r in target.answer[0]]
            assert ecs_of(mine) == ecs_of(target) and mine.answer[0].ttl == target.answer[0].ttl
    assert values(c, "example.", "AAAA") == [] and bitmap(c, "example.", "AAAA") == ["A", "MX"]
    assert "; fully validated" in delv(c, tmp_path, "example.", "A") and "fully validated" in delv(c, tmp_path, "hop.example.", "A")
    assert values(c, "plain.example.", "A") == ["192.0.2.25"]
    assert values(c, "x.wild.example.", "A") == ["192.0.2.90"] and "; fully validated" in delv(c, tmp_path, "x.wild.example.", "AAAA")
    assert values(c, "nothing.example.", "A") == values(c, "nobody.example.", "AAAA") == "SERVFAIL"
    becomes(c, "far.example.", "A", ["192.0.2.25"])  # where the way comes back to us our zone counts
    assert set(resolver.asked) == {("into.cdn.test.", "A"), ("into.cdn.test.", "AAAA")}
    c.file("other.zone", ZONE.replace("hostmaster 1", "hostmaster 2") + "www IN A 192.0.2.91\n")
    c.ctl("reload")
    becomes(c, "x.wild.example.", "A", ["192.0.2.91"])
    assert values(c, "x.wild.example.", "AAAA") == [] and "fully validated" in delv(c, tmp_path, "x.wild.example.", "AAAA")
    e = c.ctl("explain", "hop.example.", "A", "--client", "10.1.2.3")
    assert e["steered"] and e["alias"]["target"] == "example." and e["alias"]["A"]["from"] == "www.example." and e["rule"]["number"] == 1


def test_a_target_that_is_steered_is_followed_through_its_health(aliased):
    c = aliased(OWN, zone=OWN_ZONE)
    becomes(c, "example.", "A", ["198.51.100.1"])
    c.file("example.steering.yaml", OWN.replace("198.51.100.1", "198.51.100.7"))
    c.ctl("reload")
    assert values(c, "example.", "A") == values(c, "www.example.", "A") == ["198.51.100.7"]


def test_loops_over_zones_and_resolvers_end(aliased, resolver):
    resolver.set("loop.cdn.test.", "A", "loop.cdn.test. CNAME b.other.")
    resolver.set("loop.cdn.test.", "AAAA", "loop.cdn.test. CNAME b.other.")
    c = aliased("a: {type: ALIAS, value: b.other.}\n", start=False)
    c.zone("other.", ZONE, steering="b: {type: ALIAS, value: c.example.}\nd: {type: ALIAS, value: loop.cdn.test.}\n")
    c.file("example.zone", ZONE + "c IN CNAME a\n")
    c.write_config()
    c.start()
    for name in ("a.example.", "b.other."):
        assert values(c, name, "A") == "SERVFAIL"
    assert values(c, "mail.other.", "A") == ["192.0.2.25"]
    status = c.ctl("zone", "status", "example.")["aliases"][0]
    assert status["A"]["state"] == "SERVFAIL" and "loop" in status["A"]["why"]


def many(n):
    return [f"198.51.100.{i}" for i in range(n)]


def test_answers_of_the_resolver_are_bounded(aliased, resolver):
    names = {"big": many(65), "wide": many(64), "off": ["other.test. A 203.0.113.5"], "loop": ["loop.cdn.test. CNAME loop.cdn.test."],
             "long": [f"{'long' if i == 0 else f'n{i}'}.cdn.test. CNAME n{i + 1}.cdn.test." for i in range(17)] + ["n17.cdn.test. A 203.0.113.6"],
             "chain": ["chain.cdn.test. CNAME a.test.", "b.test. A 203.0.113.7", "x.test. A 203.0.113.8", "a.test. CNAME b.test.",
                       "chain.cdn.test. TXT \"" + "x" * 200 + '"']}
    for name, rows in names.items():
        resolver.set(f"{name}.cdn.test.", "A", *rows)
        resolver.set(f"{name}.cdn.test.", "AAAA", "2001:db8::2")
    c = aliased("\n".join(f"{name}: {{type: ALIAS, value: {name}.cdn.test.}}" for name in names))
    becomes(c, "wide.example.", "A", sorted(many(64)))
    becomes(c, "chain.example.", "A", ["203.0.113.7"])
    for name in ("big", "off", "loop", "long"):
        becomes(c, f"{name}.example.", "AAAA", ["2001:db8::2"])
        assert values(c, f"{name}.example.", "A") == "SERVFAIL"
    why = {a["name"]: a["A"].get("last_error", "") for a in c.ctl("zone", "status", "example.")["aliases"]}
    assert "more than 64" in why["big.example."] or "more than 64" in c.log()


def test_answers_of_others_are_not_taken(aliased, resolver):
    def mangle(message):
        other = dns.message.from_wire(message.to_wire(max_size=65535))
        other.id ^= 1
        question = dns.message.from_wire(message.to_wire(max_size=65535))
        question.question = [dns.rrset.from_text("lb.evil.test.", 0, "IN", "A")]
        for fake in (other, question):
            fake.answer = [dns.rrset.from_text(TARGET, 60, "IN", "A", "192.0.2.66")]
        return [other, question, b"\0" * 11, message]

    resolver.mangle = mangle
    c = aliased()
    becomes(c, "example.", "A", ["203.0.113.1", "203.0.113.2"])
    assert values(c, "example.", "AAAA") == ["2001:db8::1"]


def test_the_next_resolver_is_asked_where_one_fails(aliased, resolver):
    silent = Resolver()
    silent.fail(TARGET, dns.rcode.REFUSED)
    c = aliased(start=False)
    c.extra = section(silent.text, resolver.text)
    c.write_config()
    c.start()
    becomes(c, "example.", "A", ["203.0.113.1", "203.0.113.2"])
    assert silent.asked[TARGET, "A"] > 0
    silent.close()


def test_a_target_of_many_aliases_is_asked_for_once_and_no_longer_than_it_is_wanted(aliased, resolver):
    c = aliased("\n".join(f"n{i}: {{type: ALIAS, value: LB.cdn.test.}}" for i in range(50)), alias={"ttl_min": "1s", "ttl_max": "1s"})
    becomes(c, "n49.example.", "A", ["203.0.113.1", "203.0.113.2"])
    assert values(c, "n0.example.", "A") == ["203.0.113.1", "203.0.113.2"]
    asked = resolver.asked[TARGET, "A"] + resolver.asked["LB.cdn.test.", "A"]
    assert asked < 50  # one a second, not one for each alias
    c.file("example.steering.yaml", "n0: {type: ALIAS, value: other.cdn.test.}\n")
    resolver.set("other.cdn.test.", "A", "203.0.113.5", ttl=1)
    c.ctl("reload")
    becomes(c, "n0.example.", "A", ["203.0.113.5"])
    count = resolver.asked[TARGET, "A"]
    seen = resolver.asked["other.cdn.test.", "A"]
    wait_until(lambda: resolver.asked["other.cdn.test.", "A"] >= seen + 2, "the new target is asked for again")
    assert resolver.asked[TARGET, "A"] <= count + 2


def rdata_of(name):
    wire = dns.name.from_text(name).to_wire()
    return f"\\# {len(wire)} {wire.hex()}"


def test_a_master_file_has_aliases_by_their_private_type(aliased):
    c = aliased(steering=None, zone=ZONE + f"@ 300 IN TYPE65401 {rdata_of(TARGET)}\nwww 30 IN TYPE65401 {rdata_of('mail.example.')}\n")
    becomes(c, "example.", "A", ["203.0.113.1", "203.0.113.2"])
    assert values(c, "www.example.", "A") == ["192.0.2.25"] and c.ask("www.example.", "A").answer[0].ttl == 30


def test_an_octodns_zone_file_has_aliases(aliased):
    c = aliased(steering=None, suffix=".yaml", zone=f"'': [{{type: ALIAS, value: {TARGET}}}, {{type: NS, value: ns1.example.}}]\nns1: {{type: A, value: 192.0.2.1}}\n")
    becomes(c, "example.", "A", ["203.0.113.1", "203.0.113.2"])


BROKEN = [
    ("an alias and addresses", "mail: {type: ALIAS, value: lb.cdn.test.}", "example.zone:6: the name is an alias", True),
    ("an alias and a CNAME", "cname: {type: ALIAS, value: lb.cdn.test.}", "cname.example. has CNAME and A", True),
    ("two aliases", "x: [{type: ALIAS, value: a.test.}, {type: ANAME, value: b.test.}]", "steering.yaml:1: x.example. A: a second alias", True),
    ("an alias of itself", "x: {type: ALIAS, value: x.example.}", "steering.yaml:1: x.example. ALIAS x.example.: leads back", True),
    ("a loop", "x: {type: ALIAS, value: y.example.}\ny: {type: ALIAS, value: x.example.}", "steering.yaml:2: y.example. ALIAS x.example.: leads back", True),
    ("nobody resolves", "x: {type: ALIAS, value: lb.cdn.test.}", "x.example. ALIAS lb.cdn.test.: nobody is configured who resolves", False),
    ("a target without its dot", "x: {type: ALIAS, value: lb.cdn.test}", "steering.yaml:1:25: 'lb.cdn.test' is not an absolute name", True),
    ("several targets", "x: {type: ALIAS, values: [a.test., b.test.]}", "steering.yaml:1:26: expected one name", True),
    ("no target", "x: {type: ALIAS, ttl: 5}", "steering.yaml:1:4: 'value' is missing", True),
    ("a policy", "x: {type: ALIAS, value: a.test., dynamic: {}}", "an alias has no policy of its own", True),
    ("a name outside", "x.test.: {type: ALIAS, value: a.test.}", "is not a name in the zone", True),
]


def test_what_is_wrong_is_refused_with_its_place_and_the_view_goes_on(aliased):
    c = aliased()
    becomes(c, "example.", "A", ["203.0.113.1", "203.0.113.2"])
    good = c.extra
    for says, text, expected, resolves in BROKEN:
        c.file("example.zone", ZONE + "cname IN CNAME mail\n")
        c.file("example.steering.yaml", text + "\n")
        c.extra = good if resolves else ""
        c.write_config()
        done = c.ctl_raw("reload")
        said = (done.stdout + done.stderr).replace(": error:", ":")
        assert done.returncode != 0 and expected in said, (says, said)
        assert values(c, "example.", "A") == ["203.0.113.1", "203.0.113.2"] and values(c, "mail.example.", "A") == ["192.0.2.25"], says
        assert expected in c.check()[1].replace(": error:", ":"), says
    for text in ("alias: {ttl-min: 2h, ttl-max: 1h}", "alias: {resolvers: [nobody]}", "alias: {max-rate: 0}"):
        c.extra = text + "\n"
        c.write_config()
        assert c.ctl_raw("reload").returncode != 0


def test_secondaries_of_the_unsigned_zone_follow_by_ixfr(aliased, resolver):
    c = aliased(signing="none", allow_transfer="[{from: 127.0.0.1}]", alias={"ttl_min": "1s", "ttl_max": "1s"})
    becomes(c, "example.", "A", ["203.0.113.1", "203.0.113.2"])
    wait_until(lambda: has(texts(c), "203.0.113.1"), "the transfer has them")
    first = transferred(c, "example.")
    serial = c.ask("example.", "SOA").answer[0][0].serial
    resolver.set(TARGET, "A", "203.0.113.9", ttl=1)
    becomes(c, "example.", "A", ["203.0.113.9"])
    wait_until(lambda: c.ask("example.", "SOA").answer[0][0].serial != serial, "the serial is another")
    zone = first
    for _ in range(10):
        dns.query.inbound_xfr(c.address, zone, port=c.port, timeout=10)
        if records(zone) == texts(c):
            break
    assert records(zone) == texts(c) and has(texts(c), "203.0.113.9") and not has(texts(c), "203.0.113.1")
    now = c.ask("example.", "SOA").answer[0][0].serial
    c.stop(signal.SIGKILL)
    c.start()
    assert c.ask("example.", "SOA").answer[0][0].serial >= now and values(c, "example.", "A") == ["203.0.113.9"]


def texts(c):
    return records(transferred(c, "example."))


def has(texts, address):
    return any(t.endswith(" " + address) for t in texts)


@pytest.mark.parametrize("denial", ["nsec", "nsec3", "compact"])
def test_aliases_are_signed_whatever_denies_and_stand_in_signed_transfers(aliased, resolver, tmp_path, denial):
    give = "[{from: 127.0.0.1, signed: yes}]" if denial != "compact" else "[]"
    c = aliased(APEX + "www: {type: ALIAS, value: one.cdn.test.}\n", signing="mine", allow_transfer=give,
                extra=f"signing: [{{id: mine, denial: {denial}}}]\n", start=False)
    resolver.set("one.cdn.test.", "A", "203.0.113.5")
    resolver.set("one.cdn.test.", "AAAA")
    port = free_port()
    c.options["metrics-listen"] = f"127.0.0.1@{port}"
    c.write_config()
    c.start()
    becomes(c, "example.", "A", ["203.0.113.1", "203.0.113.2"])
    becomes(c, "www.example.", "A", ["203.0.113.5"])
    for name, rdtype, says in (("example.", "A", "; fully validated"), ("www.example.", "A", "; fully validated"),
                               ("www.example.", "AAAA", "; negative response, fully validated"),
                               ("example.", "TXT", "; negative response, fully validated")):
        assert says in delv(c, tmp_path, name, rdtype), (name, rdtype)
    metrics = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    assert 'concord_aliases{zone="example.",state="ok"} 2' in metrics and "concord_alias_targets 2" in metrics
    if denial != "compact":
        def current():
            s = c.ctl("zone", "status", "example.").get("signed_copy", {})
            return s.get("state") == "current" and s.get("serial") == c.ask("example.", "SOA").answer[0][0].serial
        wait_until(current, "the signed copy is current")
        copy = transferred(c, "example.")
        check(copy, tmp_path)
        assert has(records(copy), "203.0.113.1") and has(records(copy), "203.0.113.5")


def test_an_update_cannot_take_the_place_of_an_alias(aliased):
    c = aliased(allow_update="[{from: 127.0.0.1}]")
    becomes(c, "example.", "A", ["203.0.113.1", "203.0.113.2"])
    for rdtype, value in (("A", "192.0.2.66"), ("AAAA", "2001:db8::66"), ("TYPE65401", rdata_of("a.test."))):
        u = dns.update.Update("example.")
        u.add("@", 60, rdtype, value)
        assert dns.query.tcp(u, c.address, port=c.port, timeout=10).rcode() == dns.rcode.REFUSED
    u = dns.update.Update("example.")
    u.add("@", 60, "TXT", "beside")
    assert dns.query.tcp(u, c.address, port=c.port, timeout=10).rcode() == dns.rcode.NOERROR
    assert values(c, "example.", "A") == ["203.0.113.1", "203.0.113.2"] and values(c, "example.", "TXT") == ['"beside"']
