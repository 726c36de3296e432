# SPDX-License-Identifier: Apache-2.0
"""docs/migration.md: a signed zone moves, by the commands of that page, with every answer recorded and every pair of caches judged."""
import os
import re
import shutil
import subprocess

import dns.dnssec
import dns.name
import dns.rdatatype
import pytest

from lab.daemons import BUILD, Bind, Concord
from lab.group_lab import ADDRESSES, HOSTS, TTL, ZONE, GroupLab, zone_text
from lab.guide import DOCS
from lab.powerdns import PowerDns
from lab.wait import wait_until

A, B = HOSTS["a"], HOSTS["b"]
NAME = dns.name.from_text(ZONE)
WAIT = TTL + 1
SIGNING = """signing:
  - {id: quick, dnskey-ttl: 1, propagation-delay: 0, parent-propagation-delay: 0, safety-margin: 0, parent-ds-ttl: 1, cds: never}
"""


def commands(section):
    """The page's commands below a heading, in order."""
    text = (DOCS / "migration.md").read_text()
    body = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [re.sub(r"^ {3}", "", c, flags=re.M).strip() for c in re.findall(r"^ *```sh\n(.*?)^ *```$", body, flags=re.M | re.S)]


class Shell:
    def __init__(self, directory, old, new, concord=None, pdns=None):
        build = BUILD.resolve()
        self.dir = directory
        self.environment = {**os.environ, "ZONE": ZONE, "OLD": old, "NEW": new,
                            "PATH": f"{self.dir}:{build / 'src' / 'ctl'}:{os.environ['PATH']}:/usr/sbin",
                            "CONCORD_SOCKET": str(concord.socket) if concord else ""}
        if pdns:
            tool = self.dir / "pdnsutil"
            tool.write_text(f'#!/bin/sh\nexec /usr/bin/pdnsutil --config-dir={pdns.dir} "$@"\n')
            tool.chmod(0o755)

    def run(self, command):
        done = subprocess.run(["bash", "-c", command], cwd=self.dir, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout


def concord_at(tmp_path, host):
    c = Concord(tmp_path / "concord", ADDRESSES[host], 53)
    c.zone(ZONE, zone_text([A, B]), signing="quick")
    c.extra = SIGNING
    c.write_config()
    return c


def bind_at(tmp_path, host):
    b = Bind(tmp_path / "bind", ADDRESSES[host])
    b.zone(ZONE, zone_text([host]))
    conf = (b.dir / "named.conf").read_text().replace("dnskey-ttl 3600", "dnskey-ttl 1").replace("key peer", "key exchange")
    (b.dir / "named.conf").write_text(conf)
    (tmp_path / "exchange.key").write_text(f'key exchange {{ algorithm hmac-sha256; secret "{b.SECRET}"; }};\n')
    return b


def start_bind(lab, tmp_path, host):
    b = lab.add(host, bind_at(tmp_path, host))
    wait_until(lambda: b.is_signed([("www." + ZONE, "A"), (ZONE, "DNSKEY"), ("no." + ZONE, "A"), (ZONE, "CDS")]), "BIND has signed", 60)
    return b


def ds_of(daemon):
    keys = daemon.ask(ZONE, "DNSKEY", do=True, tcp=True).answer[0]
    return [dns.dnssec.make_ds(NAME, k, "SHA256").to_text() for k in keys if k.flags == 257]


def keys_of(daemon):
    return sorted(k.to_text() for k in daemon.ask(ZONE, "DNSKEY", do=True, tcp=True).answer[0])


@pytest.fixture
def lab(tmp_path, daemons):
    return GroupLab(tmp_path, daemons, scans=False)  # a registrar's form


def set_ns(lab, hosts, *, serial):
    """At the signers and at the parent."""
    for daemon in lab.signers.values():
        if isinstance(daemon, Concord):
            daemon.file(ZONE.rstrip(".") + ".zone", zone_text(hosts, serial))
            daemon.ctl("reload")
        elif isinstance(daemon, Bind):
            lines = [f"update delete {ZONE} NS", *[f"update add {ZONE} {TTL} NS {h}" for h in hosts]]
            script = f"server {daemon.address} {daemon.port}\nzone {ZONE}\n" + "\n".join(lines) + "\nsend\n"
            done = subprocess.run(["nsupdate", "-y", f"hmac-sha256:exchange:{daemon.SECRET}"], input=script, text=True, capture_output=True, timeout=30)
            assert done.returncode == 0, done.stderr
        else:
            daemon.util("replace-rrset", ZONE, "@", "NS", TTL, *hosts)
    lab.parent.set_ns(hosts)


def test_a_zone_moves_from_bind_with_its_keys(lab, tmp_path):
    old = start_bind(lab, tmp_path, A)
    lab.start_parent([A], ds_of(old))
    new = lab.add(B, concord_at(tmp_path, B))
    (tmp_path / "keys").mkdir()
    for f in old.dir.glob("K*"):
        shutil.copy(f, tmp_path / "keys")
    shell = Shell(tmp_path, ADDRESSES[A], ADDRESSES[B], new)
    lab.run_for(1)
    for command in commands("From BIND, with its keys"):
        shell.run(command)
    set_ns(lab, [B], serial=2)
    lab.run_for(WAIT)
    old.stop()
    lab.run_for(1)
    assert lab.finish() >= 40
    assert ds_of(new) == lab.parent.ds


def test_a_zone_moves_from_bind_while_both_sign(lab, tmp_path):
    old = start_bind(lab, tmp_path, A)
    lab.start_parent([A], ds_of(old))
    bind_ds = list(lab.parent.ds)
    new = lab.add(B, concord_at(tmp_path, B))
    shell = Shell(tmp_path, ADDRESSES[A], ADDRESSES[B], new)
    to_concord, to_bind, ds, drop = commands("From BIND, both signing")
    lab.run_for(1)
    shell.run(to_concord)
    shell.run(to_bind)
    wait_until(lambda: len(keys_of(old)) == len(keys_of(new)) == 3, "both have both keys")
    lab.run_for(WAIT)
    both = bind_ds + [line.split(" DS ")[1].lower() for line in shell.run(ds).splitlines()]
    assert len(both) == 2
    lab.parent.set_ds(both)
    lab.run_for(WAIT)
    set_ns(lab, [A, B], serial=2)
    lab.run_for(WAIT)
    set_ns(lab, [B], serial=3)
    lab.run_for(WAIT + TTL)
    old.stop()
    lab.parent.set_ds([d for d in both if d not in bind_ds])
    lab.run_for(WAIT)
    shell.run(drop)
    assert len(keys_of(new)) == 2
    assert lab.finish() >= 100


def test_a_zone_moves_from_concord_to_powerdns_while_both_sign(lab, tmp_path):
    old = lab.add(A, concord_at(tmp_path, A))
    new = PowerDns(tmp_path / "pdns", ADDRESSES[B])
    new.configure()
    shell = Shell(tmp_path, ADDRESSES[A], ADDRESSES[B], old, new)
    load, secure, to_powerdns, to_concord, ds, drop = commands("From Concord to PowerDNS, both signing")
    (tmp_path / "zone").write_text(zone_text([A, B]))
    shell.run(load)
    shell.run(secure)
    lab.start_parent([A], ds_of(old))
    concord_ds = list(lab.parent.ds)
    lab.add(B, new)
    lab.run_for(1)
    shell.run(to_powerdns)
    shell.run(to_concord)
    wait_until(lambda: len(keys_of(old)) == len(keys_of(new)) == 3, "both have both keys")
    lab.run_for(WAIT)
    made = [line.split(" DS ")[1].lower() for line in shell.run(ds).splitlines()]
    assert len(made) == 1
    lab.parent.set_ds(concord_ds + made)
    lab.run_for(WAIT)
    set_ns(lab, [A, B], serial=2)
    lab.run_for(WAIT)
    set_ns(lab, [B], serial=3)
    lab.run_for(WAIT + TTL)
    old.stop()
    lab.parent.set_ds(made)
    lab.run_for(WAIT)
    shell.run(drop)
    wait_until(lambda: len(keys_of(new)) == 2, "Concord's key is gone")
    assert lab.finish() >= 100


def test_without_the_exchange_of_keys_the_judge_finds_what_is_bogus(lab, tmp_path):
    """The negative control."""
    old = start_bind(lab, tmp_path, A)
    new = lab.add(B, concord_at(tmp_path, B))
    lab.start_parent([A], ds_of(old) + [d.lower() for d in ds_of(new)])
    lab.run_for(1)
    set_ns(lab, [A, B], serial=2)
    lab.run_for(2)
    with pytest.raises(AssertionError, match="under the DNSKEY set of"):
        lab.recorder.judge()
