#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A database restored to an older state: the signer remembers more than it, so the ledger halts.

Once as it was restored, and once after it grew past the signer's size again while the signer
was away. Writes are refused with `ledger-halted`, reads go on, and what was signed stays signed.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.market import Market                         # noqa: E402
from harness.postgres import query                        # noqa: E402
from harness.program import wait_for                        # noqa: E402
from harness.reader import checkpoint_parse                 # noqa: E402
from harness.sale import Sale, must                         # noqa: E402
from harness.tree import folder                             # noqa: E402

OLD, NEAR, LIVE = "older", "newer", "counterfoil"
PATIENCE_S = 60


def size_of(market):
    return checkpoint_parse(market.get("/log/checkpoint")[1])[1]


def fetch(sale, number):
    return sale.buyer.get(f"/v1/licenses/{sale.licenses[0]}/items/{sale.items[number][0]}")


def refused(sale, quote):
    """The problem's slug of a purchase that must not go through."""
    answer = sale.accept(quote)
    return answer.slug if answer.status == 503 else answer.status


def make(market, database, template):
    """A database anew, as a copy of another one that nobody is connected to."""
    dsn = market.cluster.dsn(database="postgres")
    query(dsn, f'DROP DATABASE IF EXISTS "{database}"')
    query(dsn, f'CREATE DATABASE "{database}" TEMPLATE "{template}"')


def keep(market, copy):
    """The worker stays away: what it does would be entries beside those that are counted."""
    market.stop(only=("api", "worker"))
    make(market, copy, LIVE)
    market.start(only=("api",))


def restore(market, copy, start):
    market.stop(only=market.NAMES)
    make(market, LIVE, copy)
    market.start(only=start, wait=False)
    wait_for(market.alive, PATIENCE_S, "the API to answer")


def check_halted(market, sale, quote, what):
    wait_for(lambda: refused(sale, quote) == "ledger-halted", PATIENCE_S, f"the ledger to halt ({what})")
    tap.check(True, f"{what}: writes are refused with ledger-halted")
    item = fetch(sale, -1)
    tap.check(item.status == 503 and item.slug == "ledger-halted", f"{what}: so are deliveries ({item})")
    for path in ("/log/checkpoint", "/v1/datasets", "/v1/entries/0/proof", "/healthz"):
        tap.equal(market.get(path)[0], 200, f"{what}: {path} goes on")
    tap.equal(sale.buyer.get(f"/v1/licenses/{sale.licenses[0]}").status, 200, f"{what}: so does a license's page")
    tap.equal(market.get("/readyz")[0], 503, f"{what}: /readyz says no")
    tap.check(b"halted" in market.get("/metrics")[1], f"{what}: and the metrics say it")


def main():
    with Market(folder("crash-restore")) as market:
        sale = Sale(market.port, market.operator_key).publish(items=300).buy(licenses=2)
        sale.pay(100)
        sale.buyer.timeout = 90         # beyond the deadline of a request, which is what tells "unknown"
        quotes = [sale.quote() for _ in range(2)]
        keep(market, OLD)
        for _ in range(5):
            must(sale.accept(sale.quote()), 201)
        keep(market, NEAR)
        near = size_of(market)
        must(fetch(sale, 0), 200)
        signed = size_of(market)
        tap.equal(signed, near + 1, "one entry more than in the newer copy is signed")

        restore(market, OLD, start=("signer", "api", "worker"))
        check_halted(market, sale, quotes[0], "restored")
        tap.check(size_of(market) < signed, "restored: it serves what it has")

        # A purchase is two entries, so that its head is beyond what the signer signed.
        restore(market, NEAR, start=("api",))
        tap.check(refused(sale, quotes[0]) == "outcome-unknown", "grown: without a signer a purchase is unknown")
        grown = int(market.sql("SELECT max(size) FROM tree_head")[0][0])
        tap.check(grown > signed, f"grown: {grown} entries are more than the {signed} that were signed")
        market.start(only=("signer",), wait=False)
        check_halted(market, sale, quotes[1], "grown")
        tap.equal(size_of(market), near, "grown: nothing of it was signed")
    tap.done()


if __name__ == "__main__":
    main()
