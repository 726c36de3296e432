# SPDX-License-Identifier: Apache-2.0
"""Files in the forms of octoDNS: what it takes is served unchanged, what it refuses is refused with its place, and the running view goes on."""
import pathlib

import pytest
import yaml
from test_steering import GEO, write_ranges

from lab.wait import wait_until

FILES = pathlib.Path(__file__).parent.parent / "fixtures" / "octodns"
LOADS = sorted((FILES / "loads").glob("*.yaml"))
REFUSED = sorted((FILES / "refused").glob("*.yaml"))
NAME_SERVERS = "[ns1.other.test., ns2.other.test.]"
ZONE = """$TTL 3600
@ IN SOA ns1.other.test. hostmaster 1 7200 3600 1209600 300
@ IN NS ns1.other.test.
mx IN A 192.0.2.25
"""


def records_of(path):
    """(name below the zone, record) of all that is not left out."""
    for name, records in yaml.safe_load(path.read_text()).items():
        for record in records if isinstance(records, list) else [records]:
            if "concord" not in record.get("octodns", {}).get("excluded", []):
                yield name, record


def answers_of(c, name, record, client):
    rdtype = record["type"] if record["type"] != "ALIAS" else "A"
    a = c.ask(f"{name.replace('*', 'any')}{'.' if name else ''}example.", rdtype, ecs=client)
    return [r.to_text() for s in a.answer for r in s if s.rdtype == a.question[0].rdtype]


@pytest.mark.parametrize("path", LOADS, ids=[p.stem for p in LOADS])
def test_a_file_that_octodns_takes_is_served_unchanged(concord, path):
    c = concord(start=False, zone=path.read_text(), suffix=".yaml", geo="country", extra=GEO, name_servers=NAME_SERVERS)
    write_ranges(c.dir)
    c.start()
    steered = 0
    for name, record in records_of(path):
        pools = record.get("dynamic", {}).get("pools", {})
        allowed = {v["value"] for p in pools.values() for v in p["values"]} | set(record.get("values") if pools and "values" in record else
                                                                                 [record["value"]] if pools else [])
        for client in ("10.1.2.0/24", "11.9.9.0/24", "12.1.1.0/24", "203.0.113.0/24"):
            found = answers_of(c, name, record, client)
            assert found, (name, client)
            if pools and any(v.get("status") != "up" for p in pools.values() for v in p["values"]) and record["type"] != "AAAA":
                assert set(found) <= allowed, (name, client, found)
        steered += bool(pools)
    zone = c.ctl("zone", "status", "example.")
    assert zone["steered"] >= steered and [r.to_text() for r in c.ask("example.", "NS").answer[0]]
    if "geo:" in path.read_text():
        assert "the old 'geo' form is not read" in c.log()


@pytest.mark.parametrize("path", [p for p in LOADS if p.stem in ("annotated", "types", "subnets-and-status")], ids=lambda p: p.stem)
def test_it_may_stand_beside_a_master_file(concord, path):
    c = concord(start=False, zone=ZONE, steering=path.read_text(), geo="country", extra=GEO)
    write_ranges(c.dir)
    c.start()
    for name, record in records_of(path):
        assert answers_of(c, name, record, "10.1.2.0/24")


def test_a_file_that_octodns_refuses_is_refused_with_its_place_and_the_view_goes_on(concord):
    good = (FILES / "loads" / "annotated.yaml").read_text()
    c = concord(start=False, zone=good, suffix=".yaml", geo="country", extra=GEO, name_servers=NAME_SERVERS)
    write_ranges(c.dir)
    c.start()
    assert len(REFUSED) >= 38
    for path in REFUSED:
        text = path.read_text()
        says = text.splitlines()[0].removeprefix("# ")
        c.file("example.yaml", text)
        done = c.ctl_raw("reload")
        said = done.stdout + done.stderr
        assert done.returncode != 0 and "example.yaml:" in said and says in said, (path.name, said)
        assert answers_of(c, "shop", {"type": "A"}, "11.9.9.0/24"), path.name
    c.file("example.yaml", good)
    assert c.ctl_raw("reload").returncode == 0


def test_a_file_without_name_servers_wants_some_in_the_configuration(concord):
    text = (FILES / "loads" / "annotated.yaml").read_text()
    c = concord(start=False, zone=text, suffix=".yaml", geo="country", extra=GEO)
    write_ranges(c.dir)
    code, said = c.check()
    assert code == 1 and "neither the file nor the configuration has name servers" in said and "example.yaml" in said
    for wrong in ("[]", "[ns1.other.test]", "{a: b}"):
        c.zones = [c.zones[0].split("\n    name-servers")[0] + f"\n    name-servers: {wrong}"]
        c.write_config()
        assert c.check()[0] == 1, wrong
    c.zones = [c.zones[0].split("\n    name-servers")[0] + f"\n    name-servers: {NAME_SERVERS}"]
    c.write_config()
    c.start()
    wait_until(lambda: [r.to_text() for r in c.ask("example.", "NS").answer[0]] == ["ns1.other.test.", "ns2.other.test."], "they are served")
    assert c.ask("example.", "SOA").answer[0][0].mname.to_text() == "ns1.other.test."
