# SPDX-License-Identifier: Apache-2.0
"""Keys named by a URI: in a file, and in a token (SoftHSM) whose private part never leaves it."""
import calendar
import os
import re
import shutil
import sqlite3
import subprocess
import time

import dns.dnssec
import dns.rcode
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lab.oracle import check_answer, check_keys
from lab.wait import wait_until
from test_keys import QUICK_POLICY, QUICK_ZONE, key_state
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

    def objects(self):
        """Keys that it holds, private and public ones."""
        listed = subprocess.run(["pkcs11-tool", "--module", MODULE, "--token-label", "zones", "--login", "--pin", "1234", "-O"], check=True,
                                env={**os.environ, **self.env}, capture_output=True, text=True, timeout=60).stdout
        return listed.count("Key Object;")

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


# ---- keys made in a token ----

def in_token(token, keys="ksk-zsk", store="ksk", algorithm="ecdsap256sha256", more=""):
    uri = f"pkcs11:token=zones?pin-source=file:{token.dir}/pin"
    stores = "".join(f'\n    {s}-store: "{uri}"' for s in store.split())
    return QUICK_POLICY.replace("  - id: quick\n", f"  - id: quick\n    algorithm: {algorithm}\n    keys: {keys}{stores}{more}\n")


def own_files(c):
    return sorted(p.name for p in (c.dir / "state").glob("keys/**/*.private"))


def own_keys(c):
    return c.ctl("key", "list", "example.")["keys"]


@pytest.mark.parametrize("algorithm,number", [("ecdsap256sha256", 13), ("ecdsap384sha384", 14), ("rsasha256", 8), ("rsasha512", 10)])
def test_keys_are_made_in_the_token_that_the_policy_names(concord, tmp_path, algorithm, number):
    token = Token(tmp_path)
    c = concord(start=False, zone=QUICK_ZONE, extra=in_token(token, store="ksk zsk", algorithm=algorithm), signing="quick")
    c.env = token.env
    c.start()
    keys = is_right(c)
    assert [k.algorithm for k in keys] == [number] * 2 and not own_files(c)
    c.stop()
    c.start()  # the same keys: they are named in the store
    assert is_right(c) == keys
    assert "1234" not in c.log()


def test_keys_in_a_token_are_rolled_and_what_cannot_be_made_waits(concord, tmp_path):
    """The KSK in the token, the ZSK in a file; the token does not let us in when a roll is asked for."""
    token = Token(tmp_path)
    c = concord(start=False, zone=QUICK_ZONE, extra=in_token(token), signing="quick")
    c.env = token.env
    c.start()
    assert len(own_files(c)) == 1
    wait_until(lambda: key_state(c, "ksk") == "ready", "the KSK is ready", 30)
    first = next(k["tag"] for k in own_keys(c) if k["role"] == "ksk")
    c.ctl("key", "ds-seen", "example.", first)
    wait_until(lambda: key_state(c, "ksk") == "active", "the DS is everywhere", 30)
    (token.dir / "pin").chmod(0o644)
    c.ctl_raw("key", "roll", "example.", "--role", "ksk")
    wait_until(lambda: "key: the next step waits" in c.log(), "it is told")
    assert "the file of pin-source may be read by others: chmod 600" in c.log() and "hsm/pin" not in c.log()
    assert len(own_keys(c)) == 2
    is_right(c)
    (token.dir / "pin").chmod(0o600)
    c.ctl("key", "hold", "example.", "x")
    c.ctl("key", "release", "example.")  # does not wait for the next try
    wait_until(lambda: len(own_keys(c)) == 3, "the successor is made", 20)
    second = next(k["tag"] for k in own_keys(c) if k["role"] == "ksk" and k["tag"] != first)
    wait_until(lambda: any(k["tag"] == second and k["state"] == "ready" for k in own_keys(c)), "it is ready", 30)
    assert second in {dns.dnssec.key_id(k) for k in is_right(c)}
    assert len(own_files(c)) == 1 and token.objects() == 4


def test_a_key_that_cannot_be_kept_leaves_nothing_in_the_token(concord, tmp_path):
    token = Token(tmp_path)
    c = concord(start=False, zone=QUICK_ZONE, extra=in_token(token), signing="quick")
    c.env = token.env
    c.start()
    before = token.objects()
    assert before == 2
    other = sqlite3.connect(c.dir / "state" / "concord.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert c.ctl_raw("key", "generate", "example.", "--role", "ksk").returncode != 0
    other.execute("ROLLBACK")
    other.close()
    assert token.objects() == before
    c.ctl("key", "generate", "example.", "--role", "ksk")
    assert token.objects() == before + 2


def test_a_key_that_stands_in_a_token_is_taken_and_rolled_from_then_on(concord, tmp_path):
    token = Token(tmp_path)
    keys = [f"{role}={token.key(role, 'EC:prime256v1')}" for role in ("ksk", "zsk")]
    c = concord(start=False, zone=QUICK_ZONE, extra=in_token(token, store="ksk zsk"), signing="quick")
    c.env = token.env
    c.start()
    assert len(c.ctl("zone", "adopt", "example.", *keys)["keys"]) == 2
    is_right(c)
    zsk = next(k["tag"] for k in own_keys(c) if k["role"] == "zsk")
    c.ctl("key", "roll", "example.", "--role", "zsk")
    wait_until(lambda: any(k["tag"] != zsk and k["signs_zone"] for k in own_keys(c)), "the successor signs", 60)
    is_right(c)
    assert not own_files(c) and token.objects() == 2 * 5  # two of the start, two adopted, the successor


def test_a_key_that_the_configuration_names_says_who_makes_its_successor_and_until_when(concord, tmp_path):
    key = pem(tmp_path / "csk.pem", ec.generate_private_key(ec.SECP256R1()))
    c = concord(extra="signing:\n  - {id: t, keys: csk, csk-lifetime: 30d}", signing="t", keys=f"[{{file: {key}, role: csk}}]")
    told = c.ctl("key", "list", "example.")["keys"][0]
    until = calendar.timegm(time.strptime(told["next_at"], "%Y-%m-%dT%H:%M:%SZ"))
    assert told["who_acts"] == "operator" and abs(until - time.time() - 30 * 86400) < 120
    said = c.ctl_raw("key", "list", "example.").stdout
    assert "is at the end of its lifetime on" in said and "is not rolled by itself; you have to act" in said
    before = re.search(r"lifetime on (\S+ \S+)", said)[1]
    c.stop()
    c.start()  # it counts from when it was named first
    assert re.search(r"lifetime on (\S+ \S+)", c.ctl_raw("key", "list", "example.").stdout)[1] == before
