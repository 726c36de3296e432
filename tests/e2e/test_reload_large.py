# SPDX-License-Identifier: Apache-2.0
"""Large zone files are read beside other work: the interface answers meanwhile, and reloads follow one another."""
import subprocess

import dns.rcode
import pytest

from lab.daemons import CONCORDCTL
from lab.wait import wait_until

HEAD = "$TTL 3600\n@ IN SOA ns1 hostmaster {serial} 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"
NAMES = 35000
BODY = "".join(f"host-number-{i} IN A 192.0.2.{i % 254 + 1}\n" for i in range(NAMES))
READING = "reload: large zone files are read"


def big(serial, more=""):
    return HEAD.format(serial=serial) + BODY + more


def put(c, text):
    """Whole or not at all, as somebody may be reading it."""
    (c.dir / "next").write_text(text)
    (c.dir / "next").rename(c.dir / "big.test.zone")


class Reload:
    """concordctl reload, beside the test."""

    def __init__(self, c):
        self.process = subprocess.Popen([str(CONCORDCTL), "--socket", str(c.socket), "reload"], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def is_running(self):
        return self.process.poll() is None

    def end(self):
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out + err


@pytest.fixture
def large(concord):
    c = concord(start=False, server={"log": "{level: info}"})
    c.zone("big.test", big(1), signing="none")
    c.write_config()
    return c.start()


def reading(c, times=1):
    wait_until(lambda: c.log().count(READING) >= times, f"file reading has begun {times} times")


def serial(c):
    return c.ask("big.test.", "SOA").answer[0][0].serial


def test_the_interface_answers_while_a_large_file_is_read(large):
    c = large
    put(c, big(2, "new IN A 192.0.2.99\n"))
    r = Reload(c)
    reading(c)
    answered = 0
    while r.is_running():
        c.ctl("status")
        answered += r.is_running()
    assert r.end()[0] == 0 and answered > 0
    assert serial(c) == 2 and c.ask("new.big.test.", "A").answer and c.ask("host-number-7.big.test.", "A").answer


def test_who_asks_while_files_are_read_gets_a_reload_of_what_there_is_then(large):
    c = large
    put(c, big(2))
    first = Reload(c)
    reading(c)
    put(c, big(3))
    second, third = Reload(c), Reload(c)
    assert first.end()[0] == 0 and serial(c) >= 2
    assert second.end()[0] == 0 and third.end()[0] == 0 and serial(c) == 3


def test_a_zone_that_is_taken_away_while_it_is_read_is_gone(large):
    c = large
    put(c, big(2))
    first = Reload(c)
    reading(c)
    c.zones = c.zones[:-1]
    c.write_config()
    second = Reload(c)
    assert first.end()[0] == 0 and second.end()[0] == 0
    assert c.ask("big.test.", "SOA").rcode() == dns.rcode.REFUSED and c.ask("www.example.", "A").answer


def test_what_is_wrong_in_a_large_file_is_said_with_its_line(large):
    c = large
    put(c, big(2, "bad IN A 999.1.1.1\n"))
    code, said = Reload(c).end()
    assert code == 1 and f"big.test.zone:{NAMES + 5}:" in said, said
    assert serial(c) == 1


def test_the_daemon_ends_while_a_large_file_is_read(large):
    c = large
    put(c, big(2))
    r = Reload(c)
    reading(c)
    assert c.stop() == 0
    assert r.end()[0] != 0
