# SPDX-License-Identifier: Apache-2.0
"""certbot and lego prove a zone by dynamic update, to a certificate authority (pebble) that asks through a validating Unbound: a wildcard
certificate is issued."""
import os
import subprocess

import pytest
import requests

from lab.daemons import Concord, Daemon, Unbound, free_port
from lab.wait import wait_until

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE="
ZONE = """$TTL 60
@ IN SOA ns1 hostmaster 1 3600 900 604800 60
@ IN NS ns1
ns1 IN A 127.0.0.1
"""


class Pebble(Daemon):
    name = "pebble"

    def configure(self, resolver):
        self.resolver = resolver
        certificate = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                       "-keyout", self.dir / "tls.key", "-out", self.dir / "tls.pem", "-subj", "/CN=localhost",
                       "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:TRUE"]
        subprocess.run([str(c) for c in certificate], check=True, capture_output=True)
        (self.dir / "pebble.json").write_text(f"""{{"pebble": {{
  "listenAddress": "{self.address}:{self.port}", "managementListenAddress": "{self.address}:{free_port()}",
  "certificate": "{self.dir}/tls.pem", "privateKey": "{self.dir}/tls.key", "httpPort": {free_port()}, "tlsPort": {free_port()} }}}}""")
        self.directory = f"https://127.0.0.1:{self.port}/dir"

    def launch(self):
        self.run("pebble", "-config", self.dir / "pebble.json", "-dnsserver", f"{self.resolver.address}:{self.resolver.port}",
                 env={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"})

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"pebble ended:\n{self.log()}")
        try:
            return requests.get(self.directory, verify=str(self.dir / "tls.pem"), timeout=2).ok
        except requests.RequestException:
            return False


@pytest.fixture
def authority(tmp_path, daemons):
    concord = Concord(tmp_path / "concord")
    concord.extra = f"tsig-keys:\n  - {{name: acme., secret: \"{SECRET}\"}}\n"
    concord.zone("shop.test.", ZONE, allow_update="[{key: acme., names: [_acme-challenge.shop.test.], types: [TXT]}]")
    concord.write_config()
    os.chmod(concord.config, 0o600)
    daemons.append(concord)
    concord.start()
    resolver = Unbound(tmp_path / "unbound", port=free_port())
    resolver.parent("shop.test.", concord.address, concord.port, concord.ds("shop.test."))
    pebble = Pebble(tmp_path / "pebble", port=free_port())
    pebble.configure(resolver)
    for d in (resolver, pebble):
        daemons.append(d)
        d.start()
    return concord, resolver, pebble


def certbot(concord, resolver, pebble, directory):
    credentials = directory / "rfc2136.ini"
    credentials.write_text(f"dns_rfc2136_server = {concord.address}\ndns_rfc2136_port = {concord.port}\ndns_rfc2136_name = acme.\n"
                           f"dns_rfc2136_secret = {SECRET}\ndns_rfc2136_algorithm = HMAC-SHA256\n")
    credentials.chmod(0o600)
    command = ["certbot", "certonly", "--non-interactive", "--agree-tos", "--email", "hostmaster@shop.test", "--no-eff-email",
               "--server", pebble.directory, "--config-dir", directory / "config", "--work-dir", directory / "work",
               "--logs-dir", directory / "logs", "--dns-rfc2136", "--dns-rfc2136-credentials", credentials,
               "--dns-rfc2136-propagation-seconds", "0", "-d", "*.shop.test"]
    return command, {"REQUESTS_CA_BUNDLE": str(pebble.dir / "tls.pem")}, directory / "config" / "live" / "shop.test" / "cert.pem"


def lego(concord, resolver, pebble, directory):
    command = ["lego", "--server", pebble.directory, "--accept-tos", "--email", "hostmaster@shop.test", "--path", directory,
               "--dns", "rfc2136", "--dns.disable-cp", "--dns.resolvers", f"{resolver.address}:{resolver.port}",
               "--domains", "*.shop.test", "run"]
    return command, {"LEGO_CA_CERTIFICATES": str(pebble.dir / "tls.pem"), "RFC2136_NAMESERVER": f"{concord.address}:{concord.port}",
                     "RFC2136_TSIG_KEY": "acme.", "RFC2136_TSIG_SECRET": SECRET, "RFC2136_TSIG_ALGORITHM": "hmac-sha256.",
                     "RFC2136_POLLING_INTERVAL": "1", "RFC2136_PROPAGATION_TIMEOUT": "10"}, directory / "certificates" / "_.shop.test.crt"


@pytest.mark.parametrize("client", [certbot, lego])
def test_a_wildcard_certificate_is_issued(client, authority, tmp_path):
    concord, resolver, pebble = authority
    directory = tmp_path / "client"
    directory.mkdir()
    command, env, path = client(concord, resolver, pebble, directory)
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120, cwd=directory,
                          env={**os.environ, **env, "HOME": str(directory)})
    assert done.returncode == 0, (done.stdout, done.stderr, concord.log()[-2000:], pebble.log()[-2000:])
    shown = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-ext", "subjectAltName"], capture_output=True, text=True, check=True)
    assert "DNS:*.shop.test" in shown.stdout
    wait_until(lambda: not concord.ask("_acme-challenge.shop.test.", "TXT").answer, "the client has taken its record out again")
