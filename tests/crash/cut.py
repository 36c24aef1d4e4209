#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A COMMIT whose connection is cut: before it reaches the server, and after, with its answer lost.

Between the API and PostgreSQL stands a relay that knows nothing of the protocol but the bytes of
COMMIT. The committer must find out by itself what became of its batch; callers repeat by key.
"""
import os
import pathlib
import re
import socket
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.books import books_problems                    # noqa: E402
from harness.load import Load                               # noqa: E402
from harness.market import Market                         # noqa: E402
from harness.program import wait_for                        # noqa: E402
from harness.reader import Seen, judge                      # noqa: E402
from harness.sale import Sale                               # noqa: E402
from harness.tree import folder                             # noqa: E402

COMMIT = b"COMMIT\0"
CUTS = 60 if os.environ.get("COUNTERFOIL_SOAK") else 10


class Relay:
    """A Unix socket that hands on to another one, until it is told to cut at the next COMMIT."""

    def __init__(self, folder_, upstream):
        self.upstream = upstream
        self.lock = threading.Lock()
        self.mode, self.cuts = None, {"before": 0, "after": 0}
        os.makedirs(folder_, exist_ok=True)
        os.chmod(folder_, 0o755)
        path = os.path.join(folder_, os.path.basename(upstream))
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o777)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self, mode):
        with self.lock:
            self.mode = mode

    def taken(self, data):
        """The mode, if this is the COMMIT to cut at."""
        if COMMIT not in data:
            return None
        with self.lock:
            mode, self.mode = self.mode, None
            if mode:
                self.cuts[mode] += 1
            return mode

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self.upstream)
            except OSError:
                near.close()
                continue
            silent = threading.Event()
            threading.Thread(target=self.pump, args=(near, far, silent, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(far, near, silent, False), daemon=True).start()

    def pump(self, source, target, silent, to_server):
        try:
            while data := source.recv(65536):
                mode = self.taken(data) if to_server else None
                if mode == "before":
                    break
                if mode == "after":
                    silent.set()                # its answer must not come back
                    target.sendall(data)
                    target.shutdown(socket.SHUT_WR)
                    source.shutdown(socket.SHUT_RDWR)
                    return
                if not to_server and silent.is_set():
                    continue                    # the server finishes its COMMIT undisturbed
                target.sendall(data)
        except OSError:
            pass
        for s in (source, target):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main():
    seed = int(os.environ.get("COUNTERFOIL_SEED") or 1)
    seen = Seen()
    tap.note(f"COUNTERFOIL_SEED={seed}")
    with Market(folder("crash-cut")) as market:
        sale = Sale(market.port, market.operator_key).publish(items=500).buy(licenses=4)
        sale.pay(20000)
        host = re.search(r"host=(\S+)", market.cluster.dsn()).group(1).strip("'")
        port = re.search(r"port=(\d+)", market.cluster.dsn())
        relay = Relay(str(market.socket_folder), os.path.join(host, f".s.PGSQL.{port.group(1) if port else 5432}"))
        market.stop(only=("api",))
        env = market.env
        env["COUNTERFOIL_DB_API"] = re.sub(r"host=\S+", f"host={market.socket_folder}", env["COUNTERFOIL_DB_API"])
        market.start(only=("api",))
        load = Load(sale, seen, seed, accesses=8, purchases=4).start()
        for number in range(CUTS):
            load.wait_for(20, 60)
            mode = ("after", "before")[number % 2]
            had = relay.cuts[mode]
            relay.arm(mode)
            wait_for(lambda: relay.cuts[mode] > had, 60, f"a COMMIT to cut ({mode})")     # noqa: B023
        tap.check(load.wait_for(50, 60), f"the market works after {relay.cuts}")
        load.stop()
        tap.note(" ".join(f"{count} {what}" for what, count in load.counts.items()))
        wait_for(market.ready, 60, "the market to be ready")
        problems, entries = judge(seen, market.get)
        for text in problems[:20]:
            tap.note(text)
        tap.check(not problems, f"{len(seen.accesses)} accesses and {len(seen.purchases)} purchases hold in "
                                f"a log of {len(entries)}")
        found = books_problems(market.sql)
        tap.check(not found, f"the books balance {found}")
        tap.check(not load.counts["cut"], "no caller lost its connection: the API lived through all of it")
        code, report = market.audit()
        if not tap.check(code == 0, "the audit is sound"):
            tap.note(report)
    tap.done()


if __name__ == "__main__":
    main()
