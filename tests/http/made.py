# SPDX-License-Identifier: Apache-2.0
"""A creator finds the items that name her, and what they still need, in the form that signing takes."""
import hashlib
import json

from harness import tap
from harness.creator import Creator
from harness.market import Market
from harness.sale import must
from harness.tree import folder

# Path -> who made it; nobody: the publisher's own.
MADE = {"a.txt": [("ann", "author", 3)], "b.txt": [("ann", "author", 1), ("ann", "performer", 2)],
        "c.txt": [("ben", "author", 1)], "d.txt": [], "e.txt": [("ben", "editor", 1), ("ann", "author", 7)]}
SHA = {path: hashlib.sha256(path.encode()).hexdigest() for path in MADE}


def publish(house, parties, name, seal=True):
    must(house.post("/v1/datasets", {"name": name, "title": "Set", "modality": "text"}, idempotency=None), 201)
    base = f"/v1/datasets/house/{name}/versions"
    draft = must(house.post(base, idempotency=None), 201).json()["id"]
    lines = [json.dumps({"path": path, "sha256": SHA[path], "size": len(path), "contributors": [
        {"party": parties[h].id, "role": role, "weight": weight} for h, role, weight in made]}) + "\n"
        for path, made in MADE.items()]
    must(house.put(f"{base}/{draft}/items?part=0", "".join(lines).encode(),
                   headers={"Content-Type": "application/jsonl"}), 200)
    if seal:
        must(house.post(f"{base}/{draft}/publish"), 200)


def mine(party, limit=2):
    got, target = [], f"/v1/me/items?limit={limit}"
    while target:
        page = must(party.get(target), 200)
        tap.check(len(page.json()["data"]) <= limit, "a page is a page")
        got += page.json()["data"]
        target = page.headers["Link"].split(">")[0][1:] if page.headers["Link"] else None
    return got


def want(handle, consents, datasets=("one", "two")):
    """As the contract says it, from what was published; `consents`: of (path, role)."""
    return [{"dataset": f"house/{name}", "version": 1, "path": path, "sha256": SHA[path], "size": len(path),
             "role": role, "weight": weight, "consent": consents.get((path, role), "needed")}
            for name in datasets for path, made in MADE.items() for h, role, weight in made if h == handle]


def tool(market, ann):
    said = ann.cf("consent", "needed").out
    good = "4 as author" in said and "2 as performer" in said
    tap.check(good, "the tool says which roles there are") or tap.note(said)
    listed = market.dir / "needed.jsonl"
    ann.cf("consent", "needed", "--role", "author", "--out", listed)
    rows = [json.loads(line) for line in listed.read_text(encoding="utf8").splitlines()]
    tap.equal([(r["dataset"], r["path"]) for r in rows],
              [(f"house/{d}", p) for d in ("one", "two") for p in ("b.txt", "e.txt")], "and lists what a role needs")
    printed = ann.cf("consent", "needed", "--role", "performer").out.splitlines()
    tap.equal([json.loads(line)["path"] for line in printed], ["b.txt", "b.txt"], "to standard output, too")
    ann.cf("consent", "needed", "--role", "author", "--out", listed, code=1)
    ann.cf("consent", "needed", "--role", "pilot", code=1)
    words, signed = market.dir / "words.txt", market.dir / "signed.jsonl"
    words.write_text("I agree", encoding="utf8")
    key = market.dir / "ann.json"
    market.cf("key", "new", key, "--plain")
    ann.cf("key", "register", key)
    ann.cf("consent", "sign", "--key", key, "--purpose", "pretraining", "--territory", "WORLD", "--role",
           "author", "--text", words, "--list", listed, "--out", signed)
    ann.cf("consent", "post", signed, "--wait")
    tap.equal([r["path"] for r in mine(ann) if r["consent"] == "needed"], ["b.txt", "b.txt"],
              "what was listed is signed and posted, and covers the items")


def main():
    with Market(folder("http-made"), COUNTERFOIL_RATE="0") as market:
        house, eve = market.party("house", "publisher"), market.party("eve", "creator")
        parties = {h: market.party(h, "creator") for h in ("ann", "ben")}
        ann = Creator(market, parties["ann"])
        for path in MADE:
            must(house.put(f"/v1/content/{SHA[path]}", path.encode(),
                           headers={"Content-Type": "application/octet-stream"}), 201, 204)
        for name in ("one", "two"):
            publish(house, parties, name)
        publish(house, parties, "draft", seal=False)
        tap.equal(mine(ann.party), want("ann", {}), "what names her, of published versions, page by page")
        tap.equal(mine(parties["ben"], 1), want("ben", {}), "another sees what names him")
        tap.equal(mine(eve), [], "who made nothing has an empty list")
        own = [(r["path"], r["role"], r["consent"]) for r in mine(house)]
        tap.equal(own, [("d.txt", "publisher", "by_publishing")] * 2, "a publisher's own items need no consent")
        given = ann.consent(sorted([SHA["a.txt"], SHA["c.txt"]]))
        short = ann.consent([SHA["b.txt"]], role="editor")
        granted = {("a.txt", "author"): "granted"}
        tap.equal(mine(ann.party), want("ann", granted), "a consent covers what it covers, in its role")
        tap.equal(mine(parties["ben"]), want("ben", {}), "and nobody else's")
        tool(market, ann.party)
        market.sql("ALTER TABLE consent DISABLE TRIGGER USER; UPDATE consent SET valid_from = now() - interval '2 d',"
                   f" valid_until = now() - interval '1 d' WHERE id = '{given['id']}'")
        over = {r["consent"] for r in mine(ann.party) if r["path"] == "a.txt"}
        tap.equal(over, {"needed"}, "one that is over is none")
        tap.check(short["state"] == "granted", "another role's changes nothing")
        tap.equal(ann.party.get("/v1/me/items?cursor=bm9uZQ").status, 422, "a cursor of one's own making")
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check("answer against the contract" not in log, "every answer kept the contract") or tap.note(log[-2000:])
    tap.done()


main()
