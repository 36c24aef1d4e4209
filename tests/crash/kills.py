#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of anything, at any moment, under a load of accesses and purchases.

20 kills, 300 with COUNTERFOIL_SOAK=yes. A moment is a number of acknowledged answers, drawn
from the seed, and then a few microseconds to milliseconds more. After each kill the victim
is started again while the load goes on; at the end everything that was acknowledged or signed
is held against the log, the books and the audit.

COUNTERFOIL_SEED=N asks for the same victims and moments again.
"""
import base64
import json
import os
import pathlib
import random
import signal
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.books import books_problems                    # noqa: E402
from harness.load import Load                               # noqa: E402
from harness.market import Market                         # noqa: E402
from harness.program import wait_for                        # noqa: E402
from harness.proof import consistent                        # noqa: E402
from harness.reader import Seen, judge                      # noqa: E402
from harness.sale import Sale                               # noqa: E402
from harness.tree import folder                             # noqa: E402

KILLS = 300 if os.environ.get("COUNTERFOIL_SOAK") else 20
VICTIMS = ["api", "api", "signer", "signer", "worker", "postgres", "backend", "backend", "backend"]
ANSWERS_BETWEEN = (1, 120)
PATIENCE_S = 60
PROOFS = 40


def kill_backend(market, rng):
    """One server process of PostgreSQL that works for us; the postmaster then restarts all of them."""
    rows = market.sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                      " AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY pid")
    if not rows:
        return
    try:
        os.kill(int(rng.choice(rows)[0]), signal.SIGKILL)
    except ProcessLookupError:
        pass
    wait_for(market.database_answers, PATIENCE_S, "PostgreSQL to be back")


def kill_one(market, victim, rng):
    if victim == "postgres":
        os.kill(market.cluster.postmaster(), signal.SIGKILL)
        market.cluster.start()
    elif victim == "backend":
        kill_backend(market, rng)
    else:
        market.programs[victim].kill()
        market.start(only=(victim,))


def work_through(market, load, rng):
    """Kills one after another; true if after each of them new answers came."""
    for number in range(KILLS):
        victim, answers, pause = rng.choice(VICTIMS), rng.randint(*ANSWERS_BETWEEN), rng.random() * 0.03
        if not load.wait_for(answers, PATIENCE_S):
            tap.check(False, f"answers come before kill {number} ({victim})")
            return False
        threading.Event().wait(pause)
        kill_one(market, victim, rng)
        tap.note(f"kill {number}: {victim} after {answers} answers and {pause * 1000:.1f} ms")
    return tap.check(load.wait_for(20, PATIENCE_S), f"the market works after {KILLS} kills")


def proofs_hold(market, seen, rng):
    """Any two checkpoints that were served, before a kill or after, are of one history: by the log's own proofs."""
    sizes = sorted(seen.checkpoints)
    pairs = [sorted(rng.sample(sizes, 2)) for _ in range(PROOFS)] if len(sizes) > 1 else []
    good = 0
    for first, second in pairs:
        status, body = market.get(f"/v1/log/consistency?from={first}&to={second}")
        path = [base64.b64decode(h, validate=True) for h in json.loads(body)["proof"]] if status == 200 else []
        good += status == 200 and consistent(first, second, seen.checkpoints[first], seen.checkpoints[second], path)
    tap.check(pairs and good == len(pairs),
            f"{good} of {len(pairs)} consistency proofs between {len(sizes)} sizes hold")


def judged(market, seen):
    problems, entries = judge(seen, market.get)
    for text in problems[:20]:
        tap.note(text)
    tap.check(not problems and seen.accesses and seen.purchases,
              f"all {len(seen.accesses)} accesses, {len(seen.purchases)} purchases and "
              f"{len(seen.checkpoints)} checkpoints hold in a log of {len(entries)}")
    keys = [key for key, _, _ in seen.purchases]
    tap.check(len({license_id for _, license_id, _ in seen.purchases}) == len(keys),
              "each idempotency key bought one license")
    for text in (found := books_problems(market.sql)):
        tap.note(text)
    tap.check(not found, "the books balance")
    code, report = market.audit()
    if not tap.check(code == 0, "the audit is sound"):
        tap.note(report)


def main():
    seed = int(os.environ.get("COUNTERFOIL_SEED") or int.from_bytes(os.urandom(4), "big"))
    tap.note(f"COUNTERFOIL_SEED={seed}")
    rng = random.Random(seed)
    seen = Seen()
    with Market(folder("crash-kills")) as market:
        sale = Sale(market.port, market.operator_key).publish(items=1000).buy(licenses=20 if KILLS == 20 else 400)
        sale.pay(10000 if KILLS == 20 else 100000)
        load = Load(sale, seen, seed).start()
        work_through(market, load, rng)
        load.stop()
        tap.note(" ".join(f"{count} {what}" for what, count in load.counts.items()))
        wait_for(market.ready, PATIENCE_S, "the market to be ready")
        judged(market, seen)
        proofs_hold(market, seen, rng)
        for name in ("api", "worker", "signer"):
            tap.check(market.programs[name].running(), f"{name} runs")
    tap.done()


if __name__ == "__main__":
    main()
