#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Logs of any size, made through the append room without HTTP.

    with Fixture(folder("x"), entries) as market: …

is a Market whose log has (at least) so many entries, nearly all of them accesses of real licenses under real
clearances; the newest million are of one buyer, whose key is market.reader. By hand:

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
from harness.web import Client                              # noqa: E402

TOOLS = ROOT / "build" / "plain" / "tests" / "bench"
LICENSE_ITEMS = 100000
AT_ONCE = 8                 # clearances
DISCLOSED = 1000000


class Fixture(Market):
    """
    API and worker are stopped while the log is filled, and started again. The newest `disclosed` accesses or a few more
    are those of one buyer, whose key `reader` is: to an audit by it just their windows are open. `room`: for so many
    more there are licenses.
    """

    def __init__(self, where, entries, disclosed=DISCLOSED, room=0):
        super().__init__(where, COUNTERFOIL_CHECK_ANSWERS="no", COUNTERFOIL_RATE="0")
        self.size, self.disclosed, self.room = entries, min(disclosed, entries), room
        self.reader = self.said = None

    def open(self):
        super().open()
        items = min(LICENSE_ITEMS, self.disclosed + self.room)
        sale = Sale(self.port, self.operator.key).publish(items=items, contents=8)
        early = max(0, self.size - self.disclosed) // items
        self._stock(sale, early)
        if early:
            sale.buyer_handle, sale.paid = "late-lab", 0
            sale.buyer_id, sale.buyer_key = sale.register(sale.buyer_handle, "buyer")
            sale.buyer = Client(self.port, sale.buyer_key)
        self._stock(sale, -(-(self.size + self.room) // items) - early)
        self.reader = sale.buyer_key
        self.stop(only=("api", "worker"))
        self.said = self.tool("log_fill", self.size).strip()
        self.sql("VACUUM ANALYZE")
        self.start(only=("api", "worker"))
        return self

    @staticmethod
    def _stock(sale, licenses):
        for left in range(licenses, 0, -AT_ONCE):
            sale.buy(min(left, AT_ONCE))

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
        print(f"{market.url}: {market.entries()} entries, filled at {market.said}\n"
              f"COUNTERFOIL_KEY of an auditor: {auditor.key}, of the newest accesses' buyer: {market.reader}\nEnter ends it.", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
