# SPDX-License-Identifier: Apache-2.0
"""The same zones for all servers: unsigned, or signed with the same keys: the peers' by dnssec-signzone, ours online."""
import subprocess

from lab.daemons import Concord, free_port
from lab.peers import BindMany, KnotMany, NsdMany, PowerDnsMany

MODES = ("unsigned", "nsec", "nsec3")
PEERS = (NsdMany, KnotMany, BindMany, PowerDnsMany)


def make_keys(directory, zone):
    """A KSK and a ZSK; their file names without suffix."""
    keys = []
    for flag in (["-f", "KSK"], []):
        done = subprocess.run(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-K", directory, *flag, zone], check=True,
                              capture_output=True, text=True)
        keys.append(directory / done.stdout.strip())
    return keys


def sign(directory, zone, text, keys, mode):
    """The zone as signed by BIND's tool."""
    base = zone.rstrip(".") or "root"
    plain, signed = directory / f"{base}.plain", directory / f"{base}.signed"
    records = "".join(k.with_name(k.name + ".key").read_text() for k in keys)
    plain.write_text(text + records)
    denial = {"nsec3": ["-3", "-", "-H", "0"], "opt-out": ["-3", "ab1234", "-H", "5", "-A"]}.get(mode, [])
    subprocess.run(["dnssec-signzone", "-q", "-P", "-x", "-N", "keep", "-O", "full", "-K", directory, "-o", zone, "-f", signed, *denial, plain],
                   check=True, capture_output=True, cwd=directory)
    return signed.read_text()


def setup_ours(directory, zones, modes):
    """{mode: concordd}: the same zones and keys, each in another way of denial."""
    keys_dir = directory / "keys"
    keys_dir.mkdir()
    keys = {name: make_keys(keys_dir, name) for name in zones}
    daemons = {}
    for mode in modes:
        d = Concord(directory / mode)
        d.options["tcp-max-per-client"] = 1000
        for name, text in zones.items():
            d.zone(name, text, signing=mode, keys="[" + ", ".join("{file: " + str(k) + ".private}" for k in keys[name]) + "]")
        d.extra = f"signing:\n  - id: {mode}\n    denial: {mode}\n"
        d.write_config()
        daemons[mode] = d
    return daemons


def setup(directory, zones, mode, given=False):
    """{name: daemon}, configured and not started. `given`: ours gets the zones as they were signed for the peers, too."""
    ours = Concord(directory / "concord")
    ours.options["tcp-max-per-client"] = 1000
    signed = {}
    keys_dir = directory / "keys"
    keys_dir.mkdir()
    for name, text in zones.items():
        if mode == "unsigned":
            ours.zone(name, text, signing="none")
            signed[name] = text
            continue
        keys = make_keys(keys_dir, name)
        if given:
            signed[name] = sign(keys_dir, name, text, keys, mode)
            ours.zone(name, signed[name], signing="none")
            continue
        listed = ", ".join("{file: " + str(k) + ".private}" for k in keys)
        ours.zone(name, text, signing=mode, keys=f"[{listed}]")
        signed[name] = sign(keys_dir, name, text, keys, mode)
    if mode != "unsigned" and not given:
        ours.extra = f"signing:\n  - id: {mode}\n    denial: {mode}\n"
    ours.write_config()
    daemons = {"concordd": ours}
    for peer in PEERS:
        d = peer(directory / peer.name, port=free_port())
        if peer is PowerDnsMany:
            d.configure(signed, mode != "unsigned")
        else:
            d.configure(signed)
        daemons[peer.name] = d
    return daemons
