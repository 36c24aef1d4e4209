# SPDX-License-Identifier: Apache-2.0
"""
Workers killed while parties are erased, at random moments and in the middle of every step: each erasure comes to its
end, once and whole.
"""
import os
import random
import secrets
import time

from harness import tap
from harness.market import Market
from harness.postgres import Held
from harness.program import second_worker, wait_for
from harness.sale import Sale, must
from harness.tree import folder

ROUNDS = 40 if os.environ.get("COUNTERFOIL_SOAK") else 3
BEYOND = 10 ** 9            # entries that there are not
KILLS = 4                   # fewer than a job has attempts
ACCESSES = 25000            # of a buyer: listed and deleted in several pages
CLEARANCES = 12000          # the same


def fetched_much(market, buyer_id, number):
    """Accesses of a buyer, as many as take several pages, beside the log: what is listed is what has a disclosure."""
    market.sql(
        "WITH l AS (SELECT no, index FROM license WHERE buyer = '" + buyer_id + "' LIMIT 1),"
        f" x AS (SELECT l.no, g, {BEYOND + number * ACCESSES}::bigint + g AS index"
        f"         FROM l, generate_series(1, {ACCESSES}) g),"
        " a AS (INSERT INTO access (license, item, index, at) SELECT no, g, index, now() FROM x)"
        " INSERT INTO disclosure SELECT index, (SELECT disclosures FROM disclosure d JOIN entry e ON e.index = d.index"
        "   WHERE e.type = 'access.recorded' LIMIT 1) FROM x")


def cleared_often(market, buyer_id, number):
    """Clearances of a buyer, as many as take several pages, beside the log as well."""
    market.sql(
        "INSERT INTO clearance (id, license, territory, model_class, requested_at, seed, state, as_of, evaluated_at,"
        "                       valid_until, cleared, counts, rows_root, document, index)"
        f" SELECT 'clr_{number}x' || g, l.no, 'DE', 'generative', now(), sha256(g::text::bytea), 'cleared', 1, now(),"
        "         now(), 1, '{}', sha256('a'), sha256('b'),"
        f"         {2 * BEYOND + number * CLEARANCES}::bigint + g"
        f"  FROM license l, generate_series(1, {CLEARANCES}) g WHERE l.buyer = '{buyer_id}'")


def hurt(market, rng, other, done):
    """One of the workers at a few moments, until it is done; its lease is over at once, which takes its time else."""
    for _ in range(KILLS):
        moment = time.monotonic() + rng.random() * 0.6
        wait_for(lambda at=moment: time.monotonic() > at, 5, "any moment")
        market.programs["worker"].kill()
        other.kill()
        market.sql("UPDATE job SET leased_until = now() WHERE kind = 'erase' AND state = 'running'")
        market.start(only=("worker",))
        other = second_worker(market)
    wait_for(done, 120, "the erasure")
    return other


def erased(market, rng, other, number):
    sale = Sale(market.port, market.operator_key, tag=str(number)).publish(items=3).buy(licenses=1)
    license_ = sale.licenses[0]
    must(sale.buyer.get(f"/v1/licenses/{license_}/items/{sale.items[0][0]}"), 200)
    buyer = market.sql(f"SELECT id FROM party WHERE handle = '{sale.buyer_handle}'")[0][0]
    must(sale.buyer.post(f"/v1/licenses/{license_}/end"), 200)
    wait_for(lambda: market.sql("SELECT count(*) FROM allocation WHERE state IN ('due', 'prepared')") == [["0"]], 60,
             "what is due")
    fetched_much(market, buyer, number)
    cleared_often(market, buyer, number)
    got = must(market.operator.post("/v1/erasures", {"party": buyer, "reason": "request", "forfeit": True}), 202).json()

    def done():
        return market.operator.get(f"/v1/erasures/{got['id']}").json()["state"] == "done"
    other = hurt(market, rng, other, done)
    rows = market.sql(f"SELECT count(*), count(*) FILTER (WHERE done) FROM erasure_entry z JOIN erasure e"
                      f" ON e.no = z.erasure WHERE e.id = '{got['id']}'")[0]
    tap.check(rows[0] == rows[1] and int(rows[0]) > ACCESSES + CLEARANCES,
              f"erasure {number} came to its end: {rows[0]} entries")
    left = market.sql("SELECT count(*) FROM disclosure d JOIN erasure_entry z ON z.index = d.index"
                      " WHERE disclosure_names(d.disclosures, z.fields) <> '{}'")
    tap.equal(left, [["0"]], "nothing that it lists is left")
    tap.equal(market.sql(f"SELECT (SELECT count(*) FROM license WHERE buyer = '{buyer}') + (SELECT count(*)"
                         f" FROM account WHERE party = '{buyer}')"
                         f" + (SELECT count(*) FROM access WHERE index > {BEYOND})"),
              [["0"]], "and nothing leads to the buyer")
    return other


STEPS = {"erase_held": "snapshot_leaf", "erase_disclosures": "disclosure", "erase_accesses": "access",
         "erase_exclusions": "clearance_exclusion", "erase_documents": "document",
         "erase_clearances": "clearance_consent", "erase_wishes": "quote", "erase_licenses": "license",
         "erase_consents": "consent", "erase_payouts": "payout", "erase_payments": "payment",
         "erase_answers": "api_key", "erase_named": "idempotency", "erase_datasets": "dataset",
         "erase_end": "creator_account"}


def entered(market, held, buyer):
    """With the entry no row of the buyer's changes, however many there are: yet their lists are gone."""
    eye = market.party("eye-of-lists", "auditor")
    changed = "SELECT count(*) FROM {} WHERE xmin = (SELECT xmin FROM entry WHERE type = 'disclosures.erased'" \
              " ORDER BY index DESC LIMIT 1)"
    clearance = market.sql(f"SELECT c.id FROM clearance c JOIN license l ON l.no = c.license WHERE l.buyer = '{buyer}'")
    wait_for(lambda: held.waited_for_in("erase_held"), 60, "the entry")
    tap.equal([market.sql(changed.format(t)) for t in ("clearance", "license", "erasure_entry", "disclosure")],
              4 * [[["0"]]], "an erasure's entry changes no row that it lists")
    got = eye.get(f"/v1/clearances/{clearance[0][0]}/rows")
    tap.equal((len(clearance), got.status, got.slug), (1, 410, "gone"), "and no list is served from then on")


def left(market, buyer, license_):
    """{step: rows that it has yet to erase}"""
    counts = {"erase_disclosures": "disclosure d JOIN erasure_entry z ON z.index = d.index"
                                   " WHERE disclosure_names(d.disclosures, z.fields) <> '{}'",
              "erase_accesses": f"access a JOIN license l ON l.no = a.license WHERE l.id = '{license_}'",
              "erase_clearances": "clearance c JOIN license l ON l.no = c.license"
                                  f" WHERE l.id = '{license_}' AND c.seed <> decode(repeat('00', 32), 'hex')",
              **{step: f"{table} WHERE {column} = '{buyer}'" for step, table, column in (
                  ("erase_wishes", "quote", "buyer"), ("erase_licenses", "license", "buyer"),
                  ("erase_payments", "payment", "party"), ("erase_answers", "api_key", "party"),
                  ("erase_end", "account", "party"))}}
    rows = market.sql("SELECT " + ", ".join(f"(SELECT count(*) FROM {what})" for what in counts.values()))[0]
    return dict(zip(counts, map(int, rows)))


def every_step(market, other):
    """The worker dies in each step before that has committed; what the steps before it did is there."""
    sale = Sale(market.port, market.operator_key, tag="steps").publish(items=3).buy(licenses=1)
    license_, handle, buyer = sale.licenses[0], sale.buyer_handle, sale.buyer_id
    must(sale.buyer.get(f"/v1/licenses/{license_}/items/{sale.items[0][0]}"), 200)
    must(sale.buyer.post(f"/v1/licenses/{license_}/end"), 200)
    wait_for(lambda: market.sql("SELECT count(*) FROM allocation WHERE state IN ('due', 'prepared')") == [["0"]], 60,
             "what is due")
    other.stop()
    # The party's own answers are in the same table: those of others, which name it, are held alone.
    rows = {"erase_named": f"party <> '{buyer}' AND answer_names(answer, '{buyer}', '{handle}')"}
    got, stubs, order = None, set(), list(STEPS)
    for step, table in STEPS.items():
        with Held(market.cluster, table, rows.get(step)) as held:
            if got is None:
                got = must(market.operator.post("/v1/erasures", {"party": handle, "reason": "request",
                                                                 "forfeit": True}), 202).json()
                entered(market, held, sale.buyer_id)
            else:
                market.start(only=("worker",))
            wait_for(lambda s=step, h=held: h.waited_for_in(s), 60, step)
            market.programs["worker"].kill()
            yet = left(market, buyer, license_)
            tap.equal([s for s, n in yet.items() if n > 0], [s for s in yet if order.index(s) >= order.index(step)],
                      f"a worker died in {step}, with all before it done") or tap.note(yet)
            stubs |= {row[0] for row in market.sql("SELECT stub FROM erasure WHERE state = 'erasing'")}
        market.sql("UPDATE job SET leased_until = now(), attempt = 0 WHERE kind = 'erase' AND state = 'running'")
    tap.equal(len(stubs), 1, "and one party is nobody throughout")
    market.start(only=("worker",))
    wait_for(lambda: market.operator.get(f"/v1/erasures/{got['id']}").json()["state"] == "done", 120, "the erasure")
    tap.equal(market.sql(f"SELECT (SELECT count(*) FROM party WHERE handle = '{sale.buyer_handle}')"
                         " + (SELECT count(*) FROM erasure WHERE stub IS NOT NULL)"
                         " + (SELECT count(*) FROM erasure_entry WHERE NOT done)"), [["0"]], "and it came to its end")
    return second_worker(market)


def main():
    seed = os.environ.get("COUNTERFOIL_SEED") or str(secrets.randbits(63))
    tap.note(f"COUNTERFOIL_SEED={seed}")
    rng = random.Random(seed)
    with Market(folder("crash-erasure"), COUNTERFOIL_RATE="0", COUNTERFOIL_HOLD_MS="0") as market:
        eye, other = market.party("eye", "auditor"), second_worker(market)
        for number in range(ROUNDS):
            other = erased(market, rng, other, number)
        every_step(market, other)
        tap.equal([market.entries("party.closed"), market.entries("disclosures.erased")], [ROUNDS + 1, ROUNDS + 1],
                  "each erasure has its two entries, once")
        code, report = market.audit()
        tap.check(code == 0 and report["findings_count"] == 0, "the log verifies") or tap.note(repr(report)[:2000])
        tap.equal(eye.get("/v1/me").status, 200, "and the market goes on")
    tap.done()


if __name__ == "__main__":
    main()
