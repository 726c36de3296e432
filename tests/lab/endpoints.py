# SPDX-License-Identifier: Apache-2.0
"""Endpoints that a health check looks at: well, or ill in every way that a test asks for."""
import datetime
import http.server
import ipaddress
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_certificate(directory, name, days=30, began=-1):
    """A certificate that is its own authority, for `name` and every loopback address; (certificate file, key file)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.utcnow()
    alternatives = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now + datetime.timedelta(days=began))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName(alternatives), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256()))
    certificate, private = directory / f"{name}.{days}.pem", directory / f"{name}.{days}.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))
    return certificate, private


class Endpoint:
    """An HTTP server on `address`:`port`. `mode` is what it does with requests: "ok", "500", "hang", "slow" (half a header), "other" (another
    body), "flap" (200 and 500 in turn). It counts them, and remembers the last Host and path."""

    def __init__(self, address, port, certificate=None):
        self.address, self.port, self.certificate = address, port, certificate
        self.mode, self.requests, self.host, self.path = "ok", 0, None, None
        self.server = None
        self.release = threading.Event()
        self.start()

    def start(self):
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                endpoint.requests += 1
                endpoint.host, endpoint.path = self.headers.get("Host"), self.path
                mode = endpoint.mode
                if mode == "flap":
                    mode = "ok" if endpoint.requests % 2 else "500"
                if mode == "slow":
                    self.wfile.write(b"HTTP/1.0 200 OK\r\nServer: slow")
                if mode in ("hang", "slow"):
                    endpoint.release.wait(30)
                self.send_response(500 if mode == "500" else 200)
                body = b"another thing" if mode == "other" else b"all is well"
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 256

            def handle_error(self, *args):
                pass

        self.release.clear()
        self.server = Server((self.address, self.port), Handler)
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        """Dies: connections are refused."""
        if self.server is None:
            return
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.server = None
