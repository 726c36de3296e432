# SPDX-License-Identifier: Apache-2.0
"""Differences from a primary, applied where the zone stands: what is served is what the model says, whatever restarts lie between."""
import os
import random
import signal

import dns.query
import dns.rdatatype
import dns.versioned
import dns.zone
import pytest

from lab.daemons import Concord
from lab.primary import Model, Primary, random_change, record, texts
from lab.wait import wait_until

ZONE = "moved.example."


def model_of(names=200, **times):
    return Model(ZONE, [record(ZONE, "NS", f"ns.{ZONE}"), record(f"ns.{ZONE}"), *[record(f"n{i}.{ZONE}") for i in range(names)]], **times)


def secondary(daemons, tmp_path, primary, start=True, **options):
    c = Concord(tmp_path / f"concord{len(daemons)}")
    c.extra = f"remotes:\n  - {{id: main, address: 127.0.0.1@{primary.port}}}"
    text = f"  - name: {ZONE}\n    primaries: [main]\n    allow-transfer: [{{from: 127.0.0.0/8}}]\n"
    c.zones.append(text + "".join(f"    {k.replace('_', '-')}: {v}\n" for k, v in {"signing": "none", **options}.items()))
    c.write_config()
    daemons.append(c)
    return c.start() if start else c


def primary_of(daemons, model):
    p = Primary(model)
    daemons.append(p)
    return p


def serial_of(c):
    answer = c.ask(ZONE, "SOA")
    return answer.answer[0][0].serial if answer.answer else None


def follow(c, p, serial=None):
    c.ctl("zone", "refresh", ZONE)
    want = p.model.serial if serial is None else serial
    wait_until(lambda: serial_of(c) == want, f"serial {want} is served", 30)


def transferred(c):
    return dns.zone.from_xfr(dns.query.xfr("127.0.0.1", ZONE, port=c.port, relativize=False, lifetime=30), relativize=False)


def catch_up(c, zone):
    """The zone as a secondary of ours would have it: brought up by IXFR from the version that it has."""
    dns.query.inbound_xfr("127.0.0.1", zone, port=c.port, lifetime=30)
    return zone


@pytest.mark.parametrize("seed", range(int(os.environ.get("CONCORD_HISTORIES", "1"))))
def test_chains_applied_between_restarts_give_the_zone_as_axfr_does(daemons, tmp_path, seed):
    lottery = random.Random(seed)
    p = primary_of(daemons, model_of(serial=2**32 - 9))
    c = secondary(daemons, tmp_path, p)
    wait_until(lambda: serial_of(c) == p.model.serial, "the zone is transferred")
    downstream = dns.versioned.Zone(ZONE, relativize=False)
    catch_up(c, downstream)
    for turn in range(9):
        for _ in range(lottery.randrange(1, 4)):
            p.model.change(*random_change(lottery, p.model, 250, f"x{turn}-"), step=lottery.choice([1, 1, 7]))
        how = lottery.choice(["run", "kill before", "kill after", "kill at once"])
        if how == "kill at once":
            c.ctl("zone", "refresh", ZONE)
            c.stop(signal.SIGKILL)
            c.start()
        elif how == "kill before":
            c.stop(signal.SIGKILL)
            c.start()
        follow(c, p)
        if how == "kill after":
            c.stop(signal.SIGKILL)
            c.start()
            assert serial_of(c) == p.model.serial, "what was served is served after the restart"
        if lottery.random() < 0.5:
            assert texts(transferred(c)) == p.model.texts()
    assert texts(transferred(c)) == p.model.texts()
    assert p.axfr_n == 1, "all but the first came as differences"
    assert texts(catch_up(c, downstream)) == p.model.texts(), "our own history leads there too"
    assert c.logged("IXFR to 127.0.0.1")


def test_differences_that_do_not_fit_are_not_taken_and_the_whole_zone_is(daemons, tmp_path):
    """RFC 1995 section 4: what is removed must be there, what is added must not."""
    for wrong in ({"removed": [record(f"never.{ZONE}")]}, {"added": [record(f"n1.{ZONE}")]}):
        p = primary_of(daemons, model_of())
        c = secondary(daemons, tmp_path, p)
        wait_until(lambda: serial_of(c) == 1, "the zone is transferred")
        serial, records = p.model.versions[0]
        # The primary tells another past than the one that it gave.
        p.model.versions[0] = (serial, (records | frozenset(wrong.get("removed", ()))) - frozenset(wrong.get("added", ())))
        p.model.versions.append((2, records | {record(f"new.{ZONE}")}))
        follow(c, p)
        assert texts(transferred(c)) == p.model.texts()
        assert p.axfr_n == 2 and p.ixfr_n == 1
        assert c.logged("is removed, but is not there" if "removed" in wrong else "is added, but is there")


def test_signatures_of_unchanged_data_are_kept(daemons, tmp_path):
    p = primary_of(daemons, model_of())
    c = secondary(daemons, tmp_path, p, signing="default")
    wait_until(lambda: serial_of(c) == 1, "the zone is transferred")

    def signature(name):
        return [r.to_text() for s in c.ask(name, "A", do=True).answer if s.rdtype == dns.rdatatype.RRSIG for r in s]

    kept, changed = signature(f"n7.{ZONE}"), signature(f"n8.{ZONE}")
    assert kept and changed
    p.model.change([record(f"n8.{ZONE}"), *[record(f"n{i}.{ZONE}") for i in range(100, 199)]],
                   [record(f"n8.{ZONE}", value="198.51.100.8"), *[record(f"m{i}.{ZONE}") for i in range(150)]])
    follow(c, p)
    assert signature(f"n7.{ZONE}") == kept
    assert signature(f"n8.{ZONE}") != changed
    c.stop(signal.SIGKILL)
    c.start()
    assert serial_of(c) == 2 and c.ask(f"m149.{ZONE}", "A").answer


def test_keys_of_a_primary_are_no_keys_of_a_zone_that_is_signed_here(daemons, tmp_path):
    """Whole or by differences, DNSKEY, CDS, CDNSKEY and CSYNC are left out, and said once."""
    def key(octet):
        return f"257 3 13 {octet * 86}=="

    p = primary_of(daemons, model_of())
    p.model.change([], [record(ZONE, "DNSKEY", key("A"))])
    c = secondary(daemons, tmp_path, p, signing="default")
    wait_until(lambda: serial_of(c) == 2, "the zone is transferred")

    def apex():
        return {t: {x.to_text() for s in c.ask(ZONE, t, tcp=True).answer for x in s} for t in ("DNSKEY", "CDS", "CDNSKEY", "CSYNC")}

    before = apex()
    p.model.change([], [record(ZONE, "DNSKEY", key("B")), record(ZONE, "CDNSKEY", key("A")), record(ZONE, "CSYNC", "1 3 NS"),
                        record(ZONE, "CDS", "1 13 2 " + "00" * 32), record(f"more.{ZONE}")])
    follow(c, p)
    assert c.ask(f"more.{ZONE}", "A").answer and p.ixfr_n == 1
    assert apex() == before and not any("A" * 86 in x for x in before["DNSKEY"]) and before["CSYNC"] == set()
    assert c.logged("CSYNC of the primary are left out") and c.log().count("of the primary are left out") == 1
    c.stop(signal.SIGKILL)
    c.start()
    assert serial_of(c) == 3 and apex() == before


@pytest.mark.parametrize("policy", ["increment", "unixtime", "date"])
def test_a_serial_of_our_own_goes_up_with_each_version_and_over_restarts(daemons, tmp_path, policy):
    p = primary_of(daemons, model_of(serial=4000000000))
    c = secondary(daemons, tmp_path, p, serial=policy)
    seen = [wait_until(lambda: serial_of(c), "the zone is transferred")]

    def newer(a, b):
        return a != b and (a - b) % 2**32 < 2**31

    for turn in range(3):
        p.model.change([], [record(f"t{turn}.{ZONE}")])
        c.ctl("zone", "refresh", ZONE)
        wait_until(lambda: c.ask(f"t{turn}.{ZONE}", "A").answer, "the change is served")
        seen.append(serial_of(c))
        assert newer(seen[-1], seen[-2]), (policy, seen)
        c.stop(signal.SIGKILL)
        c.start()
        assert serial_of(c) == seen[-1], "a restart is no new version"
    c.ctl("zone", "retransfer", ZONE)
    wait_until(lambda: newer(serial_of(c), seen[-1]), "a version that was fetched anew has a new serial")
    assert texts(transferred(c)) == p.model.texts(serial_of(c))


def test_differences_are_held_to_the_limits_of_the_zone(daemons, tmp_path):
    p = primary_of(daemons, model_of())
    c = secondary(daemons, tmp_path, p, limits="{records: 300, shrink: 50}")
    wait_until(lambda: serial_of(c) == 1, "the zone is transferred")
    p.model.change([], [record(f"m{i}.{ZONE}") for i in range(97)])
    follow(c, p)
    p.model.change([], [record(f"one-too-many{i}.{ZONE}") for i in range(9)])
    c.ctl("zone", "refresh", ZONE)
    wait_until(lambda: "limits.records is 300" in c.log(), "the growth is refused")
    assert serial_of(c) == 2
    p.model.versions.pop()
    p.model.change([r for r in p.model.records if r[0] != ZONE and not r[0].startswith("ns.")])
    c.ctl("zone", "refresh", ZONE)
    wait_until(lambda: "limits.shrink sets the guard" in c.log(), "the shrinking is refused")
    assert serial_of(c) == 2


def test_a_zone_that_was_never_transferred_is_listed(daemons, tmp_path):
    p = primary_of(daemons, model_of())
    p.stop()
    c = secondary(daemons, tmp_path, p)
    zone, = c.ctl("zone", "list")["zones"]
    assert zone["name"] == ZONE and zone["state"] == "not transferred yet" and zone["since"]
    assert ZONE in c.ctl_raw("zone", "list").stdout
