# SPDX-License-Identifier: Apache-2.0
"""The HTTP interface from outside: who may do what, and what hostile callers get."""
import http.client
import json
import socket
import ssl

import pytest

from lab.daemons import free_port
from lab.effort import is_unharmed, resident_kib
from lab.wait import wait_until
from lab.web import Access, Authority

ZONE = "example."
TWO = "other.test."
TWO_TEXT = "$TTL 60\n@ IN SOA ns hostmaster 1 7200 3600 1209600 300\n@ IN NS ns\nns IN A 192.0.2.1\n"


@pytest.fixture
def access(concord):
    """A daemon with the interface, a token for each scope, and a client certificate."""
    c = concord(start=False)
    c.zone(TWO, TWO_TEXT)
    a = Access(c)
    a.scoped = {scope: a.token(scope, scope) for scope in ("read", "keys", "operate")}
    a.all = a.token("all", "read,keys,operate")
    a.mine = a.token("mine", "read,keys", zone=ZONE)
    a.certificate = a.client("controller.example", "read, operate")
    a.write()
    c.start()
    return a


def routes(a):
    return a.web(a.all).get("/v1").json["routes"]


def path_of(route):
    return route["path"].replace("{zone}", ZONE).replace("{key}", "1").replace("{peer}", "bind")


def test_every_route_wants_a_caller_and_its_scope(access):
    """No token, a wrong token: 401; a token without the scope: 403. Problem details always (RFC 9457)."""
    listed = routes(access)
    assert len(listed) >= 15
    for number, route in enumerate(listed, 1):  # each from an address of its own: wrong credentials are limited
        for token in (None, "concord_" + "0" * 64, "", access.all[:-1], access.all.upper()):
            got = access.web(token, source=f"127.1.0.{number}").ask(route["method"], path_of(route))
            assert got.status == 401 and got.type == "application/problem+json", (route, token, got)
            assert got.json["status"] == 401 and "Bearer" in got.headers["WWW-Authenticate"]
    for route in listed:
        for scope, token in access.scoped.items():
            if scope == route["scope"]:
                continue
            got = access.web(token).ask(route["method"], path_of(route))
            assert got.status == 403 and route["scope"] in got.json["detail"], (route, scope, got)


def test_files_of_our_host_are_not_for_callers_from_outside(access):
    got = access.web(access.scoped["keys"]).ask("POST", f"/v1/zones/{ZONE}/adopt", {"files": ["/etc/passwd"]})
    assert got.status == 403 and "control socket" in got.json["detail"] and "passwd" not in str(got.json)


def test_a_caller_that_is_bound_to_zones_sees_and_changes_those_alone(access):
    mine = access.web(access.mine)
    assert [z["name"] for z in mine.get("/v1/zones").json["zones"]] == [ZONE]
    assert mine.get("/v1/zones/EXAMPLE").status == 200
    for path in (TWO, "OTHER.test", "other%2etest", "other%2Etest."):
        assert mine.get(f"/v1/zones/{path}").status == 403
        assert mine.ask("POST", f"/v1/zones/{path}/keys", {"generate": "zsk"}).status == 403
    assert mine.ask("POST", f"/v1/zones/{ZONE}/keys", {"generate": "zsk"}).status == 200
    for path in ("/v1/zones/../zones/other.test.", "/v1/zones/%2e%2e", "/v1/zones/example./../other.test./keys", "/v1//zones", "/v1/zones/%00"):
        assert mine.get(path).status in (403, 404), path


def test_a_client_certificate_names_the_caller(access):
    web = access.web(certificate=access.certificate)
    assert web.get("/v1/status").status == 200
    assert web.ask("POST", f"/v1/zones/{ZONE}/keys", {"generate": "zsk"}).status == 403
    assert web.ask("POST", "/v1/reload").status == 200
    stranger = access.authority.issue("stranger.example", client=True)
    assert access.web(certificate=stranger).get("/v1/status").status == 401
    assert access.concord.ctl("audit")["entries"][0]["who"] == "certificate controller.example"


def test_certificates_of_others_end_the_handshake(access, tmp_path):
    other = Authority(tmp_path / "other")
    expired = access.authority.issue("controller.example", client=True, days=-1)
    for certificate in (other.issue("controller.example", client=True), expired, access.authority.issue("controller.example")):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            access.web(certificate=certificate).get("/v1/status")
    assert access.web(access.all).get("/v1/status").status == 200


def test_old_protocols_and_plain_text_get_nothing(access):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", access.port)) as s, pytest.raises((ssl.SSLError, ConnectionError)):
        old.wrap_socket(s)
    with socket.create_connection(("127.0.0.1", access.port)) as s:
        s.sendall(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert "HTTP" not in first_line(s)
    assert access.web(access.all).get("/v1/status").status == 200


def test_wrong_credentials_are_limited_by_address(access):
    web = access.web("concord_" + "1" * 64)
    statuses = [web.get("/v1/status").status for _ in range(25)]
    assert statuses[:20] == [401] * 20 and statuses[-1] == 429
    got = access.web(access.all).get("/v1/status")
    assert got.status == 429 and int(got.headers["Retry-After"]) >= 1


def test_a_caller_has_so_many_requests_a_minute(concord):
    c = concord(start=False)
    a = Access(c, requests_per_minute=10)
    one, two = a.token("one"), a.token("two")
    a.write()
    c.start()
    statuses = [a.web(one).get("/v1/status").status for _ in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    assert a.web(two).get("/v1/status").status == 200


def test_host_and_origin_of_others_are_refused(access):
    for host in ("evil.example", "localhost.evil.example", "evil.example:1", ""):
        assert access.web(access.all, host=host or "x").get("/v1/status").status == 403
    web = access.web(access.all)
    assert web.get("/v1/status", Origin="https://evil.example").status == 403
    assert web.ask("POST", "/v1/reload", Origin="null").status == 403
    got = web.get("/v1/status", Origin=f"https://127.0.0.1:{access.port}")
    assert got.status == 200 and not any(h.lower().startswith("access-control") for h in got.headers)
    assert web.ask("OPTIONS", "/v1/status").status == 405


def test_a_body_must_be_json_and_say_so(access):
    web = access.web(access.all)
    path = f"/v1/zones/{ZONE}/keys"
    assert web.ask("POST", path, "generate=zsk", Content_Type="application/x-www-form-urlencoded").status == 415
    assert web.ask("POST", path, '{"generate": ', Content_Type="application/json").status == 400
    assert web.ask("POST", path, '{"generate": "zsk", "generate": "ksk"}', Content_Type="application/json").status == 400
    assert web.ask("POST", path, b'{"generate": "\xff"}', Content_Type="application/json").status == 400
    assert web.ask("POST", path, ["generate"]).status == 400
    assert web.ask("POST", path, "[" * 100000, Content_Type="application/json").status == 400


def test_changes_are_written_down_without_secrets(access):
    secret = "very-secret-text"
    web = access.web(access.scoped["keys"])
    web.ask("POST", f"/v1/zones/{ZONE}/keys", {"generate": "zsk", "note": secret})
    web.ask("POST", f"/v1/zones/{ZONE}/keys", {"dnskey": secret})
    access.web(access.scoped["read"]).ask("POST", "/v1/reload")
    entries = access.concord.ctl("audit")["entries"]
    assert [(e["who"], e["from"], e["what"], e["status"]) for e in entries[:3]] == [
        ("token read", "127.0.0.1", "POST /v1/reload", 403),
        ("token keys", "127.0.0.1", f"POST /v1/zones/{ZONE}/keys", 400),
        ("token keys", "127.0.0.1", f"POST /v1/zones/{ZONE}/keys", 200)]
    assert "operate" in entries[0]["detail"]
    everything = json.dumps(entries) + access.concord.log() + access.concord.ctl_raw("audit").stdout
    assert secret not in everything and all(t not in everything for t in (access.all, *access.scoped.values()))
    access.concord.stop()
    access.concord.start()
    assert access.concord.ctl("audit")["entries"] == entries  # they last


def test_a_change_over_the_control_socket_names_the_user(access):
    import os
    access.concord.ctl("key", "generate", ZONE, "--role", "zsk")
    assert access.concord.ctl("audit")["entries"][0]["who"] == f"uid {os.getuid()}"


def test_tokens_and_certificates_are_read_again_by_a_reload(access):
    late = access.token("late")
    assert access.web(late).get("/v1/status").status == 401
    access.concord.ctl("reload")
    assert access.web(late).get("/v1/status").status == 200
    kept = access.tokens.read_text()
    access.tokens.write_text(kept.replace("id: late", "id: late\n    expires: 2020-01-01"))
    access.concord.ctl("reload")
    assert access.web(late).get("/v1/status").status == 401
    # A file that is broken leaves what was, and the secret in it is not shown.
    access.tokens.write_text(kept + "  - id: x\n    sha256: concord_0123456789\n    scopes: [read]\n")
    done = access.concord.ctl_raw("reload")
    assert done.returncode == 1 and "64 hexadecimal digits" in done.stderr and "concord_0123" not in done.stderr + access.concord.log()
    assert access.web(access.all).get("/v1/status").status == 200
    access.tokens.write_text(kept)
    access.tokens.chmod(0o666)
    assert "may write" in access.concord.ctl_raw("reload").stderr


@pytest.mark.parametrize("section, says", [
    ("api:\n  listen: 127.0.0.1@1\n", "needs a certificate"),
    ("api:\n  listen: 127.0.0.1@1\n  tls: {certificate: a, key: b}\n", "nobody could use"),
    ("api:\n  listen: 127.0.0.1@1\n  tls: {certificate: a, key: b}\n  clients: [{name: x, scopes: [read]}]\n", "needs the authority"),
    ("api:\n  clients: [{name: x, scopes: [see]}]\n", "not read, keys or operate"),
    ("api:\n  tokens: missing.yaml\n", "missing.yaml"),
])
def test_a_wrong_section_is_a_finding(concord, section, says):
    c = concord(start=False, extra=section)
    code, said = c.check()
    assert code == 1 and says in said, said


def test_get_is_conditional(access):
    web = access.web(access.all)
    got = web.get("/v1/zones")
    again = web.get("/v1/zones", If_None_Match=got.etag)
    assert again.status == 304 and again.body == b"" and again.etag == got.etag
    assert web.get("/v1/zones", If_None_Match='"other"').status == 200


def test_events_come_as_they_happen(access):
    connection = access.web(access.all).connect()
    connection.request("GET", "/v1/events", headers={"Authorization": f"Bearer {access.all}"})
    stream = connection.getresponse()
    assert stream.status == 200 and stream.headers["Content-Type"] == "text/event-stream"
    assert stream.readline() == b":\n" and stream.readline() == b"\n"
    access.concord.ctl("key", "generate", ZONE, "--role", "zsk")
    lines = [stream.readline().decode().strip() for _ in range(3)]
    assert lines[0].startswith("id: ") and lines[1] == "event: change"
    assert json.loads(lines[2].removeprefix("data: "))["what"] == f"POST /v1/zones/{ZONE}/keys"
    # Again from where it was: what came after is told.
    access.concord.ctl("cds", "publish", ZONE)
    again = access.web(access.all).connect()
    again.request("GET", "/v1/events", headers={"Authorization": f"Bearer {access.all}", "Last-Event-ID": lines[0][4:]})
    later = again.getresponse()
    assert "cds" in b"".join(later.readline() for _ in range(3)).decode()
    # From another life of the daemon: some are lost, and it says so.
    old = access.web(access.all).connect()
    old.request("GET", "/v1/events", headers={"Authorization": f"Bearer {access.all}", "Last-Event-ID": "17"})
    assert old.getresponse().readline() == b"event: lost\n"
    for c in (connection, again, old):
        c.close()


def test_a_bound_caller_hears_of_its_zones_alone(access):
    connection = access.web(access.mine).connect()
    connection.request("GET", "/v1/events", headers={"Authorization": f"Bearer {access.mine}"})
    stream = connection.getresponse()
    stream.readline(), stream.readline()
    (access.concord.dir / "other.test.zone").write_text(TWO_TEXT.replace(" 1 7200", " 2 7200"))
    access.concord.ctl("reload")  # ends the stream: who may listen was read again
    rest = stream.read().decode()
    assert "other.test." not in rest
    connection.close()


def test_too_many_streams_are_refused_and_closed_ones_are_forgotten(access):
    open_ones = []
    for _ in range(16):
        c = access.web(access.all).connect()
        c.request("GET", "/v1/events", headers={"Authorization": f"Bearer {access.all}"})
        assert c.getresponse().status == 200
        open_ones.append(c)
    assert access.web(access.all).get("/v1/events").status == 503
    for c in open_ones:
        c.close()
    access.concord.ctl("reload")  # so that all are written to

    def one_more():
        c = access.web(access.all).connect()
        c.request("GET", "/v1/events", headers={"Authorization": f"Bearer {access.all}"})
        status = c.getresponse().status
        c.close()
        return status == 200

    wait_until(one_more, "a stream is open again")


# ---- what hostile callers send ----

def request(access, head, body=b""):
    return f"POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {access.scoped['read']}\r\n{head}\r\n".encode() + body


def first_line(s):
    got = b""
    try:
        while b"\r\n" not in got:
            more = s.recv(4096)
            if not more:
                break
            got += more
    except OSError:
        pass
    return got.split(b"\r\n")[0].decode()


def test_a_body_of_ten_gigabytes_is_refused_at_once(access):
    with access.web().raw() as s:
        s.sendall(request(access, "Content-Length: 10000000000\r\n"))
        assert " 413 " in first_line(s)


def test_a_body_that_is_a_little_too_long_gets_its_answer(access):
    body = b'{"x": "' + b"y" * 300000 + b'"}'
    got = access.web(access.all).ask("POST", "/v1/reload", body, Content_Type="application/json")
    assert got.status == 413 and got.type == "application/problem+json"


def test_an_endless_body_is_cut_off(access):
    before = resident_kib(access.concord)
    with access.web().raw() as s:
        s.sendall(request(access, "Transfer-Encoding: chunked\r\n"))
        chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
        with pytest.raises(OSError):
            for _ in range(2000):
                s.sendall(chunk)
    assert resident_kib(access.concord) - before < 16384
    assert access.web(access.all).get("/v1/status").status == 200


@pytest.mark.parametrize("head", [
    "".join(f"X-{i}: y\r\n" for i in range(100000)),
    "X: " + "y" * 1000000 + "\r\n",
], ids=["many", "long"])
def test_headers_without_end_are_cut_off(access, head):
    before = resident_kib(access.concord)
    with access.web().raw() as s:
        try:
            s.sendall(request(access, head))
        except OSError:
            pass
        said = first_line(s)
        assert said == "" or said.split()[1] in ("431", "414", "413", "400"), said
    assert resident_kib(access.concord) - before < 16384
    assert access.web(access.all).get("/v1/status").status == 200


def test_a_url_of_a_megabyte_is_refused(access):
    with access.web().raw() as s:
        try:
            s.sendall(b"GET /v1/" + b"a" * 1000000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        except OSError:
            pass
        said = first_line(s)
        assert said == "" or said.split()[1] in ("414", "431", "400"), said


def test_idle_connections_are_limited_and_others_and_the_control_socket_go_on(access, concord):
    control = concord(signing="none")
    held = []
    for _ in range(1000):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", access.port))
        held.append(s)
    assert access.concord.ctl("status")["zones"] == 2
    assert is_unharmed(access.concord, control)
    # Those of one address hold its share; it is free again when the handshakes time out.
    for s in held:
        s.close()
    wait_until(lambda: _works(access), "it answers again")


def _works(access):
    try:
        return access.web(access.all).get("/v1/status").status == 200
    except (OSError, http.client.HTTPException):
        return False


def test_a_connection_that_is_closed_at_any_step_leaves_nothing(access):
    hello = ssl.MemoryBIO()
    tls = access.web().context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    wire = hello.read()
    for n in (0, 1, 5, 6, 60, len(wire) - 1, len(wire)):
        for _ in range(10):
            s = socket.create_connection(("127.0.0.1", access.port))
            s.sendall(wire[:n])
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.close()
    s = access.web().raw()
    s.sendall(request(access, ""))
    s.close()
    wait_until(lambda: _works(access), "it answers again")


def test_requests_on_one_connection_follow_one_another(access):
    web = access.web(access.all)
    keep = web.connect()
    for _ in range(50):
        assert web.get("/v1/status", keep=keep).status == 200
    keep.close()


def test_the_metrics_address_answers_metrics_alone(concord):
    c = concord(start=False)
    port = free_port()
    c.options["metrics-listen"] = f"127.0.0.1@{port}"
    c.write_config()
    c.start()
    for method, path, status in (("GET", "/metrics", 200), ("GET", "/v1/status", 404), ("POST", "/metrics", 404), ("POST", "/v1/reload", 404)):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path)
        assert connection.getresponse().status == status
        connection.close()
