# SPDX-License-Identifier: Apache-2.0
"""A client of the HTTP interface, and certificates for it."""
import datetime
import http.client
import ipaddress
import json
import re
import socket
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.daemons import free_port


class Authority:
    """Issues certificates, as files below a directory."""

    def __init__(self, directory, name="lab authority"):
        self.dir = directory
        self.dir.mkdir(parents=True, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._build(self.name, self.key.public_key(), ca=True)
        self.path = self._write("ca.pem", self.certificate.public_bytes(serialization.Encoding.PEM))

    def _write(self, name, octets):
        path = self.dir / name
        path.write_bytes(octets)
        path.chmod(0o600)
        return path

    def _build(self, subject, public, ca=False, names=(), client=False, days=1):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public)
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=2)).not_valid_after(now + datetime.timedelta(days=days))
                   .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if not ca:
            usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name, client=False, days=1):
        """(certificate, key) files."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(name)] if client else [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        made = self._build(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key.public_key(), names=names, client=client, days=days)
        return (self._write(f"{name}.pem", made.public_bytes(serialization.Encoding.PEM)),
                self._write(f"{name}.key", key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())))


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, dict(response.getheaders()), response.read()
        self.type = self.headers.get("Content-Type", "")
        self.json = json.loads(self.body) if "json" in self.type and self.body else None
        self.etag = self.headers.get("ETag")

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:500]!r}"


class Web:
    """HTTPS with a token or a client certificate; one connection a request unless `keep` is given."""

    def __init__(self, port, ca, token=None, certificate=None, address="127.0.0.1", host=None, source=None):
        self.source = (source, 0) if source else None
        self.port, self.address, self.token, self.host = port, address, token, host
        self.context = ssl.create_default_context(cafile=str(ca))
        if certificate is not None:
            self.context.load_cert_chain(*map(str, certificate))

    def connect(self, timeout=20):
        return http.client.HTTPSConnection(self.address, self.port, context=self.context, timeout=timeout, source_address=self.source)

    def raw(self, timeout=20):
        """A TLS connection for what no client library would send."""
        return self.context.wrap_socket(socket.create_connection((self.address, self.port), timeout=timeout), server_hostname=self.address)

    def headers(self, more):
        given = {"Host": self.host} if self.host else {}
        if self.token is not None:
            given["Authorization"] = f"Bearer {self.token}"
        return {**given, **more}

    def ask(self, method, path, body=None, keep=None, **more):
        headers = self.headers({k.replace("_", "-"): v for k, v in more.items()})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection = keep or self.connect()
        connection.request(method, path, body=body, headers=headers)
        answer = Answer(connection.getresponse())
        if keep is None:
            connection.close()
        return answer

    def get(self, path, **more):
        return self.ask("GET", path, **more)


class Access:
    """The `api` section of a daemon: certificate, tokens, clients. Before Concord.write_config()."""

    def __init__(self, concord, requests_per_minute=100000, **options):
        self.concord, self.port = concord, free_port()
        self.authority = Authority(concord.dir / "tls")
        self.options = {"requests-per-minute": requests_per_minute, **{k.replace("_", "-"): v for k, v in options.items()}}
        self.clients = []
        self.tokens = concord.dir / "tokens.yaml"

    def token(self, name, scopes="read", **bounds):
        options = [x for k, v in bounds.items() for x in (f"--{k}", v)]
        done = self.concord.ctl_raw("token", "new", name, "--scopes", scopes, "--file", self.tokens, *options)
        assert done.returncode == 0, done.stderr
        token = done.stdout.strip()
        assert re.fullmatch("concord_[0-9a-f]{64}", token) and token not in self.tokens.read_text()
        return token

    def client(self, name, scopes="read", bounds=""):
        self.clients.append(f"    - {{name: {name}, scopes: [{scopes}]{bounds}}}")
        return self.authority.issue(name, client=True)

    def write(self):
        certificate, key = self.authority.issue("localhost")
        lines = ["api:", f"  listen: 127.0.0.1@{self.port}",
                 f"  tls: {{certificate: {certificate}, key: {key}, client-ca: {self.authority.path}}}"]
        if self.tokens.exists():
            lines.append(f"  tokens: {self.tokens}")
        lines += [f"  {k}: {v}" for k, v in self.options.items()]
        if self.clients:
            lines += ["  clients:", *self.clients]
        self.concord.extra = "\n".join(lines) + "\n"
        self.concord.write_config()

    def web(self, token=None, certificate=None, **options):
        return Web(self.port, self.authority.path, token, certificate, **options)
