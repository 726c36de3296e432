# SPDX-License-Identifier: Apache-2.0
"""`zone export` and `zone diff`: the merged view of file and updates. dnspython, named-checkzone, kzonecheck and NSD read what comes out."""
import io
import os
import pathlib
import subprocess

import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import dns.zone
import pytest

from lab.wait import wait_until
from lab.web import Access

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE="
KEYS = f'tsig-keys:\n  - {{name: wide., secret: "{SECRET}"}}\n'
ZONE = """$TTL 300
$ORIGIN example.
@ IN SOA ns1 hostmaster 7 3600 900 604800 300
@ IN NS ns1
@ IN NS ns2
ns1 IN A 192.0.2.1
ns2 IN A 192.0.2.2
*.wild IN TXT "a \\"quoted\\" text; with a semicolon" "\\009and a tab"
\\064odd\\$name IN A 192.0.2.3
mail IN MX 10 ns1
svc IN HTTPS 1 . alpn=h2,h3 port=8443
sub IN NS ns.sub
ns.sub IN A 192.0.2.53
sub IN DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
new.sync IN DSYNC CDS NOTIFY 5359 scanner.example.
old.pointer IN TYPE31 \\# 5 0102030405
odd IN TYPE65280 \\# 4 01020304
caa IN CAA 0 issue "ca.example"
uri IN URI 10 1 "https://example.org/;x"
loc IN LOC 51 30 12.748 N 0 7 39.611 W 0.00m 0.00m 0.00m 0.00m
"""
STEERING = """
www:
  type: A
  ttl: 60
  value: 192.0.2.80
  dynamic:
    pools:
      one: {values: [{value: 192.0.2.81}]}
    rules:
      - {pool: one}
"""


@pytest.fixture
def daemon(concord):
    c = concord(start=False, zone=ZONE, steering=STEERING, extra=KEYS, allow_update="[{key: wide.}]",
                allow_transfer="[{from: 127.0.0.1}]")
    os.chmod(c.config, 0o600)
    return c.start()


def send(daemon, *changes):
    u = dns.update.UpdateMessage("example.")
    u.use_tsig(dns.tsig.Key("wide.", SECRET, "hmac-sha256"))
    for what, *args in changes:
        getattr(u, what)(*args)
    assert dns.query.tcp(u, daemon.address, port=daemon.port, timeout=10).rcode() == dns.rcode.NOERROR


def text(daemon, *args):
    done = daemon.ctl_raw(*args)
    assert done.returncode == 0, (args, done.stderr)
    return done.stdout


def parse(zone_text, **options):
    return dns.zone.from_text(zone_text, "example.", relativize=False, **options)


def transferred(daemon):
    return dns.zone.from_xfr(dns.query.xfr(daemon.address, "example.", port=daemon.port, relativize=False), relativize=False)


def records(lines, sign):
    """(owner, ttl, type, RDATA) of the lines of a difference."""
    found = set()
    for line in lines.splitlines():
        if line.startswith(sign + " "):
            owner, ttl, _, rdtype, rdata = line[2:].split("\t")
            found.add((owner, int(ttl), rdtype, rdata))
    return found


def test_the_export_is_the_served_zone_and_loads_in_other_servers(daemon, tmp_path):
    send(daemon, ("add", "new", 60, "TXT", '"from an update"'), ("delete", "mail", "MX"))
    out = tmp_path / "exported.zone"
    out.write_text("what was there before")
    assert text(daemon, "zone", "export", "example.", "--file", str(out)) == ""
    got = parse(out.read_text())
    assert got == transferred(daemon) and got["new.example."] and not got.get_node("mail.example.")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("exported")) == ["exported.zone"]
    assert text(daemon, "zone", "export", "example.") == out.read_text()
    steered = [line for line in out.read_text().splitlines() if line.endswith(" ; steered")]
    assert steered == ["www.example.\t60\tIN\tA\t192.0.2.80 ; steered"]
    for checker in (["named-checkzone", "-q", "-i", "none", "example.", out], ["kzonecheck", "-o", "example.", out],
                    ["nsd-checkzone", "example.", out]):
        done = subprocess.run([str(c) for c in checker], capture_output=True, text=True)
        assert done.returncode == 0, (checker, done.stdout, done.stderr)


def test_the_export_in_the_files_place_changes_nothing(daemon):
    send(daemon, ("add", "new", 60, "TXT", '"from an update"'), ("delete", "odd"))
    before = transferred(daemon)
    lines = text(daemon, "zone", "export", "example.").splitlines(keepends=True)
    (daemon.dir / "example.zone").write_text("".join(x for x in lines if not x.endswith("; steered\n")))
    daemon.ctl("reload")
    assert transferred(daemon) == before
    assert records(text(daemon, "zone", "diff", "example.", daemon.dir / "example.zone"), "+") == set()


def test_diff_tells_what_updates_changed_beside_the_file(daemon):
    assert text(daemon, "zone", "diff", "example.") == "; example.: no updates lie on the file\n"
    send(daemon, ("add", "new", 60, "TXT", '"1"'), ("delete", "mail", "MX"))
    send(daemon, ("delete", "new", "TXT"), ("add", "new", 60, "A", "192.0.2.9"))
    got = text(daemon, "zone", "diff", "example.")
    soa = "ns1.example. hostmaster.example. {} 3600 900 604800 300"
    assert records(got, "-") == {("example.", 300, "SOA", soa.format(7)), ("mail.example.", 300, "MX", "10 ns1.example.")}
    assert records(got, "+") == {("example.", 300, "SOA", soa.format(9)), ("new.example.", 60, "A", "192.0.2.9")}
    assert got.startswith("; example.: updates from serial 7 to 9 lie on the file\n")
    as_json = daemon.ctl("zone", "diff", "example.")
    assert len(as_json["removed"]) == len(as_json["added"]) == 2 and as_json["notes"]
    daemon.stop()
    daemon.start()
    assert text(daemon, "zone", "diff", "example.") == got


def test_diff_with_a_file_tells_what_loading_it_would_change(daemon, tmp_path):
    send(daemon, ("add", "new", 60, "A", "192.0.2.9"))
    new = tmp_path / "new.zone"
    new.write_text(ZONE.replace("192.0.2.2", "192.0.2.22").replace("caa IN", "; caa IN"))
    got = text(daemon, "zone", "diff", "example.", new)
    assert records(got, "-") == {("ns2.example.", 300, "A", "192.0.2.2"), ("caa.example.", 300, "CAA", '0 issue "ca.example"')}
    assert records(got, "+") == {("ns2.example.", 300, "A", "192.0.2.22")} and "updates up to serial 8 lie on the file" in got
    new.write_text(ZONE.replace(" 7 3600", " 100 3600"))
    got = text(daemon, "zone", "diff", "example.", new)
    assert ("new.example.", 60, "A", "192.0.2.9") in records(got, "-") and "the file wins" in got
    new.write_text(ZONE + "bad IN A 192.0.2.300\n")
    done = daemon.ctl_raw("zone", "diff", "example.", new)
    assert done.returncode == 1 and "new.zone:21" in done.stderr and "would not load" in done.stderr


def test_the_signed_zone_is_exported_as_it_goes_out(concord, tmp_path):
    # What dnspython cannot read beside NSEC: a type that it has no name for, a generic form with a name in it.
    zone = "".join(x for x in ZONE.splitlines(keepends=True) if "TYPE31" not in x and "064odd" not in x)
    c = concord(start=False, zone=zone,
                allow_transfer="[{from: 127.0.0.1, signed: yes}]")
    c.start()
    wait_until(lambda: c.ctl_raw("zone", "export", "example.", "--signed").returncode == 0, "a signed copy")
    got = parse(text(c, "zone", "export", "example.", "--signed"))
    assert got == transferred(c) and got.get_rdataset("example.", "RRSIG", "SOA")
    plain = parse(text(c, "zone", "export", "example."))
    assert not plain.get_rdataset("example.", "DNSKEY") and plain.get_rdataset("new.sync.example.", "TYPE66")
    signed = tmp_path / "signed.zone"
    signed.write_text(text(c, "zone", "export", "example.", "--signed"))
    done = subprocess.run(["ldns-verify-zone", str(signed)], capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout, done.stderr)


def test_what_cannot_be_exported_says_why(daemon, tmp_path):
    assert daemon.ctl_raw("zone", "export", "absent.").returncode == 4
    done = daemon.ctl_raw("zone", "export", "example.", "--signed")
    assert done.returncode == 5 and "no signed copy" in done.stderr
    out = tmp_path / "kept.zone"
    out.write_text("kept")
    assert daemon.ctl_raw("zone", "export", "absent.", "--file", out).returncode == 4
    assert out.read_text() == "kept" and len([p for p in tmp_path.iterdir() if "kept" in p.name]) == 1
    assert daemon.ctl_raw("zone", "export", "example.", "--file", tmp_path / "no" / "where").returncode == 1


def test_over_the_network_operators_may_and_readers_may_not(concord):
    c = concord(start=False, zone=ZONE)
    a = Access(c)
    reader, operator = a.token("reader", "read"), a.token("operator", "operate")
    a.write()
    c.start()
    assert a.web(reader).get("/v1/zones/example./export").status == 403
    got = a.web(operator).get("/v1/zones/example./export")
    assert got.status == 200 and got.type == "text/dns" and parse(got.body.decode())["ns1.example."]
    assert a.web(operator).get("/v1/zones/absent./export").status == 404
