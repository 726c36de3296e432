# SPDX-License-Identifier: Apache-2.0
"""ZONEMD (RFC 8976): verified in files and transfers, made in what secondaries get. dnspython, ldns and PowerDNS are the oracles."""
import subprocess

import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.update
import dns.versioned
import dns.zone
import pytest

from lab.wait import wait_until

ZONE = """$TTL 300
@ IN SOA ns1 hostmaster 7 3600 900 604800 300
@ IN NS ns1
ns1 IN A 192.0.2.1
www IN A 192.0.2.80
www IN A 192.0.2.81
sub IN NS ns.sub
ns.sub IN A 192.0.2.53
*.wild IN TXT "any"
"""
APEX = dns.name.from_text("example.")


def with_digest(text, algorithm=1):
    """The zone with the ZONEMD that dnspython makes."""
    z = dns.zone.from_text(text, "example.", relativize=False)
    rdata = z.compute_digest(algorithm)
    return text + f"@ IN ZONEMD {rdata.to_text()}\n"


def transferred(daemon):
    q = dns.query.xfr(daemon.address, "example.", port=daemon.port, relativize=False, timeout=10)
    return dns.zone.from_xfr(q, relativize=False)


def digest_of(zone):
    found = zone.get_rdataset(APEX, "ZONEMD")
    return list(found) if found else []


def verified(daemon, serial):
    """The transferred zone once it has that serial and its digest."""
    def try_it():
        try:
            z = transferred(daemon)
        except dns.query.TransferError:
            return None
        return z if z.get_rdataset(APEX, "SOA")[0].serial == serial else None
    z = wait_until(try_it, f"serial {serial} is transferred")
    z.verify_digest()
    return z


def served(daemon):
    r = daemon.ask("example.", "ZONEMD", tcp=True)
    return [x for rrset in r.answer if rrset.rdtype == dns.rdatatype.ZONEMD for x in rrset]


def serial_of(daemon):
    return daemon.ask("example.", "SOA").answer[0][0].serial


# ---- files ----

@pytest.mark.parametrize("algorithm", [1, 2])
def test_a_file_with_its_digest_loads_and_is_served_as_it_is(concord, algorithm):
    c = concord(zone=with_digest(ZONE, algorithm), signing="none", allow_transfer="[{from: 127.0.0.1}]")
    transferred(c).verify_digest()
    assert len(served(c)) == 1


def test_a_file_that_is_not_its_digest_leaves_the_version_before(concord):
    c = concord(zone=with_digest(ZONE), signing="none")
    path = c.dir / "example.zone"
    good = path.read_text()
    path.write_text(good.replace("192.0.2.81", "192.0.2.82"))
    done = c.ctl_raw("reload")
    assert done.returncode == 1 and "not what it should be" in done.stderr and "SHA-384" in done.stderr
    path.write_text(good.replace(" 7 3600", " 8 3600"))
    done = c.ctl_raw("reload")
    assert done.returncode == 1 and "its ZONEMD is of serial 7, the zone is 8" in done.stderr
    assert serial_of(c) == 7 and "192.0.2.81" in {x.address for x in c.ask("www.example.", "A").answer[0]}
    path.write_text(with_digest(ZONE.replace(" 7 3600", " 9 3600")))
    c.ctl("reload")
    assert serial_of(c) == 9


@pytest.mark.parametrize("policy, text, loads", [
    ("required", ZONE, False), ("required", with_digest(ZONE), True), ("no", with_digest(ZONE) + "more IN A 192.0.2.9\n", True),
    ("yes", ZONE + f"@ IN ZONEMD 7 240 1 {'00' * 48}\n", True), ("required", ZONE + f"@ IN ZONEMD 7 240 1 {'00' * 48}\n", False)])
def test_what_is_asked_of_a_file(concord, policy, text, loads):
    c = concord(start=False, zone=text, signing="none", zonemd_verify=policy)
    code, said = c.check()
    assert (code == 0) == loads, said
    assert loads or "not what it should be" in said


def test_where_we_sign_the_files_digest_is_verified_and_left_out(concord):
    c = concord(zone=with_digest(ZONE))
    assert served(c) == []
    (c.dir / "example.zone").write_text(with_digest(ZONE) + "more IN A 192.0.2.9\n")
    assert c.ctl_raw("reload").returncode == 1


# ---- made ----

def test_an_unsigned_zone_goes_out_with_its_digest_and_changes_with_new_ones(concord):
    c = concord(start=False, zone=ZONE, signing="none", zonemd="sha512", allow_transfer="[{from: 127.0.0.1}]",
                allow_update="[{from: 127.0.0.1}]")
    c.start()
    first = verified(c, 7)
    assert digest_of(first)[0].hash_algorithm == 2
    wait_until(lambda: served(c) == digest_of(first), "the answer has the digest of the zone")
    for i in range(3):
        u = dns.update.UpdateMessage("example.")
        u.add(f"new{i}", 60, "A", "192.0.2.9")
        assert dns.query.tcp(u, c.address, port=c.port, timeout=10).rcode() == dns.rcode.NOERROR
        z = verified(c, 8 + i)
        wait_until(lambda: served(c) == digest_of(z), "the answer follows")
    follower = dns.zone.from_text(first.to_text(), "example.", relativize=False, zone_factory=dns.versioned.Zone)
    dns.query.inbound_xfr(c.address, follower, port=c.port, timeout=10)
    follower.verify_digest()
    assert digest_of(follower) == digest_of(z), "differences lead from digest to digest"
    u = dns.update.UpdateMessage("example.")
    u.replace("example.", 60, "ZONEMD", served(c)[0].to_text())
    assert dns.query.tcp(u, c.address, port=c.port, timeout=10).rcode() == dns.rcode.REFUSED
    c.stop()
    c.start()
    assert verified(c, 10) == z and served(c) == digest_of(z)


@pytest.mark.parametrize("denial", ["nsec", "nsec3"])
def test_a_signed_zone_goes_out_with_a_digest_of_all_of_it(concord, tmp_path, denial):
    c = concord(start=False, zone=ZONE, zonemd="sha384", signing="online", allow_transfer="[{from: 127.0.0.1, signed: yes}]",
                allow_update="[{from: 127.0.0.1}]", extra=f"signing:\n  - {{id: online, denial: {denial}}}\n")
    c.start()
    z = verified(c, 7)
    wait_until(lambda: served(c) == digest_of(z), "the answer has the digest of the copy")
    u = dns.update.UpdateMessage("example.")
    u.add("new", 60, "A", "192.0.2.9")
    assert dns.query.tcp(u, c.address, port=c.port, timeout=10).rcode() == dns.rcode.NOERROR
    z = verified(c, 8)
    wait_until(lambda: served(c) == digest_of(z), "the answer follows")
    r = c.ask("example.", "ZONEMD", tcp=True, do=True)
    assert any(x.rdtype == dns.rdatatype.RRSIG for x in r.answer)
    path = tmp_path / "signed.zone"
    assert c.ctl_raw("zone", "export", "example.", "--signed", "--file", path).returncode == 0
    for checker in (["ldns-verify-zone", "-ZZ", path], ["pdnsutil", "zonemd-verify-file", "example", path]):
        done = subprocess.run([str(x) for x in checker], capture_output=True, text=True)
        assert done.returncode == 0, (checker, done.stdout, done.stderr)
    plain = dns.zone.from_text(c.ctl_raw("zone", "export", "example.").stdout, "example.", relativize=False)
    assert digest_of(plain) == []


def test_compact_denial_has_nothing_that_a_digest_is_of(concord):
    c = concord(start=False, zone=ZONE, zonemd="sha384", signing="online", extra="signing:\n  - {id: online, denial: compact}\n")
    code, said = c.check()
    assert code != 0 and "no chain that a digest could be of" in said


# ---- transfers ----

def pair(concord, **options):
    """A primary that makes digests, and one that fetches from it."""
    primary = concord(start=False, zone=ZONE, signing="none", allow_transfer="[{from: 127.0.0.1}]", allow_update="[{from: 127.0.0.1}]",
                      **options)
    second = concord(start=False, zone=None, extra=f"remotes:\n  - {{id: p, address: 127.0.0.1@{primary.port}}}\n")
    return primary, second


def test_what_a_primary_sends_is_verified_before_it_is_served(concord):
    primary, second = pair(concord, zonemd="sha384")
    second.zones.append("  - name: example.\n    primaries: [p]\n    signing: none\n    zonemd-verify: required\n"
                        "    allow-transfer: [{from: 127.0.0.1}]")
    second.write_config()
    primary.start()
    verified(primary, 7)
    second.start()
    z = verified(second, 7)
    assert digest_of(z) == digest_of(transferred(primary))
    u = dns.update.UpdateMessage("example.")
    u.add("new", 60, "A", "192.0.2.9")
    assert dns.query.tcp(u, primary.address, port=primary.port, timeout=10).rcode() == dns.rcode.NOERROR
    verified(primary, 8)
    second.ctl("zone", "refresh", "example.")
    assert digest_of(verified(second, 8)) == digest_of(transferred(primary))
    assert "serial 8 from" in second.log() and "changes" in second.log()


def test_a_transfer_that_is_not_its_digest_is_refused_once_and_the_old_zone_stays(concord):
    primary, second = pair(concord, zonemd_verify="no")
    path = primary.dir / "example.zone"
    path.write_text(with_digest(ZONE))
    second.zones.append("  - name: example.\n    primaries: [p]\n")
    second.write_config()
    primary.start()
    second.start()
    wait_until(lambda: second.ctl("zone", "list")["zones"][0]["serial"] == 7, "the good zone is there")
    path.write_text(with_digest(ZONE).replace(" 7 3600", " 8 3600").replace("ZONEMD 7", "ZONEMD 8"))
    primary.ctl("reload")

    def refused():
        return second.log().count("its records are not those that its ZONEMD")

    for _ in range(3):
        before = second.ctl("zone", "status", "example.")["transfer"]["last"]
        second.ctl("zone", "refresh", "example.")
        wait_until(refused, "the refusal is logged")
        wait_until(lambda: second.ctl("zone", "status", "example.")["transfer"]["state"] == "waiting", before)
    assert refused() == 1 and serial_of(second) == 7
    path.write_text(with_digest(ZONE.replace(" 7 3600", " 9 3600")))
    primary.ctl("reload")
    second.ctl("zone", "refresh", "example.")
    wait_until(lambda: serial_of(second) == 9, "the next good one is taken")
