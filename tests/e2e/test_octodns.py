# SPDX-License-Identifier: Apache-2.0
"""One octoDNS YAML file as the source of a whole zone."""
import os

import pytest

from test_steering import GEO, write_ranges, value

# Every type of octoDNS, in its spellings; values are our own.
ZONE = r"""---
? ''
: - type: NS
    ttl: 86400
    values: [ns1.example., ns2.other.test.]
  - type: A
    value: 192.0.2.1
  - type: CAA
    values:
      - {flags: 128, tag: issue, value: ca.test}
      - {tag: iodef, value: 'mailto:security@example'}
  - {type: MX, values: [{preference: 10, exchange: mx.example.}, {priority: 20, value: mx.other.test.}]}
  - type: TXT
    values:
      - v=spf1 -all
      - 'v=DKIM1\; k=rsa\; p=AAA'
      - '"quoted" "in two"'
      - LONG
  - type: SSHFP
    values:
      - {algorithm: 4, fingerprint_type: 2, fingerprint: aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899}
ns1: {type: A, value: 192.0.2.53}
mx: {type: AAAA, value: '2001:db8::25'}
alias: {type: CNAME, value: mx.example.}
below: {type: DNAME, value: elsewhere.test.}
ptr: {type: PTR, values: [a.example., b.example.]}
spf: {type: SPF, value: v=spf1 -all}
_sip._tcp: {type: SRV, values: [{priority: 1, weight: 2, port: 5060, target: mx.example.}]}
naptr:
  type: NAPTR
  values: [{order: 1, preference: 2, flags: U, service: SIP+D2U, regexp: '!^.*$!sip:info@example.test!', replacement: .}]
loc:
  type: LOC
  value: {lat_degrees: 31, lat_minutes: 58, lat_seconds: 52.1, lat_direction: S, long_degrees: 115, long_minutes: 49, long_seconds: 11.7,
          long_direction: E, altitude: 20, size: 10, precision_horz: 10, precision_vert: 2}
_443._tcp: {type: TLSA, value: {certificate_usage: 3, selector: 1, matching_type: 1, certificate_association_data: 00ff00ff}}
_http._tcp: {type: URI, value: {priority: 1, weight: 2, target: 'https://example.test/a?b'}}
key: {type: OPENPGPKEY, value: AAECAwQF}
sub: [{type: NS, value: ns.sub.other.test.}, {type: DS, value: {key_tag: 7, algorithm: 13, digest_type: 2, digest: DIGEST}}]
svc:
  - type: HTTPS
    value:
      svcpriority: 1
      targetname: .
      svcparams: {alpn: [h2, h3], port: 8443, ipv4hint: [192.0.2.8, 192.0.2.9], ipv6hint: ['2001:db8::8'], no-default-alpn: null, mandatory: [alpn, port]}
  - {type: SVCB, value: {svcpriority: 0, targetname: other.test.}}
ignored: {type: A, value: 192.0.2.9, octodns: {ignored: true}}
excluded: {type: A, value: 192.0.2.9, octodns: {excluded: [concord]}}
included: {type: A, value: 192.0.2.9, octodns: {included: [concord]}}
elsewhere: {type: A, value: 192.0.2.9, octodns: {included: [route53]}}
www:
  type: A
  ttl: 60
  octodns: {healthcheck: {host: www.example, path: /_dns, port: 443, protocol: HTTPS}, route53: {healthcheck: {request_interval: 10}}}
  dynamic:
    pools:
      eu: {fallback: us, values: [{value: 203.0.113.1, weight: 2, status: obey}, {value: 203.0.113.2, weight: 3}]}
      us: {fallback: null, values: [{value: 198.51.100.1, status: up}]}
    rules:
      - {geos: [AF, EU], subnets: [10.128.0.0/9], pool: eu}
      - pool: us
  values: [192.0.2.80, 192.0.2.81]
""".replace("LONG", "x" * 300).replace("DIGEST", "0f" * 32)

ROWS = [
    ("", "CAA", {'128 issue "ca.test"', '0 iodef "mailto:security@example"'}),
    ("", "MX", {"10 mx.example.", "20 mx.other.test."}),
    ("", "NS", {"ns1.example.", "ns2.other.test."}),
    ("", "TXT", {'"v=spf1 -all"', '"v=DKIM1; k=rsa; p=AAA"', '"quotedin two"', '"' + "x" * 255 + '" "' + "x" * 45 + '"'}),
    ("", "SSHFP", {"4 2 aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899"}),
    ("mx", "AAAA", {"2001:db8::25"}),
    ("alias", "CNAME", {"mx.example."}),
    ("below", "DNAME", {"elsewhere.test."}),
    ("ptr", "PTR", {"a.example.", "b.example."}),
    ("spf", "SPF", {'"v=spf1 -all"'}),
    ("_sip._tcp", "SRV", {"1 2 5060 mx.example."}),
    ("naptr", "NAPTR", {'1 2 "U" "SIP+D2U" "!^.*$!sip:info@example.test!" .'}),
    ("loc", "LOC", {"31 58 52.100 S 115 49 11.700 E 20.00m 10.00m 10.00m 2.00m"}),
    ("_443._tcp", "TLSA", {"3 1 1 00ff00ff"}),
    ("_http._tcp", "URI", {'1 2 "https://example.test/a?b"'}),
    ("key", "OPENPGPKEY", {"AAECAwQF"}),
    ("sub", "DS", {"7 13 2 " + "0f" * 32}),
    ("svc", "HTTPS", {'1 . mandatory="alpn,port" alpn="h2,h3" no-default-alpn port="8443" ipv4hint="192.0.2.8,192.0.2.9" ipv6hint="2001:db8::8"'}),
    ("svc", "SVCB", {"0 other.test."}),
    ("included", "A", {"192.0.2.9"}),
]


@pytest.fixture
def octodns(concord):
    def make(zone=ZONE, **options):
        c = concord(start=False, zone=zone, suffix=".yaml", geo="country", extra=GEO, **options)
        write_ranges(c.dir)
        return c

    return make


def test_every_type_of_octodns_is_served(octodns):
    c = octodns().start()
    for name, rdtype, expected in ROWS:
        got = c.ask(f"{name}.example." if name else "example.", rdtype, tcp=True)
        assert {r.to_text() for r in got.answer[0]} == expected, (name, rdtype, got)
    for name in ("ignored", "excluded", "elsewhere"):
        assert c.ask(f"{name}.example.", "A").rcode() == 3


def test_the_soa_is_made_of_the_first_name_server_and_the_files_time(octodns):
    c = octodns()
    os.utime(c.dir / "example.yaml", (1_700_000_000, 1_700_000_000))
    c.start()
    assert value(c.ask("example.", "SOA")) == "ns1.example. hostmaster.example. 1700000000 7200 3600 1209600 300"
    # Serials never go back.
    os.utime(c.dir / "example.yaml", (1_600_000_000, 1_600_000_000))
    c.ctl("reload")
    assert " 1700000000 " in value(c.ask("example.", "SOA"))
    with_soa = ZONE + """soa: {type: A, value: 192.0.2.1}\n"""
    with_soa = with_soa.replace("  - type: A\n    value: 192.0.2.1\n", """  - type: SOA
    value: {mname: a.test., rname: b.test., serial: 1800000000, refresh: 2, retry: 3, expire: 4, minimum: 5}
""", 1)
    (c.dir / "example.yaml").write_text(with_soa)
    c.ctl("reload")
    assert value(c.ask("example.", "SOA")) == "a.test. b.test. 1800000000 2 3 4 5"


def test_dynamic_records_of_the_file_are_steered_and_signed(octodns):
    import dns.name

    from lab.oracle import check_answer, check_keys
    from test_signing import ds_of

    c = octodns().start()
    keys = check_keys(c.ask("example.", "DNSKEY", do=True), dns.name.from_text("example."), ds_of(c))
    for client, expected in (("10.1.2.0/24", {"203.0.113.1", "203.0.113.2"}), ("11.1.2.0/24", {"198.51.100.1"})):
        got = c.ask("www.example.", "A", do=True, ecs=client)
        assert got.answer[0][0].to_text() in expected
        check_answer(got, dns.name.from_text("example."), keys)


BROKEN = [
    ("a type that octoDNS does not have", "{type: SPF,", "{type: HINFO,", "octoDNS has no records of type HINFO", "hint: use a master file"),
    ("a type that does not exist", "{type: SPF,", "{type: SPFF,", "'SPFF' is not a type of records", "^"),
    ("a name without its dot", "value: mx.example.}", "value: mx.example}", "'mx.example' is not an absolute name", "^"),
    ("a field that is missing", "weight: 2, port: 5060,", "port: 5060,", "'weight' is missing", "^"),
    ("a field that does not exist", "selector: 1", "slector: 1", "unknown field 'slector'", "did you mean 'selector'"),
    ("a number out of range", "flags: 128", "flags: 256", "'256' is not a number up to 255", "^"),
    ("digits that are none", "fingerprint: aa", "fingerprint: zz", "is not hexadecimal digits", "^"),
    ("an unknown SvcParam", "{alpn:", "{alpm:", "unknown SvcParam 'alpm'", "did you mean 'alpn'"),
    ("a hint of the wrong family", "ipv4hint: [192.0.2.8,", "ipv4hint: ['2001:db8::1',", "is not a value of this parameter", "^"),
    ("a value that needs none", "no-default-alpn: null", "no-default-alpn: 1", "this parameter has no value", "^"),
    ("an address of the wrong family", "{type: A, value: 192.0.2.53}", "{type: A, value: '::1'}", "error: ", "^"),
    ("value and values", "values: [a.example., b.example.]", "values: [a.example.], value: b.example.", "both 'value' and 'values'", "^"),
    ("no value", "{type: SPF, value: v=spf1 -all}", "{type: SPF}", "'value' or 'values' is missing", "^"),
    ("a map where a text should be", "value: AAECAwQF", "value: {a: b}", "expected base64, found a map", "^"),
    ("a policy of a type that has none", "  type: A\n  ttl: 60", "  type: TXT\n  ttl: 60", "type that can be steered", "^"),
    ("an unknown key", "key: {type:", "key: {tll: 4, type:", "unknown key 'tll'", "did you mean 'ttl'"),
    ("a bad path of a health check", "path: /_dns", "path: _dns", "is not a path", "^"),
    ("a bad host of a health check", "host: www.example,", "host: www example,", "is not a host name", "^"),
    ("a bad protocol of a health check", "protocol: HTTPS", "protocol: GOPHER", "'GOPHER' is not a value of protocol", "hint: one of HTTPS"),
    ("a bad port of a health check", "port: 443,", "port: 0,", "port must be 1 to 65535", "^"),
]


@pytest.mark.parametrize("row", BROKEN, ids=[r[0] for r in BROKEN])
def test_a_bad_file_is_named_by_line_and_column_and_the_old_zone_goes_on(octodns, row):
    _, old, new, *expected = row
    assert old in ZONE
    c = octodns(ZONE.replace(old, new, 1))
    code, said = c.check()
    assert code == 1, said
    for part in expected:
        assert part in said, said
    assert "example.yaml:" in said


SPLIT = """
common: &common
  octodns: {ignored: true}
  type: TXT
  value: only an anchor
? ''
: {type: NS, values: [ns1.example., ns2.example.]}
ns1: {type: A, value: 192.0.2.1}
ns2: {type: A, value: 192.0.2.2}
a: !include parts/steered.yaml
b:
  <<: !include parts/steered.yaml
  ttl: 30
c:
  ttl: 90
  type: A
  values: &values [192.0.2.80, 192.0.2.81]
  dynamic:
    pools: &pools !include [parts/pools.yaml, parts/more.yaml]
    rules: [{geos: [NA-US-CA, NA-US-NC], pool: us}, {geos: [EU], pool: eu}, {pool: us}]
d:
  type: A
  values: *values
  dynamic:
    pools: *pools
    rules: [{subnets: [10.9.0.0/16], pool: us}, {pool: eu}]
"""
STEERED = """
type: A
ttl: 60
value: 192.0.2.80
dynamic:
  pools: !include pools-of-two.yaml
  rules: [{geos: [EU], pool: eu}, {pool: us}]
"""
POOLS = "eu: {fallback: us, values: [{value: 203.0.113.1, weight: 10}, {value: 203.0.113.2, weight: 15}]}\n"
MORE = "us: {values: [{value: 198.51.100.1}]}\n"


def split_zone(octodns):
    c = octodns(SPLIT)
    (c.dir / "parts").mkdir()
    for name, text in (("steered", STEERED), ("pools", POOLS), ("more", MORE), ("pools-of-two", POOLS + MORE)):
        (c.dir / "parts" / f"{name}.yaml").write_text(text)
    return c


def test_files_in_files_aliases_and_merges_are_read(octodns):
    c = split_zone(octodns).start()
    for name, ttl in (("a", 60), ("b", 30), ("c", 90)):
        got = c.ask(f"{name}.example.", "A", ecs="10.1.2.0/24")
        assert value(got) in ("203.0.113.1", "203.0.113.2") and got.answer[0].ttl == ttl
        assert value(c.ask(f"{name}.example.", "A", ecs="11.1.2.0/24")) == "198.51.100.1"
    assert value(c.ask("d.example.", "A", ecs="10.9.2.0/24")) == "198.51.100.1"
    # A change of an included file is a change of the zone: its serial follows.
    before = c.ask("example.", "SOA").answer[0][0].serial
    part = c.dir / "parts" / "more.yaml"
    part.write_text("us: {values: [{value: 198.51.100.9}]}\n")
    os.utime(part, (before + 100, before + 100))
    c.ctl("reload")
    assert value(c.ask("c.example.", "A", ecs="11.1.2.0/24")) == "198.51.100.9"
    assert c.ask("example.", "SOA").answer[0][0].serial == before + 100


def test_a_fault_in_an_included_file_is_named_there(octodns):
    c = split_zone(octodns)
    (c.dir / "parts" / "steered.yaml").write_text(STEERED.replace("pool: us}]", "pool: asia}]"))
    code, said = c.check()
    assert code == 1 and "parts/steered.yaml:7:" in said and "undefined pool 'asia'" in said, said


def test_a_bad_file_leaves_the_running_zone_as_it_is(octodns):
    c = octodns().start()
    (c.dir / "example.yaml").write_text(ZONE.replace("pool: us\n", "pool: usa\n"))
    refused = c.ctl_raw("reload")
    assert refused.returncode == 1 and "undefined pool 'usa'" in refused.stderr and "did you mean 'us'" in refused.stderr
    assert value(c.ask("www.example.", "A", ecs="11.1.2.0/24")) == "198.51.100.1"
    (c.dir / "example.yaml").write_text(ZONE.replace("198.51.100.1,", "198.51.100.2,"))
    c.ctl("reload")
    assert value(c.ask("www.example.", "A", ecs="11.1.2.0/24")) == "198.51.100.2"
