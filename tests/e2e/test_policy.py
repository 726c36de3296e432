# SPDX-License-Identifier: Apache-2.0
"""What a policy does to the whole address space, and what a change of it would do."""
import ipaddress
import json
import re
import subprocess

import pytest

from lab.daemons import CONCORDCTL

RANGES = [("10.0.0.0", "10.255.255.255", "DE"), ("11.0.0.0", "11.255.255.255", "US"), ("12.0.0.0", "12.255.255.255", "CA")]
OLD = """
www:
  type: A
  ttl: 60
  values: [192.0.2.80]
  dynamic:
    pools:
      eu: {values: [{value: 203.0.113.1}]}
      us: {fallback: eu, values: [{value: 198.51.100.1}]}
      office: {values: [{value: 192.0.2.90, weight: 2}, {value: 192.0.2.91}]}
    rules:
      - {subnets: [10.9.0.0/16], pool: office}
      - {geos: [NA], pool: us}
      - {pool: eu}
"""
NEW = OLD.replace("[NA]", "[NA-US]")


@pytest.fixture
def files(tmp_path):
    def number(a):
        return int(ipaddress.ip_address(a))

    (tmp_path / "geoip").write_text("".join(f"{number(a)},{number(b)},{c}\n" for a, b, c in RANGES))
    (tmp_path / "geoip6").write_text("2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,CA\n")
    (tmp_path / "old.yaml").write_text(OLD)
    (tmp_path / "new.yaml").write_text(NEW)
    (tmp_path / "concord.yaml").write_text("""server: {listen: [127.0.0.1@5353], state-dir: state, control-socket: control.sock}
geo: [{id: country, format: tor, file: geoip, file6: geoip6}]
zones: [{name: example., file: example.zone, geo: country, steering: old.yaml}]
""")
    return tmp_path


def diff(files, *args, old="old.yaml", new="new.yaml"):
    done = subprocess.run([CONCORDCTL.resolve(), "--json", "policy", "diff", old, new, "--zone", "example.", *args], cwd=files,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def test_a_change_of_a_rule_is_measured_over_the_address_space_and_by_country(files):
    code, j, _ = diff(files, "--config", "concord.yaml")
    assert code == 0
    (record,) = j["records"]
    assert (record["name"], record["type"], record["change"]) == ("www.example.", "A", "moved")
    (move,) = record["moves"]
    assert (move["from"], move["to"]) == ("us", "eu")
    assert move["ipv4_share"] == 1 / 256  # 12.0.0.0/8
    assert move["ipv6_share"] == 2 ** -29  # 2001:db8::/32 of 2000::/3
    assert [c["country"] for c in move["countries"]] == ["CA"]


def test_a_log_of_queries_is_decided_on_both_sides(files):
    (files / "log").write_text("# who asked\n11.0.0.1 www.example. A\n12.0.0.1\n12.0.0.2 WWW.example\n12.9.0.0/24 other.example. A\n")
    code, j, _ = diff(files, "--config", "concord.yaml", "--queries", "log")
    assert code == 0
    assert j["queries"] == {"lines": 4, "not_steered": 1, "other_pool": 2, "other_value": 0}
    (move,) = j["records"][0]["moves"]
    assert move["queries"] == 2


def test_other_weights_move_only_the_share_that_they_imply(files):
    (files / "new.yaml").write_text(OLD.replace("weight: 2", "weight: 3"))
    (files / "log").write_text("".join(f"10.9.{i}.1 www.example. A\n" for i in range(256)))
    code, j, _ = diff(files, "--config", "concord.yaml", "--queries", "log")
    assert code == 0
    assert j["records"][0]["change"] == "same pools"
    # 2/3 to 3/4: one in twelve is 21 of 256.
    assert 5 <= j["queries"]["other_value"] <= 45
    assert j["queries"]["other_pool"] == 0


def test_a_pool_that_is_down_is_a_scenario(files):
    code, j, _ = diff(files, "--config", "concord.yaml", "--down", "us", new="old.yaml")
    assert code == 0
    (move,) = j["records"][0]["moves"]
    assert (move["from"], move["to"], move["ipv4_share"]) == ("us", "eu", 2 / 256)
    code, _, said = diff(files, "--config", "concord.yaml", "--down", "usa", new="old.yaml")
    assert code == 1 and "old.yaml: error: no policy has a pool 'usa'" in said


def test_records_that_come_and_go_are_told(files):
    (files / "new.yaml").write_text(NEW.replace("www:", "web:"))
    code, j, _ = diff(files, "--config", "concord.yaml")
    assert code == 0
    assert [(r["name"], r["change"]) for r in j["records"]] == [("web.example.", "added"), ("www.example.", "removed")]


@pytest.mark.parametrize("args, change, said", [
    ([], None, "give --mmdb FILE, or --config FILE with a zone that has one"),
    (["--config", "concord.yaml"], ("us", "them"), "new.yaml:9:"),
    (["--config", "concord.yaml", "--queries", "log"], None, "log:2: error: 'nobody' is not an address or a prefix"),
    (["--config", "concord.yaml", "--queries", "absent"], None, "absent: error: cannot be read"),
    (["--mmdb", "geoip"], None, "geoip: error:"),
])
def test_what_is_wrong_is_told_with_its_place(files, args, change, said):
    (files / "log").write_text("10.0.0.1\nnobody\n")
    if change is not None:
        (files / "new.yaml").write_text(NEW.replace(f"pool: {change[0]}", f"pool: {change[1]}"))
    code, j, stderr = diff(files, *args)
    assert code == 1 and j is None
    assert said in stderr


def test_rules_that_the_location_database_knows_nothing_about_are_told_with_their_place(files):
    (files / "new.yaml").write_text(NEW.replace("subnets: [10.9.0.0/16]", "asns: [64500]"))
    code, j, said = diff(files, "--config", "concord.yaml")
    assert code == 1 and j is None
    assert re.search(r"new.yaml:\d+:\d+: error: .*AS number", said), said


def located(concord, files, steering):
    """A daemon that is not started yet, with the fixture's location database."""
    zone = "$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\nmail IN A 192.0.2.25\n"
    c = concord(start=False, zone=zone, steering=steering, geo="country",
                extra="geo: [{id: country, format: tor, file: geoip, file6: geoip6}]")
    for name in ("geoip", "geoip6"):
        c.file(name, (files / name).read_text())
    return c


def test_the_partition_that_is_served_is_shown(concord, files):
    c = located(concord, files, OLD + "hidden:\n" + NEW.split("www:\n")[1].replace(
        "{subnets: [10.9.0.0/16], pool: office}", "{subnets: [0.0.0.0/0, '::/0'], pool: office}"))
    c.start()
    j = c.ctl("policy", "show", "www.example")
    assert [(r["pool"], r["answers"], r["ipv4_share"]) for r in j["rules"]] == [
        ("office", "office", 2 ** -16), ("us", "us", 2 / 256), ("eu", "eu", 1 - 2 / 256 - 2 ** -16)]
    assert j["rules"][0]["prefixes"] == ["10.9.0.0/16"]
    assert "11.0.0.0/8" in j["rules"][1]["prefixes"]
    hidden = c.ctl("policy", "show", "hidden.example.", "A")
    assert [r["reachable"] for r in hidden["rules"]] == [True, False, False]
    said = c.ctl_raw("policy", "show", "hidden.example.").stdout
    assert "nobody: earlier rules have all of its clients" in said
    assert c.ctl_raw("policy", "show", "mail.example.").returncode == 4


CHECKED = """
www:
  type: A
  ttl: 60
  values: [192.0.2.80]
  dynamic:
    pools:
      eu: {fallback: us, values: [{value: 203.0.113.1}]}
      us: {values: [{value: 198.51.100.1}]}
    rules:
      - {geos: [EU], pool: eu}
      - {pool: us}
  octodns:
    healthcheck: {protocol: TCP, port: 443, interval: 10s, timeout: 2s, fall: 3}
"""
NETWORKS = CHECKED.replace("{geos: [EU], pool: eu}", "{subnets: [0.0.0.0/1, 128.0.0.0/1, '::/0'], pool: eu}")
UNCHECKED = CHECKED.split("  octodns:")[0]


@pytest.mark.parametrize("steering, said", [
    (CHECKED, [": notice: www.example. A: resolvers have forgotten a value that dies after at most 92.0 s "
               "(3 checks 10.0 s apart, 2.0 s for the last one, TTL 60)"]),
    (CHECKED.replace("[EU]", "[EU-LI]"), ["steering.yaml:11:", ": warning: no client comes to this rule"]),
    (NETWORKS, ["steering.yaml:12:", ": warning: no client comes to this rule"]),
    (UNCHECKED, ["steering.yaml:8:22: warning: nothing ever brings this fallback into use: a value of pool 'eu' cannot fail",
                 "add a `healthcheck` to the record"]),
    (CHECKED.replace("203.0.113.1}", "203.0.113.1, status: up}"),
     ["steering.yaml:8:22: warning: nothing ever brings this fallback into use", "its values have `status: up`"]),
    (UNCHECKED.replace("fallback: us, ", "").replace("pool: eu}", "pools: [eu, us]}"),
     ["steering.yaml:11:", "warning: nothing ever brings this pool into use here: a value of pool 'eu' cannot fail"]),
])
def test_what_is_hardly_meant_is_a_warning(concord, files, steering, said):
    c = located(concord, files, steering)
    code, text = c.check()
    assert code == 0, text
    for part in said:
        assert part in text


def test_a_policy_without_findings_gets_none(concord, files):
    c = located(concord, files, CHECKED)
    code, text = c.check()
    assert code == 0 and "no errors, 0 warnings" in text
