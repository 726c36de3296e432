# SPDX-License-Identifier: Apache-2.0
"""Catalog zones (RFC 9432): what a catalog lists is served, what it drops goes, what is broken changes nothing; and catalogs made here."""
import os
import signal
import time

import dns.query
import dns.rcode
import dns.zone
import pytest
from lab.daemons import Concord
from lab.primary import Model, Primary, record, texts
from lab.wait import wait_until

CATALOG, OTHER = "catalog.example.", "other-catalog.example."


def catalog(name, members, version="2"):
    """{unique label: (zone, group, coo)}"""
    return Model(name, catalog_records(name, members, version), serial=1)


def catalog_records(name, members, version="2"):
    rows = {record(name, "NS", "invalid.", 0), record(f"version.{name}", "TXT", f'"{version}"', 0)}
    for label, (zone, group, coo) in members.items():
        rows.add(record(f"{label}.zones.{name}", "PTR", zone, 0))
        rows.add(record(f"later.ext.{label}.zones.{name}", "TXT", '"not known"', 0))
        if group:
            rows.add(record(f"group.{label}.zones.{name}", "TXT", f'"{group}"', 0))
        if coo:
            rows.add(record(f"coo.{label}.zones.{name}", "PTR", coo, 0))
    return rows


def member(zone, serial=1):
    return Model(zone, [record(zone, "NS", f"ns.{zone}"), record(f"ns.{zone}"), record(f"www.{zone}")], serial=serial)


class Consumer:
    """A primary with catalogs and member zones, and Concord that reads them."""

    def __init__(self, daemons, tmp_path, zones, catalogs, more="", env=None):
        self.primary = Primary(*[catalog(n, m) for n, m in catalogs.items()], *[member(z) for z in zones])
        daemons.append(self.primary)
        c = self.concord = Concord(tmp_path / "concord")
        c.extra = (f"remotes:\n  - {{id: main, address: 127.0.0.1@{self.primary.port}}}\n"
                   "templates:\n  - {id: plain, primaries: [main], signing: none}\n  - {id: signed, primaries: [main], signing: default}")
        for name in catalogs:
            c.zones.append(f"  - name: {name}\n    primaries: [main]\n    signing: none\n"
                           "    catalog: {template: plain, groups: {dnssec: signed}}\n")
        c.zones.append(more)
        c.write_config()
        daemons.append(c)
        c.env = env or {}
        if env:
            c.launch()
        else:
            c.start()

    def catalog(self, name, members, version="2", extra=()):
        m = self.primary.models[name]
        m.versions.append((m.serial + 1, frozenset(catalog_records(name, members, version)) | frozenset(extra)))
        self.concord.ctl("zone", "refresh", name)
        wait_until(lambda: self.serial(name) == m.serial, "the catalog's version is here")

    def serial(self, zone):
        answer = self.concord.ask(zone, "SOA")
        return answer.answer[0][0].serial if answer.answer else None

    def serves(self, zone):
        return bool(self.concord.ask(f"www.{zone}", "A").answer)

    def rcode(self, zone):
        return self.concord.ask(f"www.{zone}", "A").rcode()

    def status(self, zone):
        return self.concord.ctl("zone", "status", zone)


def test_members_come_change_and_go(daemons, tmp_path):
    x = Consumer(daemons, tmp_path, ["a.test.", "b.test.", "c.test.", "here.test."],
                 {CATALOG: {"u1": ("a.test.", None, None), "u2": ("b.test.", "dnssec", None), "u9": ("here.test.", None, None)}},
                 more="  - name: here.test\n    primaries: [main]\n    signing: none\n")
    c = x.concord
    for zone in ("a.test.", "b.test.", "here.test."):
        wait_until(lambda: x.serves(zone), f"{zone} is served")
    assert not x.status("a.test.")["signed"] and x.status("b.test.")["signed"], "the group chose the template"
    assert c.logged("lists here.test., which is configured here: left alone")
    assert x.rcode("c.test.") == dns.rcode.REFUSED

    x.catalog(CATALOG, {"u1": ("a.test.", "dnssec", None), "u3": ("c.test.", "no such group", None)})
    wait_until(lambda: x.serves("c.test.") and x.status("a.test.")["signed"], "one has come, one has changed")
    assert x.rcode("b.test.") == dns.rcode.REFUSED
    assert not (c.dir / "state" / "transfers" / "b.test.").exists()
    assert x.serves("here.test.")
    assert x.status(CATALOG)["catalog"]["members"] == 2 and x.status("c.test.")["catalog"]["id"] == "u3."

    # Over a restart without the primary: members stand before their catalog was read.
    for m in x.primary.models.values():
        m.whole = m.since = None
    c.stop(signal.SIGKILL)
    c.start()
    assert x.serves("a.test.") and x.serves("c.test.") and x.serves("here.test.")
    assert x.rcode("b.test.") == dns.rcode.REFUSED
    # A template that is another after a reload; a catalog that is none any more takes its members along.
    c.extra = c.extra.replace("id: plain, primaries: [main], signing: none", "id: plain, primaries: [main], signing: default")
    c.write_config()
    c.ctl("reload")
    assert x.status("c.test.")["signed"]
    c.zones = [z.replace("    catalog: {template: plain, groups: {dnssec: signed}}\n", "") for z in c.zones]
    c.write_config()
    c.ctl("reload")
    assert x.rcode("a.test.") == x.rcode("c.test.") == dns.rcode.REFUSED


def test_another_label_is_another_zone(daemons, tmp_path):
    """RFC 9432 section 5.4: what was kept under the old label goes."""
    x = Consumer(daemons, tmp_path, ["a.test."], {CATALOG: {"u1": ("a.test.", None, None)}})
    wait_until(lambda: x.serves("a.test."), "it is served")
    x.primary.models["a.test."].versions.append((0, x.primary.models["a.test."].records))
    x.catalog(CATALOG, {"u2": ("a.test.", None, None)})
    wait_until(lambda: x.serial("a.test.") == 0, "it was fetched anew, though its serial is older")


@pytest.mark.parametrize("point", ["transfers-taken:2", "transfers-kept:2", "view-made:4"])
def test_death_while_members_come_in_leaves_each_whole_or_not_there(daemons, tmp_path, point):
    names = [f"m{i}.test." for i in range(12)]
    x = Consumer(daemons, tmp_path, names, {CATALOG: {f"u{i}": (n, "dnssec" if i % 2 else None, None) for i, n in enumerate(names)}}, env={"CONCORD_FAILPOINT": point})
    c = x.concord
    assert c.process.wait(30) == -signal.SIGKILL
    c.env = {}
    c.start()
    for n in names:
        wait_until(lambda: x.serves(n) and x.serial(n) == 1, f"{n} is served")
    assert all(x.status(n)["signed"] == bool(i % 2) for i, n in enumerate(names))
    # What was taken is kept: members stand without the primary.
    for m in x.primary.models.values():
        m.whole = m.since = None
    c.stop(signal.SIGKILL)
    c.start()
    assert all(x.serves(n) for n in names)


BROKEN = [
    ("1", {}, [], "the version is not 2"),
    ("2", {}, [record(f"version.{CATALOG}", "TXT", '"3"', 0)], "the version is not 2"),
    ("2", {"u1": ("a.test.", None, None)}, [record(f"u1.zones.{CATALOG}", "PTR", "b.test.", 0)], "more than one PTR"),
    ("2", {"u1": ("a.test.", None, None)}, [record(f"u7.zones.{CATALOG}", "PTR", "A.test.", 0)], "listed more than once"),
]


def test_a_broken_catalog_changes_nothing(daemons, tmp_path):
    x = Consumer(daemons, tmp_path, ["a.test.", "b.test."], {CATALOG: {"u1": ("a.test.", None, None)}})
    wait_until(lambda: x.serves("a.test."), "it is served")
    for i, (version, members, extra, said) in enumerate(BROKEN):
        x.catalog(CATALOG, {**members, "u2": ("b.test.", None, None)}, version, extra)
        wait_until(lambda: x.concord.log().count("broken, and changes nothing") == i + 1, "it is said")
        assert x.concord.logged(said)
        assert x.serves("a.test.") and x.rcode("b.test.") == dns.rcode.REFUSED, said
    x.catalog(CATALOG, {"u2": ("b.test.", None, None)})
    wait_until(lambda: x.serves("b.test.") and x.rcode("a.test.") == dns.rcode.REFUSED, "a good one is followed again")


def test_a_member_changes_over_to_another_catalog(daemons, tmp_path):
    """RFC 9432 section 4.3.1: only where the catalog that has it gives it away; with the same label all that is kept stays."""
    x = Consumer(daemons, tmp_path, ["a.test."], {CATALOG: {"u1": ("a.test.", None, None)}, OTHER: {}})
    wait_until(lambda: x.serves("a.test."), "it is served")
    x.catalog(OTHER, {"u1": ("a.test.", "dnssec", None)})
    wait_until(lambda: "which is a member of catalog.example.: left alone" in x.concord.log(), "it is not taken away")
    assert x.status("a.test.")["catalog"]["member_of"] == CATALOG and not x.status("a.test.")["signed"]
    x.primary.models["a.test."].versions.append((0, x.primary.models["a.test."].records))  # what is fetched anew has this serial
    x.catalog(CATALOG, {"u1": ("a.test.", None, OTHER)})
    wait_until(lambda: x.status("a.test.")["catalog"]["member_of"] == OTHER, "it was given away")
    assert x.status("a.test.")["signed"] and x.serial("a.test.") == 1, "with what was kept of it, under the other's template"
    x.catalog(CATALOG, {})
    assert x.serves("a.test.")


def producer(daemons, tmp_path, n, groups=lambda i: None):
    c = Concord(tmp_path / "producer")
    c.zones.append(f"  - name: {CATALOG}\n    catalog: {{generate: yes}}\n    signing: none\n    allow-transfer: [{{from: 127.0.0.0/8}}]\n")
    (c.dir / "m.zone").write_text("$TTL 300\n@ IN SOA ns h 1 3600 900 1209600 300\n@ IN NS ns\nns IN A 192.0.2.1\nwww IN A 192.0.2.2\n")
    for i in range(n):
        group = f", group: {groups(i)}" if groups(i) else ""
        c.zones.append(f"  - {{name: m{i}.test, file: m.zone, signing: none, in-catalog: {{name: {CATALOG}{group}}}, "
                       "allow-transfer: [{from: 127.0.0.0/8}]}")
    c.zones.append("  - {name: alone.test, file: m.zone, signing: none}")
    c.write_config()
    daemons.append(c)
    return c.start()


def transferred(c, zone):
    return dns.zone.from_xfr(dns.query.xfr("127.0.0.1", zone, port=c.port, relativize=False, lifetime=30), relativize=False)


def members_in(zone):
    return {r.target.to_text() for _, rdataset in zone.iterate_rdatasets("PTR") for r in rdataset}


def test_a_catalog_is_made_of_what_is_served_here(daemons, tmp_path):
    c = producer(daemons, tmp_path, 5, lambda i: "gold" if i == 3 else None)
    first = transferred(c, CATALOG)
    assert members_in(first) == {f"m{i}.test." for i in range(5)}
    assert [str(n).split(".")[0] for n, s in first.iterate_rdatasets("TXT") for r in s if r.strings == (b"gold",)] == ["group"]
    c.stop(signal.SIGKILL)
    c.start()
    assert texts(transferred(c, CATALOG)) == texts(first), "labels and serial are the same after a restart"
    c.zones = [z for z in c.zones if "m2.test" not in z]
    c.write_config()
    c.ctl("reload")
    second = transferred(c, CATALOG)
    assert members_in(second) == {f"m{i}.test." for i in (0, 1, 3, 4)}
    serials = [z.find_rdataset(CATALOG, "SOA")[0].serial for z in (first, second)]
    assert serials[1] > serials[0]
    # Who follows by IXFR gets the difference alone.
    rows = [r for m in dns.query.xfr("127.0.0.1", CATALOG, rdtype="IXFR", serial=serials[0], port=c.port, relativize=False) for r in m.answer]
    assert sum(len(r) for r in rows if r.rdtype != dns.rdatatype.SOA) == 1


def test_ten_thousand_members(daemons, tmp_path):
    """From one Concord to another: how long it takes is printed; CI has fewer."""
    n = int(os.environ.get("CONCORD_MEMBERS", "100"))
    p = producer(daemons, tmp_path, n)
    c = Concord(tmp_path / "consumer")
    c.extra = (f"remotes:\n  - {{id: main, address: 127.0.0.1@{p.port}}}\n"
               "templates:\n  - {id: plain, primaries: [main], signing: none}")
    c.zones.append(f"  - name: {CATALOG}\n    primaries: [main]\n    signing: none\n    catalog: {{template: plain}}\n")
    c.write_config()
    daemons.append(c)
    start = time.monotonic()
    c.start()
    wait_until(lambda: f"{n} members added" in c.log(), "the catalog was read", 60)
    print(f"{n} members configured after {time.monotonic() - start:.2f} s")
    left = set(range(n))

    def all_there():
        for i in list(left):
            if c.ask(f"www.m{i}.test.", "A").rcode() != dns.rcode.NOERROR:
                return False
            left.discard(i)
        return True

    wait_until(all_there, "all of them are served", 60 + n / 20)
    print(f"{n} members served after {time.monotonic() - start:.2f} s")
    start = time.monotonic()
    c.stop(signal.SIGKILL)
    c.start()
    assert c.ask(f"www.m{n - 1}.test.", "A").rcode() == dns.rcode.NOERROR
    print(f"served again after a restart of {time.monotonic() - start:.2f} s")


def test_a_wrong_configuration_is_said_with_its_place(tmp_path):
    head = "remotes:\n  - {id: a, address: 127.0.0.1}\n"
    for text, said in [
        (head + "templates:\n  - {id: t, primaries: [a], file: x.zone}\nzones: []\n", "unknown key 'file'"),
        (head + "zones:\n  - {name: x.example, primaries: [a], catalog: {template: t}}\n", "no template has the id 't'"),
        (head + "templates:\n  - {id: t}\nzones: []\n", "needs one of `file` and `primaries`"),
        ("zones:\n  - {name: x.example, catalog: {generate: yes}}\n", "a catalog is not signed"),
        ("zones:\n  - {name: x.example, signing: none, catalog: {generate: yes}, file: x.zone}\n", "needs one of `file` and `primaries`"),
        ("zones:\n  - {name: x.example, signing: none, catalog: {}}\n", "`generate: yes`"),
    ]:
        c = Concord(tmp_path / "concord")
        c.config.write_text(f"server:\n  listen: [127.0.0.1@{c.port}]\n  state-dir: state\n  control-socket: control.sock\n{text}")
        code, output = c.check()
        assert code != 0 and said in output, (said, output)
