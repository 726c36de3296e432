# SPDX-License-Identifier: Apache-2.0
"""A group of Concord and BIND: what the group decides gets into BIND by dynamic update, and nobody touches BIND by hand."""
import dns.dnssec
import dns.name
import dns.rdata
import dns.rdatatype
import pytest

from lab.daemons import Bind, Concord, free_port
from lab.signers import Parent
from lab.wait import wait_until

ZONE = "shop.example."
NAME = dns.name.from_text(ZONE)
NAMES = {"alpha": f"ns.alpha.{ZONE}", "beta": f"ns.beta.{ZONE}"}
CONFIG = """tsig-keys:
  - {{name: peer, algorithm: hmac-sha256, secret: {secret}}}
remotes:
  - {{id: beta, address: 127.0.0.1@{beta}, key: peer}}
peers:
  - {{id: beta, service: update, remote: beta, push: [keys, ns]}}
signing:
  - id: quick
    dnskey-ttl: 1
    propagation-delay: 0
    parent-propagation-delay: 0
    safety-margin: 0
    parent-ds-ttl: 1
groups:
  - id: pair
    signer: alpha
    poll: 1s
    propagation: 0s
    signers:
      - name: alpha
        servers: [{{name: ns.alpha.{zone}, address: 127.0.0.1@{alpha}}}]
      - name: beta
        servers: [{{name: ns.beta.{zone}, address: 127.0.0.1@{beta}}}]
"""


def zone_text(signer):
    return f"""$TTL 1
@ IN SOA {NAMES[signer]} hostmaster 1 7200 3600 1209600 1
@ IN NS {NAMES[signer]}
ns.alpha IN A 127.0.0.1
ns.beta IN A 127.0.0.1
www IN A 192.0.2.1
"""


def keys_of(signer):
    answer = signer.ask(ZONE, "DNSKEY", do=True)
    found = [r for r in answer.answer if r.rdtype == dns.rdatatype.DNSKEY]
    return {dns.dnssec.key_id(k): k for k in found[0]} if found else {}


def serial_of(signer):
    return signer.ask(ZONE, "SOA").answer[0][0].serial


@pytest.fixture
def lab(tmp_path, daemons):
    class Lab:
        pass

    x = Lab()
    x.bind = Bind(tmp_path / "bind", port=free_port())
    x.bind.zone(ZONE, "$ORIGIN " + ZONE + "\n" + zone_text("beta"))
    conf = x.bind.dir / "named.conf"
    conf.write_text(conf.read_text().replace("dnskey-ttl 3600", "dnskey-ttl 1"))
    x.concord = Concord(tmp_path / "concord")
    x.parent = Parent(ZONE, [], [NAMES["alpha"]])
    x.parent.ttl = 1
    x.concord.extra = CONFIG.format(secret=Bind.SECRET, zone=ZONE, alpha=x.concord.port, beta=x.bind.port)
    x.concord.zone(ZONE, zone_text("alpha"), signing="quick", group="pair", parent=f"[{x.parent.at}]")
    x.concord.write_config()
    x.concord.config.chmod(0o600)
    for d in (x.bind, x.concord):
        daemons.append(d)
        d.start()
    wait_until(lambda: x.bind.is_signed([(ZONE, "SOA"), (ZONE, "NS"), (ZONE, "CSYNC"), (f"www.{ZONE}", "A")]), "BIND has signed its zone")
    # The parent has what it will need, so that nothing waits for it.
    ksk = next(k for k in keys_of(x.bind).values() if k.flags == 257)
    x.parent.ds = [dns.rdata.from_text("IN", "DS", d.split(" DS ")[1]) for d in x.concord.ds(ZONE)]
    x.parent.ds.append(dns.dnssec.make_ds(NAME, ksk, "SHA256"))
    x.parent.ns = list(NAMES.values())
    yield x
    x.parent.stop()


def join(lab):
    lab.concord.ctl("group", "start", ZONE, "join")


def state(lab, signer):
    return {s["name"]: s["state"] for s in lab.concord.ctl("group", "status", ZONE)["signers"]}[signer]


def zsk_of(lab):
    return {k["tag"] for k in lab.concord.ctl("key", "list", ZONE)["keys"] if k["origin"] == "own" and k["role"] == "zsk"}


def test_our_keys_get_into_bind_and_out_again_as_they_roll(lab):
    own = set(keys_of(lab.bind))
    ours = set(keys_of(lab.concord))
    join(lab)
    wait_until(lambda: ours & set(keys_of(lab.bind)) and own <= set(keys_of(lab.bind)), "BIND has our keys beside its own", 60)
    wait_until(lambda: own & set(keys_of(lab.concord)), "and we have its keys", 60)
    assert lab.concord.logged("peer: beta: it has taken")
    wait_until(lambda: state(lab, "alpha") == state(lab, "beta") == "member", "both are members", 60)
    # What stands there is not sent again.
    serial, rounds = serial_of(lab.bind), lab.parent.asked.count(("DS", False))
    wait_until(lambda: lab.parent.asked.count(("DS", False)) > rounds + 4, "more rounds are over")
    assert serial_of(lab.bind) == serial
    pushed = {x["name"]: x for x in lab.concord.ctl("group", "status", ZONE)["signers"]}["beta"]["push"]
    assert pushed["ok"] and pushed["at"] > 0
    # A new key comes before it signs, and the old one goes when nothing it signed is left.
    old = zsk_of(lab)
    lab.concord.ctl("key", "roll", ZONE, "--role", "zsk")
    wait_until(lambda: zsk_of(lab) - old and zsk_of(lab) - old <= set(keys_of(lab.bind)), "BIND has the new key", 60)
    wait_until(lambda: not old & set(keys_of(lab.bind)), "BIND has the old key no more", 90)
    assert own <= set(keys_of(lab.bind))


def test_a_peer_that_refuses_is_said_once_and_taken_up_again(lab):
    conf = lab.bind.dir / "named.conf"
    good = conf.read_text()
    conf.write_text(good.replace("allow-update { key peer; };", "allow-update { 192.0.2.1; };"))
    lab.bind.stop()
    lab.bind.start()
    ours = set(keys_of(lab.concord))
    join(lab)
    wait_until(lambda: "peer: beta: what it should have cannot be put there: it refuses our updates" in lab.concord.log(), "it says so", 60)
    rounds = lab.parent.asked.count(("DS", False))
    wait_until(lambda: lab.parent.asked.count(("DS", False)) > rounds + 6, "more rounds are over", 60)
    assert lab.concord.log().count("what it should have cannot be put there") == 1
    assert not ours & set(keys_of(lab.bind))
    conf.write_text(good)
    lab.bind.stop()
    lab.bind.start()
    lab.concord.ctl("reload")
    wait_until(lambda: ours & set(keys_of(lab.bind)), "BIND has our keys", 90)
