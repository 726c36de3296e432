# SPDX-License-Identifier: Apache-2.0
"""Groups of signers from the first join to the last leave, below a parent that scans CDS and CSYNC: every answer of every signer is recorded each
half second, no pair that a resolver may hold is bogus, and two validating resolvers ask all the while.

Each process by each signer takes a quarter of an hour: long_groups.py."""
import pytest

from lab.groups import Groups

FOREIGN_DS = "4711 13 2 " + 32 * "ab"  # of nobody here: another provider's, or forgotten
TWO = {"pair": ["concord", "other"], "bind": ["concord", "bind"], "knot": ["concord", "knot"], "powerdns": ["concord", "powerdns"]}
FOUR = ["concord", "bind", "knot", "powerdns"]


@pytest.fixture
def groups(tmp_path, daemons):
    return lambda wanted: Groups(tmp_path, daemons, wanted)


def finish(all):
    print(all.lab.finish(), f"{all.kills} kills")
    for g in all.groups.values():
        g.check_crossed()


def joins_and_leaves(g):
    yield from g.join()
    yield from g.leave("other")


def joins_and_rolls_its_algorithm(g):
    yield from g.join()
    yield from g.algorithm_rolls()


def joins_rolls_its_csk_and_leaves(g):
    yield from g.join()
    yield from g.roll("csk")
    yield from g.leave("bind")


def joins_rolls_its_ksk_and_leaves(g):
    yield from g.join()
    yield from g.roll("ksk")
    yield from g.leave("knot")


def joins_and_the_other_rolls(g):
    yield from g.join()
    yield from g.peer_rolls("powerdns", "zsk")


def four_join_and_one_is_down_and_one_leaves(g):
    yield from g.join()
    yield from g.down_for("knot", 3)
    yield from g.roll("zsk")
    yield from g.leave("bind")


def test_groups_join_roll_and_leave_with_kill_9_at_each_step_and_nobody_sees_anything_bogus(groups):
    # The DS of nobody has no CDNSKEY: two Concords publish none then; the others do, so that a parent that reads both waits for a person.
    all = groups({"pair": {"signers": TWO["pair"], "foreign_ds": [FOREIGN_DS]}, "bind": {"signers": TWO["bind"], "keys": "csk"}, "knot": {"signers": TWO["knot"]},
                  "powerdns": {"signers": TWO["powerdns"]}, "algorithm": {"signers": TWO["pair"]}, "four": {"signers": FOUR, "foreign_ds": [FOREIGN_DS], "reads": ["CDS"]}})
    g = all.groups
    all.kill_at_each_step_of(g["pair"])
    all.lab.run({"pair": joins_and_leaves(g["pair"]), "bind": joins_rolls_its_csk_and_leaves(g["bind"]),
                 "knot": joins_rolls_its_ksk_and_leaves(g["knot"]), "powerdns": joins_and_the_other_rolls(g["powerdns"]),
                 "algorithm": joins_and_rolls_its_algorithm(g["algorithm"]), "four": four_join_and_one_is_down_and_one_leaves(g["four"])})
    assert all.kills >= 12, all.kills
    finish(all)
