#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A COMMIT whose connection is cut: before it reaches the server, and after, with its answer lost.

The committer must find out by itself what became of its batch, and the checkpoint loop what
became of its row; no caller is told less than the truth. And a COMMIT of which the server says
that it can't tell (WARNING 01000, a synchronous standby that is not there).
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.books import books_problems                    # noqa: E402
from harness.load import Load, money_problems               # noqa: E402
from harness.market import Market                         # noqa: E402
from harness.postgres import Relay, query                   # noqa: E402
from harness.program import wait_for                        # noqa: E402
from harness.reader import Seen, judge                      # noqa: E402
from harness.sale import Sale                               # noqa: E402
from harness.tree import folder                             # noqa: E402

CUTS = 60 if os.environ.get("COUNTERFOIL_SOAK") else 12
WARNED, WARNED_ATTEMPTS = 2, 40        # of two or three one begins with a COMMIT


def as_superuser(market, text):
    return query(market.cluster.dsn(user="postgres"), text)


def cut_off(relay, load):
    for number in range(CUTS):
        load.wait_for(20, 60)
        kind = relay.KINDS[number % len(relay.KINDS)]
        had = relay.cuts[kind]
        relay.arm(kind)
        wait_for(lambda: relay.cuts[kind] > had, 60, f"a chance to cut: {kind}")     # noqa: B023
    tap.check(load.wait_for(50, 60) and min(relay.cuts.values()) >= CUTS // len(relay.KINDS),
              f"the market works after {relay.cuts}")


def waiting(market):
    """The server process whose write to the ledger waits for a standby, and what it writes."""
    rows = as_superuser(market, "SELECT pid, left(query, 6) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                                " AND application_name = 'counterfoil-api append'")
    return rows and rows[0]


def warned(market, load):
    """
    A COMMIT waits for a standby that nobody is, and the wait is canceled: done here, maybe nowhere else. A batch whose
    COMMIT was confirmed may be answered, so only rounds that begin with a COMMIT count.
    """
    rounds = 0
    for number in range(WARNED_ATTEMPTS):
        if rounds == WARNED:
            break
        load.wait_for(20 + 7 * number, 60)
        as_superuser(market, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        as_superuser(market, "SELECT pg_reload_conf()")
        wait_for(lambda: waiting(market), 60, "a write that waits for a standby")
        wait_for(lambda: not load.wait_for(1, 2), 60, "the last answers of what was signed before")
        canceled, settled = [], False
        for _ in range(3):
            pid, what = wait_for(lambda: waiting(market), 60, "a write that waits for a standby")
            as_superuser(market, f"SELECT pg_cancel_backend({pid})")
            canceled.append(what)
            settled = load.wait_for(1, 0.2) or settled
        if canceled[0] == "COMMIT":
            rounds += 1
            tap.check(not settled, f"a COMMIT's canceled wait for its standby settles nothing ({canceled})")
        as_superuser(market, "ALTER SYSTEM RESET synchronous_standby_names")
        as_superuser(market, "SELECT pg_reload_conf()")
        tap.check(load.wait_for(50, 60), "without that standby the market works")
    tap.equal(rounds, WARNED, "COMMITs were met while they waited")


def main():
    seed = int(os.environ.get("COUNTERFOIL_SEED") or 1)
    seen = Seen()
    tap.note(f"COUNTERFOIL_SEED={seed}")
    with Market(folder("crash-cut")) as market:
        sale = Sale(market.port, market.operator_key).publish(items=500).buy(licenses=10)
        sale.pay(20000)
        relay = Relay(market.cluster.dsn(), market.socket_folder)
        market.stop(only=("api",))
        market.env["COUNTERFOIL_DB_API"] = relay.dsn(market.env["COUNTERFOIL_DB_API"])
        market.start(only=("api",))
        load = Load(sale, seen, seed, accesses=8, purchases=4).start()
        cut_off(relay, load)
        warned(market, load)
        load.stop()
        tap.note(load.said())
        wait_for(market.ready, 60, "the market to be ready")
        problems, entries = judge(seen, market.get)
        for text in problems[:20]:
            tap.note(text)
        tap.check(not problems, f"{len(seen.accesses)} accesses and {len(seen.purchases)} purchases hold in "
                                f"a log of {len(entries)}")
        found = books_problems(market.sql) + money_problems(sale, seen, entries)
        tap.check(not found, f"the books balance, and the buyer paid once for each license {found}")
        tap.check(not load.counts["cut"], "no caller lost its connection: the API lived through all of it")
        tap.equal(load.done_before + load.done_now, load.unknown, "each unknown outcome is settled by a repeat")
        code, report = market.audit()
        if not tap.check(code == 0, "the audit is sound"):
            tap.note(report)
    tap.done()


if __name__ == "__main__":
    main()
