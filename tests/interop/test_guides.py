# SPDX-License-Identifier: Apache-2.0
"""The pages of docs/ that tell what to type, typed."""
import dns.name
import dns.query
import dns.rdatatype
import dns.rrset
import pytest

from lab.daemons import make_query
from lab.guide import Guide
from lab.oracle import check_answer, check_keys
from lab.wait import wait_until

ZONE = dns.name.from_text("shop.example.")


@pytest.fixture
def guide(tmp_path):
    made = []

    def make(page):
        made.append(Guide(page, tmp_path / "guide"))
        made[-1].write_files()
        return made[-1]

    yield make
    for g in made:
        g.stop()


def ask(port, name, rdtype):
    return dns.query.tcp(make_query(name, rdtype, do=True), "127.0.0.1", port=port, timeout=5)


def is_signed(port):
    try:
        answers = [ask(port, name, t) for name, t in [("www.shop.example.", "A"), ("shop.example.", "DNSKEY"), ("no.shop.example.", "A")]]
    except OSError:
        return False
    return all(any(r.rdtype == dns.rdatatype.RRSIG for r in a.answer + a.authority) for a in answers)


def test_two_providers_from_nothing_in_fewer_than_ten_commands(guide):
    g = guide("multi-signer.md")
    assert len(g.commands) < 10
    said = []
    for command in g.commands:
        said.append(g.run(command))
        for program, port in (("concordd", 5301), ("named", 5302)):
            if command.endswith("&") and program in command or f"{program} -c" in command:
                wait_until(lambda port=port: is_signed(port), f"{program} has signed", 60)
    assert all("fully validated" in s for s in said[-2:]), said
    ds = [dns.rrset.from_text(ZONE, 300, "IN", "DS", line.split(" DS ")[1])[0] for line in (g.dir / "parent.ds").read_text().splitlines()]
    assert len(ds) == 2
    sets = [check_keys(ask(port, "shop.example.", "DNSKEY"), ZONE, ds) for port in (5301, 5302)]
    assert all(len(s) == 3 for s in sets)
    for port in (5301, 5302):
        for name, rdtype in [("www", "A"), ("no", "A"), ("www", "MX"), ("@", "SOA")]:
            answer = ask(port, dns.name.from_text(name, ZONE), rdtype)
            for keys in sets:
                check_answer(answer, ZONE, keys)
