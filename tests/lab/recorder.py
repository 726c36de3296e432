# SPDX-License-Identifier: Apache-2.0
"""Everything that resolvers may have been told, with its time, and the question whether any of them can have seen something bogus.

Each half second every signer is asked for the same things, and the parent for DS and NS. What was answered may be held for its TTL. Afterwards each
answer is judged under each DNSKEY set that may be held at one time with it, and each of those under each DS set: no retries, no luck."""
import time

import dns.dnssec
import dns.exception
import dns.name
import dns.rdatatype

from lab.oracle import Bogus, check_answer, check_keys, tags_of

SLACK = 0.1  # what is asked for at one time is answered a moment later


class Held:
    """One thing that was seen, from `since` until `until`, when its last copy expires."""

    def __init__(self, what, since, ttl):
        self.what, self.since, self.until = what, since, since + ttl
        self.at = time.time()  # signatures are judged as of then

    def meets(self, other):
        return self.since <= other.until + SLACK and other.since <= self.until + SLACK


class Recorder:
    """`parent`: a Delegation; `signers`: {host name in NS: daemon}. Answers of who is in no NS set that may be held count for nothing."""

    def __init__(self, parent, signers, zone, questions):
        self.parent, self.signers, self.zone, self.questions = parent, signers, dns.name.from_text(zone), questions
        self.ds, self.keys, self.answers, self.delegated = {}, {}, {}, {}
        self.seen, self.missed, self.n = 0, [], 0
        self.crossed = {}  # {signer: how many CDS and CDNSKEY of it were judged under others' DNSKEY sets}

    @staticmethod
    def hold(where, text, what, now, ttl):
        """The same thing seen again without a gap is one that is held for longer."""
        last = where.get(text)
        if last and now <= last[-1].until + SLACK:
            last[-1].until = max(last[-1].until, now + ttl)
        else:
            where.setdefault(text, []).append(Held(what, now, ttl))

    def delegates(self, host, now):
        return any(h.since <= now <= h.until + SLACK for h in self.delegated.get(host, []))

    def record(self):
        now = time.monotonic()
        self.n += 1
        for host in self.parent.hosts:
            self.hold(self.delegated, host, host, now, 1)
        records = self.parent.ds_records()
        if records:
            self.hold(self.ds, tuple(self.parent.ds), records, now, 1)
        for host, signer in self.signers.items():
            if self.delegates(host, now):
                self.look(host, signer)

    def look(self, host, signer):
        try:
            now = time.monotonic()
            message = signer.ask(self.zone, "DNSKEY", do=True, tcp=True, timeout=2)
            ttl = max((r.ttl for r in message.answer), default=0)
            self.hold(self.keys, (host, tuple(sorted(r.to_text() for r in message.answer))), message, now, ttl)
            for name, rdtype in self.questions(self.n):
                answer = signer.ask(name, rdtype, do=True, tcp=True, timeout=2)
                ttl = max((r.ttl for r in answer.answer + answer.authority), default=0)
                key = (host, str(name), rdtype, tuple(sorted(r.to_text() for r in answer.answer + answer.authority)))
                self.hold(self.answers, key, answer, now, ttl)
                self.seen += 1
        except (dns.exception.DNSException, OSError) as e:
            self.missed.append((host, str(e)))  # silence is no answer: a resolver asks another

    def judge(self):
        """Raises AssertionError with the first pairs that are bogus; returns how many were judged. Of a DNSKEY set only the keys that an answer's
        signatures name bear on it: what was judged under the same ones is not judged again."""
        faults, judged, good = [], 0, set()
        named = {id(a): tags_of(a.what) for answers in self.answers.values() for a in answers}
        for (host, _), stays in self.keys.items():
            for held in stays:
                sets = self.judge_keys(host, held, faults)
                if sets is None:
                    continue
                keys = {k.to_digestable(): dns.dnssec.key_id(k) for k in sets}
                for (signer, name, rdtype, _), answers in self.answers.items():
                    for a in answers:
                        if not a.meets(held):
                            continue
                        judged += 1
                        if host != signer and rdtype in ("CDS", "CDNSKEY") and a.what.answer:
                            self.crossed[signer] = self.crossed.get(signer, 0) + 1
                        mark = (id(a), frozenset(k for k, tag in keys.items() if tag in named[id(a)]))
                        if mark in good:
                            continue
                        try:
                            check_answer(a.what, self.zone, sets, max(a.at, held.at))
                            good.add(mark)
                        except Bogus as e:
                            faults.append(f"{name} {rdtype} of {signer}, under the DNSKEY set of {host}: {e}")
        assert not faults, (len(faults), judged, faults[:8])
        return judged

    def judge_keys(self, host, held, faults):
        found = None
        for ds, stays in self.ds.items():
            for d in stays:
                if not d.meets(held):
                    continue
                try:
                    found = check_keys(held.what, self.zone, d.what, max(held.at, d.at))
                except (Bogus, KeyError) as e:
                    faults.append(f"the DNSKEY set of {host} under DS {[x.split()[0] for x in ds]}: {e}")
        return found
