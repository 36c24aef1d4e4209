# SPDX-License-Identifier: Apache-2.0
"""Splits, recomputed from their definition by someone who has never seen the C: exact fractions, then the rests."""
import os
import secrets
import subprocess

from harness.money import largest_remainder
from harness.tap import check, done, equal, note
from harness.tree import BUILD

ROWS = 1_000_000 if os.environ.get("COUNTERFOIL_SOAK") else 100_000


def main():
    seed = os.environ.get("COUNTERFOIL_SEED") or str(secrets.randbits(63))
    note(f"COUNTERFOIL_SEED={seed}")
    program = BUILD / "tests" / "unit" / "ledger" / "rules" / "split"
    out = subprocess.run([str(program), "rows", seed, str(ROWS)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         encoding="utf-8", check=True).stdout.splitlines()
    equal(len(out), ROWS, "rows to recompute")
    wrong = 0
    shared = 0
    for line in out:
        total, *parts = line.split(" ")
        rows = [part.split("=") for part in parts]
        weights = {creator: int(weight) for creator, weight, _ in rows}
        got = {creator: int(amount) for creator, _, amount in rows}
        want = largest_remainder(int(total), weights)
        shared += sum(amount > 0 for amount in want.values()) > 1
        if got != want:
            wrong += 1
            if wrong <= 5:
                note(f"{line}\nwant {want}")
    equal(wrong, 0, f"{ROWS} splits are the same in Python's fractions")
    check(shared > ROWS // 2, f"{shared} of them have more than one winner")
    done()


main()
