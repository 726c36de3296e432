# SPDX-License-Identifier: Apache-2.0
"""Secondaries are told of each new serial (RFC 1996), however it came."""
import os

import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update
import pytest

from lab.daemons import Concord
from lab.notified import Notified
from lab.wait import wait_until

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE="
KEYRING = dns.tsigkeyring.from_text({"k.": ("hmac-sha256", SECRET)})
TEXT = "$TTL 300\n@ IN SOA ns1 hostmaster {serial} 3600 900 604800 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"


@pytest.fixture
def secondary():
    made = []

    def make(**options):
        made.append(Notified(**options))
        return made[-1]

    yield make
    for s in made:
        s.stop()


def start(concord, to, extra="", **options):
    c = concord(start=False, zone=TEXT.format(serial=1), notify=to, allow_update="[{from: 127.0.0.1}]",
                extra=f"tsig-keys:\n  - {{name: k., secret: \"{SECRET}\"}}\n" + extra, **options)
    os.chmod(c.config, 0o600)
    return c.start()


def update(daemon, name, text="x"):
    u = dns.update.UpdateMessage("example.")
    u.add(name, 60, "TXT", text)
    assert dns.query.tcp(u, daemon.address, port=daemon.port, timeout=5).rcode() == dns.rcode.NOERROR


def knows(daemon, serial):
    return [n.get("serial") for n in daemon.ctl("zone", "status", "example.")["notify"]] == [serial]


def test_start_update_and_reload_are_told_of_and_signed(concord, secondary):
    s = secondary(keyring=KEYRING)
    daemon = start(concord, "[ns2]", f"remotes:\n  - {{id: ns2, address: {s.address}@{s.port}, key: k.}}\n")
    wait_until(lambda: knows(daemon, 1), "the serial of the start is known")
    update(daemon, "a")
    wait_until(lambda: knows(daemon, 2), "the update's serial is known")
    daemon.file("example.zone", TEXT.format(serial=10))
    daemon.ctl("reload")
    wait_until(lambda: knows(daemon, 10), "the file's serial is known")
    daemon.ctl("reload")  # nothing new
    update(daemon, "b")
    wait_until(lambda: knows(daemon, 11), "the serial after a reload is known")
    assert s.serials() == [1, 2, 10, 11] and all(signed for _, _, signed in s.heard)


def test_a_secondary_that_refuses_is_told_again_and_the_log_says_so_once(concord, secondary):
    s = secondary()
    s.rcode = dns.rcode.REFUSED
    daemon = start(concord, f"[\"{s.address}@{s.port}\"]")
    wait_until(lambda: len(s.heard) >= 2, "it is told again")
    status = daemon.ctl("zone", "status", "example.")["notify"][0]
    assert status["last_error"] == "REFUSED" and "serial" not in status
    s.rcode = dns.rcode.NOERROR
    daemon.ctl("zone", "notify", "example.")
    wait_until(lambda: knows(daemon, 1), "it has taken it")
    assert daemon.logged("does not take serial 1: REFUSED")
    assert daemon.log().count("does not take serial 1: REFUSED") == 1


def test_an_answer_without_the_signature_does_not_count(concord, secondary):
    s = secondary(keyring=KEYRING, signs=False)
    daemon = start(concord, "[ns2]", f"remotes:\n  - {{id: ns2, address: {s.address}@{s.port}, key: k.}}\n")
    wait_until(lambda: len(s.heard) >= 2, "it is told again")
    assert not knows(daemon, 1)
    s.signs = True
    wait_until(lambda: knows(daemon, 1), "a signed answer counts")


def test_many_changes_make_few_notices_and_the_last_serial_is_told(concord, secondary):
    s = secondary()
    daemon = start(concord, f"[\"{s.address}@{s.port}\"]")
    for i in range(100):
        update(daemon, f"n{i}")
    wait_until(lambda: knows(daemon, 101), "the last serial is known")
    times = [when for when, _, _ in s.heard]
    assert len(times) < 50 and all(b - a > 0.4 for a, b in zip(times, times[1:]))


def test_what_came_from_a_primary_is_told_on(tmp_path, daemons, secondary):
    s = secondary()
    first, second = Concord(tmp_path / "first"), Concord(tmp_path / "second")
    first.zone("example.", TEXT.format(serial=1), signing="none", allow_transfer="[{from: 127.0.0.1}]",
               allow_update="[{from: 127.0.0.1}]", notify=f"[\"127.0.0.1@{second.port}\"]")
    second.extra = f"remotes:\n  - {{id: first, address: 127.0.0.1@{first.port}}}\n"
    second.zones = [f"  - {{name: example., primaries: [first], signing: none, notify: [\"{s.address}@{s.port}\"]}}"]
    for d in (first, second):
        d.write_config()
        daemons.append(d)
        d.start()
    wait_until(lambda: s.serials() == [1], "the first serial is told on")
    update(first, "a")
    wait_until(lambda: s.serials() == [1, 2], "and so is the next one, long before the refresh time")


def test_who_is_no_remote_and_no_address_is_a_finding(concord):
    c = concord(start=False, zone=TEXT.format(serial=1), notify="[ns9]")
    code, said = c.check()
    assert code != 0 and "concord.yaml:" in said and "the id of one of `remotes`, or an IP address" in said
