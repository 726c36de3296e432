# SPDX-License-Identifier: Apache-2.0
"""Address hints of HTTPS and SVCB records are the addresses that the same client gets."""
import random

import dns.rcode
from dns.rdtypes.svcbbase import ParamKey
from test_alias import delv
from test_steering import ZONE, ecs_of

SEED = 7
RECORDS = """
  - {type: HTTPS, ttl: 300, hints: follow, value: {svcpriority: 1, targetname: ., svcparams: {alpn: [h2, h3], port: 8443}}}
"""


def values(rng, rdtype, n):
    base = "203.0.113.{}" if rdtype == "A" else "2001:db8::{:x}"
    return [base.format(k) for k in rng.sample(range(1, 200), n)]


def pool(rng, rdtype, fallback):
    n = rng.randrange(1, 5)
    rows = [f"{{value: '{v}'{f', weight: {rng.randrange(1, 9)}' if n > 1 else ''}{rng.choice(['', '', ', status: down'])}}}" for v in values(rng, rdtype, n)]
    extra = "".join([f"fallback: {fallback}, " if fallback else "", rng.choice(["", f"answers: {rng.randrange(1, n + 1)}, "]),
                     rng.choice(["", f"ttl: {rng.randrange(5, 60)}, "])])
    return f"{{{extra}values: [{', '.join(rows)}]}}"


def policy(rng, rdtype):
    subnets = [f"10.{k}.0.0/{rng.randrange(12, 26)}" for k in sorted(rng.sample(range(0, 250, 16), 3))]
    pools = {f"p{i}": pool(rng, rdtype, f"p{i + 1}" if i < 3 and rng.random() < 0.6 else None) for i in range(4)}
    rules = [f"{{subnets: [{s}], pool: p{i}}}" for i, s in enumerate(subnets)] + ["{pool: p3}"]
    fail = rng.choice(["values", "open", "servfail"])
    dynamic = f"{{on-failure: {fail}, pools: {{{', '.join(f'{k}: {v}' for k, v in pools.items())}}}, rules: [{', '.join(rules)}]}}"
    return f"  - {{type: {rdtype}, ttl: 60, values: ['{values(rng, rdtype, 1)[0]}'], dynamic: {dynamic}}}"


def steering(rng, n):
    types = [("A", "AAAA"), ("A",), ("AAAA",)]
    return "".join(f"n{i}:\n" + "\n".join(policy(rng, t) for t in types[i % 3]) + RECORDS for i in range(n)) + """
_8443._tcp.n0: {type: SVCB, hints: follow, values: [{svcpriority: 1, targetname: n0.example.}, {svcpriority: 2, targetname: n0.example., svcparams: {port: 9}}]}
"""


def hints_of(answer):
    (rrset,) = answer.answer
    all_hints = [tuple(tuple(sorted(r.params[k].addresses)) if k in r.params else () for k in (ParamKey.IPV4HINT, ParamKey.IPV6HINT)) for r in rrset]
    assert len(set(all_hints)) == 1
    return all_hints[0], rrset.ttl


def addresses(c, name, rdtype, client):
    a = c.ask(name, rdtype, ecs=client)
    found = tuple(sorted(r.to_text() for s in a.answer for r in s)) if a.rcode() == dns.rcode.NOERROR else ()
    return found, a.answer[0].ttl if a.answer else 1 << 31, ecs_of(a)[2]


def test_hints_are_what_the_same_client_gets_for_a_and_aaaa(concord):
    rng = random.Random(SEED)
    c = concord(zone=ZONE, steering=steering(rng, 30))
    seen, without = set(), 0
    for i in range(30):
        for name, rdtype, target in [(f"n{i}.example.", "HTTPS", f"n{i}.example.")] + ([("_8443._tcp.n0.example.", "SVCB", "n0.example.")] if i == 0 else []):
            for _ in range(12):
                client = f"10.{rng.randrange(256)}.{rng.randrange(256)}.0/{rng.choice([24, 24, 20])}"
                answer = c.ask(name, rdtype, ecs=client)
                (v4, v6), ttl = hints_of(answer)
                a, ttl4, scope4 = addresses(c, target, "A", client)
                aaaa, ttl6, scope6 = addresses(c, target, "AAAA", client)
                assert (v4, v6) == (a, aaaa), (name, client)
                assert ttl == min(ttl4, ttl6, 300 if rdtype == "HTTPS" else 3600) and ecs_of(answer)[2] >= max(scope4, scope6)
                # What stands beside it says the same.
                beside = {s.rdtype: tuple(sorted(r.to_text() for r in s)) for s in answer.additional if s.rdtype in (1, 28)}
                assert beside.get(1, ()) == a and beside.get(28, ()) == aaaa
                seen.add((name, v4, v6))
                without += not v4 and not v6
    assert len(seen) > 60 and without > 0


LIVE = """
www:
  - {type: HTTPS, hints: follow, value: {svcpriority: 1, targetname: ., svcparams: {alpn: [h3]}}}
  - type: A
    ttl: 60
    octodns: {healthcheck: {protocol: FEED}}
    values: [192.0.2.80]
    dynamic: {on-failure: servfail, pools: {one: {fallback: two, values: [{value: 203.0.113.1}]}, two: {values: [{value: 203.0.113.2}]}}, rules: [{pool: one}]}
"""


def test_hints_follow_health_and_are_validated(concord, tmp_path):
    c = concord(zone=ZONE, steering=LIVE)
    for down, expected in (((), ("203.0.113.1",)), (("203.0.113.1",), ("203.0.113.2",)), (("203.0.113.1", "203.0.113.2"), ())):
        for value in down:
            c.ctl("health", "set", value, "down")
        answer = c.ask("www.example.", "HTTPS", do=True)
        (v4, v6), _ = hints_of(type("A", (), {"answer": [answer.answer[0]]}))
        assert (v4, v6) == (expected, ()) and "; fully validated" in delv(c, tmp_path, "www.example.", "HTTPS")
        assert not [s for s in answer.additional if s.rdtype == 1] or expected
    e = c.ctl("explain", "www.example.", "HTTPS", "--client", "10.1.2.3")
    assert e["steered"] and e["rule"]["number"] == 1
    assert c.ctl("policy", "show", "www.example.", "HTTPS")["rules"]


BROKEN = [
    ("a target that is not steered", "x: {type: HTTPS, hints: follow, value: {svcpriority: 1, targetname: ns1.example.}}", "the target is not steered"),
    ("AliasMode", "www: [%s, {type: HTTPS, hints: follow, value: {svcpriority: 0, targetname: www.example.}}]", "AliasMode (svcpriority 0) has no hints"),
    ("two targets", "www: [%s, {type: HTTPS, hints: follow, values: [{svcpriority: 1, targetname: .}, {svcpriority: 2, targetname: ns1.example.}]}]",
     "all values have one target"),
    ("a hint that is given", "www: [%s, {type: HTTPS, hints: follow, value: {svcpriority: 1, targetname: ., svcparams: {ipv4hint: [192.0.2.1]}}}]",
     "a hint is given and is to follow"),
    ("a mandatory hint", "www: [%s, {type: HTTPS, hints: follow, value: {svcpriority: 1, targetname: ., svcparams: {mandatory: [ipv4hint], ipv4hint: [192.0.2.1]}}}]",
     "cannot be mandatory"),
    ("another word", "www: [%s, {type: HTTPS, hints: yes, value: {svcpriority: 1, targetname: .}}]", "hints"),
    ("a policy", "www: [%s, {type: HTTPS, hints: follow, dynamic: {}, value: {svcpriority: 1, targetname: .}}]", "has no policy of its own"),
    ("no value", "www: [%s, {type: HTTPS, hints: follow}]", "'value' or 'values' is missing"),
    ("a second one", "www: [%s, {type: HTTPS, hints: follow, value: {svcpriority: 1, targetname: .}}, {type: HTTPS, hints: follow, value: {svcpriority: 1, targetname: .}}]",
     "steers this name and type"),
    ("an alias as target", "al: {type: ALIAS, value: ns1.example.}\nwww: [%s, {type: HTTPS, hints: follow, value: {svcpriority: 1, targetname: al.example.}}]",
     "the target is not steered"),
]
A = "{type: A, value: 192.0.2.80, dynamic: {pools: {p: {values: [{value: 203.0.113.1}]}}, rules: [{pool: p}]}}"




def test_what_is_wrong_is_refused_with_its_line_and_the_view_goes_on(concord):
    c = concord(zone=ZONE, steering=LIVE)
    for says, text, expected in BROKEN:
        text = text.replace("%s", A)
        c.file("example.steering.yaml", text + "\n")
        done = c.ctl_raw("reload")
        line = text.count("\n") + 1
        assert done.returncode != 0 and f"example.steering.yaml:{line}" in done.stderr and expected in done.stderr, (says, done.stderr)
        assert hints_of(c.ask("www.example.", "HTTPS"))[0] == (("203.0.113.1",), ()), says


def test_an_octodns_zone_file_may_have_hints_that_follow(concord):
    c = concord(zone=f"'': {{type: NS, value: ns1.example.}}\nns1: {{type: A, value: 192.0.2.1}}\nwww: [{A}, "
                "{type: HTTPS, hints: follow, value: {svcpriority: 1, targetname: .}}]\n", suffix=".yaml")
    assert hints_of(c.ask("www.example.", "HTTPS"))[0] == (("203.0.113.1",), ())
