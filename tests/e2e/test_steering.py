# SPDX-License-Identifier: Apache-2.0
"""Answers by where the client is: the octoDNS model over the wire."""
import collections
import ipaddress
import pathlib

import pytest

from lab.daemons import ecs_of

GEO = """geo:
  - {id: country, format: tor, file: geoip, file6: geoip6}
"""

# Ranges as the files of tor-geoipdb have them.
RANGES = [("10.0.0.0", "10.255.255.255", "DE"), ("11.0.0.0", "11.255.255.255", "US"), ("12.0.0.0", "12.127.255.255", "JP"),
          ("12.128.0.0", "12.255.255.255", "BR"), ("13.0.0.0", "13.255.255.255", "??")]
RANGES6 = [("2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", "DE"),
           ("2001:db8:8000::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "US")]

STEERING = """
www:
  - type: A
    ttl: 60
    values: [192.0.2.80]
    dynamic:
      pools:
        eu: {fallback: us, values: [{value: 203.0.113.1}]}
        us: {values: [{value: 198.51.100.1}]}
        asia: {fallback: us, values: [{value: 203.0.113.9, status: down}]}
        lost: {values: [{value: 203.0.113.8, status: down}]}
        office: {values: [{value: 192.0.2.90}]}
      rules:
        - {subnets: [10.9.0.0/16], pool: office}
        - {geos: [EU], pool: eu}
        - {geos: [AS-JP], pool: asia}
        - {geos: [SA], pool: lost}
        - {pool: us}
  - type: AAAA
    ttl: 60
    value: 2001:db8::80
    dynamic:
      pools:
        eu: {values: [{value: 2001:db8::1}]}
        us: {values: [{value: 2001:db8::2}]}
      rules:
        - {geos: [EU], pool: eu}
        - {pool: us}
weighted:
  type: A
  ttl: 30
  value: 192.0.2.80
  dynamic:
    pools:
      all: {values: [{value: 203.0.113.1, weight: 3}, {value: 203.0.113.2, weight: 1}]}
    rules: [{pool: all}]
cdn:
  type: CNAME
  value: a.cdn.test.
  dynamic:
    pools:
      a: {values: [{value: a.cdn.test.}]}
      own: {values: [{value: www.example.}]}
    rules:
      - {geos: [EU], pool: own}
      - {pool: a}
"*.wild":
  type: A
  value: 192.0.2.80
  dynamic:
    pools: {eu: {values: [{value: 203.0.113.1}]}, us: {values: [{value: 198.51.100.1}]}}
    rules: [{geos: [EU], pool: eu}, {pool: us}]
"""

ZONE = """$TTL 3600
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300
@ IN NS ns1
ns1 IN A 192.0.2.1
"""


def write_ranges(directory):
    v4 = [f"{int(ipaddress.ip_address(a))},{int(ipaddress.ip_address(b))},{c}" for a, b, c in RANGES]
    (directory / "geoip").write_text("# ranges of the test\n" + "\n".join(v4) + "\n")
    (directory / "geoip6").write_text("\n".join(",".join(r) for r in RANGES6) + "\n")


@pytest.fixture
def steered(concord):
    def make(steering=STEERING, **options):
        c = concord(start=False, zone=ZONE, steering=steering, geo="country", extra=GEO, **options)
        write_ranges(c.dir)
        return c

    return make


def value(answer):
    return answer.answer[-1][0].to_text()


ROWS = [
    ("a country in a continent of a rule", "10.1.2.0/24", "203.0.113.1", None),
    ("the catch-all", "11.1.2.0/24", "198.51.100.1", None),
    ("a subnet goes before its country", "10.9.1.0/24", "192.0.2.90", 16),
    ("a pool whose values are all down falls back", "12.1.2.0/24", "198.51.100.1", 9),
    ("at the end of the chain stand the default values", "12.129.2.0/24", "192.0.2.80", 9),
    ("an unknown place is for the catch-all", "13.1.2.0/24", "198.51.100.1", None),
    ("IPv6 by its own ranges", "2001:db8:1::/48", "203.0.113.1", 33),
    ("IPv6, the catch-all", "2001:db8:8000::/48", "198.51.100.1", 33),
]


@pytest.mark.parametrize("row", ROWS, ids=[r[0] for r in ROWS])
def test_a_client_gets_the_value_of_its_rule(steered, row):
    _, client, expected, scope = row
    got = steered().start().ask("www.example.", "A", ecs=client)
    assert value(got) == expected
    if scope is not None:
        assert ecs_of(got)[2] == scope


def test_scopes_are_right_and_as_large_as_can_be(steered):
    """Each address in the scope gets the same answer, and its parent prefix has one that does not."""
    c = steered().start()
    for client in ("10.1.2.0/24", "10.9.1.0/24", "10.8.0.0/24", "11.0.0.0/24", "12.127.255.0/24", "12.128.0.0/24", "9.255.255.0/24"):
        got = c.ask("www.example.", "A", ecs=client)
        scope = ecs_of(got)[2]
        net = ipaddress.ip_network(client).supernet(new_prefix=scope) if scope <= 24 else None
        assert net is not None and value(got) == value(c.ask("www.example.", "A", ecs=f"{net[0]}/24"))
        assert value(got) == value(c.ask("www.example.", "A", ecs=f"{net[-1]}/32"))
        rule = c.ctl("explain", "www.example.", "A", "--client", client)["rule"]["number"]
        parent = net.supernet()
        others = [parent[0], parent[-1]] + [parent[i * (parent.num_addresses // 64)] for i in range(64)]
        rules = {c.ctl("explain", "www.example.", "A", "--client", str(a))["rule"]["number"] for a in others[:8] + others[8::8]}
        assert rules != {rule}, (client, scope)


def test_without_a_subnet_the_source_address_counts_and_no_subnet_comes_back(steered):
    c = steered(steering=STEERING.replace("10.9.0.0/16", "127.0.0.0/8")).start()
    got = c.ask("www.example.", "A")
    assert value(got) == "192.0.2.90" and ecs_of(got) is None


def test_a_source_length_of_0_is_answered_by_the_resolvers_address_with_scope_0(steered):
    """RFC 7871 section 7.1.2."""
    c = steered(steering=STEERING.replace("10.9.0.0/16", "127.0.0.0/8")).start()
    got = c.ask("www.example.", "A", ecs="0.0.0.0/0")
    assert value(got) == "192.0.2.90" and ecs_of(got) == ("0.0.0.0", 0, 0)


def test_a_zone_can_leave_client_subnets_aside(steered):
    c = steered(steering=STEERING.replace("10.9.0.0/16", "127.0.0.0/8"), ecs="no").start()
    got = c.ask("www.example.", "A", ecs="10.1.2.0/24")
    assert value(got) == "192.0.2.90" and ecs_of(got) is None


def test_aliases_and_wildcards_are_steered_too(steered):
    c = steered().start()
    assert value(c.ask("cdn.example.", "A", ecs="10.1.2.0/24")) == "203.0.113.1"
    assert value(c.ask("cdn.example.", "A", ecs="11.1.2.0/24")) == "a.cdn.test."
    got = c.ask("any.name.wild.example.", "A", ecs="10.1.2.0/24")
    assert value(got) == "203.0.113.1" and str(got.answer[0].name) == "any.name.wild.example."
    assert value(c.ask("www.example.", "AAAA", ecs="2001:db8:1::/48")) == "2001:db8::1"


def test_weights_are_kept_within_a_percent_and_clients_stay_with_their_value(steered):
    c = steered().start()
    counts, chosen = collections.Counter(), {}
    for i in range(3000):
        client = f"10.{i // 250}.{i % 250}.0/24"
        got = c.ask("weighted.example.", "A", ecs=client)
        assert ecs_of(got)[2] == 24
        chosen[client] = value(got)
        counts[chosen[client]] += 1
    assert abs(counts["203.0.113.1"] / 3000 - 0.75) < 0.025
    for client in list(chosen)[::100]:
        assert value(c.ask("weighted.example.", "A", ecs=client)) == chosen[client]
    # A change of weights moves only the share that it implies: from 3:1 to 1:1 clients go from the first to the second, none back.
    (c.dir / "example.steering.yaml").write_text(STEERING.replace("weight: 3}", "weight: 1}"))
    c.ctl("reload")
    for client in list(chosen)[::10]:
        now = value(c.ask("weighted.example.", "A", ecs=client))
        assert now == chosen[client] or chosen[client] == "203.0.113.1"


def test_every_variant_is_signed_and_existence_is_the_same_for_all(steered):
    import dns.name

    from lab.oracle import check_answer, check_keys
    from test_signing import ds_of

    c = steered().start()
    keys = check_keys(c.ask("example.", "DNSKEY", do=True), dns.name.from_text("example."), ds_of(c))
    proofs = set()
    for client in ("10.1.2.0/24", "11.1.2.0/24", "12.129.2.0/24", "10.9.1.0/24"):
        for name, rdtype in (("www.example.", "A"), ("www.example.", "AAAA"), ("cdn.example.", "A"), ("x.wild.example.", "A"),
                             ("weighted.example.", "A"), ("www.example.", "TXT"), ("x.wild.example.", "TXT")):
            got = c.ask(name, rdtype, do=True, ecs=client)
            check_answer(got, dns.name.from_text("example."), keys)
            if (name, rdtype) == ("www.example.", "TXT"):
                proofs.add("\n".join(r.to_text() for r in got.authority))
    assert len(proofs) == 1


def test_explain_says_why(steered):
    c = steered().start()
    told = c.ctl("explain", "www.example.", "A", "--client", "12.1.2.3")
    assert told["rule"] == {"number": 3, "of": 5, "match": "geos AS-JP", "pool": "asia"}
    assert [p["pool"] for p in told["chain"]] == ["asia", "us"] and told["value"] == "198.51.100.1"
    assert told["location"]["country"] == "JP" and told["location"]["range"] == "12.0.0.0/9" and told["scope"] == 9
    assert "fallback us" in told["why"]
    drawn = c.ctl("explain", "weighted.example.", "A", "--client", "10.1.2.3")
    assert drawn["draw"]["client_key"] == "10.1.2.0/24" and drawn["draw"]["weight_sum"] == 4
    assert drawn["value"] == value(c.ask("weighted.example.", "A", ecs="10.1.2.0/24"))
    assert not c.ctl("explain", "ns1.example.", "A", "--client", "10.1.2.3")["steered"]
    person = c.ctl_raw("explain", "www.example.", "A", "--client", "10.9.1.1").stdout
    assert "pool office" in person and "\033" not in person


def test_an_mmdb_file_steers_like_ranges_do(concord, tmp_path):
    perl = pathlib.Path(__file__).parent.parent / "lab" / "make_mmdb.pl"
    import subprocess

    for schema, paths in (("nested", ""), ("flat", ", paths: {country: country_code}")):
        subprocess.run(["perl", str(perl), str(tmp_path / f"{schema}.mmdb"), schema], check=True)
        c = concord(zone=ZONE, steering=STEERING, geo="db",
                    extra=f"geo:\n  - {{id: db, format: mmdb, file: {tmp_path}/{schema}.mmdb{paths}}}\n")
        for client, expected in (("10.1.2.0/24", "203.0.113.1"), ("11.1.2.0/24", "198.51.100.1"), ("10.9.1.0/24", "192.0.2.90"),
                                 ("2001:db8:1::/48", "203.0.113.1"), ("99.1.1.0/24", "198.51.100.1")):
            assert value(c.ask("www.example.", "A", ecs=client)) == expected, (schema, client)


def test_the_real_country_database_puts_clients_where_they_are(concord):
    """Debian's tor-geoipdb: prefixes whose country has not changed in years."""
    c = concord(zone=ZONE, steering=STEERING, geo="real",
                extra="geo:\n  - {id: real, format: tor, file: /usr/share/tor/geoip, file6: /usr/share/tor/geoip6}\n")
    for client, country in (("8.8.8.0/24", "US"), ("133.11.0.0/24", "JP"), ("141.20.1.0/24", "DE"), ("2001:638::/32", "DE")):
        assert c.ctl("explain", "www.example.", "A", "--client", client)["location"]["country"] == country


BEYOND = """
many:
  type: A
  ttl: 60
  value: 192.0.2.80
  dynamic:
    pools:
      some: {answers: 2, ttl: 7, values: [{value: 203.0.113.1}, {value: 203.0.113.2}, {value: 203.0.113.3}, {value: 203.0.113.4, status: down}]}
    rules: [{pool: some}]
listed:
  type: A
  value: 192.0.2.80
  dynamic:
    pools:
      gone: {drain: [{from: 2020-01-01T00:00:00Z}], values: [{value: 203.0.113.1}]}
      past: {drain: [{from: 2020-01-01T00:00:00Z, until: 2021-01-01T00:00:00Z}], values: [{value: 203.0.113.2}]}
    rules: [{geos: [EU], pools: [gone, past]}, {pools: [past, gone]}]
nothing:
  type: A
  value: 192.0.2.80
  dynamic:
    on-failure: servfail
    pools: {one: {values: [{value: 203.0.113.1, status: down}]}}
    rules: [{pool: one}]
anew:
  type: A
  value: 192.0.2.80
  dynamic:
    sticky: no
    pools: {two: {values: [{value: 203.0.113.1}, {value: 203.0.113.2}]}}
    rules: [{pool: two}]
"""


def test_what_octodns_does_not_have_is_steered_and_signed(steered):
    import dns.name

    from lab.oracle import check_answer, check_keys
    from test_signing import ds_of

    c = steered(steering=BEYOND).start()
    keys = check_keys(c.ask("example.", "DNSKEY", do=True), dns.name.from_text("example."), ds_of(c))
    sets = set()
    for i in range(40):
        got = c.ask("many.example.", "A", do=True, ecs=f"10.{i}.1.0/24")
        assert got.answer[0].ttl == 7 and ecs_of(got)[2] == 24
        check_answer(got, dns.name.from_text("example."), keys)
        sets.add(frozenset(r.to_text() for r in got.answer[0]))
    assert len(sets) == 3 and all(len(s) == 2 for s in sets)
    assert value(c.ask("listed.example.", "A", ecs="10.1.2.0/24")) == "203.0.113.2"
    assert c.ctl("explain", "listed.example.", "A", "--client", "10.1.2.0/24")["chain"][0]["tried"][0]["state"] == "drained"
    assert c.ask("nothing.example.", "A").rcode() == 2 and "SERVFAIL" in c.ctl("explain", "nothing.example.", "A", "--client", "10.1.2.3")["why"]
    assert c.ask("nothing.example.", "TXT").rcode() == 0
    anew = [c.ask("anew.example.", "A", ecs="10.1.2.0/24") for _ in range(40)]
    assert len({value(a) for a in anew}) == 2 and all(ecs_of(a)[2] == 0 for a in anew)
