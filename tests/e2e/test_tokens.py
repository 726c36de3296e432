# SPDX-License-Identifier: Apache-2.0
"""Keys named by a URI: in a file, and in a token (SoftHSM) whose private part never leaves it."""
import os
import shutil
import subprocess

import dns.rcode
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lab.oracle import check_answer, check_keys
from test_signing import ZONE, ds_of

MODULE = "/usr/lib/softhsm/libsofthsm2.so"


def is_right(c):
    keys = check_keys(c.ask("example.", "DNSKEY", do=True, tcp=True), ZONE, ds_of(c))
    for name, rdtype in (("www.example.", "A"), ("no.example.", "A"), ("example.", "SOA")):
        check_answer(c.ask(name, rdtype, do=True, tcp=True), ZONE, keys)
    return keys


class Token:
    """SoftHSM with one token, and PIN and configuration in files."""

    def __init__(self, directory):
        self.dir = directory / "hsm"
        (self.dir / "tokens").mkdir(parents=True)
        (self.dir / "softhsm2.conf").write_text(f"directories.tokendir = {self.dir}/tokens\nobjectstore.backend = file\n")
        (self.dir / "pin").write_text("1234")
        (self.dir / "pin").chmod(0o600)
        self.env = {"SOFTHSM2_CONF": str(self.dir / "softhsm2.conf"), "PKCS11_MODULE_PATH": MODULE}
        self.run("softhsm2-util", "--init-token", "--free", "--label", "zones", "--pin", "1234", "--so-pin", "5678")

    def run(self, *command):
        done = subprocess.run(command, env={**os.environ, **self.env}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (command, done.stdout, done.stderr)

    def key(self, label, kind):
        self.run("pkcs11-tool", "--module", MODULE, "--token-label", "zones", "--login", "--pin", "1234", "--keypairgen", "--key-type", kind,
                 "--label", label, "--id", label.encode().hex())
        return f"pkcs11:token=zones;object={label};type=private?pin-source=file:{self.dir}/pin"


@pytest.mark.parametrize("kind,algorithm", [("EC:prime256v1", "ecdsap256sha256"), ("EC:secp384r1", "ecdsap384sha384"),
                                            ("rsa:2048", "rsasha256"), ("rsa:2048", "rsasha512")])
def test_a_zone_is_signed_by_keys_of_a_token(concord, tmp_path, kind, algorithm):
    token = Token(tmp_path)
    uris = {role: token.key(role, kind) for role in ("ksk", "zsk")}
    keys = ", ".join(f'{{uri: "{u}", role: {r}, algorithm: {algorithm}}}' for r, u in uris.items())
    c = concord(start=False, extra=f"signing:\n  - {{id: t, algorithm: {algorithm}}}", signing="t", keys=f"[{keys}]")
    c.env = token.env
    c.start()
    assert len(is_right(c)) == 2
    assert not list((c.dir / "state").glob("keys/**/*.private"))
    assert "1234" not in c.log()


def test_a_token_that_goes_leaves_what_is_signed_and_nothing_unsigned(concord, tmp_path):
    token = Token(tmp_path)
    uri = token.key("csk", "EC:prime256v1")
    c = concord(start=False, extra="signing:\n  - {id: t, keys: csk}", signing="t", keys=f'[{{uri: "{uri}", role: csk}}]')
    c.env = token.env
    c.start()
    is_right(c)
    signed = c.ask("www.example.", "A", do=True).answer
    shutil.move(token.dir / "tokens", token.dir / "gone")
    assert c.ask("www.example.", "A", do=True).answer == signed
    fresh = c.ask("mail.example.", "A", do=True)  # never asked before: needs a signature
    assert fresh.rcode() == dns.rcode.SERVFAIL or len(fresh.answer) == 2, fresh
    c.ctl_raw("reload")
    assert c.ask("www.example.", "A", do=True).answer == signed
    c.stop()
    c.start()  # other zones would be served
    lost = c.ask("www.example.", "A", do=True)
    assert lost.rcode() == dns.rcode.SERVFAIL and not lost.answer
    assert c.logged("no private key there") and c.logged("object=csk") and "hsm/pin" not in c.log()
    shutil.move(token.dir / "gone", token.dir / "tokens")
    c.ctl("reload")
    is_right(c)


def pem(path, key):
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    path.chmod(0o600)
    return path


def test_a_file_may_be_named_by_its_uri(concord, tmp_path):
    key = pem(tmp_path / "csk.pem", ec.generate_private_key(ec.SECP256R1()))
    c = concord(extra="signing:\n  - {id: t, keys: csk}", signing="t", keys=f'[{{uri: "file:{key}", role: csk}}]')
    assert len(is_right(c)) == 1
    c.stop()
    key.chmod(0o644)
    code, said = c.fails_to_start()
    assert code == 1 and "may be read by others" in said


@pytest.mark.parametrize("algorithm,number", [("rsasha256", 8), ("rsasha512", 10)])
def test_an_rsa_pem_is_of_the_algorithm_that_is_given(concord, tmp_path, algorithm, number):
    key = pem(tmp_path / "csk.pem", rsa.generate_private_key(65537, 2048))
    c = concord(extra=f"signing:\n  - {{id: t, keys: csk, algorithm: {algorithm}}}", signing="t",
                keys=f"[{{file: {key}, role: csk, algorithm: {algorithm}}}]")
    assert [k.algorithm for k in is_right(c)] == [number]


REFUSALS = [
    ("a PIN in the configuration", '{uri: "pkcs11:token=zones;object=x?pin-value=1234", role: csk}', "use pin-source"),
    ("no URI", "{uri: /etc/key, role: csk}", "a URI"),
    ("neither file nor URI", "{role: csk}", "file or uri"),
    ("a scheme that nobody knows", '{uri: "gopher:key", role: csk}', "no private key there"),
    ("no role", '{uri: "pkcs11:object=x"}', "needs its role"),
]


@pytest.mark.parametrize("row", REFUSALS, ids=[r[0] for r in REFUSALS])
def test_refuses_with_a_reason(concord, row):
    _, key, reason = row
    code, said = concord(start=False, keys=f"[{key}]").check()
    assert code != 0 and reason in said and "1234" not in said
