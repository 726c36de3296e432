# SPDX-License-Identifier: Apache-2.0
"""What is wrong is said in one clear line, and the exit code is 1."""
import os
import shutil
import subprocess

import pytest

from conftest import ZONE_TEXT
from lab.daemons import CONCORDD
from test_steering import GEO, STEERING, write_ranges

CONFIG = [
    ("an unknown key", "server: {lisen: []}", ":1:10: error: unknown key 'lisen'", "did you mean 'listen'"),
    ("a bad address", "server:\n  listen: [127.0.0.300@53]", ":2:12: error: '127.0.0.300@53' is not an IP address", "^"),
    ("a bad port", "server:\n  listen: [127.0.0.1@70000]", "is not an IP address with a port", "^"),
    ("a value out of range", "server:\n  udp-size: 100", ":2:13: error: udp-size must be 512 to 4096", "^"),
    ("a key given twice", "server:\n  nsid: a\n  nsid: b", ":3:3: error: 'nsid' is given twice", "line 2"),
    ("an alias of nothing", "server: {}\nzones: *a", "no anchor &a stands before this alias", "^"),
    ("a zone without a file", "zones:\n  - name: example", "needs one of `file` and `primaries`", "^"),
    ("a zone given twice", "zones:\n  - {name: a, file: x}\n  - {name: A., file: y}", "the zone 'a.' is given twice", "line 2"),
    ("an unknown policy", "zones:\n  - {name: a, file: x, signing: defualt}", "no policy of signing has the id 'defualt'", "did you mean 'default'"),
    ("an unknown database", "zones:\n  - {name: a, file: x, geo: nowhere}", "no database of geo has the id 'nowhere'", "^"),
    ("an unknown algorithm", "signing:\n  - {id: x, algorithm: rsamd5}", "is not an algorithm that we sign with", "^"),
    ("a refresh beyond the validity", "signing:\n  - {id: x, validity: 1d, refresh: 2d}", "refresh must be less than validity", "hint"),
    ("a duration that is none", "server: {tcp-idle: soon}", "is not a duration", "^"),
    ("a log level that is none", "server: {log: {level: verbos}}", "is not a value of level", "^"),
    ("a format that is none", "geo:\n  - {id: x, format: mmbd, file: y}", "is not a value of format", "did you mean 'mmdb'"),
    ("no YAML", "server: [", "not valid YAML", "^"),
    ("a list where a map should be", "server: []", "expected a map", "^"),
]


@pytest.mark.parametrize("row", CONFIG, ids=[r[0] for r in CONFIG])
def test_a_bad_configuration_is_named_by_file_line_and_column(concord, row):
    _, text, *expected = row
    c = concord(start=False)
    c.config.write_text(text + "\n")
    code, said = c.check()
    assert code == 1
    for part in expected:
        assert part in said, said
    assert str(c.config) in said


POLICIES = [
    ("an unknown pool", "pool: eu}", "pool: euu}", "undefined pool 'euu'"),
    ("no catch-all", "        - {pool: us}\n  - type", "  - type", "must be a catch-all"),
    ("an unknown geo", "geos: [EU]", "geos: [EU, XX]", "unknown geo code 'XX'"),
    ("a country without its continent", "geos: [AS-JP]", "geos: [JP]", "did you mean 'AS-JP'"),
    ("a loop of fallbacks", "us: {values: [{value: 198.51.100.1}]}\n        asia", "us: {fallback: eu, values: [{value: 198.51.100.1}]}\n        asia", "loop in pool fallbacks: eu -> us -> eu"),
    ("a weight of a single value", "{value: 198.51.100.1}]}\n        asia", "{value: 198.51.100.1, weight: 2}]}\n        asia", "weight must be 1"),
    ("a weight of zero", "weight: 3", "weight: 0", "invalid weight 0"),
    ("a weight above 100", "weight: 3", "weight: 101", "invalid weight 101"),
    ("a status that is none", "status: down", "status: off", "'off' is not a value of status"),
    ("a value of another family", "value: 203.0.113.1}", "value: 2001:db8::7}", "is not an IPv4 address"),
    ("a name without its dot", "value: a.cdn.test.}", "value: a.cdn.test}", "absolute name"),
    ("a subnet with stray bits", "10.9.0.0/16", "10.9.1.0/16", "bits are set past its length"),
    ("an unused pool", "pool: lost", "pool: us", "unused pool 'lost'"),
    ("a type that cannot be steered", "- type: AAAA", "- type: TXT", "type that can be steered"),
    ("a record that is also in the zone file", "weighted:", "ns1:", "remove these records from the zone file"),
    ("an unknown key", "dynamic:\n      pools:\n        eu: {values: [{value: 2001", "dinamic:\n      pools:\n        eu: {values: [{value: 2001", "unknown key 'dinamic'"),
    ("no default values", "    values: [192.0.2.80]\n", "", "missing default values"),
    ("a pool and a list of pools", "{geos: [SA], pool: lost}", "{geos: [SA], pool: lost, pools: [us]}", "two of 'pool', 'pools' and 'nearest' are given"),
    ("a pool twice in a list", "{geos: [SA], pool: lost}", "{geos: [SA], pools: [lost, lost]}", "pool 'lost' stands twice in the list"),
    ("no pool", "{geos: [SA], pool: lost}", "{geos: [SA]}", "is missing its pool"),
    ("too many answers", "lost: {values", "lost: {answers: 17, values", "'17' is not a number of values, 1 to 16"),
    ("a TTL that is none", "lost: {values", "lost: {ttl: soon, values", "'soon' is not a TTL"),
    ("a drain that ends before it begins", "lost: {values", "lost: {drain: [{from: 2027-01-02T00:00:00Z, until: 2027-01-01T00:00:00Z}], values", "a time that ends after it begins"),
    ("a time that is none", "lost: {values", "lost: {drain: [{from: tomorrow}], values", "'tomorrow' is not a time in UTC"),
    ("watermarks the wrong way round", "weight: 3}", "weight: 3, shed: {low: 9, high: 9}}", "the low watermark is not below the high one"),
    ("an unknown way to fail", "      pools:\n        eu: {fallback", "      on-failure: maybe\n      pools:\n        eu: {fallback", "'maybe' is not one of values, open, servfail"),
    ("a pool to fail to that is none", "      pools:\n        eu: {fallback", "      on-failure: {pool: uss}\n      pools:\n        eu: {fallback", "undefined pool 'uss'"),
    ("rules in the wrong order", "- {subnets: [10.9.0.0/16], pool: office}\n        - {geos: [EU], pool: eu}", "- {geos: [EU], pool: eu}\n        - {subnets: [10.9.0.0/16], pool: office}", "must stand before"),
]


@pytest.mark.parametrize("row", POLICIES, ids=[r[0] for r in POLICIES])
def test_a_bad_policy_is_named_by_file_line_and_column(concord, row):
    from test_steering import ZONE

    _, old, new, expected = row
    assert old in STEERING
    c = concord(start=False, zone=ZONE, steering=STEERING.replace(old, new, 1), geo="country", extra=GEO)
    write_ranges(c.dir)
    code, said = c.check()
    assert code == 1 and expected in said, said
    assert "example.steering.yaml:" in said or "example.zone:" in said


def test_a_good_configuration_passes_the_check(concord):
    code, said = concord(start=False).check()
    assert code == 0 and "no errors" in said


def test_a_missing_zone_file_is_one_line(concord):
    c = concord(start=False)
    (c.dir / "example.zone").unlink()
    for code, said in (c.check(), c.fails_to_start()):
        assert code == 1
        assert [line for line in said.splitlines() if "error: " in line and "example.zone: " in line and "No such file or directory" in line]


def test_a_port_in_use_is_one_line(concord):
    first, second = concord(), concord(start=False)
    second.listen = first.listen
    second.write_config()
    code, said = second.fails_to_start()
    assert code == 1 and said.count("error:") == 1 and "Address already in use" in said


def test_an_unreadable_or_open_key_is_one_line(concord, tmp_path):
    made = concord()
    files = sorted((made.dir / "state" / "keys" / "example.").iterdir())
    for f in files:
        shutil.copy(f, tmp_path)
    keys = sorted(tmp_path.glob("*.private"))
    names = "[" + ", ".join(f"{{file: {f}}}" for f in keys) + "]"
    keys[0].chmod(0o640)
    code, said = concord(start=False, keys=names).fails_to_start()
    assert code == 1 and said.count("error:") == 1 and "may be read by others (mode 0640)" in said
    keys[0].unlink()
    code, said = concord(start=False, keys=names).fails_to_start()
    assert code == 1 and said.count("error:") == 1 and "No such file" in said
    keys[1].write_text("Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: AAA\n")
    code, said = concord(start=False, keys=f"[{{file: {keys[1]}}}]").fails_to_start()
    assert code == 1 and "private key is missing or damaged" in said and "AAA" not in said


def test_a_damaged_mmdb_is_one_line_and_at_reload_the_old_one_goes_on(concord, tmp_path):
    from test_steering import ZONE

    perl = os.path.join(os.path.dirname(__file__), "..", "lab", "make_mmdb.pl")
    db = tmp_path / "db.mmdb"
    subprocess.run(["perl", perl, str(db), "nested"], check=True)
    good = db.read_bytes()
    extra = f"geo:\n  - {{id: country, format: mmdb, file: {db}}}\n"
    c = concord(zone=ZONE, steering=STEERING, geo="country", extra=extra)
    new = tmp_path / "new"
    new.write_bytes(good[: len(good) // 3])
    new.rename(db)
    refused = c.ctl_raw("reload")
    assert refused.returncode == 1 and "db.mmdb" in refused.stderr
    assert c.ask("www.example.", "A", ecs="10.1.2.0/24").answer[0][0].to_text() == "203.0.113.1"
    code, said = concord(start=False, zone=ZONE, steering=STEERING, geo="country", extra=extra).fails_to_start()
    assert code == 1 and "db.mmdb: " in said


def test_a_store_that_others_may_read_is_refused(concord):
    c = concord()
    c.stop()
    (c.dir / "state" / "concord.db").chmod(0o644)
    code, said = c.fails_to_start()
    assert code == 1 and "may be read by others" in said


def test_usage_errors_exit_with_2():
    assert subprocess.run([CONCORDD], capture_output=True).returncode == 2
    assert subprocess.run([CONCORDD, "--nonsense"], capture_output=True).returncode == 2
    done = subprocess.run([CONCORDD, "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("concordd ")


def test_private_keys_never_show_in_the_log(concord):
    c = concord()
    c.ctl("reload")
    secrets = [line.split(": ")[1] for f in (c.dir / "state" / "keys" / "example.").glob("*.private")
               for line in f.read_text().splitlines() if line.startswith("PrivateKey")]
    assert len(secrets) == 2 and not [s for s in secrets if s in c.log()]


def test_signed_data_in_the_zone_file_is_left_out(concord):
    c = concord(zone=ZONE_TEXT + "www IN NSEC example. A RRSIG NSEC\n@ IN DNSKEY 256 3 13 " + "A" * 86 + "==\n")
    assert c.logged("signatures and denial records of the file are left out")
    assert c.logged("key records of the file are left out")
    assert len(c.ask("example.", "DNSKEY").answer[0]) == 2
