# SPDX-License-Identifier: Apache-2.0
"""New data without a lost query; bad data without any change."""
import signal
import threading

import dns.exception
import pytest

from conftest import ZONE_TEXT
from lab.wait import wait_until


class Asker(threading.Thread):
    """Asks without a pause until told to end; counts what was lost."""

    def __init__(self, c):
        super().__init__()
        self.c, self.asked, self.lost, self.seen, self.over = c, 0, 0, set(), False

    def run(self):
        while not self.over:
            self.asked += 1
            try:
                got = self.c.ask("www.example.", "A", do=True, timeout=2)
                self.seen.add(got.answer[0][0].to_text())
                self.lost += len(got.answer) != 2
            except dns.exception.DNSException:
                self.lost += 1


@pytest.mark.parametrize("how", ["SIGHUP", "concordctl"])
def test_a_reload_publishes_new_data_and_loses_no_query(concord, how):
    c = concord()
    asker = Asker(c)
    asker.start()
    for serial in range(2, 22):
        text = ZONE_TEXT.replace("hostmaster 1 ", f"hostmaster {serial} ").replace("192.0.2.80", f"192.0.2.{100 + serial}")
        (c.dir / "example.zone").write_text(text)
        if how == "SIGHUP":
            c.process.send_signal(signal.SIGHUP)
        else:
            c.ctl("reload")
        wait_until(lambda s=serial: c.ask("example.", "SOA").answer[0][0].serial == s, f"serial {serial} is served")
    asker.over = True
    asker.join()
    assert asker.lost == 0 and asker.asked > 50
    assert len(asker.seen) > 1 and c.ask("www.example.", "A").answer[0][0].to_text() == "192.0.2.121"


FAULTS = [
    ("a record that is none", ZONE_TEXT + "bad IN A 999.1.1.1\n", "example.zone:"),
    ("no SOA", "$TTL 60\nwww IN A 192.0.2.1\n", "no SOA"),
    ("CNAME and other data", ZONE_TEXT + "www IN CNAME alias\n", "a CNAME stands alone"),
    ("an unclosed parenthesis", ZONE_TEXT + "x IN TXT (\n", "parenthesis"),
    ("a name outside the zone", ZONE_TEXT + "www.other.test. IN A 192.0.2.1\n", "outside the zone"),
    ("an include that leads out", ZONE_TEXT + "$INCLUDE /etc/passwd\n", "leads out"),
    ("$GENERATE", ZONE_TEXT + "$GENERATE 1-4 h$ A 192.0.2.$\n", "$GENERATE"),
]


@pytest.mark.parametrize("row", FAULTS, ids=[r[0] for r in FAULTS])
def test_a_bad_zone_never_replaces_a_good_one(concord, row):
    _, text, reason = row
    c = concord()
    (c.dir / "example.zone").write_text(text.replace("192.0.2.80", "192.0.2.99"))
    refused = c.ctl_raw("reload")
    assert refused.returncode == 1 and reason in refused.stderr, refused.stderr
    assert c.ask("www.example.", "A", do=True).answer[0][0].to_text() == "192.0.2.80"
    assert c.ctl("zone", "list")["zones"][0]["stale"] and c.ctl("status")["reload_failed"]
    (c.dir / "example.zone").write_text(ZONE_TEXT)
    c.ctl("reload")
    assert not c.ctl("zone", "list")["zones"][0]["stale"]


def test_a_broken_configuration_is_reported_and_changes_nothing(concord):
    c = concord()
    good = c.config.read_text()
    for text, reason in (("server: [", "not valid YAML"), (good.replace("zones:", "zoness:"), "did you mean 'zones'"),
                         (good.replace("example.zone", "missing.zone"), "missing.zone")):
        c.config.write_text(text)
        refused = c.ctl_raw("reload")
        assert refused.returncode == 1 and reason in refused.stderr, refused.stderr
        assert c.ask("www.example.", "A", do=True).answer
    c.config.write_text(good)
    c.ctl("reload")


def test_zones_come_and_go_with_the_configuration(concord):
    c = concord()
    c.zone("other.test", ZONE_TEXT)
    c.write_config()
    c.ctl("reload")
    assert c.ask("www.other.test.", "A", do=True).answer
    c.zones = c.zones[1:]
    c.write_config()
    c.ctl("reload")
    assert c.ask("www.example.", "A").rcode() == 5 and c.ask("www.other.test.", "A").answer
    assert [z["name"] for z in c.ctl("zone", "list")["zones"]] == ["other.test."]


def test_includes_origins_and_ttls_are_read_as_the_rfc_says(concord):
    """RFC 1035 section 5.1, RFC 2308 section 4."""
    c = concord(start=False, zone="$TTL 1h\n@ SOA ns1 hostmaster ( 1 7200 ; serial, refresh\n 3600 1209600 300 )\n NS ns1\n"
                "ns1 300 IN A 192.0.2.1\n IN AAAA 2001:db8::1\n$ORIGIN sub.example.\nwww A 192.0.2.2\n$INCLUDE more inc.example.\n"
                "after A 192.0.2.4\n", signing="none")
    (c.dir / "more").write_text("here A 192.0.2.3\n@ TXT \"a ; b\" (c\n d)\n")
    c.start()
    assert c.ask("ns1.example.", "AAAA").answer[0].ttl == 3600 and c.ask("ns1.example.", "A").answer[0].ttl == 300
    assert c.ask("www.sub.example.", "A").answer and c.ask("here.inc.example.", "A").answer
    assert c.ask("after.sub.example.", "A").answer[0][0].to_text() == "192.0.2.4"
    assert c.ask("inc.example.", "TXT").answer[0][0].strings == (b"a ; b", b"c", b"d")
