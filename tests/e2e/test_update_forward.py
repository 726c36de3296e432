# SPDX-License-Identifier: Apache-2.0
"""Updates sent to a secondary reach its primary (RFC 2136 section 6), and the answer comes back with a signature that the client takes."""
import os

import dns.message
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import pytest

from lab.daemons import Concord
from lab.wait import wait_until

SECRETS = {"client.": "Y2xpZW50IGNsaWVudCBjbGllbnQgY2xpZW50IQ==", "between.": "YmV0d2VlbiBiZXR3ZWVuIGJldHdlZW4gYmV0dyE="}
RING = dns.tsigkeyring.from_text({n: ("hmac-sha256", s) for n, s in SECRETS.items()})
KEYS = "tsig-keys:\n" + "".join(f"  - {{name: {n}, secret: \"{s}\"}}\n" for n, s in SECRETS.items())
TEXT = "$TTL 300\n@ IN SOA ns1 hostmaster 1 3600 900 604800 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"


@pytest.fixture
def pair(tmp_path, daemons):
    def make(anew, start_primary=True):
        first, second = Concord(tmp_path / "first"), Concord(tmp_path / "second")
        first.extra = KEYS
        first.zone("example.", TEXT, signing="none", allow_transfer="[{key: [client., between.]}]",
                   allow_update="[{key: %s, types: [TXT]}]" % ("between." if anew else "client."))
        second.extra = KEYS + f"remotes:\n  - {{id: first, address: 127.0.0.1@{first.port}{', key: between.' if anew else ''}}}\n"
        if not anew:  # nothing is signed between the two but what the client signed
            first.zones[0] = first.zones[0].replace("allow-transfer: [{key: [client., between.]}]", "allow-transfer: [{from: 127.0.0.1}]")
        second.zones = ["  - {name: example., primaries: [first], signing: none, allow-update: [{key: client.}]}"]
        for d in (first, second):
            d.write_config()
            os.chmod(d.config, 0o600)
            daemons.append(d)
            d.start()
        wait_until(lambda: second.ask("example.", "SOA").rcode() == dns.rcode.NOERROR, "the zone was transferred")
        if not start_primary:
            first.stop()
        return first, second

    return make


def update(daemon, name, rdtype, text):
    u = dns.update.UpdateMessage("example.", keyring=RING, keyname="client.")
    u.add(name, 60, rdtype, text)
    return dns.query.tcp(u, daemon.address, port=daemon.port, timeout=20)


@pytest.mark.parametrize("anew", [False, True])
def test_an_update_reaches_the_primary_and_comes_back_by_transfer(pair, anew):
    first, second = pair(anew)
    answer = update(second, "a", "TXT", "x")
    assert answer.rcode() == dns.rcode.NOERROR and answer.had_tsig
    assert first.ask("a.example.", "TXT").answer
    wait_until(lambda: second.ask("a.example.", "TXT").answer, "the secondary fetches it at once")
    refused = update(second, "b", "A", "192.0.2.9")
    assert refused.rcode() == dns.rcode.REFUSED and refused.had_tsig
    assert not first.ask("b.example.", "A").answer


def test_who_has_no_rule_here_is_refused_here(pair):
    first, second = pair(False)
    u = dns.update.UpdateMessage("example.")
    u.add("a", 60, "TXT", "x")
    assert dns.query.tcp(u, second.address, port=second.port, timeout=5).rcode() == dns.rcode.REFUSED
    assert "update" not in first.log()


def test_without_a_primary_the_client_is_told_so(pair):
    _, second = pair(False, start_primary=False)
    assert update(second, "a", "TXT", "x").rcode() == dns.rcode.SERVFAIL
    assert second.logged("forwarded to 127.0.0.1")


def test_what_an_update_may_change_is_not_said_at_the_secondary(concord):
    c = concord(start=False, zone=None, extra="remotes:\n  - {id: p, address: 127.0.0.1}\n")
    c.zones = ["  - {name: example., primaries: [p], allow-update: [{from: 127.0.0.1, types: [TXT]}]}"]
    c.write_config()
    code, said = c.check()
    assert code != 0 and "are the primary's matter" in said
