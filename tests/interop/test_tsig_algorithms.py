# SPDX-License-Identifier: Apache-2.0
"""TSIG with each algorithm of RFC 8945 section 6 that is not MD5, with BIND, Knot and NSD, in both roles: zones that nobody gets without
the key go from the peer to us and from us to the peer."""
import os

import dns.rcode
import pytest

from lab.daemons import Bind, Concord, Daemon, Nsd, free_port
from lab.peers import KnotMany
from lab.wait import wait_until

ALGORITHMS = ["sha1", "sha224", "sha256", "sha384", "sha512"]
SECRET = "c2VjcmV0LW9mLXRoZS10ZXN0cy1vbmx5LW5vLW90aGVyLWtleS1hdC1hbGw="
ZONE = "$TTL 300\n@ IN SOA ns h 1 3600 900 1209600 300\n@ IN NS ns\nns IN A 192.0.2.1\nwww IN A 192.0.2.2\n"


class BindPeer(Bind):
    def configure(self, ours):
        (self.dir / "zone.db").write_text(ZONE)
        text = f"""options {{ directory "{self.dir}"; listen-on port {self.port} {{ {self.address}; }}; listen-on-v6 {{ none; }}; recursion no;
  pid-file "{self.dir}/named.pid"; session-keyfile "{self.dir}/session.key"; notify no; dnssec-validation no; }};
controls {{ }};
"""
        for a in ALGORITHMS:
            text += f"""key k-{a}. {{ algorithm hmac-{a}; secret "{SECRET}"; }};
zone "theirs-{a}.test" {{ type primary; file "zone.db"; allow-transfer {{ key k-{a}.; }}; }};
zone "ours-{a}.test" {{ type secondary; file "ours-{a}.db"; primaries {{ {ours.address} port {ours.port} key k-{a}.; }}; }};
"""
        (self.dir / "named.conf").write_text(text)


class KnotPeer(KnotMany):
    def configure(self, ours):
        (self.dir / "zone.db").write_text(ZONE)
        keys = "".join(f"  - id: k-{a}.\n    algorithm: hmac-{a}\n    secret: {SECRET}\n" for a in ALGORITHMS)
        remotes = "".join(f"  - id: r-{a}\n    address: {ours.address}@{ours.port}\n    key: k-{a}.\n" for a in ALGORITHMS)
        acls = "".join(f"  - id: a-{a}\n    key: k-{a}.\n    action: transfer\n" for a in ALGORITHMS)
        zones = "".join(f"  - domain: theirs-{a}.test\n    file: {self.dir}/zone.db\n    zonefile-sync: -1\n    acl: a-{a}\n"
                        f"  - domain: ours-{a}.test\n    master: r-{a}\n    zonefile-sync: -1\n" for a in ALGORITHMS)
        (self.dir / "knot.conf").write_text(f"server:\n  listen: {self.address}@{self.port}\n  rundir: {self.dir}\n  background-workers: 1\n"
                                            f"database:\n  storage: {self.dir}\nlog:\n  - target: stderr\n    any: info\n"
                                            f"key:\n{keys}remote:\n{remotes}acl:\n{acls}zone:\n{zones}")


class NsdPeer(Nsd):
    def configure(self, ours):
        (self.dir / "zone.db").write_text(ZONE)
        text = f"""server:
  ip-address: {self.address}@{self.port}
  username: ""
  zonesdir: "{self.dir}"
  zonelistfile: "{self.dir}/zone.list"
  xfrdfile: "{self.dir}/xfrd.state"
  database: ""
  pidfile: "{self.dir}/nsd.pid"
  xfrdir: "{self.dir}"
  server-count: 1
remote-control:
  control-enable: no
"""
        for a in ALGORITHMS:
            text += f"""key:
  name: "k-{a}."
  algorithm: hmac-{a}
  secret: "{SECRET}"
zone:
  name: "theirs-{a}.test"
  zonefile: "zone.db"
  provide-xfr: 127.0.0.0/8 k-{a}.
zone:
  name: "ours-{a}.test"
  zonefile: "ours-{a}.db"
  request-xfr: AXFR {ours.address}@{ours.port} k-{a}.
"""
        (self.dir / "nsd.conf").write_text(text)


@pytest.mark.parametrize("kind", [BindPeer, KnotPeer, NsdPeer])
def test_each_algorithm_in_both_roles(daemons, tmp_path, kind):
    peer = kind(tmp_path / "peer", port=free_port())
    c = Concord(tmp_path / "concord")
    keys = "".join(f"  - {{name: k-{a}., algorithm: hmac-{a}, secret: \"{SECRET}\"}}\n" for a in ALGORITHMS)
    remotes = "".join(f"  - {{id: r-{a}, address: {peer.address}@{peer.port}, key: k-{a}.}}\n" for a in ALGORITHMS)
    c.extra = f"tsig-keys:\n{keys}remotes:\n{remotes}"
    c.file("zone.db", ZONE)
    for a in ALGORITHMS:
        c.zones.append(f"  - {{name: theirs-{a}.test, primaries: [r-{a}], signing: none}}")
        c.zones.append(f"  - {{name: ours-{a}.test, file: zone.db, signing: none, allow-transfer: [{{key: k-{a}.}}]}}")
    c.write_config()
    os.chmod(c.config, 0o600)
    daemons += [c, peer]
    c.start()
    peer.configure(c)
    Daemon.start(peer)
    for a in ALGORITHMS:
        c.ctl("zone", "refresh", f"theirs-{a}.test")
    for server, whose in ((c, "theirs"), (peer, "ours")):
        for a in ALGORITHMS:
            wait_until(lambda: server.ask(f"www.{whose}-{a}.test.", "A").answer, f"{server.name} has {whose}-{a}.test", 60)
    assert c.ask("www.theirs-sha1.test.", "A").rcode() == dns.rcode.NOERROR
