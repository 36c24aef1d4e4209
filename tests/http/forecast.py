# SPDX-License-Identifier: Apache-2.0
"""A quote's forecast is what the clearance then leaves out, and the refund that follows; the quote itself stays."""
import hashlib
import json
import os
import random

from harness import clearing, consents, tap
from harness.creator import Creator
from harness.market import Market
from harness.program import wait_for
from harness.sale import later, must, published, terms
from harness.tree import folder

ITEMS = 48
CONSENTS = 26
ROUNDS = 14
CLASSES = ("discriminative", "embedding", "generative")
ROLES = ("author", "performer")
EUR = {"currency": "EUR"}


def publish(rng, house, creators):
    """Empty files among them, which weigh nothing by bytes; some without contributors."""
    bodies = [b"" if i == 0 else b"%d" % i * rng.randrange(1, 30) for i in range(ITEMS)]
    items = []
    for i, body in enumerate(bodies):
        made = rng.sample([(c, r) for c in creators for r in ROLES], rng.choice((0, 1, 1, 1, 2)))
        items.append({"path": f"{rng.choice('ab')}/{i:02d}.txt", "sha256": hashlib.sha256(body).hexdigest(),
                      "size": len(body), "contributors": [{"party": c.party.id, "role": r, "weight": 1}
                                                          for c, r in made]})
    return items, bodies, published(house, "set", items, bodies)


def consent_some(rng, creators, items):
    """Mostly in favor; every way in which one may not be enough."""
    for _ in range(CONSENTS):
        creator = rng.choice(creators)
        hashes = sorted({i["sha256"] for i in rng.sample(items, rng.randrange(5, ITEMS))})
        purpose, ruled_out = rng.choice((("pretraining", ()),) * 5 + (("evaluation", ()),
                                                                     ("evaluation", ("pretraining",))))
        given = creator.consent(
            hashes, role=rng.choice(ROLES), purposes=(purpose,), prohibitions=ruled_out,
            territories=rng.choice((("EU",), ("EU", "US"), ("DE",), ("FR",))),
            models=rng.choice((("generative",), CLASSES, ("embedding",), CLASSES)),
            begin=consents.moment(rng.choice((-1, -1, -1, 0.02))),
            until=consents.moment(rng.choice((700, 700, 700, 0.5))))
        if rng.random() < 0.15:
            creator.withdraw(given)


def offers(house, version):
    def offer(price, **more):
        wish = {"dataset": "house/set", "version": 1, "price": {**price, **EUR}, **more,
                "terms": terms(house.id, version["id"], later(300))}
        return must(house.post("/v1/offers", wish), 201).json()["id"]
    return [offer({"amount": "12.00"}), offer({"amount": "0.125", "kind": "per_item", "minimum": "0.40"}),
            offer({"amount": "0.333333", "kind": "per_item"}, split="per_byte"), offer({"amount": "0.00"})]


def ask(bob, offer, territory, **more):
    return must(bob.post("/v1/quotes", {"offer": offer, "purpose": "pretraining", "territory": territory,
                                        "until": later(30), **more}, idempotency=None), 201).json()


def refund(market, license_id):
    def done():
        return market.sql("SELECT a.refund FROM allocation a JOIN license l ON l.no = a.license"
                          f" WHERE l.id = '{license_id}' AND a.state IN ('posted', 'nothing')")
    return int(wait_for(done, 60, "the allocation")[0][0])


def micro(money):
    whole, part = money["amount"].split(".")
    return int(whole) * 1_000_000 + int(part.ljust(6, "0"))


def one_round(rng, market, bob, offer_ids, seen):
    request = rng.choice(({}, {"sample": {"count": rng.randrange(1, ITEMS), "seed": str(rng.random())}},
                          {"filter": {"op": "like", "args": [{"property": "path"}, "a/%"]}, "distinct": "sha256"},
                          {"filter": {"op": "<", "args": [{"property": "size"}, 8]}}))
    territory, chosen = rng.choice(("DE", "DE", "EU", "US", "FR")), rng.choice(CLASSES)
    more = {"model_class": chosen} if rng.random() < 0.3 else {}
    quote = ask(bob, rng.choice(offer_ids), territory, slice=request, **more)
    forecast = {c["model_class"]: c for c in quote["forecast"]["by_model_class"]}
    name = f"{json.dumps(request)[:40]} in {territory} for {chosen}"
    tap.equal(sorted(forecast), [chosen] if more else sorted(CLASSES), f"{name}: of which classes")
    license_id = must(bob.post("/v1/licenses", {"quote": quote["id"]}), 201).json()["id"]
    cleared = clearing.clear(bob, license_id, territory=territory, model_class=chosen)
    told = forecast[chosen]
    tap.equal(told["excluded"], sorted(cleared["excluded"], key=lambda x: x["reason"]), f"{name}: what is left out")
    tap.equal(told["cleared"], cleared["cleared"], f"{name}: what is cleared")
    seen.update(x["reason"] for x in told["excluded"])
    if cleared["cleared"]:
        tap.equal(micro(told["refund"]), refund(market, license_id), f"{name}: the refund")
        return micro(told["refund"]) > 0
    tap.equal((told["refund"], cleared["state"]), (None, "refused"), f"{name}: what is refused refunds nothing")
    tap.equal(market.sql("SELECT count(*) FROM allocation a JOIN license l ON l.no = a.license"
                         f" WHERE l.id = '{license_id}'"), [["0"]], f"{name}: the payment waits")
    return False


def stays(market, bob, creators, items, offer):
    """What consents say changes a forecast, never root, price or an older quote."""
    dan = creators[-1]
    theirs = [i for i in items if [c["party"] for c in i["contributors"]] == [dan.party.id]]
    tap.check(theirs, "somebody made something alone")
    before = ask(bob, offer, "DE", model_class="generative")
    for role in ROLES:
        dan.consent(sorted({i["sha256"] for i in theirs if i["contributors"][0]["role"] == role}) or
                    [hashlib.sha256(b"nothing").hexdigest()], role=role, territories=("WORLD",))
    after = ask(bob, offer, "DE", model_class="generative")
    of = [q["forecast"]["by_model_class"][0] for q in (before, after)]
    tap.check(of[1]["cleared"] > of[0]["cleared"] and of[1]["refund"] != of[0]["refund"], "a consent changes it")
    tap.equal([after[k] for k in ("slice_root", "price", "item_count")],
              [before[k] for k in ("slice_root", "price", "item_count")], "root and price stay")
    tap.check(after["forecast"]["as_of"] > before["forecast"]["as_of"], "it says as of when")
    tap.equal(bob.get(f"/v1/quotes/{before['id']}").json(), before, "a quote is shown as it was made")
    ahead = ask(bob, offer, "DE", **{"from": later(20), "model_class": "generative"})["forecast"]
    reasons = [x["reason"] for x in ahead["by_model_class"][0]["excluded"]]
    tap.check(ahead["from"] > later(19) and "license_not_live" not in reasons and "consent_ends_early" not in reasons,
              "a term that begins later is judged at its beginning")


def told(market, bob, offer):
    text = bob.cf("quote", offer, "--purpose", "pretraining", "--territory", "DE", "--until", later(30),
                  "--model", "embedding").out
    tap.check("forecast   what a clearance would leave out" in text and "embedding: " in text
              and "generative: " not in text and "consent_missing: a contributor" in text and "refunded" in text,
              "the tool tells it") or tap.note(text)
    sample = {"sample": {"count": 5, "seed": "many"}}
    ask(bob, offer, "DE", slice=sample)
    market.sql("ALTER TABLE slice DISABLE TRIGGER USER;"
               "UPDATE slice SET item_count = 100001 WHERE request LIKE '%many%'")
    got = ask(bob, offer, "DE", slice=sample)["forecast"]
    tap.check(got["by_model_class"] == [] and "100000 items" in got["not_made"], "too many items are not judged, and it"
              " says so") or tap.note(got)


def main():
    seed = os.environ.get("COUNTERFOIL_SEED", "20260314")
    rng = random.Random(seed)
    tap.note(f"seed {seed}")
    with Market(folder("http-forecast"), COUNTERFOIL_RATE="0", COUNTERFOIL_HOLD_MS="0") as market:
        house, bob = market.party("house", "publisher"), market.party("bob", "buyer")
        creators = [Creator(market, market.party(h, "creator")) for h in ("ann", "ben", "cid", "dan")]
        items, bodies, version = publish(rng, house, creators)
        consent_some(rng, creators[:3], items)
        offer_ids = offers(house, version)
        market.pay(bob, "500.00")
        market.blob(bodies[7]).chmod(0o640)
        market.blob(bodies[7]).write_bytes(b"X" * len(bodies[7]))
        market.verify_now(bodies[7], "corrupt")
        seen = set()
        market.sql("UPDATE offer SET state = 'open' WHERE state = 'paused'")
        refunds = sum([one_round(rng, market, bob, offer_ids, seen) for _ in range(ROUNDS)])
        tap.check(refunds >= 3 and len(seen) >= 5, f"{refunds} refunds; {sorted(seen)}")
        stays(market, bob, creators, items, offer_ids[0])
        told(market, bob, offer_ids[0])
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check("answer against the contract" not in log, "every answer kept the contract") or tap.note(log[-2000:])
    tap.done()


main()
