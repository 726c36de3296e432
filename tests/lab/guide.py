# SPDX-License-Identifier: Apache-2.0
"""Pages of docs/ as tests: their files and their commands, in order, in a directory of the test's."""
import os
import pathlib
import re
import subprocess

from lab.daemons import BUILD

DOCS = pathlib.Path(__file__).parents[2] / "docs"


class Guide:
    def __init__(self, page, directory):
        self.dir = directory
        self.dir.mkdir(parents=True, exist_ok=True)
        text = (DOCS / page).read_text()
        blocks = re.findall(r"^```(\S+)\n(.*?)^```$", text, flags=re.M | re.S)
        self.files = {kind[5:]: body for kind, body in blocks if kind.startswith("file:")}
        self.commands = [body.strip() for kind, body in blocks if kind == "sh"]
        build = BUILD.resolve()
        self.environment = {**os.environ, "PATH": f"{build / 'src'}:{build / 'src' / 'ctl'}:{os.environ['PATH']}:/usr/sbin"}
        self.pids = []

    def write_files(self):
        for name, body in self.files.items():
            (self.dir / name).write_text(body)

    def run(self, command):
        """What it prints. A command that goes on in the background is remembered, and what it exports holds for the rest."""
        script = command + "\n[ -z \"$!\" ] || echo $! >> pids\nexport -p > environment\n"
        before = "[ ! -e environment ] || . ./environment\n"
        log = self.dir / "output"
        with open(log, "w") as out:
            done = subprocess.run(["bash", "-c", before + script], cwd=self.dir, env=self.environment, stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.STDOUT, timeout=60)
        assert done.returncode == 0, (command, log.read_text())
        return log.read_text()

    def stop(self):
        pids = (self.dir / "pids").read_text().split() if (self.dir / "pids").exists() else []
        for pid in pids:
            subprocess.run(["kill", pid], check=False)
        for pid in pids:
            subprocess.run(["timeout", "10", "tail", "--pid", pid, "-f", "/dev/null"], check=False)
