# SPDX-License-Identifier: Apache-2.0
"""What is seen at real signers of one zone: Concord, BIND, Knot and PowerDNS, under a parent that has a DS of each."""
import dns.dnssec
import dns.name
import dns.rdatatype

from lab.daemons import Bind, Concord, free_port
from lab.looks import observe, of
from lab.peers import Knot, PowerDns
from lab.signers import Parent
from lab.wait import wait_until

ZONE = "shop.example."
NAME = dns.name.from_text(ZONE)
TEXT = f"""$ORIGIN {ZONE}
$TTL 300
@ IN SOA ns1 root 1 3600 600 86400 60
@ IN NS ns1
ns1 IN A 127.0.0.1
www IN A 192.0.2.1
"""


def keys_of(signer):
    answer = signer.ask(ZONE, "DNSKEY", do=True)
    found = [r for r in answer.answer if r.rdtype == dns.rdatatype.DNSKEY]
    return list(found[0]) if found else []


def tags(keys, flags=None):
    return sorted(dns.dnssec.key_id(k) for k in keys if flags is None or k.flags == flags)


def test_keys_duties_and_denial_of_each_signer_are_seen(tmp_path, daemons):
    c = Concord(tmp_path / "concord")
    c.extra = "signing:\n  - {id: n3, denial: nsec3}\n"
    c.zone(ZONE, TEXT, signing="n3")
    c.write_config()
    b, k, p = (kind(tmp_path / kind.__name__, port=free_port()) for kind in (Bind, Knot, PowerDns))
    b.zone(ZONE, TEXT)
    k.zone(ZONE, TEXT)
    p.configure(ZONE, TEXT)
    signers = {"concord": c, "bind": b, "knot": k, "pdns": p}
    for s in signers.values():
        daemons.append(s)
        s.start()
    wait_until(lambda: b.is_signed([(ZONE, "SOA"), (ZONE, "NS"), (ZONE, "CSYNC")]), "BIND has signed its apex")
    wait_until(lambda: all(keys_of(s) for s in signers.values()), "each has keys")
    parent = Parent(ZONE, [dns.dnssec.make_ds(NAME, key, "SHA256") for s in signers.values() for key in keys_of(s) if key.flags == 257], ["ns1." + ZONE])
    try:
        events, log = observe(ZONE, [parent], {n: [s] for n, s in signers.items()}, f"sample=www.{ZONE}/A", f"sample=nothing.{ZONE}/A")
    finally:
        parent.stop()
    assert of(events, "failed") == [], log
    seen = dict(zip(signers, of(events, "signer")))
    for name, s in signers.items():
        keys = keys_of(s)
        single = len(keys) == 1
        assert sorted(seen[name]["dnskey"]) == tags(keys)
        assert seen[name]["key_signing"] == tags(keys, 257)
        assert seen[name]["zone_signing"] == tags(keys, 257 if single else 256), name
        assert seen[name]["ns"] == ["ns1." + ZONE] and seen[name]["serial"] > 0
    assert {n: s["denial"] for n, s in seen.items()} == {"concord": "nsec3", "bind": "nsec", "knot": "nsec", "pdns": "nsec"}
    assert seen["pdns"]["zone_ttl"] == 300  # as it was signed, not as it is sent
    # BIND publishes CDS and CDNSKEY by itself when its key is ready.
    crossed, = of(events, "crossed")
    assert crossed["servers"] == 4 and "denial of existence" in crossed["differs"] and "DNSKEY" in crossed["differs"]
    assert crossed["faults"] > 0  # nobody has the others' keys yet
