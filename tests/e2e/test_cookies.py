# SPDX-License-Identifier: Apache-2.0
"""DNS cookies (RFC 7873) in the interoperable form (RFC 9018)."""
import socket
import struct

import dns.edns
import dns.message
import dns.rcode

CLIENT = bytes(range(8))
SECRET, OTHER = "e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962"


def rotate(v, n):
    return ((v << n) | (v >> (64 - n))) & (2**64 - 1)


def siphash24(key, data):
    """SipHash-2-4 as its authors define it: nothing of ours in it."""
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) % 2**64
            v[1] = rotate(v[1], 13) ^ v[0]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) % 2**64
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) % 2**64
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) % 2**64
            v[1] = rotate(v[1], 17) ^ v[2]
            v[2] = rotate(v[2], 32)

    padded = data + b"\0" * (-(len(data) + 1) % 8) + bytes([len(data) & 255])
    for (m,) in struct.iter_unpack("<Q", padded):
        v[3] ^= m
        rounds(2)
        v[0] ^= m
    v[2] ^= 0xFF
    rounds(4)
    return struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])


def cookie_of(answer):
    return next((o.data for o in answer.options if o.otype == 10), None)


def ask(c, cookie, **options):
    return c.ask("www.example.", "A", options=[dns.edns.GenericOption(10, cookie)], **options)


def server(concord, secrets):
    c = concord(start=False, signing="none", server={"cookie-secret-file": "cookies"})
    path = c.dir / "cookies"
    path.write_text("# shared by the group\n" + "\n".join(secrets) + "\n")
    path.chmod(0o600)
    return c.start()


def test_the_hash_here_is_siphash():
    """RFC 9018 appendix A.1."""
    data = bytes.fromhex("2464c4abcf10c957" "010000005cf79f11") + socket.inet_aton("198.51.100.100")
    assert siphash24(bytes.fromhex(SECRET), data) == bytes.fromhex("1f8130c3eee29480")


def test_a_server_cookie_is_what_every_server_with_the_secret_makes(concord):
    c = server(concord, [SECRET])
    got = cookie_of(ask(c, CLIENT))
    assert len(got) == 24 and got[:8] == CLIENT and got[8:12] == b"\1\0\0\0"
    assert got[16:] == siphash24(bytes.fromhex(SECRET), got[:16] + socket.inet_aton("127.0.0.1"))
    assert cookie_of(ask(c, got)) == got, "a good and young one is sent back as it is"
    assert c.ctl("stats")["cookies_good"] == 1


def test_cookies_of_another_secret_address_or_time_are_replaced(concord):
    c = server(concord, [SECRET])
    good = cookie_of(ask(c, CLIENT))
    old = CLIENT + b"\1\0\0\0" + struct.pack("!I", struct.unpack("!I", good[12:16])[0] - 7200)
    for bad in (CLIENT + bytes(16), good[:-1] + bytes([good[-1] ^ 1]),
                old + siphash24(bytes.fromhex(SECRET), old + socket.inet_aton("127.0.0.1")),
                good[:16] + siphash24(bytes.fromhex(SECRET), good[:16] + socket.inet_aton("127.0.0.2")),
                good[:16] + siphash24(bytes.fromhex(OTHER), good[:16] + socket.inet_aton("127.0.0.1"))):
        got = ask(c, bad)
        assert got.rcode() == dns.rcode.NOERROR and cookie_of(got) != bad
    assert c.ctl("stats")["cookies_good"] == 0


def test_secrets_roll_over(concord):
    """RFC 9018 section 5: first the new one is known everywhere, then it makes cookies, then the old one goes."""
    c = server(concord, [SECRET, OTHER])
    first = cookie_of(ask(c, CLIENT))
    (c.dir / "cookies").write_text(f"{OTHER}\n{SECRET}\n")
    c.ctl("reload")
    assert cookie_of(ask(c, first)) == first, "the secret before is still accepted"
    made = cookie_of(ask(c, CLIENT))
    assert made[16:] == siphash24(bytes.fromhex(OTHER), made[:16] + socket.inet_aton("127.0.0.1"))


def test_a_damaged_secret_file_keeps_the_old_secret_and_says_where(concord):
    c = server(concord, [SECRET])
    (c.dir / "cookies").write_text(f"# one\nnot hexadecimal\n")
    done = c.ctl_raw("reload")
    assert done.returncode != 0 and "cookies:2: expected a secret of 32 hexadecimal digits" in done.stdout + done.stderr + c.log()
    assert SECRET not in c.log()
    got = cookie_of(ask(c, CLIENT))
    assert got[16:] == siphash24(bytes.fromhex(SECRET), got[:16] + socket.inet_aton("127.0.0.1"))


def test_a_cookie_may_be_asked_for_without_a_question(concord):
    """RFC 7873 section 5.4."""
    c = server(concord, [SECRET])
    q = dns.message.Message(id=7)
    q.flags = 0
    q.use_edns(0, 0, 1232, options=[dns.edns.GenericOption(10, CLIENT)])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.sendto(q.to_wire(), (c.address, c.port))
        got = dns.message.from_wire(s.recv(4096))
    assert got.rcode() == dns.rcode.NOERROR and not got.question and len(cookie_of(got)) == 24


def test_without_cookies_the_option_is_ignored(concord):
    c = concord(signing="none", server={"cookies": "no"})
    assert cookie_of(ask(c, CLIENT)) is None
