# SPDX-License-Identifier: Apache-2.0
"""One holds the KSK, off line; two sign with their own ZSKs (RFC 8901 section 2.1.1, Model 1). Requests and responses are exchanged as files."""
import datetime
import pathlib
import subprocess

import dns.dnssec
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from lab.clock import Clock
from lab.daemons import Concord
from lab.oracle import check_answer, check_keys
from lab.wait import wait_until

ZONE = "shop.example."
NAME = dns.name.from_text(ZONE)
DAY = 86400
TTL = 3600
ZONE_TEXT = f"""$TTL {TTL}
@ IN SOA ns1.{ZONE} hostmaster.{ZONE} 1 7200 3600 1209600 60
@ IN NS ns1.{ZONE}
@ IN NS ns2.{ZONE}
ns1 IN A 192.0.2.1
ns2 IN A 192.0.2.2
www IN A 192.0.2.80
*.w IN A 192.0.2.77
"""
SIGNING = """signing:
  - id: holder
    keys: ksk
    cds: always
  - id: signer
    keys: zsk
    zsk-lifetime: {lifetime}
    propagation-delay: 0
"""


def start(directory, daemons, policy, lifetime="30d", clock=None, options=None):
    d = Concord(directory)
    d.clock = clock
    d.zone(ZONE, ZONE_TEXT, signing=policy, **(options or {}))
    d.extra = SIGNING.format(lifetime=lifetime)
    d.write_config()
    daemons.append(d)
    return d.start()


def text_of(daemon, *args):
    done = daemon.ctl_raw(*args)
    assert done.returncode == 0, (args, done.stderr, daemon.log()[-2000:])
    return done.stdout


def file_with(directory, name, text):
    path = directory / name
    path.write_text(text)
    return path


def exchange(tmp_path, holder, signers, days=90):
    """Requests, signing, loading; returns the text that was loaded."""
    requests = [file_with(tmp_path, f"{i}.ksr", text_of(s, "bundle", "request", ZONE, "--days", days)) for i, s in enumerate(signers)]
    skr = text_of(holder, "bundle", "sign", ZONE, *requests, "--days", days)
    path = file_with(tmp_path, "all.skr", skr)
    for s in signers:
        text_of(s, "bundle", "load", ZONE, path)
    return skr


def ds_of(holder):
    return [dns.rrset.from_text(NAME, TTL, "IN", "DS", line.split(" IN DS ")[1])[0] for line in holder.ds(ZONE)]


def keys_of(signer):
    return signer.ask(ZONE, "DNSKEY", do=True)


# ---- ninety days ----

QUESTIONS = [("www." + ZONE, "A"), ("x.w." + ZONE, "A"), ("no." + ZONE, "A"), (ZONE, "SOA"), (ZONE, "CDS"), (ZONE, "CDNSKEY")]


class Recorder:
    """Every answer of every signer, with its time; pairs that one resolver may hold at once are checked against each other."""

    def __init__(self, clock, signers, ds):
        self.clock, self.signers, self.ds = clock, signers, ds
        self.sets, self.answers, self.checked = [], [], 0

    def record(self):
        now = self.clock.now()
        for s in self.signers:
            keys = keys_of(s)
            assert keys.rcode() == dns.rcode.NOERROR, (now, s.log()[-1500:])
            self.sets.append((now, keys))
            for name, rdtype in QUESTIONS:
                self.answers.append((now, s.ask(name, rdtype, do=True)))

    def check(self):
        for at, message in self.sets:
            keys = check_keys(message, NAME, self.ds, at)
            for then, answer in self.answers:
                if abs(at - then) <= TTL:
                    self.checked += 1
                    check_answer(answer, NAME, keys, max(at, then))


def test_ninety_days_with_rolls_of_both_signers_validate_in_every_pair_of_caches(tmp_path, daemons):
    clock = Clock(tmp_path)
    holder = start(tmp_path / "holder", daemons, "holder", clock=clock)
    signers = [start(tmp_path / "a", daemons, "signer", "30d", clock), start(tmp_path / "b", daemons, "signer", "40d", clock)]
    for s in signers:
        assert keys_of(s).rcode() == dns.rcode.SERVFAIL, "nothing signs the DNSKEY RRset yet"
    skr = exchange(tmp_path, holder, signers)
    bundles = holder.ctl("bundle", "list", ZONE)["bundles"]
    ds = ds_of(holder)
    holder.stop()  # off line for three months
    daemons.remove(holder)
    recorder = Recorder(clock, signers, ds)
    zsks = set()

    def serves_what_is_due(s):
        listed = s.ctl("bundle", "list", ZONE)["bundles"]
        due = [b for b in listed if at_of(b["from"]) <= clock.now()][-1]
        served = keys_of(s)
        return served.rcode() == dns.rcode.NOERROR and due["in_force"] and sorted(
            dns.dnssec.key_id(k) for k in served.answer[0]) == sorted(due["tags"])

    def at_of(text):
        return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())

    begin = clock.now()
    assert at_of(bundles[-1]["expires"]) >= begin + 90 * DAY
    moments = sorted({at_of(b["from"]) + d for b in bundles for d in (2, TTL + 2, 3 * TTL)}
                     | {begin + d * DAY for d in range(5, 90, 17)})
    for at in [m for m in moments if begin <= m < begin + 89 * DAY]:
        clock.go_to(at)
        for s in signers:
            s.ctl("status")  # its loop sees what time it is
            wait_until(lambda s=s: serves_what_is_due(s), f"{s.dir.name} serves the set of {at - begin} s")
            zsks |= {(s.dir.name, k["tag"]) for k in s.ctl("key", "list", ZONE)["keys"] if k.get("signs_zone")}
        recorder.record()
    recorder.check()
    assert recorder.checked > 1000
    for name, rolls in (("a", 2), ("b", 2)):
        assert len([1 for n, _ in zsks if n == name]) >= rolls + 1 - (name == "b"), zsks
    # Byte for byte: what was signed is what is served.
    served = {rr for _, m in recorder.sets for rrset in m.answer if rrset.rdtype == dns.rdatatype.RRSIG for rr in ["".join(r.to_text().split()) for r in rrset]}
    signed = {"".join(line.split(" IN RRSIG ")[1].split()) for line in skr.splitlines() if " IN RRSIG DNSKEY" in line}
    assert served and served <= signed

    clock.go_to(at_of(bundles[-1]["expires"]) - 13 * DAY)
    for s in signers:
        s.ctl("status")
        wait_until(lambda s=s: "bundle: signed DNSKEY sets end at" in s.log(), "the end is told ahead")

    # The end: nothing that has expired is served, and it is said who must act.
    clock.go_to(at_of(bundles[-1]["expires"]) + 1)
    for s in signers:
        s.ctl("status")
        wait_until(lambda s=s: keys_of(s).rcode() == dns.rcode.SERVFAIL, "an expired set is not served")
        wait_until(lambda s=s: "no signed DNSKEY set is valid any more" in s.log(), "the log says who must act")


# ---- Knot ----

KNOT = """server:
  listen: 127.0.0.1@1
database:
  storage: {where}
policy:
  - id: model1
    offline-ksk: on
    manual: on
    algorithm: ecdsap256sha256
    zsk-lifetime: 30d
    dnskey-ttl: 3600
    zone-max-ttl: 3600
zone:
  - domain: {zone}
    dnssec-signing: on
    dnssec-policy: model1
    file: unused
"""


class Knot:
    """keymgr on a database of its own: holder or signer."""

    def __init__(self, directory):
        directory.mkdir()
        self.dir = directory
        (directory / "knot.conf").write_text(KNOT.format(where=directory, zone=ZONE))

    def run(self, *args):
        done = subprocess.run(["/usr/sbin/keymgr", "-c", self.dir / "knot.conf", ZONE, *[str(a) for a in args]], capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0, (args, done.stdout[-500:], done.stderr)
        return done.stdout


def test_knot_signs_our_requests_and_we_serve_its_responses(tmp_path, daemons):
    knot = Knot(tmp_path / "knot")
    knot.run("generate", "ksk=yes")
    ours = start(tmp_path / "ours", daemons, "signer")
    request = file_with(tmp_path, "ours.ksr", text_of(ours, "bundle", "request", ZONE, "--days", 60))
    response = file_with(tmp_path, "knot.skr", knot.run("sign-ksr", request))
    text_of(ours, "bundle", "load", ZONE, response)
    ds = [dns.rrset.from_text(NAME, TTL, "IN", "DS", line.split(" DS ")[1])[0] for line in knot.run("ds").splitlines() if " DS " in line]
    keys = check_keys(keys_of(ours), NAME, ds)
    assert len(keys) == 2
    for name, rdtype in [("www." + ZONE, "A"), ("no." + ZONE, "A")]:
        check_answer(ours.ask(name, rdtype, do=True), NAME, keys)
    assert len(ours.ctl("bundle", "list", ZONE)["bundles"]) >= 6


def test_we_sign_requests_of_knot_and_knot_takes_our_responses(tmp_path, daemons):
    knot = Knot(tmp_path / "knot")
    holder = start(tmp_path / "holder", daemons, "holder")
    knot.run("import-pub", file_with(tmp_path, "holder.key", text_of(holder, "key", "export", ZONE)))
    knot.run("generate", "ksk=no")
    knot.run("pregenerate", "+60d")
    ours = start(tmp_path / "ours", daemons, "signer")
    requests = [file_with(tmp_path, "knot.ksr", knot.run("generate-ksr", "+0", "+60d")),
                file_with(tmp_path, "ours.ksr", text_of(ours, "bundle", "request", ZONE, "--days", 60))]
    response = file_with(tmp_path, "all.skr", text_of(holder, "bundle", "sign", ZONE, *requests, "--days", 60))
    assert "OK" in knot.run("validate-skr", response)
    knot.run("import-skr", response)
    text_of(ours, "bundle", "load", ZONE, response)
    keys = check_keys(keys_of(ours), NAME, ds_of(holder))
    assert len(keys) == 3  # the KSK, our ZSK and Knot's
