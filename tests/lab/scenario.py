# SPDX-License-Identifier: Apache-2.0
"""Things that take their time, side by side: each is a generator that yields what it waits for, and goes on when that has come.

    def a_key_rolls(zone):
        zone.roll()
        yield lambda: zone.is_quiet(), "the roll ends"
"""
import time

import dns.exception


def after(seconds):
    """A condition: time that must pass, such as a TTL."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


class Scenario:
    def __init__(self, name, steps, limit):
        self.name, self.steps, self.limit = name, steps, limit
        self.condition, self.what, self.end = None, "it starts", 0
        self.began = time.monotonic()
        self.go_on()

    def go_on(self):
        try:
            self.condition, self.what = next(self.steps)
            self.end = time.monotonic() + self.limit
        except StopIteration:
            self.condition = None

    def is_over(self):
        return self.condition is None

    def holds(self):
        """Who is asked may be down just now."""
        try:
            return self.condition()
        except (dns.exception.DNSException, OSError):
            return False

    def turn(self):
        while self.condition is not None and self.holds():
            print(f"{time.monotonic() - self.began:.1f} s: {self.name}: {self.what}")
            self.go_on()


def run_together(scenarios, tick, limit=180, tell=lambda: ""):
    """`scenarios`: {name: generator}; `tick()` is what goes on all the while, and has a pace. No step may take longer than `limit` seconds."""
    running = [Scenario(name, steps, limit) for name, steps in scenarios.items()]
    while running:
        tick()
        for s in running:
            s.turn()
            assert s.is_over() or time.monotonic() < s.end, (s.name, s.what, tell())
        running = [s for s in running if not s.is_over()]
