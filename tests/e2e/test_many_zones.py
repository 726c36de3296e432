# SPDX-License-Identifier: Apache-2.0
"""Ten thousand zones, and reloads while questions come in."""
import socket
import threading

import dns.message
import dns.rcode

from lab.daemons import make_query

ZONES = 10000
TEXT = "$TTL 60\n@ IN SOA a h {serial} 2 3 4 5\n@ IN NS ns\nns IN A 192.0.2.1\nwww IN A 192.0.2.9\n"


def test_ten_thousand_zones_are_held_and_each_is_answered_from(concord):
    c = concord(start=False, zone=None)
    c.file("same.zone", TEXT.format(serial=1))
    c.zones = [f"  - {{name: z{i}.test., file: same.zone, signing: none}}" for i in range(ZONES)]
    c.write_config()
    c.start()
    assert c.ctl("status")["zones"] == ZONES
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((c.address, c.port))
        for start in range(0, ZONES, 50):
            for i in range(start, start + 50):
                s.send(make_query(f"www.z{i}.test.", "A").to_wire())
            assert all(dns.message.from_wire(s.recv(4096)).answer for _ in range(50))
    assert c.ask("www.z10000.test.", "A").rcode() == dns.rcode.REFUSED


def test_no_question_is_lost_while_a_large_zone_is_loaded_anew(concord):
    c = concord(start=False, zone=None)
    large = "".join(f"h{i} IN A 192.0.2.{i % 250}\n" for i in range(50000))
    c.zone("big.test.", TEXT.format(serial=1) + large, signing="none")
    c.zone("small.test.", TEXT.format(serial=1), signing="none")
    c.write_config()
    c.start()
    done, faults = threading.Event(), []

    def ask():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(10)
            s.connect((c.address, c.port))
            while not done.is_set():
                for name in ("www.small.test.", "h7.big.test."):
                    s.send(make_query(name, "A").to_wire())
                    if not dns.message.from_wire(s.recv(4096)).answer:
                        faults.append(name)

    asking = threading.Thread(target=ask)
    asking.start()
    for serial in range(2, 5):
        c.file("big.test.zone", TEXT.format(serial=serial) + large)
        c.ctl("reload")
        assert c.ask("big.test.", "SOA").answer[0][0].serial == serial
    done.set()
    asking.join()
    assert not faults
