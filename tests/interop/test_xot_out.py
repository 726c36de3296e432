# SPDX-License-Identifier: Apache-2.0
"""BIND as a secondary over TLS (RFC 9103) that shows a certificate of its own."""
import base64
import hashlib
import os
import subprocess

import dns.query
import dns.rcode
import dns.tsig
import dns.update

from lab.daemons import Concord, free_port
from lab.secondaries import SECRET, BindSecondary
from lab.signed_zone import records, transferred
from lab.wait import wait_until


def make_certificate(directory, name):
    """Its pin."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                    "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    public = subprocess.run(["openssl", "x509", "-in", directory / f"{name}.pem", "-noout", "-pubkey"], check=True, capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public, check=True, capture_output=True).stdout
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


class BindOverTls(BindSecondary):
    def configure(self, primary):
        super().configure(primary)
        conf = (self.dir / "named.conf").read_text()
        conf = conf.replace(f"port {primary.port} key k;", f"port {primary.tls_port} key k tls concord;")
        files = primary.dir
        (self.dir / "named.conf").write_text(
            f'tls concord {{ ca-file "{files}/dns.test.pem"; remote-hostname "dns.test"; cert-file "{files}/ns2.test.pem"; '
            f'key-file "{files}/ns2.test.key"; protocols {{ TLSv1.3; }}; }};\n' + conf)


def test_bind_follows_over_tls_with_certificate_and_key(tmp_path, daemons):
    primary, port = Concord(tmp_path / "concord"), free_port()
    primary.tls_port = free_port()
    primary.options.update({"listen-tls": f"[127.0.0.1@{primary.tls_port}]", "tls": "{certificate: dns.test.pem, key: dns.test.key}"})
    make_certificate(primary.dir, "dns.test")
    pin = make_certificate(primary.dir, "ns2.test")
    primary.extra = f"tsig-keys:\n  - {{name: k., secret: \"{SECRET}\"}}\n"
    text = "$TTL 60\n@ IN SOA ns1 h 1 3600 900 604800 60\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"
    primary.zone("example.", text + "".join(f"h{i} IN TXT \"{'x' * 200}\"\n" for i in range(300)), signing="none",
                 allow_transfer=f"[{{key: k., client-certificate: \"{pin}\"}}]", allow_update="[{key: k.}]",
                 notify=f"[127.0.0.1@{port}]")
    primary.write_config()
    os.chmod(primary.config, 0o600)
    daemons.append(primary)
    primary.start()
    secondary = BindOverTls(tmp_path / "secondary", primary, port=port)
    daemons.append(secondary)
    secondary.start()
    for i in range(10):
        u = dns.update.UpdateMessage("example.")
        u.use_tsig(dns.tsig.Key("k.", SECRET, "hmac-sha256"))
        u.add(f"n{i}", 60, "TXT", str(i))
        assert dns.query.tcp(u, primary.address, port=primary.port, timeout=5).rcode() == dns.rcode.NOERROR
    wait_until(lambda: secondary.ask("example.", "SOA").answer[0][0].serial == 11, "the secondary has the last serial", 30)
    theirs = records(transferred(secondary, "example."))
    assert len(theirs) == 3 + 300 + 10
    assert primary.logged("transfer: IXFR to 127.0.0.1 key k.")
