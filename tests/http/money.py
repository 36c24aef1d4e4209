# SPDX-License-Identifier: Apache-2.0
"""From a clearance to the payout: allocation, balances, statements; every figure computed here once more."""
import os
import random
import secrets

from harness import money, tap
from harness.books import books_problems
from harness.market import Market
from harness.tree import folder

FEE_PPM = 123457
ROUNDS = 8


def rows(market, license_):
    """(allocation, its lines) of a license."""
    got = market.sql("SELECT a.state, a.items, a.cleared, a.owed, a.fee, a.refund, a.line_count, a.lines_root, a.no"
                     f" FROM allocation a JOIN license l ON l.no = a.license WHERE l.id = '{license_['id']}'")[0]
    names = ("state", "items", "cleared", "owed", "fee", "refund", "line_count", "lines_root", "no")
    allocation = {n: int(v) if v.lstrip("-").isdigit() else v for n, v in zip(names, got)}
    lines = market.sql("SELECT place, account, party, weight, amount, fee, n, encode(salt, 'base64'),"
                       f" encode(path, 'hex') FROM allocation_line WHERE allocation = {got[-1]} ORDER BY place")
    return allocation, lines


def check_allocation(studio, tariff, split, license_, excluded):
    """Each line from what everybody may know: items, weights, price, rules, what was excluded."""
    wanted = [i for n, i in enumerate(studio.items) if n not in excluded]
    paid = money.price(tariff, len(studio.items))
    owed = money.owed(tariff, paid, len(studio.items), len(wanted))
    fee = owed * FEE_PPM // money.MICRO
    weights = money.weights(wanted, split, studio.publisher.id)
    nets = {c: a for c, a in money.largest_remainder(owed - fee, weights).items() if a} if owed else {}
    fees = money.largest_remainder(fee, weights) if owed else {}
    got, lines = rows(studio.market, license_)
    same = (got["items"], got["cleared"], got["owed"], got["fee"], got["refund"]) == \
        (len(studio.items), len(wanted), owed, fee, paid - owed)
    same &= {row[2]: (int(row[3]), int(row[4]), int(row[5])) for row in lines} == \
        {c: (weights[c], a, fees[c]) for c, a in nets.items()}
    same &= [row[1] for row in lines] == sorted(row[1] for row in lines)
    return tap.check(same and got["line_count"] == len(lines),
                     f"{split} {tariff}: {len(lines)} lines of {money.text(owed)} less {money.text(fee)}") \
        or tap.note(f"{got}\n{lines}\nwant owed {owed} fee {fee} {nets} {fees}")


def allocations(studio, rng):
    """Random offers, exclusions and splits."""
    tariffs = [{"amount": "12.34", "currency": "EUR"}, {"amount": "0.013", "currency": "EUR", "kind": "per_item"},
               {"amount": "0.001", "currency": "EUR", "kind": "per_item", "minimum": "0.10"},
               {"amount": "0.01", "currency": "EUR"}]
    done = []
    for round_ in range(ROUNDS):
        tariff, split = tariffs[round_ % len(tariffs)], ("per_item", "per_byte")[round_ // len(tariffs) % 2]
        excluded = set(rng.sample(range(len(studio.items)), rng.choice([0, 1, len(studio.items) // 2,
                                                                         len(studio.items) - 1])))
        license_ = studio.buy(studio.offer(tariff, split))
        studio.clear(license_, excluded)
        studio.wait_allocated(license_)
        check_allocation(studio, tariff, split, license_, excluded)
        done.append(license_)
    free = studio.buy(studio.offer({"amount": "0.00", "currency": "EUR"}))
    studio.clear(free)
    studio.wait_allocated(free)
    tap.equal(rows(studio.market, free)[0]["state"], "nothing", "what was free leaves nothing to split")
    tap.equal(books_problems(studio.market.sql), [], "the books hold")
    return done


def main():
    seed = os.environ.get("COUNTERFOIL_SEED") or str(secrets.randbits(63))
    tap.note(f"COUNTERFOIL_SEED={seed}")
    rng = random.Random(seed)
    with Market(folder("http-money"), COUNTERFOIL_RATE="0", COUNTERFOIL_FEE_PPM=str(FEE_PPM),
                COUNTERFOIL_HOLD_MS="0") as market:
        studio = money.Studio(market).publish(rng, 40)
        allocations(studio, rng)
    tap.done()


main()
