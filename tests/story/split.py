# SPDX-License-Identifier: Apache-2.0
"""Splits, recomputed from their definition by someone who has never seen the C: exact fractions, then the rests."""
import fractions
import os
import secrets
import subprocess

from harness.tap import check, done, equal, note
from harness.tree import BUILD

ROWS = 1_000_000 if os.environ.get("COUNTERFOIL_SOAK") else 100_000


def largest_remainder(total, weights):
    """{creator: amount}: whole parts of the exact shares, the rest one by one to whoever lost most, then by id."""
    whole = sum(weights.values())
    exact = {c: fractions.Fraction(total * w, whole) for c, w in weights.items()}
    parts = {c: int(e) for c, e in exact.items()}
    losers = sorted(weights, key=lambda c: (parts[c] - exact[c], c.encode()))
    for creator in losers[:total - sum(parts.values())]:
        parts[creator] += 1
    return parts


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
