#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answered, then killed, then repeated.

An answer with its entry has arrived at the client; at that moment something dies, or everything
at once as in a power cut. After the restart the same request with the same key gets the same
bytes, the entry is there, and its proof verifies offline.
"""
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import clearing, tap                           # noqa: E402
from harness.books import books_problems                    # noqa: E402
from harness.load import Load, money_problems               # noqa: E402
from harness.market import Market                         # noqa: E402
from harness.program import wait_for                        # noqa: E402
from harness.reader import Seen, judge                      # noqa: E402
from harness.sale import Sale, must                         # noqa: E402
from harness.tree import folder                             # noqa: E402

DEATHS = ((("api",), ("access", "payment", "party", "end", "purchase")),
          (("signer",), ("purchase",)),
          (("postmaster",), ("purchase",)),
          (("api", "postmaster", "signer", "worker"), ("access", "payment", "purchase")))
PAID = 3
PATIENCE_S = 60


def die(market, victims):
    for victim in victims:
        if victim == "postmaster":
            os.kill(market.cluster.postmaster(), signal.SIGKILL)
        else:
            market.programs[victim].kill()


class Act:
    """One request whose answer names an entry; `entry` is the type that it must be."""

    def __init__(self, name, client, path, body, status, entry):
        self.name, self.client, self.path, self.body, self.status, self.entry = name, client, path, body, status, entry

    def send(self, key):
        if self.body is None:
            return self.client.get(self.path)
        return self.client.post(self.path, self.body, idempotency=key)

    def index(self, answer):
        return int(answer.headers["Counterfoil-Entry"]) if self.body is None else answer.json()["entry"]["index"]


def acts(sale, number):
    """Each kind of request of a sale; secrets are told once, so that a new party is compared without its key."""
    license_id = must(sale.accept(sale.quote()), 201).json()["id"]
    payment = {"party": sale.buyer_handle, "amount": {"amount": f"{PAID}.00", "currency": "EUR"},
               "reference": f"answered-{number}"}
    sale.licenses.append(license_id)
    clearing.clear(sale.buyer, license_id)
    party = {"handle": f"answered-{number}", "roles": ["buyer"], "name": "Answered Ltd"}
    return (Act("access", sale.buyer, f"/v1/licenses/{license_id}/items/{sale.items[-1][0]}", None, 200,
                "access.recorded"),
            Act("payment", sale.operator, "/v1/payments", payment, 201, "payment.received"),
            Act("party", sale.operator, "/v1/parties", party, 201, "party.registered"),
            Act("end", sale.buyer, f"/v1/licenses/{license_id}/end", {}, 200, "license.ended"),
            Act("purchase", sale.buyer, "/v1/licenses", {"quote": sale.quote()}, 201, "license.granted"))


def same(act, before, after):
    """Byte for byte; but a secret is told once."""
    if act.name == "party":
        first = before.json()
        return first.pop("key") and {**first, "key": None} == after.json()
    if act.body is not None and after.headers["Idempotent-Replayed"] != "true":
        return False
    return before.body == after.body and act.index(before) == act.index(after)


def proof_verifies(market, act, index, vkey):
    """Entry and tlog-proof as they are served now, checked by the tool with nothing but the log's key."""
    where = market.dir / "receipts"
    where.mkdir(exist_ok=True)
    entry = must(act.client.get(f"/v1/entries/{index}"), 200)
    (where / f"{index}.json").write_bytes(entry.body)
    (where / f"{index}.tlog-proof").write_bytes(must(act.client.get(f"/v1/entries/{index}/proof"), 200).body)
    said = market.cf("verify", where / f"{index}.tlog-proof", "--key", vkey, code=None)
    return entry.json()["entry"]["type"] == act.entry and said.code == 0 and act.entry in said.out


def answered(market, sale, load, act, victims, key, vkey):
    load.wait_for(10, PATIENCE_S)
    before = act.send(key)
    die(market, victims)
    market.start()
    wait_for(market.ready, PATIENCE_S, "the market to be ready")
    what = f"{act.name}, then kill -9 of {' and '.join(victims)}"
    if not tap.equal(before.status, act.status, f"{what}: it was answered"):
        tap.note(before)
        return
    repeats = [act.send(key) for _ in range(2)]
    if not tap.check(all(r.status == act.status and same(act, before, r) for r in repeats), f"{what}: the same answer"):
        for answer in (before, *repeats):
            tap.note(answer)
    tap.check(proof_verifies(market, act, act.index(before), vkey), f"{what}: its entry is there, its proof verifies")
    if act.name == "purchase":
        sale.licenses.append(before.json()["id"])
    sale.paid += PAID if act.name == "payment" else 0


def main():
    seen = Seen()
    with Market(folder("crash-answered")) as market:
        sale = Sale(market.port, market.operator_key).publish(items=1000).buy(licenses=10)
        sale.pay(20000)
        vkey = must(sale.buyer.get("/v1/log/key"), 200).json()["log_key"]
        load = Load(sale, seen, 1, accesses=6, purchases=2).start()
        for number, (victims, names) in enumerate(DEATHS):
            for act in (a for a in acts(sale, number) if a.name in names):
                answered(market, sale, load, act, victims, f"answered-{number}-{act.name}", vkey)
        load.stop()
        tap.note(load.said())
        problems, entries = judge(seen, market.get)
        for text in problems[:20]:
            tap.note(text)
        tap.check(not problems, f"{len(seen.accesses)} accesses and {len(seen.purchases)} purchases of others hold too")
        found = books_problems(market.sql) + money_problems(sale, seen, entries)
        tap.check(not found, f"the books balance, and the buyer paid once for each license {found}")
        code, report = market.audit()
        if not tap.check(code == 0, "the audit is sound"):
            tap.note(report)
    tap.done()


if __name__ == "__main__":
    main()
