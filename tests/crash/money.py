# SPDX-License-Identifier: Apache-2.0
"""Workers killed at random moments while they allocate and pay: everything is done, and once."""
import os
import random
import secrets
import time

from harness import money, postgres, tap
from harness.books import books_problems
from harness.market import Market
from harness.program import second_worker, wait_for
from harness.sale import must
from harness.tree import folder

ROUNDS = 300 if os.environ.get("COUNTERFOIL_SOAK") else 20
AT_A_TIME = 3


def hurt(market, rng, other):
    """One of the workers, or its connections, at any moment of the work."""
    moment = time.monotonic() + rng.random() * 0.25
    wait_for(lambda: time.monotonic() > moment, 5, "any moment")
    which = rng.randrange(3)
    if which == 0:
        market.programs["worker"].kill()
    elif which == 1:
        other.kill()
    else:
        postgres.query(market.cluster.dsn(user="postgres"), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       " WHERE usename LIKE '%worker' AND datname = current_database()")
    market.start(only=("worker",))
    return other if other.running() else second_worker(market)


def pay_out(market):
    """A run of what is available just now, unless one is under way."""
    wish = {"rail": "csv", "minimum": {"amount": "0.01", "currency": "EUR"}}
    must(market.operator.post("/v1/payout-runs", wish), 202, 409)


def paid(market):
    """Every run is made; each file names its run's payouts, each of them with its entry."""
    wait_for(lambda: market.sql("SELECT count(*) FROM payout_run WHERE state = 'running'") == [["0"]], 120, "the runs")
    wrong = 0
    for run, made in market.sql("SELECT r.id, count(y.id) FROM payout_run r LEFT JOIN payout y ON y.run = r.no"
                                " GROUP BY r.id"):
        file = must(market.operator.get(f"/v1/payout-runs/{run}/file"), 200).body.decode()
        rows = market.sql(f"SELECT y.id FROM payout y JOIN payout_run r ON r.no = y.run WHERE r.id = '{run}'")
        wrong += {line.split(",")[0] for line in file.splitlines()[1:]} != {r[0] for r in rows} or \
            len(file.splitlines()) != int(made) + 1
    tap.equal(wrong, 0, "each run's file has its payouts, each once")
    tap.equal(market.sql("SELECT count(*) FROM payout"), [[str(market.entries("payout.instructed"))]],
              "a payout has one entry, an entry one payout")
    tap.check(int(market.sql("SELECT count(*) FROM payout")[0][0]) > 0, "and there are some")


def owed(market):
    """Each snapshot has one entry, an entry one snapshot, each later than the last; none is half there."""
    rows = market.sql("SELECT s.as_of FROM snapshot s FULL JOIN (SELECT index FROM entry WHERE type ="
                      " 'balances.snapshot') e ON e.index = s.index WHERE s.index IS NOT NULL OR e.index IS NOT NULL"
                      " ORDER BY coalesce(e.index, s.index)")
    sizes = [int(size) for size, in rows if size]
    tap.check(len(sizes) == len(rows) > 0, f"{len(rows)} snapshots, each with its entry")
    tap.check(all(a < b for a, b in zip(sizes, sizes[1:])), "each as of a later size")
    tap.equal(market.sql("SELECT count(*) FROM snapshot s JOIN snapshot_tree t ON t.snapshot = s.no WHERE t.accounts <>"
                         " (SELECT count(*) FROM snapshot_leaf l WHERE l.snapshot = s.no AND l.currency = t.currency)"),
              [["0"]], "with all of its leaves")
    tap.equal(market.sql("SELECT count(*) FROM payout y WHERE NOT EXISTS (SELECT FROM snapshot s"
                         " WHERE s.index < y.index"
                         " AND NOT EXISTS (SELECT FROM allocation n WHERE n.index >= s.as_of AND n.index < y.index))"),
              [["0"]], "and no payout without one that covers it")


def main():
    seed = os.environ.get("COUNTERFOIL_SEED") or str(secrets.randbits(63))
    tap.note(f"COUNTERFOIL_SEED={seed}")
    rng = random.Random(seed)
    with Market(folder("crash-money"), COUNTERFOIL_RATE="0", COUNTERFOIL_FEE_PPM="50000",
                COUNTERFOIL_HOLD_MS="0", COUNTERFOIL_SNAPSHOT_MS="1000") as market:
        studio = money.Studio(market, creators=12).publish(rng, 300)
        offer = studio.offer({"amount": "0.013", "currency": "EUR", "kind": "per_item"})
        other, sold = second_worker(market), []
        for _ in range(ROUNDS):
            now = [studio.buy(offer) for _ in range(AT_A_TIME)]
            for license_ in now:
                studio.clear(license_, rng.sample(range(300), rng.randrange(0, 40)))
            pay_out(market)
            other = hurt(market, rng, other)
            sold += now
        for license_ in sold:
            studio.wait_allocated(license_, 120)
        tap.check(True, f"{len(sold)} payments are allocated after {ROUNDS} kills")

        def released():
            return market.sql("SELECT count(*) FROM allocation WHERE state = 'posted'"
                              " AND release_transaction IS NULL") == [["0"]]
        wait_for(released, 120, "what is not held to be available")
        tap.equal(market.sql("SELECT count(*) FROM posting p JOIN book_transaction t ON t.no = p.transaction"
                             " LEFT JOIN book_activation x ON x.transaction = t.no"
                             " WHERE coalesce(t.index, x.index) IS NULL"), [["0"]], "nothing is left prepared")
        paid(market)
        owed(market)
        tap.equal(books_problems(market.sql), [], "the books hold: each once, each whole")
        other.kill()
    tap.done()


main()
