#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL primary killed under load, its synchronous standby promoted: nothing acknowledged is lost, no fork.

One round, 20 with COUNTERFOIL_SOAK=yes, or as many as it says. Two instances of the API and a worker append; in each
round a new standby follows, commits wait for its disk, the primary gets SIGKILL at a random moment and never comes
back, and the programs find the new one behind the address that they know, as behind a proxy or a moved address.
"""
import os
import pathlib
import random
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.books import books_problems                    # noqa: E402
from harness.judged import judged, proofs_hold              # noqa: E402
from harness.load import Load                               # noqa: E402
from harness.market import Market                           # noqa: E402
from harness.postgres import Relay                          # noqa: E402
from harness.program import second_api, wait_for            # noqa: E402
from harness.reader import Seen                             # noqa: E402
from harness.replica import fail_over, standby_of           # noqa: E402
from harness.sale import Sale                               # noqa: E402
from harness.signer import Signer                           # noqa: E402
from harness.tree import folder                             # noqa: E402

SOAK = os.environ.get("COUNTERFOIL_SOAK", "")
ROUNDS = int(SOAK) if SOAK.isdigit() else 20 if SOAK else 1
PATIENCE_S = 90
ANSWERS = (20, 200)


def through_relay(market):
    relay = Relay(market.cluster.dsn(), market.socket_folder)
    market.stop(only=("api", "worker"))
    for role in ("API", "WORKER"):
        market.env[f"COUNTERFOIL_DB_{role}"] = relay.dsn(market.env[f"COUNTERFOIL_DB_{role}"])
    market.start(only=("api", "worker"))
    return relay


def one_round(market, relay, loads, number, rng):
    old, new = market.cluster, standby_of(market.cluster, market.dir / f"postgres-{number}")
    market.spare = new
    tap.check(all(load.wait_for(rng.randint(*ANSWERS), PATIENCE_S) for load in loads),
              f"round {number}: appends wait for the standby's disk")
    threading.Event().wait(rng.random() * 0.03)
    relay.upstream = "/nonexistent"          # nobody reaches the old one any more, nor the new one before its time
    took = fail_over(old, new)
    relay.upstream = relay.upstream_of(new.dsn())
    market.cluster, market.spare = new, None
    tap.note(f"round {number}: promoted within {took:.1f} s")
    tap.check(all(load.wait_for(ANSWERS[0], PATIENCE_S) for load in loads), f"round {number}: the market goes on")
    extended = [load.watch.caught_up(PATIENCE_S) for load in loads]
    tap.check(all(extended), f"round {number}: and extends what was served before")
    old.remove()


def main():
    seed = int(os.environ.get("COUNTERFOIL_SEED") or int.from_bytes(os.urandom(4), "big"))
    tap.note(f"COUNTERFOIL_SEED={seed}")
    rng = random.Random(seed)
    with Market(folder("crash-failover"), COUNTERFOIL_RATE="0") as market:
        relay = through_relay(market)
        loads = []
        for port, tag in zip((market.port, second_api(market)), ("", "-two")):
            sale = Sale(port, market.operator_key, tag).publish(items=1000).buy(licenses=5 + ROUNDS)
            loads.append(Load(sale.pay(2000 * ROUNDS + 2000), Seen(), seed, accesses=4, purchases=2).start())
        try:
            for number in range(1, ROUNDS + 1):
                one_round(market, relay, loads, number, rng)
        except BaseException:
            if market.spare:
                market.spare.remove()
            raise
        for load in loads:
            load.stop()
        wait_for(market.ready, PATIENCE_S, "the market to be ready")
        for load in loads:
            judged(market, load)
            proofs_hold(market, load.seen, rng)
        tap.equal(books_problems(market.sql), [], "the books balance")
        status = Signer(market.env["COUNTERFOIL_SIGNER"]).status()
        tap.check(status["alarms"] == 0 and not status["standby"], "the signer raised no alarm")
        code, report = market.audit()
        tap.check(code == 0, "the audit is sound") or tap.note(report)
    tap.done()


if __name__ == "__main__":
    main()
