# SPDX-License-Identifier: Apache-2.0
"""Root binds, another user serves."""
import os
import pwd
import shutil
import stat
import tempfile
import pathlib

import pytest

from conftest import ZONE_TEXT
from lab.daemons import Concord

USER = "nobody"


@pytest.fixture
def open_directory():
    """A directory that other users can go through: pytest's own are for their owner alone."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="concord-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_privileges_are_dropped_after_binding_and_everything_still_works(open_directory, daemons):
    assert os.geteuid() == 0, "this test needs root: run it with sudo"
    c = Concord(open_directory / "c")
    (open_directory / "c").chmod(0o755)
    c.options["user"] = USER
    c.zone("example.", ZONE_TEXT)
    c.write_config()
    c.config.write_text(c.config.read_text().replace("control.sock", "run/control.sock"))
    c.socket = c.dir / "run" / "control.sock"
    for f in c.dir.iterdir():
        f.chmod(0o644)
    daemons.append(c)
    c.start()
    status = (pathlib.Path("/proc") / str(c.process.pid) / "status").read_text()
    uids = [line for line in status.splitlines() if line.startswith("Uid:")][0].split()[1:]
    assert set(uids) == {str(pwd.getpwnam(USER).pw_uid)}
    assert "Groups:\t \n" in status or "Groups:\t\n" in status
    assert c.ask("www.example.", "A", do=True).answer
    assert c.ctl("key", "list", "example.")["keys"]
    made = list((c.dir / "state" / "keys" / "example.").glob("*.private"))
    assert len(made) == 2 and {pwd.getpwuid(f.stat().st_uid).pw_name for f in made} == {USER}
    assert {stat.S_IMODE(f.stat().st_mode) for f in made} == {0o600}
    c.ctl("reload")


def test_an_unknown_user_is_one_line(open_directory):
    c = Concord(open_directory / "c")
    c.options["user"] = "no-such-user-here"
    c.zone("example.", ZONE_TEXT)
    c.write_config()
    code, said = c.fails_to_start()
    assert code == 1 and "no such user: no-such-user-here" in said


def test_a_state_directory_that_others_may_write_to_is_refused(open_directory):
    c = Concord(open_directory / "c")
    c.zone("example.", ZONE_TEXT)
    c.write_config()
    (c.dir / "state").mkdir()
    (c.dir / "state").chmod(0o777)
    code, said = c.fails_to_start()
    assert code == 1 and "only its owner may write to" in said
