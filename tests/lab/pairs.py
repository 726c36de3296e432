# SPDX-License-Identifier: Apache-2.0
"""What a resolver may hold of several signers, judged in all pairs: each answer under each DNSKEY set, each DNSKEY set under each DS set."""
import time

import dns.name
import dns.rdatatype
import dns.rrset

from lab import oracle


class Pairs:
    """Times are when something was last seen; it is held for its TTL from then on."""

    def __init__(self, zone):
        self.zone = dns.name.from_text(zone)
        self.ds, self.keys, self.answers, self.known = {}, {}, {}, {}
        self.judged, self.good = 0, set()

    def delegates(self, sets, ttl):
        for records, _ in sets:
            text = tuple(sorted(d.to_text() for d in records))
            self.ds[text] = (time.monotonic() + ttl, records)

    def knows(self, signers, ttl):
        """Resolvers may ask these signers now, and for the TTL of the names that lead to them."""
        for s in signers:
            self.known[s] = time.monotonic() + ttl

    def is_known(self, signer):
        return self.known.get(signer, 0) > time.monotonic()

    def looks_at(self, signer, server, questions):
        keys = server.ask(self.zone, "DNSKEY", do=True, tcp=True)
        rrset = keys.find_rrset(keys.answer, self.zone, dns.rdataclass.IN, dns.rdatatype.DNSKEY)
        self.keys[keys.to_text().split("\n", 1)[1]] = (time.monotonic() + rrset.ttl, keys, signer)
        for name, rdtype in questions:
            answer = server.ask(name, rdtype, do=True, tcp=True)
            ttl = max((r.ttl for r in answer.answer + answer.authority), default=0)
            self.answers[answer.to_text().split("\n", 1)[1]] = (time.monotonic() + ttl, answer, name, rdtype, signer)

    def judge(self):
        now = time.monotonic()
        for held in (self.ds, self.keys, self.answers):
            for k in [k for k, v in held.items() if v[0] < now]:
                del held[k]
        for ds_text, (_, ds) in self.ds.items():
            for keys_text, (_, keys, owner) in self.keys.items():
                for text, (_, answer, name, rdtype, signer) in self.answers.items():
                    mark = (ds_text, keys_text, text)
                    if mark not in self.good:
                        self.judge_pair(ds, keys, owner, answer, name, rdtype, signer)
                        self.good.add(mark)

    def judge_pair(self, ds, keys, owner, answer, name, rdtype, signer):
        self.judged += 1
        try:
            found = oracle.check_keys(keys, self.zone, ds)
            oracle.check_answer(answer, self.zone, found)
        except oracle.Bogus as e:
            raise AssertionError(f"{name} {rdtype} of {signer} under the DNSKEY set of {owner}: {e}\n"
                                 f"DS {[d.to_text() for d in ds]}\n{keys}\n{answer}") from None
