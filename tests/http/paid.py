# SPDX-License-Identifier: Apache-2.0
"""What the first clearance left out is given back, once, and stays out: nobody gets for nothing what nobody is paid."""
import hashlib
import json

from harness import clearing, tap
from harness.books import books_problems
from harness.creator import Creator
from harness.market import Market
from harness.program import wait_for
from harness.sale import later, must, offered, published
from harness.tree import folder

BODIES = [b"", b"made by ann", b"by ann as well"]
OWN, HERS, ALSO_HERS = range(3)


def publish(house, ann):
    """An empty file of the publisher's own, and two that ann made."""
    hashes = [hashlib.sha256(b).hexdigest() for b in BODIES]
    items = [{"path": f"{i}.txt", "sha256": hashes[i], "size": len(BODIES[i]), "contributors": [
        {"party": ann.party.id, "role": "author", "weight": 1}] if i else []} for i in range(len(BODIES))]
    return hashes, published(house, "set", items, BODIES)


def offer(house, version, tariff, split="per_item"):
    return offered(house, version, tariff, split=split)["id"]


def buy(market, bob, offer_id):
    quote = must(bob.post("/v1/quotes", {"offer": offer_id, "purpose": "pretraining", "territory": "EU",
                                         "until": later(30)}, idempotency=None), 201).json()
    if float(quote["price"]["amount"]):
        market.pay(bob, quote["price"]["amount"])
    return must(bob.post("/v1/licenses", {"quote": quote["id"]}), 201).json()["id"]


def allocated(market, license_id):
    """(state, owed, refund) in micro-units, once the first clearance's money has gone its way."""
    def done():
        got = market.sql("SELECT a.state, a.owed, a.refund FROM allocation a JOIN license l ON l.no = a.license"
                         f" WHERE l.id = '{license_id}' AND a.state IN ('posted', 'nothing')")
        return got and (got[0][0], int(got[0][1]), int(got[0][2]))
    return wait_for(done, 30, "the allocation")


def got(bob, license_id, n):
    return bob.get(f"/v1/licenses/{license_id}/items/{n}.txt").status


def reasons(clearance):
    return {x["reason"]: x["item_count"] for x in clearance["excluded"]}


def twice(market, bob, offer_id):
    """First for models that ann did not consent to, then for those that she did."""
    license_id = buy(market, bob, offer_id)
    first = clearing.clear(bob, license_id, model_class="embedding")
    tap.equal((first["state"], reasons(first)), ("cleared_with_exclusions", {"model_not_granted": 2}),
              "two are left out")
    tap.equal(allocated(market, license_id), ("posted", 3_000_000, 6_000_000), "and given back")
    second = clearing.clear(bob, license_id)
    tap.equal((second["cleared"], reasons(second)), (1, {"item_not_paid": 2}), "a later clearance does not clear them")
    tap.check(all(x["sentence"] and x["remedy"] for x in second["excluded"]), "and says what to do")
    tap.equal([got(bob, license_id, n) for n in (OWN, HERS, ALSO_HERS)], [200, 403, 403], "nor are they delivered")
    tap.equal(market.entries("refund.posted"), 1, "what is given back is given back once")


def free(market, bob, offer_id):
    """Where nothing was paid nothing is missing."""
    license_id = buy(market, bob, offer_id)
    clearing.clear(bob, license_id, model_class="embedding")
    tap.equal(clearing.clear(bob, license_id)["cleared"], 3, "what was free is cleared later, too")
    tap.equal(got(bob, license_id, HERS), 200, "and delivered")


def weightless(market, bob, by_bytes, by_items):
    """Split by bytes, of which what is cleared has none: nobody can be paid. Others' money must not wait for that."""
    license_id, other = buy(market, bob, by_bytes), buy(market, bob, by_items)
    clearing.clear(bob, license_id, model_class="embedding")
    clearing.clear(bob, other)
    tap.equal(allocated(market, other), ("posted", 9_000_000, 0), "the next license's money is split")
    tap.equal(allocated(market, license_id), ("nothing", 0, 9_000_000), "what nobody weighs in is given back")


def damaged(market, bob, broken, good):
    """What can't be split, whatever the reason, waits for an operator alone."""
    kept = market.sql(f"SELECT split FROM offer WHERE id = '{broken}'")[0][0]
    licenses = [buy(market, bob, o) for o in (broken, good)]
    market.sql(f"UPDATE offer SET split = '{{}}' WHERE id = '{broken}'")
    for license_id in licenses:
        clearing.clear(bob, license_id)
    tap.equal(allocated(market, licenses[1]), ("posted", 9_000_000, 0), "another's money passes what is damaged")
    market.sql(f"UPDATE offer SET split = '{kept}' WHERE id = '{broken}';"
               "UPDATE job SET run_at = now() WHERE kind = 'allocate' AND state = 'queued'; NOTIFY counterfoil_job")
    tap.equal(allocated(market, licenses[0]), ("posted", 9_000_000, 0), "which is split when it is mended")


def all_for_the_platform(market, house, bob, version):
    """A fee of the whole payment leaves no lines."""
    market.stop(only=("api",))
    market.env["COUNTERFOIL_FEE_PPM"] = "1000000"
    market.start(only=("api",))
    license_id = buy(market, bob, offer(house, version, {"amount": "9.00", "currency": "EUR"}))
    clearing.clear(bob, license_id)
    tap.equal(allocated(market, license_id), ("posted", 9_000_000, 0), "a fee of all there is")
    tap.equal(market.sql("SELECT a.fee, a.line_count FROM allocation a JOIN license l ON l.no = a.license"
                         f" WHERE l.id = '{license_id}'"), [["9000000", "0"]], "without a line")


def recomputed(market, bob, eve, offers):
    """An auditor recomputes every line; then the market splits by other weights than it published, for a micro-unit."""
    def audit():
        got = eve.cf("audit", market.url, "--json", "--state", market.dir / "audit-of-eve", code=None)
        report = json.loads(got.out)
        return report["findings"], (report["undisclosed"], report["unlisted"])

    for offer_id in offers:
        license_id = buy(market, bob, offer_id)
        clearing.clear(bob, license_id)
        allocated(market, license_id)
    tap.equal(audit(), ([], (0, 0)), "an auditor finds every line right, and nothing was kept from her")
    market.sql("ALTER TABLE item_contributor DISABLE TRIGGER USER;"
               f" UPDATE item_contributor SET weight = 1000000 - (n = {ALSO_HERS})::integer")
    license_id = buy(market, bob, offers[0])
    clearing.clear(bob, license_id)
    allocated(market, license_id)
    index, own = market.sql("SELECT a.index, x.amount FROM allocation a JOIN license l ON l.no = a.license"
                            "  JOIN allocation_line x ON x.allocation = a.no JOIN creator_account c ON c.id = x.account"
                            "  JOIN version v ON v.publisher = c.party"
                            f" WHERE l.id = '{license_id}'")[0]
    must(eve.get(f"/v1/entries/{index}"), 200)          # which waits until this API has seen it signed
    tap.equal(own, "3000001", "a micro-unit is moved from one line to another")
    findings, _ = audit()
    tap.equal([(f["rule"], f["index"]) for f in findings], [("allocation.shares", int(index))], "the entry is named")
    tap.note(json.dumps(findings))
    tap.check(all("line" in f["found"] and "largest remainder" in f["expected"] and
                  "lists" in f["checked_with"] and "disclosures" in f["checked_with"] for f in findings),
              "with what was expected, what was found, and by what")


def main():
    with Market(folder("http-paid"), COUNTERFOIL_RATE="0", COUNTERFOIL_HOLD_MS="0") as market:
        house, bob = market.party("house", "publisher", "creator"), market.party("bob", "buyer")
        ann = Creator(market, market.party("ann", "creator"))
        hashes, version = publish(house, ann)
        ann.consent(hashes[HERS:])
        nine = {"amount": "9.00", "currency": "EUR"}
        by_items = offer(house, version, nine)
        twice(market, bob, by_items)
        free(market, bob, offer(house, version, {"amount": "0.00", "currency": "EUR"}))
        weightless(market, bob, offer(house, version, nine, "per_byte"), by_items)
        damaged(market, bob, offer(house, version, nine), by_items)
        all_for_the_platform(market, house, bob, version)
        tap.equal(books_problems(market.sql), [], "the books hold")
        code, report = market.audit()
        tap.equal(code, 0, "the audit is sound") or tap.note(json.dumps(report)[:3000])
        market.stop(only=("api",))
        market.env["COUNTERFOIL_FEE_PPM"] = "0"
        market.start(only=("api",))
        recomputed(market, bob, market.party("eve", "auditor"),
                   [offer(house, version, nine), offer(house, version, nine, "per_byte")])
    tap.done()


main()
