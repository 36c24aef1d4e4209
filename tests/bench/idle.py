# SPDX-License-Identifier: Apache-2.0
"""Connections that say nothing, as many as the machine's hard limit of open files allows, while others are served."""
import resource
import socket

from checks import right

WANTED = 10000
APART = 1024            # files that the API and the client here need for other things
AT_ONCE = 200
PLAIN = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def allowed(wanted):
    """(how many, the hard limit)"""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, hard - APART), hard


def resident_kib(program):
    with open(f"/proc/{program.process.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


class Crowd:
    def __init__(self, port, count):
        self.sockets = []
        for _ in range(count):
            self.sockets.append(socket.create_connection(("127.0.0.1", port), timeout=30))

    def ask(self):
        """How many of them are answered."""
        good = 0
        for first in range(0, len(self.sockets), AT_ONCE):
            some = self.sockets[first:first + AT_ONCE]
            good += sum(self._sent(s) for s in some)
            good -= sum(not self._answered(s) for s in some)
        return good

    @staticmethod
    def _sent(s):
        try:
            s.sendall(PLAIN)
            return True
        except OSError:
            return False

    @staticmethod
    def _answered(s):
        try:
            return s.recv(65536).startswith(b"HTTP/1.1 200 ")
        except OSError:
            return False

    def close(self):
        for s in self.sockets:
            s.close()


def loads(runs):
    """How often bench_idle() calls load()."""
    return 1 + 2 * runs


def bench_idle(market, load, wanted, runs):
    """`load()` measures requests. What it gave without and with the others, how many these were, KiB of each."""
    count, hard = allowed(wanted)
    market.stop(only=("api",))
    market.env["COUNTERFOIL_CONNECTIONS"] = str(count + APART // 2)
    market.start(only=("api",))
    load()
    rows = []
    for number in range(runs):
        without = load()
        before = resident_kib(market.programs["api"])
        crowd = Crowd(market.port, count)
        right(crowd.ask() == count, f"{count} connections are answered")
        kib = (resident_kib(market.programs["api"]) - before) / count
        beside = load()
        right(crowd.ask() == count, f"{count} connections were held and are answered again")
        crowd.close()
        rows.append((without, beside, kib))
        print(f"  run {number + 1}: without {without['p50_us'] / 1000:.1f} · {without['p99_us'] / 1000:.1f} ms, beside"
              f" {count} {beside['p50_us'] / 1000:.1f} · {beside['p99_us'] / 1000:.1f} ms, {kib:.1f} KiB each",
              flush=True)
    return count, hard, rows
