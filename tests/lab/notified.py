# SPDX-License-Identifier: Apache-2.0
"""A secondary that only listens for NOTIFY."""
import socket
import threading
import time

import dns.flags
import dns.message
import dns.rcode


class Notified:
    """`heard`: (when, serial in the hint, whether signed) of each NOTIFY; `rcode` is what it answers, None: nothing."""

    def __init__(self, keyring=None, signs=True, address="127.0.0.1"):
        self.keyring, self.signs, self.rcode, self.heard = keyring, signs, dns.rcode.NOERROR, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.settimeout(0.1)
        self.address, self.port = self.socket.getsockname()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.done.is_set():
            try:
                wire, sender = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            q = dns.message.from_wire(wire, keyring=self.keyring)
            self.heard.append((time.monotonic(), q.answer[0][0].serial if q.answer else None, q.had_tsig))
            if self.rcode is None:
                continue
            r = dns.message.make_response(q)
            if not self.signs:
                r.tsig = r.keyring = None
            r.flags |= dns.flags.AA
            r.set_rcode(self.rcode)
            self.socket.sendto(r.to_wire(), sender)

    def serials(self):
        return [serial for _, serial, _ in self.heard]

    def stop(self):
        self.done.set()
        self.thread.join()
        self.socket.close()
