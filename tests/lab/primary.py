# SPDX-License-Identifier: Apache-2.0
"""A primary of our own over a model: it remembers every version, and gives any of them whole or as differences, over TCP."""
import random
import socket
import struct
import threading

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import dns.zone

from lab.daemons import free_port

MESSAGE_RECORDS = 300


def record(owner, rdtype="A", value="192.0.2.1", ttl=300):
    return owner, ttl, rdtype, value


class Model:
    """Versions of a zone as sets of records; the SOA stands beside."""

    def __init__(self, zone, records, serial=1, refresh=3600, retry=2, expire=100000):
        self.zone, self.times = zone, f"{refresh} {retry} {expire} 60"
        self.versions = [(serial, frozenset(records))]

    @property
    def serial(self):
        return self.versions[-1][0]

    @property
    def records(self):
        return self.versions[-1][1]

    def change(self, removed=(), added=(), step=1):
        self.versions.append(((self.serial + step) % 2**32, (self.records - frozenset(removed)) | frozenset(added)))

    def soa(self, serial):
        return (self.zone, 300, "SOA", f"ns.{self.zone} h.{self.zone} {serial} {self.times}")

    def whole(self):
        return [self.soa(self.serial), *sorted(self.records), self.soa(self.serial)]

    def since(self, serial):
        """The differences one after another (RFC 1995 section 4); None where that serial is not known."""
        at = [i for i, v in enumerate(self.versions) if v[0] == serial]
        if not at:
            return None
        rows = [self.soa(self.serial)]
        for (old, before), (new, after) in zip(self.versions[at[-1]:], self.versions[at[-1] + 1:]):
            rows += [self.soa(old), *sorted(before - after), self.soa(new), *sorted(after - before)]
        return rows + [self.soa(self.serial)]

    def texts(self, serial=None):
        """As texts() of a transferred zone; `serial`: what it is served with."""
        rows = [*self.records, self.soa(self.serial if serial is None else serial)]
        return {f"{owner} {ttl} {rdtype} {dns.rdata.from_text('IN', rdtype, value).to_text()}" for owner, ttl, rdtype, value in rows}


def texts(zone):
    return {f"{name} {ttl} {dns.rdatatype.to_text(rdata.rdtype)} {rdata.to_text()}" for name, ttl, rdata in zone.iterate_rdatas()}


def random_change(lottery, model, size, prefix):
    """Removes, adds and changes about `size` records, TTLs among them; apex and its NS stay."""
    movable = sorted(r for r in model.records if r[0] != model.zone and not r[0].startswith("ns."))
    removed = set(lottery.sample(movable, min(len(movable) // 2, lottery.randrange(size))))
    added = set()
    for i in range(lottery.randrange(1, size)):
        owner = lottery.choice([f"{prefix}{i}", f"a.b{i % 7}", f"n{i % 40}", "*.w", f"d{i % 5}.e"]) + "." + model.zone
        kind, value = lottery.choice([("A", f"198.51.100.{lottery.randrange(256)}"), ("TXT", f'"{lottery.randrange(999)}"'),
                                      ("MX", f"{lottery.randrange(9)} mail.{model.zone}")])
        ttl = next((r[1] for r in (model.records - removed) | added if r[0] == owner and r[2] == kind), lottery.choice([60, 300]))
        added.add((owner, ttl, kind, value))
    return removed, added


class Primary(threading.Thread):
    def __init__(self, *models):
        super().__init__(daemon=True, name="primary")
        self.model, self.models = models[0], {m.zone: m for m in models}
        self.port, self.ixfr_n, self.axfr_n, self.incremental = free_port(), 0, 0, True
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind(("127.0.0.1", self.port))
        self.tcp.listen(8)
        threading.Thread(target=self.checks, daemon=True).start()
        self.start()

    def checks(self):
        try:
            while True:
                wire, who = self.udp.recvfrom(4096)
                query = dns.message.from_wire(wire)
                model = self.models.get(query.question[0].name.to_text().lower())
                self.udp.sendto(self.wire(query, [model.soa(model.serial)] if model else []), who)
        except OSError:
            pass

    def run(self):
        try:
            while True:
                threading.Thread(target=self.serve, args=(self.tcp.accept()[0],), daemon=True).start()
        except OSError:
            pass

    def serve(self, connection):
        try:
            length = struct.unpack(">H", connection.recv(2, socket.MSG_WAITALL))[0]
            query = dns.message.from_wire(connection.recv(length, socket.MSG_WAITALL))
            rows, model = None, self.models[query.question[0].name.to_text().lower()]
            if query.question[0].rdtype == dns.rdatatype.IXFR and self.incremental:
                self.ixfr_n += 1
                rows = model.since(query.authority[0][0].serial)
            if rows is None:
                self.axfr_n += 1
                rows = model.whole()
            for at in range(0, len(rows), MESSAGE_RECORDS):
                wire = self.wire(query, rows[at:at + MESSAGE_RECORDS])
                connection.sendall(struct.pack(">H", len(wire)) + wire)
        except (OSError, struct.error, KeyError):
            pass
        finally:
            connection.close()

    @staticmethod
    def wire(query, rows):
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        answer.answer.extend(dns.rrset.from_text(owner, ttl, "IN", rdtype, value) for owner, ttl, rdtype, value in rows)
        return answer.to_wire(max_size=65535)

    def log(self):
        return f"{self.axfr_n} whole, {self.ixfr_n} incremental"

    def stop(self):
        self.udp.close()
        self.tcp.close()


def lottery(seed):
    return random.Random(seed)
