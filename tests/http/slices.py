# SPDX-License-Identifier: Apache-2.0
"""Slices over HTTP: cut, priced, split, licensed, delivered; each figure computed here once more."""
import hashlib
import json
import random
import urllib.parse

from harness import clearing, slices, tap
from harness.creator import Creator
from harness.market import Market
from harness.program import wait_for
from harness.sale import later, must, published, terms
from harness.tree import folder

ITEMS = 60
FEE_PPM = 50000


def refused(got, status, slug, name, pointer=None):
    good = got.status == status and got.slug == slug
    if good and pointer is not None:
        good = got.json()["errors"][0]["pointer"] == pointer
    tap.check(good, name) or tap.note(repr(got))


def leaf(op, name, *values):
    return {"op": op, "args": [{"property": name}, *values]}


def make_items(rng, parties):
    """Items that share contents, some without attributes or contributors; in no order."""
    bodies = [(f"text {i} " * (i + 1)).encode() for i in range(ITEMS // 2)]
    items = []
    for i in range(ITEMS):
        body = bodies[rng.randrange(len(bodies))]
        attributes = {}
        if rng.random() < 0.8:
            attributes = {"language": rng.choice(["en", "de", "Ω"]), "quality": rng.choice([0.5, 0.8, 1, 1e30, -2]),
                          "public": rng.random() < 0.5}
        contributors = [{"party": p.id, "role": r, "weight": rng.randrange(1, 5)}
                        for p, r in rng.sample([(p, r) for p in parties for r in ("author", "editor")],
                                               rng.randrange(0, 4))]
        items.append({"path": f"{rng.choice('ab')}/text-{i:03d}.txt", "sha256": hashlib.sha256(body).hexdigest(),
                      "size": len(body), "media_type": "text/plain", "attributes": attributes,
                      "contributors": contributors})
    return items, bodies


def contributors(market, alice, items):
    rows = market.sql("SELECT i.path, c.place, c.party, c.role, c.weight FROM item_contributor c"
                      " JOIN item i ON i.version = c.version AND i.n = c.n")
    want = []
    for i in items:
        want += [[i["path"], str(at), c["party"], c["role"], str(c["weight"])]
                 for at, c in enumerate(i["contributors"])] or [[i["path"], "0", alice.id, "publisher", "1"]]
    tap.equal(sorted(rows), sorted(want), "sealing writes who made which item, the publisher where nobody is named")
    seen = alice.get("/v1/datasets/alice/set/versions/1/items?limit=1000").json()["data"]
    tap.equal([(i["path"], i["attributes"], i["contributors"]) for i in seen],
              [(i["path"], i["attributes"], i["contributors"]) for i in slices.pick(items, {})],
              "the list shows attributes, fractions among them, and contributors")


def offers(alice, version):
    wish = {"dataset": "alice/set", "version": 1, "terms": terms(alice.id, version["id"], later(300))}

    def offer(price, **more):
        return alice.post("/v1/offers", {**wish, "price": price, **more})

    eur = {"currency": "EUR"}
    for name, price, pointer in (
        ("a flat price with a minimum", {"amount": "1.00", "minimum": "0.50", **eur}, "/price/minimum"),
        ("a flat price in parts of a cent", {"amount": "0.005", **eur}, "/price/amount"),
        ("a price of another kind", {"amount": "1.00", "kind": "per_moon", **eur}, "/price/kind"),
        ("a minimum in parts of a cent", {"amount": "1.00", "kind": "per_item", "minimum": "0.005", **eur},
         "/price/minimum"),
        ("a minimum that is no amount", {"amount": "1.00", "kind": "per_item", "minimum": "much", **eur},
         "/price/minimum"),
        ("a negative price per item", {"amount": "-1.00", "kind": "per_item", **eur}, "/price/amount"),
    ):
        refused(offer(price), 422, "invalid", name, pointer)
    refused(offer({"amount": "1.00", **eur}, split="per_moon"), 422, "invalid", "an unknown split", "/split")
    made = {name: must(offer(price, **more), 201).json() for name, price, more in (
        ("flat", {"amount": "12.00", **eur}, {}),
        ("item", {"amount": "0.125", "kind": "per_item", "minimum": "0.40", **eur}, {}),
        ("byte", {"amount": "0.333333", "kind": "per_item", **eur}, {"split": "per_byte"}),
        ("free", {"amount": "0.00", **eur}, {}))}
    for name, o in made.items():
        tap.equal(o["split_digest"], hashlib.sha256(slices.canonical(o["split"])).hexdigest(), f"{name}: split digest")
        tap.equal(o["fee_digest"], hashlib.sha256(slices.canonical(o["fee"])).hexdigest(), f"{name}: fee digest")
        tap.check(len(o["split"]["salt"]) == 22 and o["split"]["salt"] != o["fee"]["salt"], f"{name}: own salts")
        tap.equal(o["fee"]["ppm"], FEE_PPM, f"{name}: the platform's fee")
    tap.equal(made["item"]["price"], {"amount": "0.125", "currency": "EUR", "kind": "per_item", "minimum": "0.40"},
              "a price per item")
    tap.equal(made["flat"]["price"], {"amount": "12.00", "currency": "EUR"}, "a flat price is money")
    tap.equal(made["byte"]["split"]["rule"], "per_byte", "a split by bytes")
    return made


REQUESTS = [
    {}, {"order": "path"},
    {"filter": leaf("=", "language", "en")}, {"filter": leaf("<>", "language", "Ω")},
    {"filter": leaf(">=", "quality", 0.8)}, {"filter": leaf("=", "quality", 1)},
    {"filter": leaf("=", "public", True)}, {"filter": leaf("isNull", "quality")},
    {"filter": {"op": "in", "args": [{"property": "language"}, ["de", "Ω"]]}},
    {"filter": leaf("like", "path", "a/%"), "distinct": "sha256"},
    {"filter": leaf("between", "size", 20, 90)},
    {"filter": {"op": "and", "args": [leaf("=", "media_type", "text/plain"),
                                      {"op": "not", "args": [{"op": "or", "args": [
                                          leaf("=", "language", "de"), leaf("<", "quality", 0)]}]}]}},
    {"distinct": "sha256"}, {"sample": {"count": 7, "seed": "7"}},
    {"sample": {"count": 7, "seed": "ünï"}, "distinct": "sha256"}, {"sample": {"count": 1000, "seed": "7"}},
]


def price_of(offer, count):
    price = offer["price"]
    if price.get("kind") != "per_item":
        return slices.micro(price["amount"])
    total = max(slices.micro(price["amount"]) * count, slices.micro(price.get("minimum", "0")))
    return (total + 5000) // 10000 * 10000


def check_split(quote, offer, chosen, alice, name):
    total = slices.micro(quote["price"]["amount"])
    fee = total * FEE_PPM // 1_000_000
    sums = slices.weights(chosen, offer["split"]["rule"], alice.id)
    parts = slices.split(total - fee, sums)
    got = quote["split"]
    want = [{"party": p, "weight": str(sums[p]), "amount": parts[p]} for p in sorted(sums)]
    tap.equal([{**x, "amount": slices.micro(x["amount"]["amount"])} for x in got["parts"]], want, f"{name}: the split")
    tap.check(got["contributors"] == len(sums) and got["weight"] == str(sum(sums.values()))
              and slices.micro(got["fee"]["amount"]) == fee and slices.micro(got["creators"]["amount"]) == total - fee,
              f"{name}: its sums")


def quotes(market, alice, bob, items, made):
    def ask(offer, **more):
        return bob.post("/v1/quotes", {"offer": made[offer]["id"], "purpose": "pretraining", "territory": "DE",
                                       "until": later(30), **more}, idempotency=None)

    for request in REQUESTS:
        chosen = slices.pick(items, request)
        name = json.dumps(request, ensure_ascii=False)[:70]
        for offer in ("item", "byte"):
            q = must(ask(offer, slice=request), 201).json()
            tap.check(q["slice_root"] == slices.root(chosen) and q["item_count"] == len(chosen)
                      and q["bytes"] == sum(i["size"] for i in chosen), f"{name}: root, items and bytes")
            tap.equal(slices.micro(q["price"]["amount"]), price_of(made[offer], len(chosen)), f"{name}: {offer} price")
            check_split(q, made[offer], chosen, alice, name)
    before = market.sql("SELECT count(*) FROM slice")
    one = must(ask("flat", slice=REQUESTS[4]), 201).json()
    two = must(bob.post("/v1/quotes", b'{"offer":"%s","purpose":"pretraining","territory":"DE","until":"%s",'
                        b'"slice":{"order":"path","filter":{"args":[{"property":"quality"},8e-1],"op":">="}}}'
                        % (made["flat"]["id"].encode(), later(30).encode()),
                        headers={"Content-Type": "application/json"}, idempotency=None), 201).json()
    tap.check(one["slice_root"] == two["slice_root"] and one["id"] != two["id"], "the same request, the same root")
    tap.equal(two["slice"], REQUESTS[4], "however it is written")
    tap.equal(market.sql("SELECT count(*) FROM slice"), before, "and kept once")
    tap.equal(slices.micro(one["price"]["amount"]), 12_000_000, "a flat price is what it is")
    tap.equal(bob.get(f"/v1/quotes/{one['id']}").json(), one, "shown again as it was made")
    free = must(ask("free", slice=REQUESTS[2]), 201).json()
    tap.check(all(p["amount"]["amount"] == "0.00" for p in free["split"]["parts"]), "what is free pays nobody")
    for name, request, pointer in (
        ("an empty slice", {"filter": leaf("=", "language", "fr")}, "/slice"),
        ("an unknown member", {"offset": 5}, "/slice/offset"),
        ("an unknown operator", {"filter": leaf("~", "language", "en")}, "/slice/filter/op"),
        ("a number that is too large", {"filter": leaf("=", "quality", 1e30)}, "/slice/filter/args/1"),
        ("a sample without a seed", {"sample": {"count": 3}}, "/slice/sample/seed"),
        ("half an item", {"sample": {"count": 1.5, "seed": "7"}}, "/slice/sample/count"),
        ("another order", {"order": "size"}, "/slice/order"),
        ("a slice that is none", [], "/slice"),
    ):
        refused(ask("flat", slice=request), 422, "invalid", name, pointer)
    whole = market.sql(f"SELECT item_count FROM quote WHERE id = '{one['id']}'")[0][0]
    market.sql(f"UPDATE quote SET item_count = 20000000 WHERE id = '{one['id']}'")
    refused(ask("flat", slice=REQUESTS[2]), 409, "conflict", "who has many items in open quotes waits")
    tap.equal(ask("flat").status, 201, "for slices; whole versions take no room")
    market.sql(f"UPDATE quote SET item_count = {whole} WHERE id = '{one['id']}'")
    return ask


def lists(market, bob, eve, items, ask):
    request = {"filter": leaf("like", "path", "a/%")}
    chosen = slices.pick(items, request)
    quote = must(ask("item", slice=request), 201).json()
    target, got = f"/v1/quotes/{quote['id']}/items?limit=7", []
    while target:
        page = must(bob.get(target), 200)
        got += page.json()["data"]
        link = page.headers["Link"]
        target = link.split(">")[0][1:] if link else None
    tap.equal([(i["path"], i["size"], i["exclusion"]) for i in got], [(i["path"], i["size"], None) for i in chosen],
              "a quote's items, page by page")
    tap.check(all("sha256" not in i and "contributors" not in i for i in got), "without hashes and names")
    refused(eve.get(f"/v1/quotes/{quote['id']}/items"), 404, "not-found", "another's quote shows nothing")
    refused(eve.get(f"/v1/quotes/{quote['id']}/split"), 404, "not-found", "nor who gets what")
    parts, target = [], f"/v1/quotes/{quote['id']}/split?limit=1"
    while target:
        page = must(bob.get(target), 200)
        parts += page.json()["data"]
        link = page.headers["Link"]
        target = link.split(">")[0][1:] if link else None
    tap.equal(parts, quote["split"]["parts"], "the split, page by page")


def exclusions(market, items, bodies, ask):
    corrupt, missing = (hashlib.sha256(b).hexdigest() for b in
                        [b for b in bodies if any(i["size"] == len(b) for i in items)][:2])
    for sha256, state in ((corrupt, "corrupt"), (missing, "missing")):
        market.sql(f"UPDATE content SET state = '{state}' WHERE sha256 = '\\x{sha256}'")
    got = must(ask("flat"), 201).json()["exclusions"]
    want = {"hash_mismatch": sum(i["sha256"] == corrupt for i in items),
            "content_missing": sum(i["sha256"] == missing for i in items)}
    tap.equal(got, want, "what a clearance would leave out, as far as it is known")
    market.sql("UPDATE content SET state = 'verified' WHERE state <> 'verified'")
    tap.equal(must(ask("flat"), 201).json()["exclusions"], {}, "nothing when all is in order")


def consent_all(market, parties, items):
    """Everybody consents to what they made, in each role."""
    for party in parties:
        creator = Creator(market, party)
        for role in ("author", "editor"):
            hashes = {i["sha256"] for i in items for c in i["contributors"]
                      if c["party"] == party.id and c["role"] == role}
            creator.consent(sorted(hashes), role=role)


def at(license, path):
    return f"/v1/licenses/{license}/items/{urllib.parse.quote(path)}"


def sound(market, name):
    """Accesses here rest on no clearance, which is another test's matter."""
    report = market.audit()[1]
    others = [f for f in report["findings"] if f["rule"] != "access.clearance"]
    tap.equal(others, [], name)


def licenses(market, alice, bob, eve, items, ask):
    request = {"filter": leaf(">=", "quality", 0.8), "sample": {"count": 9, "seed": "x"}}
    chosen = slices.pick(items, request)
    inside, outside = chosen[0], next(i for i in items if i not in chosen)
    market.pay(bob, "100.00")
    quote = must(ask("item", slice=request), 201).json()
    got = must(bob.post("/v1/licenses", {"quote": quote["id"]}), 201).json()
    tap.check(got["slice"] == request and got["slice_root"] == slices.root(chosen)
              and got["item_count"] == len(chosen), "a license of a slice")
    tap.equal(got["price"], quote["price"], "at the quoted price")
    subject = got["document"]["credentialSubject"]["items"]
    tap.check(subject["slice"] == request and subject["slice_root"] == got["slice_root"]
              and subject["version_root"] == slices.root(slices.pick(items, {})), "its document names the slice")
    entry = bob.get(f"/v1/entries/{got['entry']['index']}").json()
    tap.check(got["slice_root"] in json.dumps(entry), "its entry the root")
    tap.check("quality" not in json.dumps(eve.get(f"/v1/entries/{got['entry']['index']}").json()),
              "but to nobody else the request")
    listed = bob.get(f"/v1/licenses/{got['id']}/items?limit=1000").json()["data"]
    tap.equal([(i["path"], i["sha256"], i["attributes"]) for i in listed],
              [(i["path"], i["sha256"], i["attributes"]) for i in chosen], "its items")
    cleared = clearing.clear(bob, got["id"])
    tap.check(cleared["state"] == "cleared" and cleared["cleared"] == len(chosen), "it is cleared, the slice alone")
    for method in ("GET", "HEAD"):
        tap.equal(bob.call(method, at(got["id"], inside["path"])).status, 200, f"{method} of an item of the slice")
        tap.equal(bob.call(method, at(got["id"], outside["path"])).status, 404, f"{method} of another of the version")
    answer = bob.get(at(got["id"], outside["path"]))
    refused(answer, 404, "not-found", "which is refused as what isn't there")
    tap.check("the license covers no such item" in answer.json()["detail"], "and says so")
    tap.equal(market.entries("access.recorded"), 1, "and leaves no entry")
    refused(bob.get("/v1/datasets/alice/set/versions/1/items"), 403, "forbidden", "the rest of the version stays shut")
    sound(market, "the audit finds nothing wrong with slices and prices")
    whole = must(bob.post("/v1/licenses", {"quote": must(ask("flat"), 201).json()["id"]}), 201).json()
    clearing.clear(bob, whole["id"])
    tap.equal(bob.get(at(whole["id"], outside["path"])).status, 200, "a license of all of it opens all of it")
    tap.equal(bob.get("/v1/datasets/alice/set/versions/1/items").status, 200, "its list too")
    return got, chosen


def pulled(market, bob, license, chosen):
    where = market.dir / "pulled"
    bob.cf("pull", license["id"], where)
    found = sorted(str(p.relative_to(where)) for p in where.rglob("*")
                   if p.is_file() and p.relative_to(where).parts[0] != ".counterfoil")
    tap.equal(found, sorted(i["path"] for i in chosen), "pull fetches the slice, nothing else")
    tap.equal(market.cf("verify", where).code, 0, "and it verifies offline")
    manifest = where / ".counterfoil" / "manifest.jsonl"
    text = manifest.read_text(encoding="utf8")
    manifest.write_text("".join(text.splitlines(True)[:-1]), encoding="utf8")
    got = market.cf("verify", where, code=None)
    tap.check(got.code == 1 and "licensed is" in got.err, "a list with one item less is not the slice")


def forgotten(market, bob, license, ask):
    quote = must(ask("flat", slice={"sample": {"count": 5, "seed": "old"}}), 201).json()
    market.sql(f"UPDATE quote SET expires_at = now() WHERE id = '{quote['id']}'")
    market.sql("ALTER TABLE slice DISABLE TRIGGER USER; UPDATE slice SET created_at = now() - interval '3 days';"
               " ALTER TABLE slice ENABLE TRIGGER USER")
    market.sql("UPDATE quote SET expires_at = now() - interval '1 second' WHERE state = 'open';"
               "INSERT INTO job (id, kind, key, args) VALUES ('job_expire_now', 'expire', 'now', '{}');"
               " NOTIFY counterfoil_job")
    wait_for(lambda: market.sql(f"SELECT slice_no IS NULL FROM quote WHERE id = '{quote['id']}'") == [["t"]], 60,
             "the slice to be forgotten")
    shown = bob.get(f"/v1/quotes/{quote['id']}").json()
    tap.check(shown["state"] == "expired" and shown["split"] is None and shown["slice_root"] == quote["slice_root"],
              "a quote that nobody accepted keeps its root")
    refused(bob.get(f"/v1/quotes/{quote['id']}/items"), 410, "gone", "but its list is gone")

    def only_bought():
        return market.sql("SELECT count(*) FROM slice s WHERE NOT whole AND NOT EXISTS"
                          " (SELECT FROM license l WHERE l.slice_no = s.no)") == [["0"]]
    wait_for(only_bought, 60, "only what was bought to be left")
    left = market.sql("SELECT count(*) FROM slice_item x WHERE NOT EXISTS (SELECT FROM slice s WHERE s.no = x.slice)")
    tap.equal(left, [["0"]], "no rows are left behind")
    tap.equal(len(bob.get(f"/v1/licenses/{license['id']}/items?limit=1000").json()["data"]), license["item_count"],
              "what was bought stays")
    again = must(ask("flat", slice={"sample": {"count": 5, "seed": "old"}}), 201).json()
    tap.equal(again["slice_root"], quote["slice_root"], "and what is asked again is the same again")


def main():
    rng = random.Random(7)
    with Market(folder("http-slices"), COUNTERFOIL_RATE="0", COUNTERFOIL_FEE_PPM=str(FEE_PPM)) as market:
        alice, bob, eve = market.party("alice", "publisher"), market.party("bob", "buyer"), market.party("eve", "buyer")
        makers = [market.party(h, "creator") for h in ("carl", "dora", "emil")]
        items, bodies = make_items(rng, makers)
        version = published(alice, "set", items, bodies)
        contributors(market, alice, items)
        made = offers(alice, version)
        ask = quotes(market, alice, bob, items, made)
        lists(market, bob, eve, items, ask)
        exclusions(market, items, bodies, ask)
        consent_all(market, makers, items)
        license, chosen = licenses(market, alice, bob, eve, items, ask)
        pulled(market, bob, license, chosen)
        forgotten(market, bob, license, ask)
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check("answer against the contract" not in log, "every answer kept the contract") or tap.note(log[-2000:])
        sound(market, "nor in the end")
    tap.done()


main()
