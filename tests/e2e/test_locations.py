# SPDX-License-Identifier: Apache-2.0
"""Location databases: several for one zone, replaced under way, damaged."""
import os
import pathlib

import pytest

from lab.wait import wait_until
from test_steering import STEERING, ZONE, value, write_ranges

MMDB = pathlib.Path(__file__).parent.parent / "unit" / "geo" / "data"
GEO = """geo:
  - {id: ours, format: networks, file: networks}
  - {id: country, format: tor, file: geoip, file6: geoip6}
  - {id: asn, format: mmdb, file: asn.mmdb}
"""


@pytest.fixture
def located(concord):
    def make(geo="[ours, country, asn]", **options):
        c = concord(start=False, zone=ZONE, steering=STEERING, geo=geo, extra=GEO, **options)
        write_ranges(c.dir)
        (c.dir / "networks").write_text("10.7.0.0/16 lab NA-US\n10.8.0.0/16 office\n")
        (c.dir / "asn.mmdb").write_bytes((MMDB / "asn.mmdb").read_bytes())
        return c

    return make


def replace(path, content):
    """As a well-behaved updater does it."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.rename(new, path)


def where(c, client):
    return c.ctl("explain", "www.example.", "A", "--client", client)["location"]


def test_a_zone_goes_by_several_databases_the_first_that_knows(located):
    c = located().start()
    assert value(c.ask("www.example.", "A", ecs="10.7.1.0/24")) == "198.51.100.1"  # ours says: US
    assert value(c.ask("www.example.", "A", ecs="10.8.1.0/24")) == "203.0.113.1"
    lab, office = where(c, "10.7.1.1"), where(c, "10.8.1.1")
    assert (lab["country"], lab["network"], lab["asn"]) == ("US", "lab", 64500)
    assert (office["country"], office["network"], office["database"]) == ("DE", "office", "ours, country, asn")
    assert "network office" in c.ctl_raw("explain", "www.example.", "A", "--client", "10.8.1.1").stdout


def test_addresses_that_carry_ipv4_are_located_by_it(located):
    """The same answer, and a scope that counts the bits before the IPv4 address."""
    c = located(geo="country").start()
    for client, at in (("::ffff:12.1.2.3/128", 96), ("64:ff9b::c01:203/128", 96), ("2002:c01:203::/48", 16),
                       ("2001:0:4136:e378:8000:63bf:f3fe:fdfc/128", 96)):
        got = c.ask("www.example.", "A", ecs=client)
        assert value(got) == "198.51.100.1" and got.options[0].scopelen == at + 9, client
        told = where(c, client.split("/")[0])
        assert told["country"] == "JP" and told["located_as"].startswith("12.1.2.")


def test_a_replaced_file_is_read_and_a_damaged_one_refused(located):
    c = located().start()
    asn = (MMDB / "asn.mmdb").read_bytes()
    moved = "\n".join(line for line in (c.dir / "geoip").read_text().splitlines()).replace(",DE", ",US")
    replace(c.dir / "geoip", moved)
    wait_until(lambda: value(c.ask("www.example.", "A", ecs="10.1.2.0/24")) == "198.51.100.1", "the new ranges are in service")
    # A damaged file: the old contents go on, and status, log and metrics say so.
    replace(c.dir / "geoip", "1,2,DE\n2,1,US\n")
    wait_until(lambda: c.ctl("status")["geo"]["country"]["refused"], "the damaged file is noticed")
    replace(c.dir / "asn.mmdb", asn[: len(asn) // 2])
    wait_until(lambda: c.ctl("status")["geo"]["asn"]["refused"], "the damaged file is noticed")
    assert value(c.ask("www.example.", "A", ecs="10.1.2.0/24")) == "198.51.100.1" and where(c, "10.1.2.3")["asn"] == 64500
    assert c.logged("geoip:2: the range ends before it starts") and "refused" in c.ctl_raw("status").stdout
    assert c.ctl_raw("reload").returncode == 1
    assert value(c.ask("www.example.", "A", ecs="10.1.2.0/24")) == "198.51.100.1"
    # Mended: it is taken.
    write_ranges(c.dir)
    replace(c.dir / "asn.mmdb", asn)
    wait_until(lambda: not any(g["refused"] for g in c.ctl("status")["geo"].values()), "the mended files are taken")
    assert value(c.ask("www.example.", "A", ecs="10.1.2.0/24")) == "203.0.113.1"


def test_a_file_that_is_cut_short_while_it_is_served_does_no_harm(located):
    c = located().start()
    with open(c.dir / "asn.mmdb", "r+b") as f:
        f.truncate(100)
    wait_until(lambda: c.ctl("status")["geo"]["asn"]["refused"], "the damaged file is noticed")
    assert where(c, "10.1.2.3")["asn"] == 64500


def test_reload_reads_only_what_has_changed(located):
    c = located().start()
    c.ctl("reload")
    assert c.log().count("geo country: ") == 1
    replace(c.dir / "networks", "10.7.0.0/16 attic\n")
    c.ctl("reload")
    assert where(c, "10.7.1.1")["network"] == "attic" and c.log().count("geo country: ") == 1 and c.log().count("geo ours: ") == 2


BAD = [
    ("an unknown database", "[ours, country1]", GEO, "did you mean 'country'?"),
    ("a database twice", "[ours, ours]", GEO, "each database once"),
    ("coordinates of ranges", "country", GEO.replace("file: geoip,", "file: geoip, coordinates: yes,"), "has a meaning for format mmdb only"),
    ("a code of a network", "ours", GEO, "networks:1: error: unknown geo code"),
]


@pytest.mark.parametrize("row", BAD, ids=[r[0] for r in BAD])
def test_what_is_wrong_is_named(located, row):
    says, geo, extra, expected = row
    c = located(geo=geo)
    c.extra = extra
    c.write_config()
    if "network" in says:
        (c.dir / "networks").write_text("10.0.0.0/8 lab EU-US\n")
    code, said = c.check()
    assert code == 1 and expected in said, said


MATCHES = """
near:
  type: A
  ttl: 60
  value: 192.0.2.80
  dynamic:
    pools:
      fra: {latitude: 50.11, longitude: 8.68, values: [{value: 203.0.113.1}]}
      ber: {latitude: 52.52, longitude: 13.40, values: [{value: 203.0.113.2}]}
      nyc: {latitude: 40.71, longitude: -74.01, values: [{value: 203.0.113.3}]}
      own: {values: [{value: 203.0.113.4}]}
      isp: {values: [{value: 203.0.113.5}]}
    rules:
      - {networks: [office], pool: own}
      - {asns: [AS64501, 64999], pool: isp}
      - {nearest: [nyc, fra, ber], limit: 2}
"""
CITY = """geo:
  - {id: ours, format: networks, file: networks}
  - {id: city, format: mmdb, file: city.mmdb, coordinates: yes}
  - {id: asn, format: mmdb, file: asn.mmdb}
"""


@pytest.fixture
def near(concord):
    def make(steering=MATCHES, extra=CITY, geo="[ours, city, asn]", **options):
        c = concord(start=False, zone=ZONE, steering=steering, geo=geo, extra=extra, **options)
        (c.dir / "networks").write_text("10.8.0.0/16 office\n")
        for name in ("asn.mmdb", "city.mmdb"):
            (c.dir / name).write_bytes((MMDB / name).read_bytes())
        return c

    return make


def test_rules_by_network_as_number_and_distance(near):
    import dns.name

    from lab.oracle import check_answer, check_keys
    from test_signing import ds_of

    c = near().start()
    keys = check_keys(c.ask("example.", "DNSKEY", do=True), dns.name.from_text("example."), ds_of(c))
    rows = [("10.8.1.0/24", "203.0.113.4"), ("11.1.2.2/32", "203.0.113.5"), ("10.1.2.0/24", "203.0.113.1"),
            ("10.200.0.0/24", "203.0.113.2"), ("11.1.2.3/32", "203.0.113.3"), ("2002:ac8:1::/48", "203.0.113.2"),
            ("12.1.2.0/24", "203.0.113.3"),  # a place without coordinates: in the order of the list
            ("99.1.2.0/24", "203.0.113.3")]
    for client, expected in rows:
        got = c.ask("near.example.", "A", do=True, ecs=client)
        check_answer(got, dns.name.from_text("example."), keys)
        assert got.answer[0][0].to_text() == expected, client
    told = c.ctl("explain", "near.example.", "A", "--client", "10.200.0.1")
    assert told["rule"]["match"] == "everyone else; the nearest 2 of 3 pools" and told["rule"]["pool"] == "ber"
    assert told["location"]["latitude"] == 52.52
    assert c.ctl("explain", "near.example.", "A", "--client", "10.8.1.1")["rule"]["match"] == "networks office"
    # Scopes: all of Berlin's range, and around Quebec's one address.
    assert c.ask("near.example.", "A", ecs="10.200.0.0/24").options[0].scopelen == 9
    assert c.ask("near.example.", "A", ecs="11.1.2.3/32").options[0].scopelen == 32


def test_a_bias_draws_clients_away(near):
    c = near(steering=MATCHES.replace("latitude: 52.52,", "latitude: 52.52, bias: 99,")).start()
    assert value(c.ask("near.example.", "A", ecs="10.1.2.0/24")) == "203.0.113.2"


NEAR_BAD = [
    ("a network that no list has", "networks: [office]", "networks: [offices]", CITY, "no location database of the zone names a network 'offices'"),
    ("no AS numbers", "x", "x", CITY.replace("  - {id: asn, format: mmdb, file: asn.mmdb}\n", ""), "no location database of the zone has AS numbers"),
    ("no coordinates", "x", "x", CITY.replace(", coordinates: yes", ""), "no location database of the zone has coordinates"),
    ("a pool that is nowhere", "[nyc, fra, ber]", "[nyc, own]", CITY, "pool 'own' has no place to be near to"),
    ("half of a place", "latitude: 50.11, ", "", CITY, "a place has both 'latitude' and 'longitude'"),
    ("beyond the pole", "latitude: 50.11", "latitude: 91", CITY, "degrees of latitude (-90 to 90)"),
    ("a limit of none", "limit: 2", "limit: 0", CITY, "a number of pools, 1 to 16"),
    ("a limit without distance", "{networks: [office], pool: own}", "{networks: [office], pool: own, limit: 1}", CITY, "'limit' has a meaning beside 'nearest' only"),
    ("an AS number twice", "AS64501, 64999", "64501, AS64501", CITY, "AS64501 is in rule 2 already"),
    ("no AS number", "64999", "AS", CITY, "an AS number (64500)"),
    ("a bias of all", "longitude: 8.68", "longitude: 8.68, bias: 100", CITY, "a bias from -99 to 99"),
    ("networks behind geos", "- {networks: [office]", "- {geos: [EU], pool: own}\n      - {networks: [office]", CITY, "must stand before"),
]


@pytest.mark.parametrize("row", NEAR_BAD, ids=[r[0] for r in NEAR_BAD])
def test_a_match_that_cannot_be_is_refused(near, row):
    _, old, new, extra, expected = row
    ids = [i for i in ("ours", "city", "asn") if f"id: {i}," in extra]
    code, said = near(MATCHES.replace(old, new), extra, geo=f"[{', '.join(ids)}]").check()
    assert code == 1 and expected in said, said
