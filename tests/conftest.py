# SPDX-License-Identifier: Apache-2.0
"""Makes tests/lab importable, and shows daemons' logs when a test fails."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "bench"))


@pytest.fixture
def daemons(request):
    """A list: what a test puts in is stopped at its end, newest first."""
    running = []
    yield running
    failed = request.node.stash.get("failed", False)
    faults = []
    for d in reversed(running):
        if failed:
            print(f"---- {d.name} ----\n{d.log()[-6000:]}")
        try:
            d.stop()
        except AssertionError as e:
            faults.append(e)
    assert not faults, faults


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed:
        item.stash["failed"] = True
