# SPDX-License-Identifier: Apache-2.0
"""One faked clock for several daemons: it runs, and is set forward by the test. libfaketime fakes wall clock and uptime alike, so nobody sees
a clock that was set."""
import glob
import time

LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"


class Clock:
    def __init__(self, directory):
        self.path = directory / "clock"
        self.ahead = 0
        self.set(0)

    def set(self, ahead):
        """Seconds ahead of the real time."""
        self.ahead = ahead
        fresh = self.path.with_suffix(".new")
        fresh.write_text(f"+{ahead}\n")
        fresh.rename(self.path)

    def now(self):
        return int(time.time()) + self.ahead

    def go_to(self, at):
        self.set(max(self.ahead, int(at - time.time())))

    def environment(self):
        (library,) = glob.glob(LIBRARY)
        return {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(self.path), "FAKETIME_NO_CACHE": "1",
                "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
