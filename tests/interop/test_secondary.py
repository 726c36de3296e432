# SPDX-License-Identifier: Apache-2.0
"""Concord as a secondary of BIND, Knot, NSD and PowerDNS: what it serves is what a transfer by dnspython gives."""
import random
import signal
import subprocess

import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.zone
import pytest

from lab.daemons import Bind, Concord, free_port
from lab.peers import KnotMany, NsdMany, PowerDnsMany
from lab.wait import wait_until

ZONE = "moved.example."
UPDATES = 220


def zone_text(serial=1, refresh=3600, retry=2, expire=100000, names=50):
    lines = ["$TTL 300", f"@ IN SOA ns1.{ZONE} hostmaster.{ZONE} {serial} {refresh} {retry} {expire} 60", f"@ IN NS ns1.{ZONE}",
             "ns1 IN A 127.0.0.1", "@ IN MX 10 mail", "mail IN A 192.0.2.25", "_s._tcp IN SRV 1 2 3 mail", "*.w IN TXT \"any of them\"",
             "sub IN NS ns.sub", "ns.sub IN A 192.0.2.53", "u IN TYPE65300 \\# 3 010203", "Case IN CNAME MiXeD"]
    lines += [f"n{i} IN A 192.0.2.{i % 250 + 1}" for i in range(names)]
    return "\n".join(lines) + "\n"


class BindPrimary(Bind):
    """With TSIG on transfers, updates and NOTIFY."""

    def primary(self, text, notify_port):
        self.zone_name = ZONE
        (self.dir / "zone.db").write_text(text)
        (self.dir / "named.conf").write_text(f"""
options {{ directory "{self.dir}"; listen-on port {self.port} {{ {self.address}; }}; listen-on-v6 {{ none; }};
  recursion no; pid-file "{self.dir}/named.pid"; session-keyfile "{self.dir}/session.key"; notify explicit; notify-delay 0;
  dnssec-validation no; serial-query-rate 100; }};
controls {{ }};
key peer. {{ algorithm hmac-sha256; secret "{self.SECRET}"; }};
zone "{ZONE}" {{ type primary; file "zone.db"; allow-update {{ key peer.; }}; allow-transfer {{ key peer.; }};
  also-notify {{ 127.0.0.1 port {notify_port} key peer.; }}; max-ixfr-ratio unlimited; }};
""")

    def transferred(self):
        ring = dns.tsigkeyring.from_text({"peer.": self.SECRET})
        return dns.zone.from_xfr(dns.query.xfr(self.address, ZONE, port=self.port, keyring=ring, keyname="peer.",
                                               keyalgorithm="hmac-sha256", relativize=False, lifetime=20), relativize=False)


def secondary(daemons, tmp_path, primary_port, key=False, port=None, **options):
    c = Concord(tmp_path / "concord", port=port)
    remote = f"remotes:\n  - {{id: main, address: 127.0.0.1@{primary_port}" + (", key: peer}" if key else "}")
    if key:
        c.file("peer.key", f'key peer {{ algorithm hmac-sha256; secret "{Bind.SECRET}"; }};\n')
        (c.dir / "peer.key").chmod(0o600)
        c.extra = "tsig-keys:\n  - file: peer.key\n" + remote
    else:
        c.extra = remote
    text = f"  - name: {ZONE}\n    primaries: [main]\n"
    text += "".join(f"    {k.replace('_', '-')}: {v}\n" for k, v in {"signing": "none", **options}.items())
    c.zones.append(text)
    c.write_config()
    daemons.append(c)
    return c.start()


def serial_of(c):
    answer = c.ask(ZONE, "SOA")
    return answer.answer[0][0].serial if answer.answer else None


def differences(c, zone):
    """What Concord answers otherwise than the zone says."""
    wrong = []
    for name, rdataset in zone.iterate_rdatasets():
        if str(name).endswith("sub." + ZONE):
            continue  # a delegation
        answer = c.ask(str(name), dns.rdatatype.to_text(rdataset.rdtype))
        got = [r for r in answer.answer if r.rdtype == rdataset.rdtype]
        if len(got) != 1 or set(got[0]) != set(rdataset) or got[0].ttl != rdataset.ttl:
            wrong.append((str(name), rdataset, answer.to_text()))
    return wrong


def has_serial(c, serial):
    return lambda: serial_of(c) == serial


def test_bind_axfr_ixfr_notify_restart_and_expiry(daemons, tmp_path):
    ours = free_port()
    bind = BindPrimary(tmp_path / "bind", port=free_port())
    bind.primary(zone_text(refresh=4, retry=2, expire=8), ours)
    daemons.append(bind)
    bind.start()
    c = secondary(daemons, tmp_path, bind.port, key=True, port=ours)
    wait_until(has_serial(c, 1), "the zone is transferred")
    assert not differences(c, bind.transferred())

    # Random changes, each in its own update: NOTIFY brings Concord, and it asks for the differences.
    lottery, have = random.Random(8), [f"n{i}" for i in range(50)]
    for i in range(UPDATES):
        if lottery.random() < 0.4 and have:
            bind.update(f"update delete {have.pop(lottery.randrange(len(have)))}.{ZONE} A")
        else:
            have.append(f"x{i}")
            bind.update(f"update add x{i}.{ZONE} {lottery.choice([60, 300])} A 198.51.100.{i % 250 + 1}")
        if i == UPDATES // 2:  # killed in the middle of the chain
            c.stop(signal.SIGKILL)
            c.start()
    last = 1 + UPDATES
    wait_until(has_serial(c, last), "NOTIFY and IXFR have brought the last change", 20)
    assert c.logged(", changes,")
    model = bind.transferred()
    assert not differences(c, model)
    for gone in {f"n{i}" for i in range(50)} - set(have):
        assert c.ask(f"{gone}.{ZONE}", "A").rcode() == dns.rcode.NXDOMAIN

    # The primary is gone: what was kept is served after a restart, until it expires.
    bind.stop()
    c.stop(signal.SIGKILL)
    c.start()
    assert serial_of(c) == last
    assert not differences(c, model)
    wait_until(lambda: c.ask(ZONE, "SOA").rcode() == dns.rcode.SERVFAIL, "the zone expires", 20)
    assert c.ctl("zone", "status", ZONE)["transfer"]["expired"]
    bind.start()
    wait_until(has_serial(c, last), "the primary is back", 20)
    assert c.logged("has expired") and c.logged("a primary is there again")

    # The whole zone, when the operator asks for it.
    transfers = c.log().count("whole zone")
    c.ctl("zone", "retransfer", ZONE)
    wait_until(lambda: c.log().count("whole zone") == transfers + 1, "it is transferred whole")


def test_a_wrong_key_transfers_nothing(daemons, tmp_path):
    bind = BindPrimary(tmp_path / "bind", port=free_port())
    bind.primary(zone_text(), 1)
    daemons.append(bind)
    bind.start()
    c = secondary(daemons, tmp_path, bind.port, key=False)
    wait_until(lambda: "transfer: AXFR from" in c.log(), "the transfer is refused")
    answer = c.ask(ZONE, "SOA")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert "REFUSED" in c.ctl("zone", "status", ZONE)["transfer"]["last"]


def test_a_transferred_zone_is_signed_by_us(daemons, tmp_path):
    bind = BindPrimary(tmp_path / "bind", port=free_port())
    bind.primary(zone_text(), 1)
    daemons.append(bind)
    bind.start()
    c = secondary(daemons, tmp_path, bind.port, key=True, signing="default")
    wait_until(has_serial(c, 1), "the zone is transferred")
    answer = c.ask("n1." + ZONE, "A", do=True)
    assert {r.rdtype for r in answer.answer} == {dns.rdatatype.A, dns.rdatatype.RRSIG}


def test_a_zone_that_shrinks_to_nothing_is_refused(daemons, tmp_path):
    ours = free_port()
    bind = BindPrimary(tmp_path / "bind", port=free_port())
    bind.primary(zone_text(names=1000), ours)
    daemons.append(bind)
    bind.start()
    c = secondary(daemons, tmp_path, bind.port, key=True, port=ours)
    wait_until(has_serial(c, 1), "the zone is transferred")
    bind.stop()
    bind.primary(zone_text(serial=2, names=0), ours)
    bind.start()
    c.ctl("zone", "refresh", ZONE)
    wait_until(lambda: "limits.shrink" in c.log(), "the guard speaks")
    assert serial_of(c) == 1
    c.ctl("zone", "retransfer", ZONE)
    wait_until(has_serial(c, 2), "the operator has it all the same")


@pytest.mark.parametrize("kind", [KnotMany, NsdMany, PowerDnsMany])
def test_axfr_from(daemons, tmp_path, kind):
    primary = kind(tmp_path / "primary", port=free_port())
    primary.configure({ZONE: zone_text(names=3000)})
    allow_transfers(primary)
    daemons.append(primary)
    primary.start()
    c = secondary(daemons, tmp_path, primary.port)
    wait_until(has_serial(c, 1), "the zone is transferred")
    model = dns.zone.from_xfr(dns.query.xfr("127.0.0.1", ZONE, port=primary.port, relativize=False, lifetime=20), relativize=False)
    assert not differences(c, model)


def allow_transfers(primary):
    if primary.name == "knotd":
        path = primary.dir / "knot.conf"
        path.write_text(path.read_text().replace("template:\n", "acl:\n  - id: all\n    address: 127.0.0.0/8\n    action: transfer\ntemplate:\n")
                        .replace("semantic-checks: off\n", "semantic-checks: off\n    acl: all\n"))
    elif primary.name == "nsd":
        path = primary.dir / "nsd.conf"
        path.write_text(path.read_text() + "  provide-xfr: 127.0.0.0/8 NOKEY\n")
    else:
        path = primary.dir / "pdns.conf"
        path.write_text(path.read_text() + "allow-axfr-ips=127.0.0.0/8\nprimary=yes\n")


def certificate(directory):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=ns.example", "-addext", "subjectAltName=DNS:ns.example", "-keyout", directory / "key.pem", "-out",
                    directory / "cert.pem"], check=True, capture_output=True)
    return directory / "cert.pem", directory / "key.pem"


@pytest.mark.parametrize("name, good", [("ns.example", True), ("other.example", False)])
def test_a_transfer_over_tls_needs_the_right_server(daemons, tmp_path, name, good):
    """RFC 9103, with BIND."""
    bind, tls_port = BindPrimary(tmp_path / "bind", port=free_port()), free_port()
    bind.primary(zone_text(names=3000), 1)
    cert, key = certificate(bind.dir)
    conf = bind.dir / "named.conf"
    conf.write_text(f'tls own {{ cert-file "{cert}"; key-file "{key}"; }};\n' + conf.read_text().replace(
        "listen-on-v6", f"listen-on port {tls_port} tls own {{ 127.0.0.1; }}; listen-on-v6"))
    daemons.append(bind)
    bind.start()
    c = Concord(tmp_path / "concord")
    c.file("peer.key", f'key peer {{ algorithm hmac-sha256; secret "{Bind.SECRET}"; }};\n')
    (c.dir / "peer.key").chmod(0o600)
    c.extra = (f"tsig-keys:\n  - file: peer.key\nremotes:\n  - id: main\n    address: 127.0.0.1@{tls_port}\n    transport: tls\n"
               f"    key: peer\n    tls: {{server-name: {name}, ca-file: {cert}}}")
    c.zones.append(f"  - name: {ZONE}\n    primaries: [main]\n    signing: none\n")
    c.write_config()
    daemons.append(c)
    c.start()
    if good:
        wait_until(has_serial(c, 1), "the zone is transferred")
        assert not differences(c, bind.transferred())
    else:
        wait_until(lambda: "hostname mismatch" in c.log(), "the server is refused")
        assert c.ask(ZONE, "SOA").rcode() == dns.rcode.SERVFAIL
