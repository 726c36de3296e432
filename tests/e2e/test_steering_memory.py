# SPDX-License-Identifier: Apache-2.0
"""What policies make of the address space is kept over reloads, and bounded for the server as a whole."""
import urllib.request

from lab.daemons import free_port
from test_steering import ZONE, value


def steering(name, networks):
    """A policy that sends so many networks of their own to one pool."""
    subnets = ", ".join(f"10.{i // 250}.{i % 250}.{name % 4 * 64}/26" for i in range(networks))
    return (f"w{name}:\n  type: A\n  values: [192.0.2.1]\n  dynamic:\n    pools:\n      a: {{values: [{{value: 192.0.2.2}}]}}\n"
            f"      rest: {{values: [{{value: 192.0.2.3}}]}}\n    rules:\n      - {{subnets: [{subnets}], pool: a}}\n      - {{pool: rest}}\n")


def test_a_reload_builds_what_has_changed_and_a_policy_that_does_not_fit_is_refused_by_name(concord):
    metrics = free_port()
    c = concord(zone=ZONE, steering=steering(0, 10) + steering(1, 10), server={"steering-mib": 1, "metrics-listen": f"127.0.0.1@{metrics}"})
    path = c.dir / "example.steering.yaml"
    start = c.ctl("status")["steering"]
    assert (start["partitions"], start["built"], start["max_bytes"]) == (2, 2, 1 << 20)
    # One of two is edited: the other one is kept.
    path.write_text(steering(0, 10) + steering(1, 11))
    c.ctl("reload")
    assert c.ctl("status")["steering"]["built"] == 3
    # One grows beyond what is left: it is named with its line, and what was served goes on.
    path.write_text(steering(0, 10) + steering(1, 8000) + steering(2, 8000) + steering(3, 8000))
    refused = c.ctl_raw("reload")
    said = refused.stdout + refused.stderr
    assert refused.returncode != 0 and "steering.yaml:" in said and "of the 1 MiB" in said and "steering-mib" in said, said
    assert "w2.example." in said or "w3.example." in said, said
    assert value(c.ask("w1.example.", "A", ecs="10.0.10.64/26")) == "192.0.2.2"
    code, told = c.check()
    assert code != 0 and "steering-mib" in told
    text = urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=10).read().decode()
    assert "concord_steering_max_bytes 1048576" in text
    # With more room it loads.
    c.config.write_text(c.config.read_text().replace("steering-mib: 1", "steering-mib: 100"))
    c.ctl("reload")
    assert value(c.ask("w3.example.", "A", ecs="10.0.10.192/26")) == "192.0.2.2"
    assert c.ctl("status")["steering"]["max_bytes"] == 100 << 20
