# SPDX-License-Identifier: Apache-2.0
"""
Consents by the tool of people and by nothing else: a key, certificates over a folder, a list and a version's items,
their way through the market, withdrawals, and which items they bind, to a quarter of a million.
"""
import hashlib
import json
import time

from harness import consents
from harness.market import Market
from harness.program import wait_for
from harness.tap import check, done, equal, note
from harness.tree import folder

MANY = 250_000
WORKS = {f"audio/{i}.txt": b"work %d\n" % i for i in range(4)}


def hashed(data):
    return hashlib.sha256(data).hexdigest()


def draft(publisher, name, parts):
    """A published version of items that name their contributors, by the API alone."""
    where = f"/v1/datasets/{publisher.handle}/{name}"
    publisher.post("/v1/datasets", {"name": name, "title": "t", "description": "d", "modality": "text",
                                    "languages": [], "card": ""}, idempotency=None)
    version = publisher.post(f"{where}/versions", idempotency=None).json()["id"]
    for number, lines in enumerate(parts):
        got = publisher.put(f"{where}/versions/{version}/items?part={number}",
                            b"".join(consents.canonical(line) + b"\n" for line in lines),
                            headers={"Content-Type": "application/jsonl"})
        equal(got.status, 200, f"items of {name}") or note(repr(got))
    wait_for(lambda: publisher.post(f"{where}/versions/{version}/publish").status == 200, 60, f"{name} to be published")
    return version


def item(path, data, *contributors):
    return {"path": path, "sha256": hashed(data), "size": len(data),
            "contributors": [{"party": p.id, "role": role, "weight": 1} for p, role in contributors]}


def upload(publisher, data):
    return publisher.put(f"/v1/content/{hashed(data)}", data, headers={"Content-Type": "application/octet-stream"})


def consent(creator, key, *covers, role="author"):
    """Signs, posts and waits; (id, file)."""
    market = creator.market
    out = market.dir / f"consent-{time.monotonic_ns()}.jsonl"
    creator.cf("consent", "sign", "--key", key, "--role", role, "--purpose", "pretraining", "--purpose=evaluation",
               "--territory=EU", "--prohibit=voice_cloning", "--text", market.dir / "words.txt", "--out", out, *covers)
    ident = creator.cf("consent", "post", out).said("consent")
    wait_for(lambda: creator.get(f"/v1/consents/{ident}").json()["state"] != "received", 120, "the consent's verdict")
    return ident, out


def blocked(market, ident):
    return sorted(tuple(row) for row in market.sql(
        "SELECT i.path, c.state FROM item_block b JOIN item i ON i.version = b.version AND i.n = b.n"
        f" JOIN consent c ON c.no = b.consent WHERE c.id = '{ident}' AND c.withdrawn IS NOT NULL"))


def by_tool(market, alice, key):
    where = market.files("works", WORKS)
    refused = alice.cf("consent", "sign", "--key", key, "--role=author", "--purpose=training", "--territory=EU",
                       "--text", market.dir / "words.txt", "--out", market.dir / "none", "--folder", where, code=1)
    check("training" in refused.err and not (market.dir / "none").exists(), "an unknown purpose is not signed")
    ident, out = consent(alice, key, "--folder", where)
    lines = out.read_bytes().splitlines()
    equal(lines[1:], consents.lines_of(map(hashed, WORKS.values())), "a folder's files, sorted")
    shown = json.loads(alice.cf("consent", "show", ident, "--json").out)
    equal((shown["state"], shown["purposes"], shown["item_count"]), ("granted", ["evaluation", "pretraining"], 4),
          "granted")
    check(ident in alice.cf("consent", "list").out, "and listed")
    equal(alice.cf("consent", "post", out).said("consent"), ident, "posting it again changes nothing")
    return ident


def over_items(market, alice, bob, pub, key):
    """Of what a consent covers, only items that name its creator in its role rest on it."""
    mine, ours, his, other = WORKS.values()
    for data in WORKS.values():
        upload(pub, data)
    draft(pub, "set", [[item("a/mine", mine, (alice, "author")),
                                item("a/ours", ours, (alice, "author"), (bob, "performer")),
                                item("b/his", his, (bob, "author")), item("b/edited", other, (alice, "editor"))]])
    listed = market.dir / "hashes.txt"
    listed.write_text("".join(hashed(d) + "\n" for d in WORKS.values()), encoding="ascii")
    ident, _ = consent(alice, key, "--list", listed)
    equal(blocked(market, ident), [], "nothing is bound before a withdrawal")
    again = draft(pub, "again", [[item("c/mine", mine, (alice, "author"))]])
    said = alice.cf("consent", "revoke", ident, "--key", key)
    check("revoked" in said.out, "withdrawn by one request")
    equal(blocked(market, ident), [("a/mine", "revoked"), ("a/ours", "revoked"), ("c/mine", "revoked")],
          "her items in every version, and nobody else's")
    check(again.startswith("ver_"), "a later version too")
    stranger = market.dir / "stranger.key"
    alice.cf("key", "new", stranger, "--plain")
    kept, _ = consent(alice, key, "--list", listed)
    refused = alice.cf("consent", "revoke", kept, "--key", stranger, code=1)
    check("withdrawal_stranger" in refused.err, "a stranger's key withdraws nothing")
    equal(alice.get(f"/v1/consents/{kept}").json()["state"], "granted", "it still stands")


def by_path(market, pub, pub_key):
    ident, out = consent(pub, pub_key, "--dataset", "pub/set", "--version", "1", "--path", "a/")
    equal(len(out.read_bytes().splitlines()), 3, "items of a version by their path")
    equal(pub.get(f"/v1/consents/{ident}").json()["state"], "granted", "a publisher may be a creator too")


def many(market, alice, key):
    """A quarter of a million at once: seconds, and the ledger's lock is held for none of them."""
    market.sql("INSERT INTO content (sha256, size) SELECT sha256(int4send(i)), 4"
               f" FROM generate_series(1, {MANY}) i ON CONFLICT DO NOTHING;"
               " INSERT INTO version (id, dataset, publisher, state) SELECT 'ver_many', dataset, publisher, 'sealed'"
               " FROM version LIMIT 1;"
               " INSERT INTO item (version, n, path, sha256, size, media_type, attributes, contributors, salt)"
               " SELECT v.no, i - 1, lpad(i::text, 9, '0'), sha256(int4send(i)), 4, 'a/b', '{}', '[]',"
               f" decode(repeat('00', 16), 'hex') FROM version v, generate_series(1, {MANY}) i WHERE v.id = 'ver_many';"
               " INSERT INTO item_contributor (version, n, place, party, role, weight)"
               f" SELECT i.version, i.n, 0, '{alice.id}', 'author', 1 FROM item i"
               " JOIN version v ON v.no = i.version WHERE v.id = 'ver_many'; ANALYZE")
    listed = market.dir / "many.txt"
    with open(listed, "w", encoding="ascii") as f:
        for i in range(1, MANY + 1):
            f.write(hashlib.sha256(i.to_bytes(4, "big")).hexdigest() + "\n")
    began = time.monotonic()
    ident, _ = consent(alice, key, "--list", listed)
    granted = time.monotonic() - began
    equal(alice.get(f"/v1/consents/{ident}").json()["item_count"], MANY, f"{MANY} items")
    began = time.monotonic()
    alice.cf("consent", "revoke", ident, "--key", key)
    note(f"{MANY} items: granted after {granted:.1f} s, withdrawn after {time.monotonic() - began:.1f} s")
    equal(market.sql("SELECT count(*) FROM item_withdrawal w JOIN version v ON v.no = w.version"
                     " WHERE v.id = 'ver_many'")[0][0], str(MANY), "each of them is bound")


def main():
    with Market(folder("story-consent")) as market:
        alice, bob = market.party("alice", "creator"), market.party("bob", "creator")
        pub = market.party("pub", "creator", "publisher")
        key, pub_key = market.dir / "alice.key", market.dir / "pub.key"
        (market.dir / "words.txt").write_text("What is not said here is not granted.\n", encoding="ascii")
        for who, path in ((alice, key), (pub, pub_key)):
            who.cf("key", "new", path, "--plain")
            check(who.cf("key", "register", path).said("key").startswith("did:key:z6Mk"), "a key is registered")
        wait_for(lambda: len(alice.get("/v1/status-lists").json()["data"]) >= 2, 60, "status lists")
        by_tool(market, alice, key)
        over_items(market, alice, bob, pub, key)
        by_path(market, pub, pub_key)
        many(market, alice, key)
        revoked = market.entries("consent.revoked")
        equal(revoked, 2, "two withdrawals in the ledger")
        equal(market.audit()[0], 0, "which is sound")
    done()


main()
