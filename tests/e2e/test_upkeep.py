# SPDX-License-Identifier: Apache-2.0
"""Signatures made without a question: zones signed ahead, and renewals before anything expires."""
import urllib.request

from conftest import ZONE
from lab.daemons import free_port
from lab.wait import wait_until


def cache(c):
    return c.ctl("zone", "status", ZONE)["cache"]


def test_a_zone_is_signed_ahead_and_says_how_far_it_is(concord):
    port = free_port()
    c = concord(signing="ahead", extra="signing:\n  - {id: ahead, prewarm: yes}\n", server={"metrics-listen": f"127.0.0.1@{port}"})
    wait_until(lambda: cache(c)["of"] > 0 and cache(c)["signatures"] == cache(c)["of"], "the zone is signed")
    wait_until(lambda: "[example.] prewarm: done, " in c.log(), "that is logged")
    for name, rdtype in (("www.example.", "A"), ("nothing.example.", "A"), ("example.", "DNSKEY"), ("q.wild.example.", "A")):
        c.ask(name, rdtype, do=True, tcp=True)
    stats = c.ctl("stats")
    assert stats["sig_misses"] == 0 and stats["sig_waits"] == 0 and stats["sig_hits"] > 5
    assert stats["signatures_made"] >= cache(c)["of"] and stats["signing_us"] > 0
    assert f"{cache(c)['of']} of {cache(c)['of']} signatures held" in c.ctl_raw("zone", "status", ZONE).stdout
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    assert f'concord_zone_signatures{{zone="example."}} {cache(c)["of"]}' in text
    assert 'concord_zone_refresh_lag_seconds{zone="example."} 0' in text


def test_new_names_of_a_reload_are_signed_ahead_too(concord):
    c = concord(signing="ahead", extra="signing:\n  - {id: ahead, prewarm: yes}\n")
    wait_until(lambda: cache(c)["of"] > 0 and cache(c)["signatures"] == cache(c)["of"], "the zone is signed")
    before = cache(c)["of"]
    path = c.dir / "example.zone"
    path.write_text(path.read_text() + "fresh IN A 192.0.2.99\n")
    c.ctl("reload")
    wait_until(lambda: cache(c)["of"] > before and cache(c)["signatures"] >= cache(c)["of"], "the new names are signed")


def test_what_was_asked_for_is_renewed_without_being_asked_again(concord):
    c = concord(signing="short", extra="signing:\n  - {id: short, validity: 10m, refresh: 595s}\n")
    first = c.ask("www.example.", "A", do=True).answer[1][0]
    held = cache(c)["signatures"]
    wait_until(lambda: cache(c)["renewed"] >= 2 * held, "they were renewed twice", seconds=40)
    assert cache(c)["signatures"] == held  # and nothing that nobody asked for
    waits = c.ctl("stats")["sig_waits"]
    again = c.ask("www.example.", "A", do=True).answer[1][0]
    assert again.expiration > first.expiration and c.ctl("stats")["sig_waits"] == waits
