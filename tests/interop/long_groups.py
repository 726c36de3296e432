# SPDX-License-Identifier: Apache-2.0
"""What test_groups.py shows, at length: each process by each signer in each group, with kill -9 of Concord at each step. A quarter of an hour, so it is
no part of ./test; in a namespace of its own, with what tests/interop/CMakeLists.txt gives to a test:

    CONCORD_BUILD=$PWD/build/dev tests/lab/in_namespace /usr/bin/python3 -m pytest -s tests/interop/long_groups.py"""
import pytest

from lab.groups import Groups
from lab.members import REACH, BindMember
from test_groups import FOREIGN_DS, FOUR, TWO, finish

# BIND keeps an old key until all that it signed has been signed anew: by default that takes nine days.
BindMember.POLICY += f" signatures-validity PT200S; signatures-validity-dnskey PT200S; signatures-refresh PT{200 - 2 * REACH}S; signatures-jitter PT1S;"


def everything(g):
    """Joins, rolls by all signers, a signer that is down, an algorithm where all can change theirs, leaves. A DS of nobody keeps its algorithm at the
    parent, and with it the group's."""
    plain = [s for s in g.signers if s in g.all.members]
    yield from g.join()
    for at in g.concords():
        for role in g.keys.split("-"):
            yield from g.roll(role, at)
    for i, name in enumerate(plain):
        roles = g.roles_of(name)
        for role in roles if len(plain) == 1 else roles[i % 2:i % 2 + 1]:  # of many, a key each
            yield from g.peer_rolls(name, role)
    if plain and g.foreign_ds:
        yield from g.down_for(plain[0], 3)
    if not plain and not g.foreign_ds:
        yield from g.algorithm_rolls()
    for name in g.signers[1:]:
        yield from g.leave(name)


@pytest.mark.parametrize("mix", ["pair", "bind", "knot", "powerdns", "four"])
def test_each_process_by_each_signer_with_kill_9_at_each_step(tmp_path, daemons, mix):
    signers = TWO.get(mix, FOUR)
    all = Groups(tmp_path, daemons, {f"{mix}-two": {"signers": signers, "keys": "ksk-zsk", "foreign_ds": [FOREIGN_DS], "reads": ["CDS"]},
                                     f"{mix}-one": {"signers": signers, "keys": "csk"}})
    for g in all.groups.values():
        all.kill_at_each_step_of(g)
    all.lab.run({label: everything(g) for label, g in all.groups.items()})
    assert all.kills >= 12, all.kills
    finish(all)
