# SPDX-License-Identifier: Apache-2.0
"""docs/migration.md: a signed zone moves, by the commands of that page, with every answer recorded and every pair of caches judged."""
import os
import re
import shutil
import subprocess

import dns.dnssec
import dns.name
import pytest

from lab.daemons import BUILD, Bind, Concord
from lab.group_lab import ADDRESSES, HOSTS, TTL, WAIT, GroupLab, zone_name, zone_text
from lab.guide import DOCS
from lab.members import keys_of
from lab.powerdns import PowerDns
from lab.scenario import after
from lab.wait import wait_until

OLD_BIND, NEW_CONCORD, OLD_CONCORD, NEW_POWERDNS = (HOSTS[h] for h in "abcd")
SIGNING = """signing:
  - {id: quick, dnskey-ttl: 1, propagation-delay: 0, parent-propagation-delay: 0, safety-margin: 0, parent-ds-ttl: 1, cds: never}
"""


def commands(section):
    """The page's commands below a heading, in order."""
    text = (DOCS / "migration.md").read_text()
    body = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [re.sub(r"^ {3}", "", c, flags=re.M).strip() for c in re.findall(r"^ *```sh\n(.*?)^ *```$", body, flags=re.M | re.S)]


class Shell:
    def __init__(self, directory, move):
        build, concord = BUILD.resolve(), next(d for d in (move.old, move.new) if isinstance(d, Concord))
        directory.mkdir()
        self.dir = directory
        self.environment = {**os.environ, "ZONE": move.name, "OLD": move.old.address, "NEW": move.new.address,
                            "PATH": f"{self.dir}:{build / 'src' / 'ctl'}:{os.environ['PATH']}:/usr/sbin", "CONCORD_SOCKET": str(concord.socket)}
        (self.dir / "exchange.key").write_text(f'key exchange {{ algorithm hmac-sha256; secret "{Bind.SECRET}"; }};\n')
        tool = self.dir / "pdnsutil"
        tool.write_text(f'#!/bin/sh\nexec /usr/bin/pdnsutil --config-dir={move.new.dir} "$@"\n')
        tool.chmod(0o755)

    def run(self, command):
        done = subprocess.run(["bash", "-c", command], cwd=self.dir, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout


class Exchanging(Bind):
    POLICY = f"dnskey-ttl {TTL};"

    def write_config(self):
        super().write_config()
        path = self.dir / "named.conf"
        path.write_text(path.read_text().replace("key peer", "key exchange"))

    def set_ns(self, zone, hosts, _):
        lines = [f"update delete {zone} NS", *[f"update add {zone} {TTL} NS {h}" for h in hosts]]
        script = f"server {self.address} {self.port}\nzone {zone}\n" + "\n".join(lines) + "\nsend\n"
        done = subprocess.run(["nsupdate", "-y", f"hmac-sha256:exchange:{self.SECRET}"], input=script, text=True, capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr


class ByFile(Concord):
    def add(self, zone, hosts):
        self.zone(zone, zone_text(zone, hosts), signing="quick")

    def set_ns(self, zone, hosts, serial):
        self.file(zone.rstrip(".") + ".zone", zone_text(zone, hosts, serial))
        self.ctl("reload")


class ByTool(PowerDns):
    def set_ns(self, zone, hosts, _):
        self.util("replace-rrset", zone, "@", "NS", TTL, *hosts)


def ds_of(daemon, zone):
    return [dns.dnssec.make_ds(dns.name.from_text(zone), k, "SHA256").to_text() for k in keys_of(daemon, zone) if k.flags == 257]


class Move:
    """One zone, from one server to another; the parent is a registrar's form."""

    def __init__(self, lab, label, old, new):
        self.lab, self.name = lab, zone_name(label)
        (self.old_host, self.old), (self.new_host, self.new) = old, new
        self.shell = Shell(lab.dir / label, self)
        self.zone = lab.add_zone(self.name, {self.old_host: self.old, self.new_host: self.new}, scans=False)

    def set_ns(self, hosts, *, serial):
        """At the signers and at the parent."""
        for d in (self.old, self.new):
            d.set_ns(self.name, hosts, serial)
        self.zone.delegation.set_ns(hosts)

    def have_both_keys(self):
        return len(keys_of(self.old, self.name)) == len(keys_of(self.new, self.name)) == 3

    def exchange_ns(self):
        self.set_ns([self.old_host, self.new_host], serial=2)
        yield after(WAIT), "caches have both servers"
        self.set_ns([self.new_host], serial=3)
        yield after(WAIT + TTL), "caches have the new server alone, and nothing of the old"


class Moves:
    def __init__(self, tmp_path, daemons):
        self.lab = GroupLab(tmp_path, daemons)
        at = {h: (tmp_path / h, ADDRESSES[h], 53) for h in ADDRESSES}
        self.bind, self.powerdns = Exchanging(*at[OLD_BIND]), ByTool(*at[NEW_POWERDNS])
        self.concord, self.leaving = ByFile(*at[NEW_CONCORD]), ByFile(*at[OLD_CONCORD])
        old, new = (OLD_BIND, self.bind), (NEW_CONCORD, self.concord)
        self.keys, self.both, self.careless = (Move(self.lab, label, old, new) for label in ("keys", "both", "careless"))
        self.away = Move(self.lab, "away", (OLD_CONCORD, self.leaving), (NEW_POWERDNS, self.powerdns))
        self.need_bind = {"keys", "both"}
        self.start()

    def start(self):
        for move in (self.keys, self.both, self.careless):
            self.concord.add(move.name, [OLD_BIND, NEW_CONCORD])
            self.bind.zone(move.name, zone_text(move.name, [OLD_BIND]))
        self.leaving.add(self.away.name, [OLD_CONCORD, NEW_POWERDNS])
        for c in (self.concord, self.leaving):
            c.extra = SIGNING
            c.write_config()
        self.powerdns.configure()
        for d in (self.bind, self.concord, self.leaving):
            self.lab.add(d)
        for move in (self.keys, self.both, self.careless):
            asked = [("www." + move.name, "A"), (move.name, "DNSKEY"), ("no." + move.name, "A"), (move.name, "CDS")]
            wait_until(lambda asked=asked: self.bind.is_signed(asked), "BIND has signed", 90)
            move.zone.delegate([OLD_BIND], ds_of(self.bind, move.name))
        self.careless.zone.delegation.ds += ds_of(self.concord, self.careless.name)
        self.away.zone.delegate([OLD_CONCORD], ds_of(self.leaving, self.away.name))
        self.start_powerdns()
        self.lab.start_parent()

    def start_powerdns(self):
        load, secure, *self.away_commands = commands("From Concord to PowerDNS, both signing")
        (self.away.shell.dir / "zone").write_text(zone_text(self.away.name, [OLD_CONCORD, NEW_POWERDNS]))
        self.away.shell.run(load)
        self.away.shell.run(secure)
        self.lab.add(self.powerdns)

    def bind_can_go(self, label):
        """It stops when no zone needs it."""
        self.need_bind.discard(label)
        yield lambda: not self.need_bind, "no zone needs BIND"
        if self.bind.process is not None:
            self.bind.stop()

    # ---- the page, section by section ----

    def with_its_keys(self):
        move = self.keys
        keys = move.shell.dir / "keys"
        keys.mkdir()
        for f in self.bind.dir.glob(f"K{move.name}*"):
            shutil.copy(f, keys)
        yield after(1), "it has been asked for"
        for command in commands("From BIND, with its keys"):
            move.shell.run(command)
        move.set_ns([NEW_CONCORD], serial=2)
        yield after(WAIT), "caches have the new server alone"
        yield from self.bind_can_go("keys")
        yield after(1), "it has been asked for"
        assert ds_of(self.concord, move.name) == move.zone.delegation.ds

    def while_both_sign(self):
        move = self.both
        bind_ds = list(move.zone.delegation.ds)
        to_concord, to_bind, ds, drop = commands("From BIND, both signing")
        yield after(1), "it has been asked for"
        move.shell.run(to_concord)
        move.shell.run(to_bind)
        yield move.have_both_keys, "both have both keys"
        yield after(WAIT), "caches have both keys"
        both = bind_ds + [line.split(" DS ")[1].lower() for line in move.shell.run(ds).splitlines()]
        assert len(both) == 2
        move.zone.delegation.set_ds(both)
        yield after(WAIT), "caches have both DS"
        yield from move.exchange_ns()
        yield from self.bind_can_go("both")
        move.zone.delegation.set_ds([d for d in both if d not in bind_ds])
        yield after(WAIT), "caches have the new DS alone"
        move.shell.run(drop)
        assert len(keys_of(self.concord, move.name)) == 2

    def to_powerdns(self):
        move = self.away
        concord_ds = list(move.zone.delegation.ds)
        to_powerdns, to_concord, ds, drop = self.away_commands
        yield after(1), "it has been asked for"
        move.shell.run(to_powerdns)
        move.shell.run(to_concord)
        yield move.have_both_keys, "both have both keys"
        yield after(WAIT), "caches have both keys"
        made = [line.split(" DS ")[1].lower() for line in move.shell.run(ds).splitlines()]
        assert len(made) == 1
        move.zone.delegation.set_ds(concord_ds + made)
        yield after(WAIT), "caches have both DS"
        yield from move.exchange_ns()
        self.leaving.stop()
        move.zone.delegation.set_ds(made)
        yield after(WAIT), "caches have the new DS alone"
        move.shell.run(drop)
        yield lambda: len(keys_of(self.powerdns, move.name)) == 2, "Concord's key is gone"

    def without_the_exchange_of_keys(self):
        """The negative control."""
        move = self.careless
        yield after(1), "it has been asked for"
        move.set_ns([OLD_BIND, NEW_CONCORD], serial=2)
        yield after(2), "it has been asked for"
        with pytest.raises(AssertionError, match="under the DNSKEY set of"):
            move.zone.recorder.judge()
        self.lab.zones.remove(move.zone)


def test_zones_move_with_their_keys_and_while_both_sign_and_carelessness_is_found(tmp_path, daemons):
    moves = Moves(tmp_path, daemons)
    moves.lab.run({"keys": moves.with_its_keys(), "both": moves.while_both_sign(), "away": moves.to_powerdns(),
                   "careless": moves.without_the_exchange_of_keys()})
    print(moves.lab.finish())
