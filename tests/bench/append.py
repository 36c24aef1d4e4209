#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Logs of any size, made through the append room without HTTP.

    with Fixture(folder("x"), entries) as market: …

is a Market whose log has (at least) so many entries, nearly all of them accesses of real licenses under real
clearances; the disclosures of the newest million are there, those of older ones are not. By hand:

    tests/bench/append.py ENTRIES [FOLDER]      makes one, says where it is, and stays up until Enter
"""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
if __name__ == "__main__":
    os.environ.setdefault("COUNTERFOIL_BUILD", str(ROOT / "build" / "plain"))
    sys.path[:0] = [str(HERE), str(HERE.parent)]

from harness.market import Market                           # noqa: E402
from harness.sale import Sale                               # noqa: E402
from harness.tree import folder                             # noqa: E402

TOOLS = ROOT / "build" / "plain" / "tests" / "bench"
LICENSE_ITEMS = 100000
AT_ONCE = 8                 # clearances
DISCLOSED = 1000000


class Fixture(Market):
    """
    API and worker are stopped while the log is filled, and started again. `disclosed`: of so many accesses a reader of
    disclosures finds the windows open; `room`: for so many more there are licenses.
    """

    def __init__(self, where, entries, disclosed=DISCLOSED, room=0):
        super().__init__(where, COUNTERFOIL_CHECK_ANSWERS="no", COUNTERFOIL_RATE="0")
        self.size, self.disclosed, self.room = entries, disclosed, room

    def open(self):
        super().open()
        items = min(LICENSE_ITEMS, self.size + self.room)
        sale = Sale(self.port, self.operator.key).publish(items=items, contents=8)
        left = -(-(self.size + self.room) // items)
        while left > 0:
            sale.buy(min(left, AT_ONCE))
            left -= AT_ONCE
        self.stop(only=("api", "worker"))
        self.said = self.tool("log_fill", self.size)
        self.sql(f"DELETE FROM disclosure WHERE index < {self.size - self.disclosed}")
        self.sql("VACUUM ANALYZE")
        self.start(only=("api", "worker"))
        return self

    def tool(self, name, *more):
        """A program of this folder at this market's database and signer; what it prints."""
        argv = [TOOLS / name, self.env["COUNTERFOIL_DB_API"], self.env["COUNTERFOIL_SIGNER"], *map(str, more)]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout


def main():
    if len(sys.argv) not in (2, 3) or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    where = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else folder("bench-fixture")
    with Fixture(where, int(sys.argv[1])) as market:
        auditor = market.party("auditor", "auditor")
        print(f"{market.url}: {market.entries()} entries, filled at {market.said.strip()}\n"
              f"COUNTERFOIL_KEY of an auditor: {auditor.key}\nEnter ends it.", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
