# SPDX-License-Identifier: Apache-2.0
"""A slice from its publisher's sidecar to the buyer's disk, by the tool that people use."""
import json

from harness import slices
from harness.market import UNTIL, Market
from harness.tap import check, done, equal
from harness.tree import folder

FILES = {f"songs/{i:02d}.txt": f"song {i}\n".encode() * (i + 1) for i in range(12)}


def lines(*rows):
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode()


def says(author, i):
    return {"path": f"songs/{i:02d}.txt", "attributes": {"language": "de" if i % 3 else "en", "quality": i / 8},
            "contributors": [{"party": author.id, "role": "author", "weight": 1 + i % 2}]}


def refusals(m, alice, carl):
    where = m.files("refused", FILES)
    good = says(carl, 1)
    for name, rows, line, word in (
        ("a path that is not there", [good, {"path": "songs/99.txt"}], 2, "no file songs/99.txt"),
        ("a path twice", [good, says(carl, 2), good], 3, "already"),
        ("a role that is none", [{**good, "contributors": [{"party": carl.id, "role": "boss", "weight": 1}]}], 1,
         "must be one of"),
        ("a weight of nothing", [{**good, "contributors": [{"party": carl.id, "role": "author", "weight": 0}]}], 1,
         "1 to 1000000"),
        ("an unknown member", [good, {**says(carl, 2), "license": "mine"}], 2, "unknown"),
        ("a hash of its own", [{**good, "sha256": "0" * 64}], 1, "the file's own"),
        ("attributes that are a list", [{**good, "attributes": []}], 1, "object"),
        ("a media type that is none", [{**good, "media_type": "text"}], 1, "type/subtype"),
        ("a line without a path", [good, {"attributes": {}}], 2, "path"),
    ):
        (where / "items.jsonl").write_bytes(lines(*rows))
        got = alice.cf("publish", where, "alice/refused", code=1)
        check(f"items.jsonl, line {line}: " in got.err and word in got.err, f"{name} is refused by its line") \
            or print(f"# {got.err}")
    for name, text in (("no JSON", b'{"path":'), ("a repeated member", b'{"path":"a","path":"b"}'),
                       ("no UTF-8", b'{"path":"\xff"}'), ("an empty line", b"\n")):
        (where / "items.jsonl").write_bytes(lines(good) + text + b"\n")
        got = alice.cf("publish", where, "alice/refused", code=1)
        check("items.jsonl, line 2: " in got.err, f"{name} is refused by its line")
    for flag in ("--attribute=nothing", "--attribute==x", "--contributor=carl", "--contributor=a:author:x"):
        alice.cf("publish", where, "alice/refused", "--no-sidecar", flag, code=1)
    got = alice.cf("publish", where, "alice/refused", "--no-sidecar", f"--contributor=pty_{'0' * 26}:author:1", code=1)
    check("there is no party" in got.err, "a contributor whom the market doesn't know is refused by it")
    alice.cf("publish", where, "alice/refused", "--items", where / "gone.jsonl", code=1)


def items_of(party, name, version):
    return party.get(f"/v1/datasets/{name}/versions/{version}/items?limit=1000").json()["data"]


def publish(m, alice, carl, dora):
    where = m.files("songs", FILES)
    rows = [says(carl, i) for i in range(10)]
    (where / "items.jsonl").write_bytes(lines(*rows))
    flags = ["--attribute", "language=xx", "--attribute", "public=true", "--attribute", 'code="7"',
             "--contributor", f"{dora.id}:producer:3"]
    v = json.loads(alice.cf("publish", where, "alice/songs", *flags, "--wait", "--json").out)
    got = {i["path"]: i for i in items_of(alice, "alice/songs", 1)}
    equal(sorted(got), sorted(FILES), "the sidecar is no item")
    equal(got["songs/03.txt"]["attributes"], {"language": "en", "quality": 0.375, "public": True, "code": "7"},
          "a line's attributes, and a flag's where it has none")
    equal(got["songs/11.txt"]["attributes"], {"language": "xx", "public": True, "code": "7"}, "flags alone")
    equal(got["songs/03.txt"]["contributors"], rows[3]["contributors"], "a line's contributors")
    equal(got["songs/11.txt"]["contributors"], [{"party": dora.id, "role": "producer", "weight": 3}], "a flag's")
    again = alice.cf("publish", where, "alice/songs", *flags)
    check("unchanged" in again.out, "the same words about the same files make no new version")
    (where / "items.jsonl").rename(m.dir / "words.jsonl")
    other = json.loads(alice.cf("publish", where, "alice/songs", "--items", m.dir / "words.jsonl", "--json").out)
    check(other["number"] == 2 and other["root"] == v["root"] and other["details_root"] != v["details_root"],
          "other words about them do")
    (where / "items.jsonl").write_bytes(b"no sidecar")
    plain = json.loads(alice.cf("publish", where, "alice/songs", "--no-sidecar", "--json").out)
    equal(plain["item_count"], len(FILES) + 1, "a file of that name can be an item like others")
    (where / "items.jsonl").write_bytes(lines(*rows, {"path": "items.jsonl", "media_type": "application/x-words"}))
    both = json.loads(alice.cf("publish", where, "alice/songs", "--sidecar-too", "--json").out)
    last = [i for i in items_of(alice, "alice/songs", both["number"]) if i["path"] == "items.jsonl"]
    equal([i["media_type"] for i in last], ["application/x-words"], "or both at once")
    return list(got.values())


def buy(m, alice, bob, items):
    offer = alice.cf("offer", "alice/songs", "--version", "1", "--price", "0.30", "EUR", "--per-item", "--minimum",
                     "1.00", "--split", "per_byte", "--purpose=pretraining", "--territory=EU", "--until", UNTIL)
    check("0.30 EUR for each item, at least 1.00" in offer.out and "per_byte" in offer.out, "an offer says its price")
    offer = offer.said("offer")
    request = {"filter": {"op": "=", "args": [{"property": "language"}, "de"]}, "distinct": "sha256",
               "sample": {"count": 5, "seed": "b"}}
    chosen = slices.pick(items, request)
    base = ["quote", offer, "--purpose", "pretraining", "--territory", "DE", "--until", "2098-01-01"]
    parts = ["--filter", json.dumps(request["filter"]), "--distinct", "--sample", "5", "--seed", "b"]
    said = bob.cf(*base, *parts)
    check(said.said("root") == slices.root(chosen) and "1.50 EUR" in said.out and "split      1.50 EUR to" in said.out,
          "a quote says root, price and split") or print(f"# {said}")
    (m.dir / "slice.json").write_text(json.dumps(request), encoding="utf8")
    quote = json.loads(bob.cf(*base, "--slice", m.dir / "slice.json", "--json").out)
    equal(quote["slice_root"], slices.root(chosen), "the same by a file")
    for wrong in (["--sample", "5"], ["--seed", "b"], ["--filter", "language=en"], ["--filter", "[]"],
                  ["--slice", m.dir / "gone.json"], ["--slice", m.dir / "slice.json", "--distinct"]):
        bob.cf(*base, *wrong, code=1)
    few = json.loads(bob.cf(*base, "--sample", "2", "--seed", "b", "--json").out)
    equal(few["price"]["amount"], "1.00", "a small one costs the minimum")
    m.pay(bob, "10.00")
    return json.loads(bob.cf("buy", quote["id"], "--json").out), chosen


def main():
    with Market(folder("story-slices")) as m:
        alice, bob = m.party("alice", "publisher"), m.party("bob", "buyer")
        carl, dora = m.party("carl", "creator"), m.party("dora", "creator")
        refusals(m, alice, carl)
        items = publish(m, alice, carl, dora)
        license, chosen = buy(m, alice, bob, items)
        check(license["slice_root"] == slices.root(chosen), "bought")
        log = (m.dir / "api.log").read_text(encoding="utf8")
        check("answer against the contract" not in log, "every answer kept the contract")
    done()


main()
