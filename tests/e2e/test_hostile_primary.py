# SPDX-License-Identifier: Apache-2.0
"""Primaries that send what they should not: the zone that was there goes on, and it is said once."""
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
import pytest

from lab.daemons import Concord, free_port
from lab.wait import wait_until

ZONE = "moved.example."


def soa(serial):
    return dns.rrset.from_text(ZONE, 300, "IN", "SOA", f"ns.{ZONE} h.{ZONE} {serial} 3600 2 100000 60")


def record(owner, rdtype="A", value="192.0.2.1"):
    return dns.rrset.from_text(owner, 300, "IN", rdtype, value)


GOOD = [record(ZONE, "NS", f"ns.{ZONE}"), record(f"ns.{ZONE}"), *[record(f"n{i}.{ZONE}") for i in range(30)]]


class Primary(threading.Thread):
    """Gives serial 1 whole; then announces serial 2 and does what `trick` says."""

    def __init__(self):
        super().__init__(daemon=True)
        self.port, self.trick, self.asked = free_port(), None, 0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind(("127.0.0.1", self.port))
        self.tcp.listen(8)
        self.stopping = False
        self.name = "primary"
        threading.Thread(target=self.checks, daemon=True).start()
        self.start()

    def checks(self):
        while True:
            wire, who = self.udp.recvfrom(4096)
            answer = dns.message.make_response(dns.message.from_wire(wire))
            answer.flags |= dns.flags.AA
            answer.answer.append(soa(1 if self.trick is None else 2))
            self.udp.sendto(answer.to_wire(), who)

    def run(self):
        while True:
            connection, _ = self.tcp.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            length = struct.unpack(">H", connection.recv(2, socket.MSG_WAITALL))[0]
            query = dns.message.from_wire(connection.recv(length, socket.MSG_WAITALL))
            if self.trick is None:
                self.send(connection, query, [soa(1), *GOOD, soa(1)])
            else:
                self.asked += 1
                self.trick(self, connection, query)
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
        wire = self.wire(query, rrsets)
        connection.sendall(struct.pack(">H", len(wire)) + wire)

    def log(self):
        return f"asked {self.asked} times"

    def stop(self):
        self.udp.close()
        self.tcp.close()


def streams_forever(p, connection, query):
    p.send(connection, query, [soa(2), *GOOD])
    i = 0
    while True:
        p.send(connection, query, [record(f"e{i + k}.{ZONE}") for k in range(500)])
        i += 500


def ends_in_a_record(p, connection, query):
    wire = p.wire(query, [soa(2), *GOOD, soa(2)])
    connection.sendall(struct.pack(">H", len(wire)) + wire[:-20])


def counts_more_than_it_sends(p, connection, query):
    wire = bytearray(p.wire(query, [soa(2), *GOOD, soa(2)]))
    wire[7] += 3
    connection.sendall(struct.pack(">H", len(wire)) + wire)


def leaves_the_zone(p, connection, query):
    p.send(connection, query, [soa(2), *GOOD, record("www.bank.example."), soa(2)])


def changes_its_serial(p, connection, query):
    p.send(connection, query, [soa(2), *GOOD, soa(3)])


def sends_an_older_zone(p, connection, query):
    p.send(connection, query, [soa(1), *GOOD, soa(1)] if query.question[0].rdtype == dns.rdatatype.AXFR else [soa(2), soa(9), soa(2)])


def does_not_end_its_differences(p, connection, query):
    p.send(connection, query, [soa(2), soa(1), record(f"n1.{ZONE}"), soa(2), record(f"evil.{ZONE}")])


def closes(p, connection, query):
    pass


def answers_another_question(p, connection, query):
    other = dns.message.make_query("other.example.", query.question[0].rdtype)
    other.id = query.id
    p.send(connection, other, [soa(2), *GOOD, soa(2)])


def shrinks_to_nothing(p, connection, query):
    p.send(connection, query, [soa(2), *GOOD[:2], soa(2)])


def is_no_zone(p, connection, query):
    p.send(connection, query, [soa(2), record(f"ns.{ZONE}"), *[record(f"c.{ZONE}", "CNAME", f"x{i}.{ZONE}") for i in range(40)], soa(2)])


@pytest.mark.parametrize("trick", [streams_forever, ends_in_a_record, counts_more_than_it_sends, leaves_the_zone, changes_its_serial,
                                   sends_an_older_zone, does_not_end_its_differences, closes, answers_another_question,
                                   shrinks_to_nothing, is_no_zone])
def test_the_old_zone_goes_on(daemons, tmp_path, trick):
    p = Primary()
    daemons.append(p)
    c = Concord(tmp_path / "concord")
    c.extra = f"remotes:\n  - {{id: main, address: 127.0.0.1@{p.port}}}"
    c.zones.append(f"  - name: {ZONE}\n    primaries: [main]\n    signing: none\n    limits: {{records: 20000}}\n")
    c.write_config()
    daemons.append(c)
    c.start()
    wait_until(lambda: c.ask(ZONE, "SOA").rcode() == dns.rcode.NOERROR, "the zone is there")
    p.trick = trick
    c.ctl("zone", "refresh", ZONE)
    wait_until(lambda: p.asked >= 2, "it was tried, and tried again", 30)
    answer = c.ask(f"n1.{ZONE}", "A")
    assert answer.rcode() == dns.rcode.NOERROR and len(answer.answer) == 1
    assert c.ask(ZONE, "SOA").answer[0][0].serial == 1
    assert c.ask(f"evil.{ZONE}", "A").rcode() == dns.rcode.NXDOMAIN
    assert c.logged("the version that we have goes on")
    # A primary that has come to its senses is taken again.
    p.trick = lambda primary, connection, query: primary.send(connection, query, [soa(2), *GOOD, soa(2)])
    c.ctl("zone", "refresh", ZONE)
    wait_until(lambda: c.ask(ZONE, "SOA").answer[0][0].serial == 2, "the new version is served", 20)


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
    p.trick = closes
    c = Concord(tmp_path / "concord")
    c.extra = f"remotes:\n  - {{id: main, address: 127.0.0.1@{p.port}}}"
    c.zones.append(f"  - name: {ZONE}\n    primaries: [main]\n    signing: none\n")
    c.write_config()
    daemons.append(c)
    c.start()
    wait_until(lambda: p.asked >= 2, "it was tried twice, and waits 10 s now", 30)
    p.trick = None
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
