# SPDX-License-Identifier: Apache-2.0
"""Keys and signatures while the disk, the store, the clock or the machine fails: the zone goes on with what it has, or says why it
does not; no answer is unsigned, and no key is lost."""
import contextlib
import json
import os
import pathlib
import re
import signal
import sqlite3
import time
from unittest import mock

import dns.dnssec
import dns.rcode
import dns.rdatatype
import pytest

from lab.oracle import check_answer, check_keys
from lab.set_clock import SetClock
from lab.wait import wait_until
from test_keys import QUICK_POLICY, QUICK_ZONE, key_state
from test_signing import ZONE, ds_of

HOUR, YEAR = 3600, 365 * 86400
QUESTIONS = [("www.example.", "A"), ("example.", "SOA"), ("no.example.", "A"), ("www.example.", "TXT")]
STEPS = ["key-made", "step-kept", "view-made", "view-served"]


def is_right(c, now=None):
    """Every kind of answer validates; returns the tags of the DNSKEY set."""
    ds, dnskey = ds_of(c), c.ask("example.", "DNSKEY", do=True)
    answers = [c.ask(name, rdtype, do=True) for name, rdtype in QUESTIONS]
    with mock.patch("time.time", return_value=now or time.time()):
        keys = check_keys(dnskey, ZONE, ds)
        for answer in answers:
            check_answer(answer, ZONE, keys)
    return {dns.dnssec.key_id(k) for k in keys}


def key_files(c):
    return {p.name for p in (c.dir / "state" / "keys" / "example.").glob("*.private")}


def tags(c):
    return {k["tag"] for k in c.ctl("key", "list", "example.")["keys"]}


def quick(concord, **options):
    return concord(zone=QUICK_ZONE, extra=QUICK_POLICY, signing="quick", **options)


# ---- keys that cannot be read ----

def test_a_key_that_cannot_be_read_is_missed_at_the_next_start_only(concord):
    c = concord()
    before = is_right(c)
    file = next((c.dir / "state" / "keys" / "example.").glob("*.private"))
    text = file.read_text()
    file.write_text("gone")
    c.ctl_raw("reload")
    assert is_right(c) == before
    c.stop()
    c.start()
    answer = c.ask("www.example.", "A", do=True)
    assert answer.rcode() == dns.rcode.SERVFAIL and not answer.answer
    assert c.logged(file.name) and c.logged("the zone is not answered for")
    assert c.ask("example.", "DNSKEY").rcode() == dns.rcode.SERVFAIL
    assert c.ctl("status")["zones"] == 1  # the daemon is there for others
    file.write_text(text)
    file.chmod(0o600)
    c.ctl("reload")
    assert is_right(c) == before


# ---- disk ----

@contextlib.contextmanager
def full(c):
    """The state directory is a small file system of the daemon's; nothing fits any more."""
    state = f"/proc/{c.process.pid}/root{c.dir.resolve()}/state"
    filler = os.path.join(state, "filler")
    fd = os.open(filler, os.O_CREAT | os.O_WRONLY)
    for piece in (bytes(4096), b"x"):
        with contextlib.suppress(OSError):
            while os.write(fd, piece) > 0:
                pass
    os.close(fd)
    try:
        yield
    finally:
        os.unlink(filler)


def test_on_a_full_disk_the_zone_goes_on_and_steps_wait(concord):
    c = quick(concord, start=False)
    (c.dir / "state").mkdir(mode=0o700)
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    script = f'mount -t tmpfs -o size=8m,mode=700 none "{c.dir.resolve()}/state" && exec "$@"'
    c.prefix = (*unshare, "sh", "-c", script, "sh")
    c.start()
    wait_until(lambda: key_state(c, "ksk") == "ready", "the first KSK is ready", 30)
    c.ctl("key", "ds-seen", "example.", next(k["tag"] for k in c.ctl("key", "list", "example.")["keys"] if k["role"] == "ksk"))
    before = is_right(c)
    with full(c):
        refused = c.ctl_raw("key", "roll", "example.", "--role", "zsk")
        assert refused.returncode != 0 and "store failed" in refused.stderr
        assert c.ctl_raw("key", "generate", "example.", "--role", "zsk").returncode != 0
        assert c.ctl_raw("key", "hold", "example.", "x").returncode != 0
        assert is_right(c) == before and tags(c) == before
        assert not any(k.get("hold") for k in c.ctl("key", "list", "example.")["keys"])
    assert "disk is full" in c.log() or "No space" in c.log()
    c.ctl("key", "roll", "example.", "--role", "zsk")
    assert len(is_right(c)) == 3
    wait_until(lambda: len(tags(c)) == 2, "the roll ends", 30)
    assert is_right(c) != before


def test_where_the_store_is_locked_by_another_the_zone_goes_on(concord):
    c = quick(concord)
    before = is_right(c)
    other = sqlite3.connect(c.dir / "state" / "concord.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    refused = c.ctl_raw("key", "hold", "example.", "x")
    assert refused.returncode != 0 and "store failed" in refused.stderr
    assert is_right(c) == before
    assert c.logged("database is locked")
    other.execute("ROLLBACK")
    other.close()
    wait_until(lambda: c.ctl("key", "release", "example.") and key_state(c, "ksk") == "ready", "the KSK is ready", 30)
    assert is_right(c) == before


def test_a_start_with_a_locked_store_says_so(concord):
    c = quick(concord)
    c.stop()
    other = sqlite3.connect(c.dir / "state" / "concord.db", isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    code, said = c.fails_to_start()
    assert code != 0 and "concord.db" in said and "locked" in said
    other.execute("ROLLBACK")
    other.close()
    c.start()
    is_right(c)


# ---- clocks ----

@pytest.mark.parametrize("running,by", [(True, HOUR), (True, -HOUR), (True, YEAR), (True, -YEAR), (False, YEAR), (False, -HOUR)])
def test_a_clock_that_is_set_takes_no_step_early_and_no_signature_with_it(concord, running, by):
    c = quick(concord, start=False)
    clock = SetClock(c)
    c.start()
    at = time.monotonic()
    c.ctl("key", "roll", "example.", "--role", "zsk")
    before = is_right(c)
    assert len(before) == 3
    if not running:
        c.stop()
    clock.set(by)
    now = time.time() + by
    if running:
        # Nothing from before may be given: whatever clock a client has, what is sent is valid by ours.
        assert is_right(c, now=now) == before
        c.ctl("key", "hold", "example.", "look")  # any change makes the daemon look at the clock
        c.ctl("key", "release", "example.")
    else:
        c.start()
        assert is_right(c, now=now) == before
    new = next(k["tag"] for k in c.ctl("key", "list", "example.")["keys"] if k["role"] == "zsk" and not k["signs_zone"])
    wait_until(lambda: any(k["tag"] == new and k["signs_zone"] for k in c.ctl("key", "list", "example.")["keys"]), "the roll goes on", 60)
    # TTL and rounding; neither the second in which it began nor the one by which the clock was found to be set was a whole one.
    assert time.monotonic() - at > 1 + 3 - 2
    told = re.search(r"clock: it was set (forward|back) by (\d+) s|the clock was set by (-?\d+) s", c.log())
    assert told and abs(abs(int(told[2] or told[3])) - abs(by)) <= 2
    is_right(c, now=time.time() + by)


def test_after_a_sleep_of_the_machine_nothing_expired_is_sent(concord):
    """The wall clock and the time since boot go on, the timers' clock does not: no step of the clock."""
    c = quick(concord, start=False)
    clock = SetClock(c)
    c.start()
    is_right(c)
    c.process.send_signal(signal.SIGSTOP)
    clock.set(30 * 86400, boot=30 * 86400)
    c.process.send_signal(signal.SIGCONT)
    is_right(c, now=time.time() + 30 * 86400)
    assert "clock:" not in c.log()


# ---- death at the borders of a step ----

@pytest.mark.parametrize("point", STEPS)
def test_death_at_a_border_of_a_step_loses_nothing(concord, point):
    c = quick(concord)
    before, files = is_right(c), key_files(c)
    c.ctl("key", "hold", "example.", "for the test")
    c.ctl("key", "roll", "example.", "--role", "zsk")
    c.stop()
    c.env = {"CONCORD_FAILPOINT": f"{point}:{2 if point.startswith('view') else 1}"}
    c.start()
    c.ctl_raw("key", "release", "example.")
    wait_until(lambda: c.process.poll() is not None, "it is killed", 30)
    assert c.process.returncode == -signal.SIGKILL
    c.env = {}
    c.start()
    assert files <= key_files(c)
    assert before <= is_right(c)
    c.ctl("key", "release", "example.")
    assert before < is_right(c) and files < key_files(c) and len(tags(c)) == 3
    c.process.send_signal(signal.SIGKILL)  # what was made is not made again
    c.process.wait()
    c.start()
    assert len(is_right(c)) == 3


@pytest.mark.parametrize("point", ["key-made:5", "keys-made", "keys-on-disk", "keys-kept", "view-made"])
def test_death_while_the_first_keys_of_many_zones_are_made_loses_none(concord, point):
    """No zone is served with a key that is not kept: what the store names is there whole, for its owner alone, and goes on."""
    c = concord(start=False, zone=None)
    names = [f"z{i}.example." for i in range(8)]
    for name in names:
        c.zone(name, "$TTL 60\n@ IN SOA a h 1 2 3 4 5\n@ IN NS ns\nns IN A 192.0.2.1\n", signing="default")
    c.write_config()
    c.env = {"CONCORD_FAILPOINT": point}
    c.launch()
    assert c.process.wait(30) == -signal.SIGKILL
    kept = {}
    with sqlite3.connect(c.dir / "state" / "concord.db") as db:
        for key, text in db.execute("SELECT key, text FROM documents WHERE key LIKE 'zones/%/own/%'"):
            kept.setdefault(key.split("/")[1], set()).add(json.loads(text)["file"])
    assert bool(kept) == (point in ("keys-kept", "view-made")), "all of a group, or nothing"
    c.env = {}
    c.start()
    for name in names:
        files = {p.name for p in (c.dir / "state" / "keys" / name).iterdir() if p.suffix == ".private"}
        now = {k["tag"] for k in c.ctl("key", "list", name)["keys"]}
        assert not kept or {int(pathlib.Path(f).stem.rsplit("+", 1)[1]) for f in kept[name]} == now
        assert len(files) >= len(now) and all(os.stat(c.dir / "state" / "keys" / name / f).st_mode & 0o77 == 0 for f in files)
        assert {dns.dnssec.key_id(k) for k in c.ask(name, "DNSKEY", do=True).answer[0]} == now
