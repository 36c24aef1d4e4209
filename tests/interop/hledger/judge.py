# SPDX-License-Identifier: Apache-2.0
"""hledger judges a creator's journal: it accepts it, and none of its figures may be a micro-unit off."""
import pathlib
import random
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from harness import money, tap              # noqa: E402
from harness.market import Market           # noqa: E402
from harness.program import wait_for        # noqa: E402
from harness.sale import must               # noqa: E402
from harness.tree import folder             # noqa: E402


def accepts(journal):
    done = subprocess.run(["hledger", "-f", "-", "check"], input=journal, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.returncode == 0, done.stdout


def hledger_balance(journal, account):
    done = subprocess.run(["hledger", "-f", "-", "balance", account, "-N", "--format", "%(total)"], input=journal,
                          text=True, stdout=subprocess.PIPE, check=True)
    return done.stdout.strip()


def instructed(market, run):
    return must(market.operator.get(f"/v1/payout-runs/{run}"), 200).json()["state"] == "instructed"


def pay_out(market):
    """Of the two payouts one is settled, and comes back; one fails."""
    wait_for(lambda: market.sql("SELECT count(*) FROM allocation WHERE state = 'posted'"
                                " AND release_transaction IS NULL") == [["0"]], 60, "what isn't held")
    wish = {"rail": "csv", "minimum": {"amount": "0.01", "currency": "EUR"}}
    run = must(market.operator.post("/v1/payout-runs", wish), 202).json()["id"]
    wait_for(lambda: instructed(market, run), 60, "the run")
    for n, payout in enumerate(must(market.operator.get(f"/v1/payouts?run={run}"), 200).json()["data"]):
        must(market.operator.post(f"/v1/payouts/{payout['id']}/{('settle', 'fail')[n % 2]}", {"reference": "x"}), 200)
        if n % 2 == 0:
            must(market.operator.post(f"/v1/payouts/{payout['id']}/fail", {"reference": "y"}), 200)


def bent(journal, rng):
    """The journal with one of its figures a micro-unit larger or smaller, for every figure."""
    for found in re.finditer(r"EUR -?\d+\.(\d{6})", journal.split("\n\n", 2)[2]):
        at = len(journal) - len(journal.split("\n\n", 2)[2]) + found.end() - 1
        other = str((int(journal[at]) + rng.choice((1, 9))) % 10)
        yield journal[:at] + other + journal[at + 1:]


def main():
    with Market(folder("interop-hledger"), COUNTERFOIL_RATE="0", COUNTERFOIL_FEE_PPM="123457",
                COUNTERFOIL_HOLD_MS="0") as market:
        studio = money.Studio(market, creators=2).publish(random.Random("journal"), 30)
        for price in ("1.23", "0.07", "12.00"):
            license_ = studio.buy(studio.offer({"amount": price, "currency": "EUR"}))
            studio.clear(license_, {1, 2})
            studio.wait_allocated(license_)
        pay_out(market)
        for creator in studio.creators:
            journal = must(creator.get("/v1/statements?format=journal"), 200).body.decode()
            good, words = accepts(journal)
            tap.check(good, f"{creator.handle}: accepted") or tap.note(words)
            closing = must(creator.get("/v1/statements"), 200).json()["accounts"][0]["closing"]["amount"]
            tap.equal(hledger_balance(journal, "assets:market"), f"EUR {money.micro(closing) // 10 ** 6}"
                      f".{money.micro(closing) % 10 ** 6:06d}", f"{creator.handle}: and ends where the statement ends")
            changed = list(bent(journal, random.Random(journal)))
            taken = [c for c in changed if accepts(c)[0]]
            tap.check(len(changed) > 15 and not taken, f"{creator.handle}: each of {len(changed)} figures a micro-unit"
                      " off is rejected") or tap.note(taken[0] if taken else "")
    tap.done()


main()
