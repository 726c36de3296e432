# SPDX-License-Identifier: Apache-2.0
"""A wall clock of one daemon's own, which the test sets (tests/lab/set_clock.c)."""
import struct
import subprocess

from lab.daemons import BUILD, CONCORDD


class SetClock:
    def __init__(self, daemon):
        self.path = daemon.dir / "clock"
        self.set(0)
        libraries = subprocess.run(["ldd", str(CONCORDD)], capture_output=True, text=True, check=True).stdout
        sanitizer = [line.split(" => ")[1].split(" (")[0] for line in libraries.splitlines() if "libasan" in line]
        shim = (BUILD / "tests" / "lab" / "liblab_clock.so").resolve()
        daemon.env = {**daemon.env, "LAB_CLOCK": str(self.path.resolve()), "LD_PRELOAD": " ".join([*sanitizer, str(shim)])}

    def set(self, wall, boot=0):
        """The wall clock is so many seconds ahead, and the time since boot."""
        with open(self.path, "r+b" if self.path.exists() else "wb") as f:
            f.write(struct.pack("qq", wall, boot))
