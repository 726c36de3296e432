# SPDX-License-Identifier: Apache-2.0
"""DNS over TLS (RFC 7858)."""
import socket
import ssl
import struct
import subprocess
import threading

import dns.edns
import dns.message
import dns.query

from lab.daemons import free_port, make_query
from lab.wait import wait_until


def make_certificate(directory, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                    "-keyout", directory / "tls.key", "-out", directory / "tls.pem", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    return (directory / "tls.pem").read_bytes()


def served(concord, **options):
    c = concord(start=False, signing=options.pop("signing", "none"), server=options)
    c.tls_port = free_port()
    c.options.update({"listen-tls": f"[127.0.0.1@{c.tls_port}]", "tls": "{certificate: tls.pem, key: tls.key}"})
    c.certificate = make_certificate(c.dir, "dns.test")
    c.write_config()
    return c.start()


def client_context(c, alpn=True):
    context = ssl.create_default_context(cadata=c.certificate.decode())
    if alpn:
        context.set_alpn_protocols(["dot"])
    return context


def connect(c, context=None, session=None):
    raw = socket.create_connection((c.address, c.tls_port), timeout=10)
    return (context or client_context(c)).wrap_socket(raw, server_hostname="dns.test", session=session)


def receive(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        assert more, "closed"
        data += more
    return data


def exchange(s, *queries):
    s.sendall(b"".join(struct.pack("!H", len(q)) + q for q in queries))
    return [receive(s, struct.unpack("!H", receive(s, 2))[0]) for _ in queries]


def test_questions_are_answered_and_pipelined(concord):
    c = served(concord)
    with connect(c) as s:
        assert s.selected_alpn_protocol() == "dot" and s.version() in ("TLSv1.3", "TLSv1.2")
        queries = [make_query("www.example.", "A") for _ in range(200)]
        got = exchange(s, *[q.to_wire() for q in queries])
        assert {dns.message.from_wire(g).id for g in got} == {q.id for q in queries}
        assert all(dns.message.from_wire(g).answer for g in got)
    stats = c.ctl("stats")
    assert stats["tls_handshakes"] == 1 and stats["tcp_requests"] == 200


def test_answers_are_padded_where_asked(concord):
    """RFC 7830 section 4, RFC 8467 section 4.1: multiples of 468 octets, over encrypted transport alone."""
    c = served(concord)
    asked = make_query("www.example.", "A", options=[dns.edns.GenericOption(12, bytes(20))])
    with connect(c) as s:
        for wire in (asked.to_wire(), make_query("big.example.", "TXT", options=[dns.edns.GenericOption(12, b"")]).to_wire()):
            assert len(exchange(s, wire)[0]) % 468 == 0
        assert len(exchange(s, make_query("www.example.", "A").to_wire())[0]) < 100
    assert not dns.query.tcp(asked, c.address, port=c.port, timeout=5).options


def test_octets_may_come_one_by_one(concord):
    c = served(concord)
    wire = make_query("www.example.", "A").to_wire()
    with connect(c) as s:
        for octet in struct.pack("!H", len(wire)) + wire:
            s.sendall(bytes([octet]))
        assert dns.message.from_wire(receive(s, struct.unpack("!H", receive(s, 2))[0])).answer


def test_sessions_are_resumed(concord):
    c = served(concord)
    context = client_context(c)
    with connect(c, context) as s:
        exchange(s, make_query("www.example.", "A").to_wire())
        session = s.session
    with connect(c, context, session) as s:
        exchange(s, make_query("www.example.", "A").to_wire())
        assert s.session_reused
    assert c.ctl("stats")["tls_resumed"] == 1


def test_a_new_certificate_is_taken_by_reload_and_a_bad_one_is_not(concord):
    c = served(concord)
    with connect(c) as before:
        c.certificate = make_certificate(c.dir, "dns.test")
        c.ctl("reload")
        exchange(before, make_query("www.example.", "A").to_wire())  # what is open goes on
        with connect(c) as s:
            assert s.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(c.certificate.decode())
    (c.dir / "tls.pem").write_text("damaged")
    assert c.ctl_raw("reload").returncode != 0
    assert c.logged("tls.pem: the certificate cannot be read")
    with connect(c) as s:
        assert exchange(s, make_query("www.example.", "A").to_wire())


def test_big_answers_and_slow_readers_are_served(concord):
    c = served(concord)
    with connect(c) as s:
        queries = [make_query("big.example.", "TXT").to_wire() for _ in range(300)]
        s.sendall(b"".join(struct.pack("!H", len(q)) + q for q in queries))
        for _ in queries:
            assert len(receive(s, struct.unpack("!H", receive(s, 2))[0])) > 2000


def test_a_client_that_reads_late_is_paused_and_then_served_in_full(concord):
    """What OpenSSL has decrypted makes no event, and must not keep the worker turning either."""
    c = served(concord, workers="1")
    n = 2000
    wire = make_query("big.example.", "TXT").to_wire()
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(30)
    raw.connect((c.address, c.tls_port))
    with client_context(c).wrap_socket(raw, server_hostname="dns.test") as s:
        sending = threading.Thread(target=s.sendall, args=((struct.pack("!H", len(wire)) + wire) * n,))
        sending.start()
        wait_until(lambda: c.ctl("stats")["tcp_paused"] > 0, "the client is paused")
        assert c.ask("www.example.", "A").answer  # the one worker has time for others
        for _ in range(n):
            assert len(receive(s, struct.unpack("!H", receive(s, 2))[0])) > 2000
        sending.join()
    assert c.ask("www.example.", "A").answer


def test_connections_that_end_at_any_point_of_the_handshake_do_no_harm(concord):
    c = served(concord)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = client_context(c).wrap_bio(incoming, outgoing, server_hostname="dns.test")
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    first = outgoing.read()
    for cut in list(range(0, len(first), 7)) + [len(first)]:
        with socket.create_connection((c.address, c.tls_port), timeout=10) as s:
            s.sendall(first[:cut])
    for garbage in (b"GET / HTTP/1.0\r\n\r\n", bytes(2000), b"\x16\x03\x01\xff\xff" + bytes(100)):
        with socket.create_connection((c.address, c.tls_port), timeout=10) as s:
            s.sendall(garbage)
    with connect(c) as s:
        assert exchange(s, make_query("www.example.", "A").to_wire())


def flights(c):
    """What a client says in a handshake, flight by flight, and the connection that it says it on."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context(c).wrap_bio(incoming, outgoing, server_hostname="dns.test")
    raw = socket.create_connection((c.address, c.tls_port), timeout=10)
    while True:
        try:
            tls.do_handshake()
            yield raw, outgoing.read()
            return
        except ssl.SSLWantReadError:
            yield raw, outgoing.read()
            incoming.write(raw.recv(65536))


def cut(raw, hard):
    if hard:  # RST, and not FIN
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()


def test_handshakes_that_are_cut_at_each_step_leave_nothing_behind(concord):
    c = served(concord)
    for hard in (False, True):
        for flight in (0, 1):
            for part in (0, 1, 5, 6, 40, 0.5, -1, None):  # of its octets; None: all of them
                for number, (raw, said) in enumerate(flights(c)):
                    if number < flight:
                        raw.sendall(said)
                        continue
                    end = int(len(said) * part) if isinstance(part, float) else part
                    raw.sendall(said[:end])
                    cut(raw, hard)
                    break
    held = [next(flights(c))[0] for _ in range(20)]  # connected, and silent
    with connect(c) as s:
        assert dns.message.from_wire(exchange(s, make_query("www.example.", "A").to_wire())[0]).answer
    for raw in held:
        raw.close()
    wait_until(lambda: c.ctl("stats")["tcp_open"] == 0, "all are closed")
