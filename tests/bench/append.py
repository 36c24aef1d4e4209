#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Appending, and proofs in a long log. Logs of any size, made through the append room without HTTP.

    with Fixture(folder("x"), entries) as market: …

is a Market whose log has (at least) so many entries, nearly all of them accesses of real licenses under real
clearances; the newest million are of one buyer, whose key is market.reader. By hand:

    tests/bench/append.py ENTRIES [FOLDER]      makes one, says where it is, and stays up until Enter
"""
import base64
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
if __name__ == "__main__":
    os.environ.setdefault("COUNTERFOIL_BUILD", str(ROOT / "build" / "plain"))
    sys.path[:0] = [str(HERE), str(HERE.parent)]

from audit import bench_audits                              # noqa: E402
from checks import lines, load, right                       # noqa: E402
from harness.market import Market                           # noqa: E402
from harness.proof import included                          # noqa: E402
from harness.reader import checkpoint_parse, leaf           # noqa: E402
from harness.sale import Sale, must                         # noqa: E402
from harness.tree import folder                             # noqa: E402
from harness.web import Client                              # noqa: E402

TOOLS = ROOT / "build" / "plain" / "tests" / "bench"
LICENSE_ITEMS = 100000
AT_ONCE = 8                 # clearances
DISCLOSED = 1000000
SMALL_LOG = 10000


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
        """What a program of this folder prints about this market's database and signer."""
        return tool(name, self.env["COUNTERFOIL_DB_API"], self.env["COUNTERFOIL_SIGNER"], *more)


def tool(name, *argv):
    done = subprocess.run([TOOLS / name, *map(str, argv)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    right(done.returncode == 0, f"{name} ended with {done.returncode}")
    return done.stdout


def numbers(line):
    return {name: float(number) for name, number in re.findall(r"(\w+) ([\d.]+)", line)}


# ---- appending

def bench_append(market, entries, runs):
    """[{append, copy, one, all, all_one: entries a second, batch: entries}]: append_copy.c says what they are."""
    market.stop(only=("api", "worker"))
    rows = [numbers(line) for line in market.tool("append_copy", market.cluster.dsn(), entries, runs).splitlines()]
    market.start(only=("api", "worker"))
    for number, row in enumerate(rows):
        print(f"  run {number + 1}: {row['append']:8.0f} entries/s appended  COPY {row['all']:8.0f}/s,"
              f" in one transaction {row['all_one']:8.0f}/s", flush=True)
    right(len(rows) == runs and all(row["batch"] == 1000 for row in rows), f"a batch per 1,000 entries: {rows}")
    return rows


# ---- proofs

def proved(market, index):
    """Over HTTP, checked in Python against the checkpoint and the entry's bytes."""
    text = must(market.operator.get(f"/v1/entries/{index}/proof"), 200).body.decode()
    head, note = text.split("\n\n", 1)
    first, said, *path = head.split("\n")
    _, size, root = checkpoint_parse(note.encode())
    data = bytes.fromhex(market.sql(f"SELECT encode(bytes, 'hex') FROM entry WHERE index = {index}")[0][0])
    right(first == "c2sp.org/tlog-proof@v1" and said == f"index {index}" and
          included(index, size, leaf(data), [base64.b64decode(p) for p in path]) == root, f"the proof of {index} holds")


def from_rows(small, large, count):
    dsn = "COUNTERFOIL_DB_API"
    return [numbers(line) for line in tool("log_prove", small.env[dsn], large.env[dsn], count).splitlines()]


def bench_proofs(small, large, out, count, seconds, runs):
    """({p50, p99, hashes} from rows as they were left, once they have been read, [p50 over HTTP]) of each."""
    first = from_rows(small, large, count)
    for market in (small, large):
        market.sql("SET enable_seqscan = off; SET max_parallel_workers_per_gather = 0; SELECT count(leaf) FROM entry")
    rows = from_rows(small, large, count)
    http, targets = ([], []), []
    for market, row in zip((small, large), rows):
        entries = [random.randrange(int(row["size"])) for _ in range(5000)]
        targets.append(lines(out / f"proofs-{market.port}", [f"/v1/entries/{i}/proof" for i in entries]))
        for index in [0, int(row["size"]) - 1, *entries[:20]]:
            proved(market, index)
    for number in range(runs):
        for market, items, out_us in zip((small, large), targets, http):
            out_us.append(load(market.port, 1, seconds, items)["p50_us"])
        print(f"  run {number + 1}: a proof in {http[1][-1]} µs  in the small log {http[0][-1]} µs", flush=True)
    return list(zip(first, rows, http))


# ---- the table

def median(values):
    return statistics.median(list(values))


def append_rows(rows):
    def ratio(name):
        return median(row["append"] / row[name] for row in rows)

    def rate(name):
        return median(row[name] for row in rows)
    own, what = f"{rate('append'):,.0f}/s", "entries appended without HTTP, a checkpoint per 1,000"
    return [f"| {what}, median of {len(rows)} | {own} | COPY of the same rows of entries and disclosures in one"
            f" transaction: {rate('all_one'):,.0f}/s | {ratio('all_one'):.2f} |",
            f"| the same | {own} | in transactions of 1,000: {rate('all'):,.0f}/s | {ratio('all'):.2f} |",
            f"| the same | {own} | of the entries alone, in transactions of 1,000 · in one:"
            f" {rate('copy'):,.0f} · {rate('one'):,.0f}/s | {ratio('copy'):.2f} · {ratio('one'):.2f} |"]


def proof_rows(measured):
    (small_first, small, small_us), (large_first, large, large_us) = measured
    of = f"in a log of {small['size']:,.0f}"

    def row(what, here, there):
        return (f"| {what}, p50 · p99 | {here['p50']:,.0f} · {here['p99']:,.0f} µs "
                f"| {of}: {there['p50']:,.0f} · {there['p99']:,.0f} µs "
                f"| {there['p50'] / here['p50']:.2f} · {there['p99'] / here['p99']:.2f} |")
    return [row(f"a receipt of a random entry of {large['size']:,.0f} from the rows", large, small),
            row("the same right after the log was filled", large_first, small_first),
            f"| a receipt over HTTP, one connection, p50, median of {len(large_us)} | {median(large_us):,.0f} µs "
            f"| {of}: {median(small_us):,.0f} µs | {median(a / b for a, b in zip(small_us, large_us)):.2f} |"]


def bench_log(out, entries, short):
    """The rows of the table for a log of so many entries."""
    each, runs = (20000, 2) if short else (100000, 5)
    with Fixture(out / "small-log", SMALL_LOG) as small, \
            Fixture(out / "long-log", entries, room=each * runs) as large:
        print(f"  {entries:,} entries: {large.said}", flush=True)
        rows = bench_proofs(small, large, out, 500 if short else 5000, 1 if short else 4, runs)
        table = append_rows(bench_append(large, each, runs)) + proof_rows(rows)
        table += bench_audits(small, large, out, runs)
        code, report = small.audit()
        right(code == 0, f"the audit of a log made so is not sound: {report}")
    return table


def main():
    if len(sys.argv) not in (2, 3) or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    where = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else folder("bench-fixture")
    with Fixture(where, int(sys.argv[1])) as market:
        auditor = market.party("auditor", "auditor")
        print(f"{market.url}: {market.entries()} entries, filled at {market.said}\n"
              f"COUNTERFOIL_KEY of an auditor: {auditor.key}\n"
              f"of the newest accesses' buyer: {market.reader}\nEnter ends it.", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
