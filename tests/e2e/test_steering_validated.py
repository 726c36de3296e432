# SPDX-License-Identifier: Apache-2.0
"""Every steered answer is validated by delv, whatever is up, and denial is the same whatever is up."""
import subprocess

from test_steering import ZONE, value

STEERING = """
www:
  octodns: {healthcheck: {protocol: FEED}}
  type: A
  ttl: 5
  values: [192.0.2.80, 192.0.2.81]
  dynamic:
    pools:
      one: {fallback: two, values: [{value: 203.0.113.1}, {value: 203.0.113.2}]}
      two: {answers: 2, values: [{value: 203.0.113.3}, {value: 203.0.113.4}, {value: 203.0.113.5}]}
    rules: [{subnets: [127.0.0.0/8], pool: one}, {pool: two}]
"""
STATES = [(), ("203.0.113.1",), ("203.0.113.1", "203.0.113.2"), ("203.0.113.1", "203.0.113.2", "203.0.113.3"),
          ("203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4", "203.0.113.5")]


def test_delv_validates_each_answer_in_each_state_of_health(concord, tmp_path):
    c = concord(zone=ZONE, steering=STEERING)
    anchors = tmp_path / "anchors"
    keys = [r.to_text() for r in c.ask("example.", "DNSKEY").answer[0] if r.flags & 1]
    anchors.write_text("trust-anchors {\n" + "".join(
        'example. static-key {} {} {} "{}";\n'.format(*k.split(None, 3)[:3], k.split(None, 3)[3].replace(" ", "")) for k in keys) + "};\n")

    def delv(rdtype):
        return subprocess.run(["delv", f"@{c.address}", "-p", str(c.port), "-a", str(anchors), "+root=example.", "www.example.", rdtype],
                              capture_output=True, text=True, timeout=30).stdout

    seen, proofs = set(), set()
    for down in STATES:
        for n in range(1, 6):
            c.ctl("health", "set", f"203.0.113.{n}", "down" if f"203.0.113.{n}" in down else "up")
        assert "; fully validated" in delv("A") and "; negative response, fully validated" in delv("TXT"), (down, delv("A"))
        seen.add(value(c.ask("www.example.", "A")))
        nsec = c.ask("www.example.", "TXT", do=True).authority
        proofs.add("\n".join(sorted(r.to_text() for r in nsec)))
    assert len(seen) >= 3 and len(proofs) == 1
