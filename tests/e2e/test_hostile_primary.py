# SPDX-License-Identifier: Apache-2.0
"""Primaries that send what they should not: the zone that was there goes on, and it is said once."""
import collections
import os
import socket
import struct
import threading

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig

from lab.daemons import Concord, free_port
from lab.wait import wait_until

ZONE = "moved.example."
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE="
KEY, OTHER = dns.tsig.Key("ours.", SECRET, "hmac-sha256"), dns.tsig.Key("theirs.", SECRET, "hmac-sha256")


def soa(serial, zone=ZONE):
    return dns.rrset.from_text(zone, 300, "IN", "SOA", f"ns.{zone} h.{zone} {serial} 3600 2 100000 60")


def record(owner, rdtype="A", value="192.0.2.1"):
    return dns.rrset.from_text(owner, 300, "IN", rdtype, value)


def good(zone=ZONE):
    return [record(zone, "NS", f"ns.{zone}"), record(f"ns.{zone}"), *[record(f"n{i}.{zone}") for i in range(30)]]


class Primary(threading.Thread):
    """Gives serial 1 of each zone whole; where a zone has a trick, announces serial 2 and does what the trick says."""

    def __init__(self):
        super().__init__(daemon=True)
        self.port, self.tricks, self.asked = free_port(), {}, collections.Counter()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind(("127.0.0.1", self.port))
        self.tcp.listen(32)
        self.stopping = threading.Event()
        self.name = "primary"
        threading.Thread(target=self.checks, daemon=True).start()
        self.start()

    @staticmethod
    def query(wire):
        query = dns.message.from_wire(wire, keyring={KEY.name: KEY})
        return query, query.question[0].name.to_text().lower()

    def checks(self):
        try:
            while True:
                wire, who = self.udp.recvfrom(4096)
                query, zone = self.query(wire)
                self.udp.sendto(self.wire(query, [soa(2 if zone in self.tricks else 1, zone)]), who)
        except OSError:
            pass

    def run(self):
        try:
            while True:
                connection, _ = self.tcp.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()
        except OSError:
            pass

    def serve(self, connection):
        try:
            length = struct.unpack(">H", connection.recv(2, socket.MSG_WAITALL))[0]
            query, zone = self.query(connection.recv(length, socket.MSG_WAITALL))
            if zone in self.tricks:
                self.asked[zone] += 1
                self.tricks[zone](self, zone, connection, query)
            else:
                self.send(connection, query, [soa(1, zone), *good(zone), soa(1, zone)])
        except (OSError, struct.error):
            pass
        finally:
            connection.close()

    @staticmethod
    def wire(query, rrsets):
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        answer.answer.extend(rrsets)
        return answer.to_wire(max_size=65535)

    def send(self, connection, query, rrsets):
        self.put(connection, self.wire(query, rrsets))

    @staticmethod
    def put(connection, wire):
        connection.sendall(struct.pack(">H", len(wire)) + wire)

    def log(self):
        return f"asked {dict(self.asked)}"

    def stop(self):
        self.stopping.set()
        self.udp.close()
        self.tcp.close()


# ---- what is sent ----

def streams_forever(p, zone, connection, query):
    p.send(connection, query, [soa(2, zone), *good(zone)])
    wire = p.wire(query, [record(f"e{k}.{zone}") for k in range(1000)])
    while True:
        p.put(connection, wire)


def ends_in_a_record(p, zone, connection, query):
    wire = p.wire(query, [soa(2, zone), *good(zone), soa(2, zone)])
    connection.sendall(struct.pack(">H", len(wire)) + wire[:-20])


def counts_more_than_it_sends(p, zone, connection, query):
    wire = bytearray(p.wire(query, [soa(2, zone), *good(zone), soa(2, zone)]))
    wire[7] += 3
    p.put(connection, wire)


def sends_messages_without_records(p, zone, connection, query):
    p.send(connection, query, [soa(2, zone), *good(zone)])
    wire = p.wire(query, [])
    while True:
        p.put(connection, wire)


def says_that_it_is_truncated(p, zone, connection, query):
    wire = bytearray(p.wire(query, [soa(2, zone), *good(zone), soa(2, zone)]))
    wire[2] |= dns.flags.TC >> 8
    p.put(connection, wire)


def leaves_the_zone(p, zone, connection, query):
    p.send(connection, query, [soa(2, zone), *good(zone), record("www.bank.example."), soa(2, zone)])


def changes_its_serial(p, zone, connection, query):
    p.send(connection, query, [soa(2, zone), *good(zone), soa(3, zone)])


def sends_an_older_zone(p, zone, connection, query):
    whole = query.question[0].rdtype == dns.rdatatype.AXFR
    p.send(connection, query, [soa(1, zone), *good(zone), soa(1, zone)] if whole else [soa(2, zone), soa(9, zone), soa(2, zone)])


def does_not_end_its_differences(p, zone, connection, query):
    p.send(connection, query, [soa(2, zone), soa(1, zone), record(f"n1.{zone}"), soa(2, zone), record(f"evil.{zone}")])


def closes(p, zone, connection, query):
    pass


def says_nothing(p, zone, connection, query):
    p.stopping.wait(60)


def sends_an_octet_a_second(p, zone, connection, query):
    wire = p.wire(query, [soa(2, zone), *good(zone), soa(2, zone)])
    for octet in struct.pack(">H", len(wire)) + wire:
        connection.sendall(bytes([octet]))
        if p.stopping.wait(1):
            return


def answers_another_question(p, zone, connection, query):
    other = dns.message.make_query("other.example.", query.question[0].rdtype)
    other.id = query.id
    p.send(connection, other, [soa(2, zone), *good(zone), soa(2, zone)])


def shrinks_to_nothing(p, zone, connection, query):
    p.send(connection, query, [soa(2, zone), *good(zone)[:2], soa(2, zone)])


def is_no_zone(p, zone, connection, query):
    p.send(connection, query, [soa(2, zone), record(f"ns.{zone}"), *[record(f"c.{zone}", "CNAME", f"x{i}.{zone}") for i in range(40)], soa(2, zone)])


# ---- how it is signed (RFC 8945 section 5.3.1): to zones that are asked for with a key ----

def signed(query, rrsets, ctx=None, key=None):
    """A message of a transfer; returns what signs the next one too."""
    answer = dns.message.make_response(query)
    answer.answer.extend(rrsets)
    if key is not None:
        answer.use_tsig(key)
        answer.request_mac = query.mac
    return answer.to_wire(multi=True, tsig_ctx=ctx), answer.tsig_ctx


def unsigned(query, rrsets):
    answer = dns.message.make_response(query)
    answer.answer.extend(rrsets)
    answer.tsig = None
    return answer.to_wire(max_size=65535)


def signs_nothing(p, zone, connection, query):
    p.put(connection, unsigned(query, [soa(2, zone), *good(zone), soa(2, zone)]))


def does_not_sign_its_end(p, zone, connection, query):
    p.put(connection, signed(query, [soa(2, zone), *good(zone)])[0])
    p.put(connection, unsigned(query, [soa(2, zone)]))


def goes_over_to_another_key(p, zone, connection, query):
    p.put(connection, signed(query, [soa(2, zone), *good(zone)])[0])
    p.put(connection, signed(query, [soa(2, zone)], key=OTHER)[0])


def leaves_a_message_out(p, zone, connection, query):
    first, ctx = signed(query, [soa(2, zone), *good(zone)])
    _, ctx = signed(query, [record(f"lost.{zone}")], ctx)
    p.put(connection, first)
    p.put(connection, signed(query, [soa(2, zone)], ctx)[0])


def is_changed_on_its_way(p, zone, connection, query):
    wire, ctx = signed(query, [soa(2, zone), *good(zone), record(f"evil.{zone}", "TXT", "marked"), soa(2, zone)])
    p.put(connection, wire.replace(b"marked", b"MARKED"))


def signs_for_another_request(p, zone, connection, query):
    answer = dns.message.make_response(query)
    answer.answer.extend([soa(2, zone), *good(zone), soa(2, zone)])
    answer.request_mac = bytes(32)
    p.put(connection, answer.to_wire(max_size=65535))


TRICKS = [streams_forever, ends_in_a_record, counts_more_than_it_sends, sends_messages_without_records, says_that_it_is_truncated,
          leaves_the_zone, changes_its_serial, sends_an_older_zone, does_not_end_its_differences, closes, says_nothing,
          sends_an_octet_a_second, answers_another_question, shrinks_to_nothing, is_no_zone]
SIGNED_TRICKS = [signs_nothing, does_not_sign_its_end, goes_over_to_another_key, leaves_a_message_out, is_changed_on_its_way,
                 signs_for_another_request, leaves_the_zone, streams_forever]
SLOW = [says_nothing, sends_an_octet_a_second]


def test_the_old_zone_goes_on(daemons, tmp_path):
    """Each zone has a trick of its own, all are played at once: one does not hold up another."""
    p = Primary()
    daemons.append(p)
    c = Concord(tmp_path / "concord")
    c.extra = (f"tsig-keys:\n  - {{name: ours., secret: {SECRET}}}\nremotes:\n  - {{id: main, address: 127.0.0.1@{p.port}}}\n"
               f"  - {{id: signed, address: 127.0.0.1@{p.port}, key: ours.}}")
    tricks = {f"{t.__name__.replace('_', '-')}.{remote}.example.": t for remote, all_of in (("main", TRICKS), ("signed", SIGNED_TRICKS)) for t in all_of}
    for zone, trick in tricks.items():
        c.zones.append(f"  - name: {zone}\n    primaries: [{zone.split('.')[1]}]\n    signing: none\n"
                       f"    limits: {{records: 20000{', transfer-time: 2s' if trick in SLOW else ''}}}\n")
    c.write_config()
    os.chmod(c.config, 0o600)
    daemons.append(c)
    c.start()
    for zone in tricks:
        wait_until(lambda: c.ask(zone, "SOA").rcode() == dns.rcode.NOERROR, f"{zone} is there")
    p.tricks = dict(tricks)
    for zone in tricks:
        c.ctl("zone", "refresh", zone)
    for zone in tricks:
        wait_until(lambda: p.asked[zone] >= 2, f"{zone} was tried, and tried again", 60)
        wait_until(lambda: said(c, zone, "the version that we have goes on"), f"it is said of {zone}")
    for zone in tricks:
        answer = c.ask(f"n1.{zone}", "A")
        assert answer.rcode() == dns.rcode.NOERROR and len(answer.answer) == 1, zone
        assert c.ask(zone, "SOA").answer[0][0].serial == 1, zone
        assert c.ask(f"evil.{zone}", "A").rcode() == dns.rcode.NXDOMAIN, zone
    # Primaries that have come to their senses are taken again.
    p.tricks = {z: lambda primary, zone, connection, query: primary.send(connection, query, [soa(2, zone), *good(zone), soa(2, zone)]) for z in tricks}
    for zone in tricks:
        c.ctl("zone", "refresh", zone)
    for zone in tricks:
        wait_until(lambda: c.ask(zone, "SOA").answer[0][0].serial == 2, f"the new version of {zone} is served", 60)
        tries = p.asked[zone]
        assert len(said(c, zone, "the version that we have goes on")) <= min(tries, 4), (zone, "what stays the same is not said again")
    assert not [f for f in (c.dir / "state" / "transfers").iterdir() if f.suffix == ".new"], "nothing is left of what was given up"


def said(c, zone, text):
    return [line for line in c.log().splitlines() if f"[{zone}]" in line and text in line]


def test_a_damaged_file_is_fetched_anew(daemons, tmp_path):
    p = Primary()
    daemons.append(p)
    c = Concord(tmp_path / "concord")
    c.extra = f"remotes:\n  - {{id: main, address: 127.0.0.1@{p.port}}}"
    c.zones.append(f"  - name: {ZONE}\n    primaries: [main]\n    signing: none\n")
    c.write_config()
    daemons.append(c)
    c.start()
    wait_until(lambda: c.ask(ZONE, "SOA").rcode() == dns.rcode.NOERROR, "the zone is there")
    c.stop()
    kept = c.dir / "state" / "transfers" / ZONE
    octets = bytearray(kept.read_bytes())
    octets[len(octets) // 2] ^= 1
    kept.write_bytes(octets)
    c.start()
    wait_until(lambda: c.ask(ZONE, "SOA").rcode() == dns.rcode.NOERROR, "the zone is there again")
    assert c.logged("is damaged and not used")
    assert "findings" in c.ctl("reload")


def test_a_notify_ends_the_wait_for_a_primary_that_was_not_there(daemons, tmp_path):
    """RFC 1996: a zone that was never transferred is asked for at once, not at the end of its wait; others' NOTIFY does nothing."""
    p = Primary()
    daemons.append(p)
    p.tricks = {ZONE: closes}
    c = Concord(tmp_path / "concord")
    c.extra = f"remotes:\n  - {{id: main, address: 127.0.0.1@{p.port}}}"
    c.zones.append(f"  - name: {ZONE}\n    primaries: [main]\n    signing: none\n")
    c.write_config()
    daemons.append(c)
    c.start()
    wait_until(lambda: p.asked[ZONE] >= 2, "it was tried twice, and waits 10 s now", 30)
    p.tricks = {}
    notify = dns.message.make_query(ZONE.upper(), "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    notify.flags |= dns.flags.AA
    assert dns.query.udp(notify, "127.0.0.1", port=c.port, timeout=5, source="127.0.0.9").rcode() == dns.rcode.REFUSED
    assert dns.query.udp(notify, "127.0.0.1", port=c.port, timeout=5).rcode() == dns.rcode.NOERROR
    wait_until(lambda: c.ask(ZONE, "SOA").rcode() == dns.rcode.NOERROR, "it was fetched at once", 5)
    other = dns.message.make_query("other.example.", "SOA")
    other.set_opcode(dns.opcode.NOTIFY)
    assert dns.query.udp(other, "127.0.0.1", port=c.port, timeout=5).rcode() == dns.rcode.NOTAUTH


def test_a_wrong_configuration_is_said_with_its_place(tmp_path):
    for text, said in [
        ("remotes:\n  - {id: a, address: 127.0.0.1}\nzones:\n  - {name: x.example, primaries: [b]}\n", "no remote has the id 'b'"),
        ("remotes:\n  - {id: a, address: nonsense}\n", "concord.yaml:6:22: error"),
        ("remotes:\n  - {id: a, address: 127.0.0.1, key: k}\n", "no TSIG key has the name 'k'"),
        ("remotes:\n  - {id: a, address: 127.0.0.1, transport: tls}\n", "needs the server's name or a pin"),
        ("remotes:\n  - {id: a, address: 127.0.0.1}\n  - {id: a, address: 127.0.0.1}\n", "the remote 'a' is given twice"),
        ("zones:\n  - {name: x.example}\n", "needs one of `file` and `primaries`"),
    ]:
        c = Concord(tmp_path / "concord")
        c.config.write_text(f"server:\n  listen: [127.0.0.1@{c.port}]\n  state-dir: state\n  control-socket: control.sock\n{text}")
        code, output = c.check()
        assert code != 0 and said in output, (said, output)
