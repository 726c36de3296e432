# SPDX-License-Identifier: Apache-2.0
"""Keys put into other signers: what differs and nothing more, never the other one's own; and services that misbehave."""
import contextlib
import http.server
import json
import ssl
import subprocess
import threading
import time

import dns.dnssec
import dns.name
import dns.rdatatype
import pytest

from lab.daemons import BUILD, Bind, Concord, free_port
from lab.peers import Knot, PowerDns
from lab.web import Access, Authority
from test_keys import p256

ZONE = "shop.example."
TEXT = f"""$ORIGIN {ZONE}
$TTL 300
@ IN SOA ns1 root 1 3600 600 86400 60
@ IN NS ns1
ns1 IN A 127.0.0.1
www IN A 192.0.2.1
"""
TOOL = BUILD / "tests" / "tools" / "push_tool"


def zsk():
    return f"256 3 13 {p256()}"


class Ours:
    """Our side: a configuration with one peer."""

    def __init__(self, directory, peer, token=None, extra=""):
        self.dir = directory
        self.config = directory / "ours.yaml"
        (directory / "token").write_text((token or "unused") + "\n")
        (directory / "token").chmod(0o600)
        self.config.write_text(f"{extra}\npeers:\n  - id: other\n    {peer}\nzones: []\n")
        self.config.chmod(0o600)

    def run(self, *records):
        words = [w for r in records for w in r]
        return subprocess.run([str(TOOL), str(self.config), "other", ZONE, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)

    def push(self, *records):
        done = self.run(*records)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)


def taken(result):
    return (result["err"], result["changed"])


def served(server, rdtype="DNSKEY"):
    answer = server.ask(ZONE, rdtype, do=True)
    found = [r for r in answer.answer if r.rdtype == dns.rdatatype.from_text(rdtype)]
    return {r.to_text() for r in found[0]} if found else set()


def squeezed(keys):
    return {" ".join(k.split()[:3]) + " " + "".join(k.split()[3:]) for k in keys}


def test_concord_gets_our_whole_set_and_only_when_it_differs(tmp_path, daemons):
    c = Concord(tmp_path / "concord")
    access = Access(c)
    c.zone(ZONE, TEXT)
    token = access.token("us", "read,keys", zone=ZONE, peer="us")
    access.write()
    daemons.append(c)
    c.start()
    ours = Ours(tmp_path, f"service: concord\n    url: https://localhost:{access.port}/\n    token: token\n    as: us\n"
                          f"    tls: {{ca-file: {access.authority.path}}}", token)
    own = squeezed(served(c))
    one, two, third = zsk(), zsk(), zsk()
    assert taken(ours.push(("ours", "DNSKEY", one), ("want", "DNSKEY", third))) == ("", True)
    assert squeezed(served(c)) == own | {one}  # a third signer's key is not ours to give
    assert taken(ours.push(("ours", "DNSKEY", one))) == ("", False)
    assert taken(ours.push(("ours", "DNSKEY", one), ("ours", "DNSKEY", two))) == ("", True)
    assert taken(ours.push(("ours", "DNSKEY", two), ("drop", "DNSKEY", one))) == ("", True)
    assert squeezed(served(c)) == own | {two}
    refused = ours.push()  # resolvers hold what the last one signed
    assert taken(refused) == ("refused", False) and "409" in refused["why"]
    assert token not in c.log()


def test_concord_that_does_not_know_our_token_changes_nothing(tmp_path, daemons):
    c = Concord(tmp_path / "concord")
    access = Access(c)
    c.zone(ZONE, TEXT)
    access.token("us", "read,keys")
    access.write()
    daemons.append(c)
    c.start()
    before = served(c)
    ours = Ours(tmp_path, f"service: concord\n    url: https://localhost:{access.port}\n    token: token\n    as: us\n"
                          f"    tls: {{ca-file: {access.authority.path}}}", "concord_" + "0" * 64)
    result = ours.push(("ours", "DNSKEY", zsk()))
    assert taken(result) == ("permissions are wrong", False) and "status 401" in result["why"]
    assert served(c) == before


def test_powerdns_gets_keys_beside_its_own(tmp_path, daemons):
    p = PowerDns(tmp_path / "pdns", port=free_port())
    p.configure(ZONE, TEXT)
    daemons.append(p)
    p.start()
    ours = Ours(tmp_path, f"service: powerdns\n    url: http://127.0.0.1:{p.api_port}\n    token: token\n    push: [keys, cds, ns]", p.KEY)
    own = squeezed(served(p))
    one, two = zsk(), zsk()
    assert len(own) == 1
    assert taken(ours.push(("ours", "DNSKEY", one), ("want", "DNSKEY", two))) == ("", True)
    assert squeezed(served(p)) == own | {one, two}
    assert taken(ours.push(("ours", "DNSKEY", one), ("want", "DNSKEY", two))) == ("", False)
    cds = "12345 13 2 " + "ab" * 32
    assert taken(ours.push(("drop", "DNSKEY", two), ("want", "CDS", cds), ("want", "NS", "ns.other.example."))) == ("", True)
    assert squeezed(served(p)) == own | {one}
    assert served(p, "CDS") == {cds} and served(p, "NS") == {f"ns1.{ZONE}", "ns.other.example."}
    assert taken(ours.push(("drop", "DNSKEY", one), ("drop", "CDS", cds))) == ("", True)
    assert squeezed(served(p)) == own and served(p, "CDS") == set()
    assert taken(ours.push(("drop", "DNSKEY", one), ("drop", "CDS", cds))) == ("", False)
    # Its own key is in no table: it cannot be taken away.
    assert taken(ours.push(*[("drop", "DNSKEY", k) for k in own])) == ("", False)
    assert squeezed(served(p)) == own
    wrong = Ours(tmp_path, f"service: powerdns\n    url: http://127.0.0.1:{p.api_port}\n    token: token", "guessed")
    assert taken(wrong.push(("ours", "DNSKEY", one))) == ("permissions are wrong", False)


def test_powerdns_that_would_ignore_keys_is_told_of(tmp_path, daemons):
    p = PowerDns(tmp_path / "pdns", port=free_port())
    p.configure(ZONE, TEXT, direct=False)
    daemons.append(p)
    p.start()
    ours = Ours(tmp_path, f"service: powerdns\n    url: http://127.0.0.1:{p.api_port}\n    token: token", p.KEY)
    result = ours.push(("ours", "DNSKEY", zsk()))
    assert taken(result) == ("refused", False) and "direct-dnskey=yes" in result["why"]


def tsig(server, key="peer"):
    return (f"tsig-keys:\n  - {{name: {key}, algorithm: hmac-sha256, secret: {server.SECRET}}}\n"
            f"remotes:\n  - {{id: primary, address: 127.0.0.1@{server.port}, key: {key}}}")


def by_update(server, tmp_path, daemons):
    daemons.append(server)
    server.start()
    ours = Ours(tmp_path, "service: update\n    remote: primary\n    push: [keys, cds, ns, csync]", extra=tsig(server))
    own = squeezed(served(server))
    assert len(own) >= 1
    one, two = zsk(), zsk()
    assert taken(ours.push(("ours", "DNSKEY", one), ("want", "DNSKEY", two))) == ("", True)
    assert squeezed(served(server)) == own | {one, two}
    assert taken(ours.push(("ours", "DNSKEY", one), ("want", "DNSKEY", two))) == ("", False)
    assert taken(ours.push(("ours", "DNSKEY", one), ("drop", "DNSKEY", two))) == ("", True)
    assert squeezed(served(server)) == own | {one}
    assert taken(ours.push(("want", "NS", "ns.other.example."), ("want", "CSYNC", "0 1 A NS AAAA"))) == ("", True)
    assert served(server, "NS") == {f"ns1.{ZONE}", "ns.other.example."} and served(server, "CSYNC") == {"0 1 A NS AAAA"}
    assert taken(ours.push(("drop", "NS", f"ns1.{ZONE}"), ("drop", "CSYNC", ""))) == ("", True)
    assert served(server, "NS") == {"ns.other.example."} and served(server, "CSYNC") == set()
    (tmp_path / "stranger").mkdir()
    stranger = Ours(tmp_path / "stranger", "service: update\n    remote: primary", extra=tsig(server, "stranger"))
    assert stranger.push(("ours", "DNSKEY", two))["err"] == "the other side did not prove who it is"
    assert squeezed(served(server)) == own | {one}
    return ours, own, one


def test_bind_gets_keys_by_update(tmp_path, daemons):
    b = Bind(tmp_path / "bind", port=free_port())
    b.zone(ZONE, TEXT)
    ours, own, one = by_update(b, tmp_path, daemons)
    # BIND takes an update that would remove its own key, and does not do it: that is seen.
    result = ours.push(*[("drop", "DNSKEY", k) for k in own])
    assert result["err"] == "refused" and "its policy may keep them" in result["why"]
    assert squeezed(served(b)) == own | {one}


def test_knot_gets_keys_by_update(tmp_path, daemons):
    k = Knot(tmp_path / "knot", port=free_port())
    k.zone(ZONE, TEXT)
    by_update(k, tmp_path, daemons)


def test_a_file_says_what_is_to_be_done_by_hand(tmp_path):
    (tmp_path / "notes").mkdir()
    ours = Ours(tmp_path, "service: file\n    directory: notes")
    one, two = zsk(), zsk()
    assert taken(ours.push(("ours", "DNSKEY", one), ("drop", "DNSKEY", two))) == ("", True)
    note = (tmp_path / "notes" / f"{ZONE}zone").read_text().splitlines()
    assert f"{ZONE} 3600 IN DNSKEY {one}" in note and f"; {ZONE} 3600 IN DNSKEY {two}" in note
    assert taken(ours.push(("ours", "DNSKEY", one), ("drop", "DNSKEY", two))) == ("", False)
    assert taken(ours.push(("ours", "DNSKEY", two))) == ("", True)
    (tmp_path / "notes" / f"{ZONE}zone").unlink()
    (tmp_path / "notes").rmdir()
    assert taken(ours.push(("ours", "DNSKEY", two)))[0] == "operating system input/output failure"


def test_nothing_is_pushed_to_a_peer_that_is_only_looked_at(tmp_path):
    assert taken(Ours(tmp_path, "service: polling").push(("ours", "DNSKEY", zsk()))) == ("", False)


# ---- services that misbehave ----

class Service:
    """An HTTPS server with a certificate of the lab's, that answers as told: (status, headers, body)."""

    def __init__(self, directory, name="localhost", days=1):
        self.authority = Authority(directory / "tls")
        self.asked, self.answers = [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self):
                length = int(self.headers.get("Content-Length", 0))
                outer.asked.append((self.command, self.path, self.rfile.read(length)))
                answer = outer.answers[min(len(outer.asked), len(outer.answers)) - 1]
                with contextlib.suppress(OSError):
                    answer(self)

            do_GET = do_PUT = do_PATCH = do_POST = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        certificate, key = self.authority.issue(name, days=days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def peer(self, service="concord", host="localhost", timeout=2):
        more = "as: us" if service == "concord" else "server: localhost"
        return (f"service: {service}\n    url: https://{host}:{self.port}\n    token: token\n    {more}\n    timeout: {timeout}\n"
                f"    tls: {{ca-file: {self.authority.path}}}")

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def says(status, body=b"", **headers):
    def answer(h):
        h.send_response(status)
        for k, v in headers.items():
            h.send_header(k.replace("_", "-"), v)
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        h.wfile.write(body)
    return answer


def endless(chunk, pause=0.0):
    def answer(h):
        h.send_response(200)
        h.send_header("ETag", '"1"')
        h.end_headers()
        while True:
            h.wfile.write(chunk)
            h.wfile.flush()
            time.sleep(pause)
    return answer


@pytest.fixture
def service(tmp_path):
    s = Service(tmp_path)
    yield s
    s.stop()


MISBEHAVIOUR = [
    ("a redirect", says(302, Location="https://localhost:1/"), "refused", "redirects"),
    ("no JSON", says(200, b"<html>", ETag='"1"'), "input does not follow its grammar", "not a key set"),
    ("another shape", says(200, b'{"keys": {"dnskey": 1}}', ETag='"1"'), "input does not follow its grammar", "not a key set"),
    ("a key that is none", says(200, b'{"keys": [{"dnskey": "257 3 13 ####"}]}', ETag='"1"'), "input does not follow its grammar", "not a key set"),
    ("keys of JSON twice", says(200, b'{"keys": [], "keys": []}', ETag='"1"'), "input does not follow its grammar", "not a key set"),
    ("JSON that is very deep", says(200, b"[" * 100000, ETag='"1"'), "input does not follow its grammar", "not a key set"),
    ("no version", says(200, b'{"keys": []}'), "input does not follow its grammar", "not a key set"),
    ("a body without end", endless(b"x" * 65536), "longer than the limit", "longer than we allow"),
    ("a body that drips", endless(b"x", 0.2), "no answer in time", "interface cannot be used"),
    ("an error", says(503, b"no"), "operating system input/output failure", "status 503"),
    ("too many requests", says(429), "no answer in time", "status 429"),
    ("no permission", says(403, b'{"detail": "not yours"}'), "permissions are wrong", "status 403: not yours"),
    ("a detail with control characters", says(409, b'{"detail": "a\\u001b[2Jb"}'), "refused", "status 409"),
]


@pytest.mark.parametrize("answer, err, why", [r[1:] for r in MISBEHAVIOUR], ids=[r[0].replace(" ", "-") for r in MISBEHAVIOUR])
def test_nothing_is_put_where_the_answer_is(tmp_path, service, answer, err, why):
    service.answers = [answer]
    done = Ours(tmp_path, service.peer(), "t0ken-of-the-tests").run(("ours", "DNSKEY", zsk()))
    result = json.loads(done.stdout, strict=False)
    assert taken(result) == (err, False) and why in result["why"], result
    assert [m for m, _, _ in service.asked] == ["GET"]
    assert "t0ken" not in done.stdout + done.stderr


def test_a_set_that_changed_meanwhile_is_not_overwritten(tmp_path, service):
    service.answers = [says(200, b'{"keys": []}', ETag='"7"'), says(412, b'{"detail": "changed"}')]
    assert taken(Ours(tmp_path, service.peer()).push(("ours", "DNSKEY", zsk()))) == ("conflicts with the present state", False)
    assert [m for m, _, _ in service.asked] == ["GET", "PUT"]


@pytest.mark.parametrize("case", ["another name", "expired", "another authority", "nobody there"])
def test_tls_faults_end_it_before_anything_is_said(tmp_path, case):
    s = Service(tmp_path, name="elsewhere.example" if case == "another name" else "localhost", days=-1 if case == "expired" else 1)
    s.answers = [says(200, b'{"keys": []}', ETag='"1"')]
    peer = s.peer()
    if case == "another authority":
        peer = peer.replace(str(s.authority.path), str(Authority(tmp_path / "other").path))
    if case == "nobody there":
        s.stop()
    result = Ours(tmp_path, peer).push(("ours", "DNSKEY", zsk()))
    want = "operating system input/output failure" if case == "nobody there" else "the other side did not prove who it is"
    assert taken(result) == (want, False), result
    assert s.asked == []
    if case != "nobody there":
        s.stop()


def test_a_powerdns_that_has_disabled_records_is_left_alone(tmp_path, service):
    config = says(200, b'[{"name": "direct-dnskey", "type": "ConfigSetting", "value": "yes"}]')
    rrset = {"name": ZONE, "type": "DNSKEY", "ttl": 60, "records": [{"content": zsk(), "disabled": True}]}
    service.answers = [config, says(200, json.dumps({"rrsets": [rrset]}).encode())]
    result = Ours(tmp_path, service.peer("powerdns")).push(("ours", "DNSKEY", zsk()))
    assert taken(result) == ("refused", False) and "disabled" in result["why"]
    assert [m for m, _, _ in service.asked] == ["GET", "GET"]


# ---- the configuration ----

WRONG = [
    ("service: concrod", "no such service", "did you mean 'concord'?"),
    ("service: concord\n    as: us\n    token: token", "service concord needs `url`", ""),
    ("service: concord\n    url: https://localhost\n    as: us", "service concord needs `token`", ""),
    ("service: concord\n    url: http://192.0.2.1\n    as: us\n    token: token", "plain HTTP would show the token", ""),
    ("service: concord\n    url: http://127.0.0.1.example.net\n    as: us\n    token: token", "plain HTTP would show the token", ""),
    ("service: concord\n    url: https://user:pass@localhost\n    as: us\n    token: token", "no user, query or fragment", ""),
    ("service: concord\n    url: ftp://localhost\n    as: us\n    token: token", "a URL", ""),
    ("service: update", "service update needs `remote`", ""),
    ("service: update\n    remote: nobody", "no remote has that id", ""),
    ("service: update\n    remote: plain", "updates need a TSIG key", ""),
    ("service: polling\n    url: https://localhost", "service polling does not use `url`", ""),
    ("service: polling\n    push: [keys]", "a part that the service does not take", ""),
    ("service: file\n    directory: notes\n    push: [keys, zone]", "keys, cds, ns or csync", ""),
    ("service: powerdns\n    url: http://[::1]:8081\n    token: open", "others than its owner may use the token", "chmod 600"),
    ("service: powerdns\n    url: http://localhost:8081\n    token: words", "it must hold one token", ""),
    ("service: powerdns\n    url: http://localhost:8081\n    token: none", "No such file", ""),
    ("service: polling\n  - id: other\n    service: polling", "given already", ""),
    ("service: concord\n    url: https://localhost\n    as: us\n    tls: {certificate: c.pem}", "need one another", ""),
]


@pytest.mark.parametrize("peer, what, hint", WRONG)
def test_a_wrong_peer_is_a_finding_with_its_place(tmp_path, peer, what, hint):
    ours = Ours(tmp_path, peer, extra="remotes:\n  - {id: plain, address: 127.0.0.1}\n")
    (tmp_path / "open").write_text("s3cret-in-the-open")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "words").write_text("s3cret with words")
    (tmp_path / "words").chmod(0o600)
    done = ours.run()
    assert done.returncode == 1 and what in done.stderr and hint in done.stderr, done.stderr
    assert f"{ours.config}:" in done.stderr
    assert "s3cret" not in done.stderr
