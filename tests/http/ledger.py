# SPDX-License-Identifier: Apache-2.0
"""The log over HTTP: checkpoint, every tile of every size so far, entries, proofs, consistency, who sees what."""
import base64
import gzip
import hashlib
import json
import struct

from harness import tap, web
from harness.market import Market
from harness.proof import included
from harness.reader import tile_number
from harness.tree import folder


def refused(got, status, name):
    tap.check(got.status == status and got.headers["Content-Type"] == "application/problem+json", name) or tap.note(got)


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return node(root(leaves[:k]), root(leaves[k:]))


def consistent(old, new, path):
    """RFC 9162, 2.1.4.2: the two roots that the path leads to."""
    if old & (old - 1) == 0:
        raise ValueError("the caller puts the old root in front")
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr, sr


def bundle(data):
    out = []
    while data:
        n = struct.unpack(">H", data[:2])[0]
        out.append(data[2:2 + n])
        data = data[2 + n:]
    return out


def checkpoint(nobody):
    got = nobody.get("/log/checkpoint")
    lines = got.body.decode().split("\n")
    return got, lines[0], int(lines[1]), base64.b64decode(lines[2])


def packed(nobody):
    """Who takes GZIP gets bundles in it, a cache is told; hashes don't shrink."""
    plain = nobody.get("/log/tile/entries/000")
    got = nobody.get("/log/tile/entries/000", headers={"Accept-Encoding": "deflate, gzip;q=0.5"})
    tap.equal((got.headers["Content-Encoding"], got.headers["Vary"], plain.headers["Vary"]),
              ("gzip", "Accept-Encoding", "Accept-Encoding"), "a bundle in GZIP, and what it depends on")
    tap.check(gzip.decompress(got.body) == plain.body and 2 * len(got.body) < len(plain.body), "of the same entries")
    for accepted in ("identity", "gzip;q=0", "br"):
        other = nobody.get("/log/tile/entries/000", headers={"Accept-Encoding": accepted})
        tap.check(other.body == plain.body and "Content-Encoding" not in other.headers, f"as it is for {accepted}")
    tap.check("Content-Encoding" not in nobody.get("/log/tile/0/000", headers={"Accept-Encoding": "gzip"}).headers,
              "hashes as they are")


def tiles(nobody):
    got, origin, size, signed = checkpoint(nobody)
    tap.check(got.headers["Cache-Control"] == "no-store" and got.headers["Access-Control-Allow-Origin"] == "*",
              "the checkpoint isn't cached, and anybody's page may read it")
    leaves, entries = [], []
    for n in range((size + 255) // 256):
        width = min(256, size - 256 * n)
        tail = f"{tile_number(n)}" + ("" if width == 256 else f".p/{width}")
        hashes = nobody.get(f"/log/tile/0/{tail}").body
        entries += bundle(nobody.get(f"/log/tile/entries/{tail}").body)
        leaves += [hashes[i:i + 32] for i in range(0, len(hashes), 32)]
    tap.check(size > 300 and len(leaves) == len(entries) == size, f"tiles and bundles of {size} entries")
    tap.equal([hashlib.sha256(b"\0" + e).digest() for e in entries], leaves, "bundles hash to the tiles")
    tap.equal(root(leaves), signed, "and the tiles to the signed root")
    upper = nobody.get("/log/tile/1/000.p/1").body
    tap.equal(upper, root(leaves[:256]), "a tile of the next level")
    full = nobody.get("/log/tile/0/000")
    tap.check("immutable" in full.headers["Cache-Control"] and len(full.body) == 8192, "a full tile is immutable")
    packed(nobody)
    every = all(nobody.get(f"/log/tile/0/001.p/{w}").body == b"".join(leaves[256:256 + w]) for w in range(1,
            size - 255))
    tap.check(every, "every partial tile of every size so far")
    tap.equal(nobody.get("/log/tile/0/000.p/100").body, b"".join(leaves[:100]), "also where a full one is by now")
    for path in (f"0/001.p/{size - 255}", "0/002", "1/000", "1/001.p/1", "2/000.p/1", "0/000.p/0", "0/000.p/256", "0/0",
                 "0/00", "0/0000", "00/000", "64/000", "0/x000/000", "0/000.p/01", "0/000.p/", "0/000.p",
                         "entries/000.p/0",
                 "entries/0", "0/-01", "0/%30%30%30", "0//000", "x/000", "0/000/"):
        tap.check(nobody.get(f"/log/tile/{path}").status in (400, 404), f"no tile {path}")
    return size, leaves, entries


def entries_of(nobody, size, leaves, entries):
    for index in (0, 1, 255, 256, size - 1):
        got = nobody.get(f"/v1/entries/{index}").json()
        tap.check(got["leaf"] == leaves[index].hex() and got["entry"] == json.loads(entries[index]), f"entry {index}")
        text = nobody.get(f"/v1/entries/{index}/proof").body.decode()
        head, note = text.split("\n\n", 1)
        lines = head.split("\n")
        path = [base64.b64decode(x) for x in lines[2:]]
        tap.check(lines[:2] == ["c2sp.org/tlog-proof@v1", f"index {index}"], f"proof {index}: its form")
        size_then, root_then = int(note.split("\n")[1]), base64.b64decode(note.split("\n")[2])
        tap.check(included(index, size_then, leaves[index], path) == root_then, f"proof {index}: holds")
    for bad in (str(size), str(size + 1000), "9" * 15):
        refused(nobody.get(f"/v1/entries/{bad}"), 404, f"no entry {bad}")
        refused(nobody.get(f"/v1/entries/{bad}/proof"), 404, f"and no proof of {bad}")
    for bad in ("-1", "01", "x", "1e3", "%31.0"):
        tap.check(nobody.get(f"/v1/entries/{bad}").status in (404, 422), f"{bad} is no index")
    listed, target = [], "/v1/entries?limit=100"
    while target:
        page = nobody.get(target)
        listed += [e["index"] for e in page.json()["data"]]
        target = page.headers["Link"].split(">")[0][1:] if page.headers["Link"] else None
    tap.check(listed[:size] == list(range(size)), "all entries, page by page")
    kinds = {e["entry"]["type"] for e in nobody.get("/v1/entries?type=party.registered").json()["data"]}
    tap.equal(kinds, {"party.registered"}, "or of one type")
    first = nobody.get("/v1/entries?from=3&limit=2").json()
    tap.equal([e["index"] for e in first["data"]], [3, 4], "from an index on")
    after = nobody.get(f"/v1/entries?from=3&limit=2&cursor={first['next_cursor']}").json()
    tap.equal([e["index"] for e in after["data"]], [5, 6], "a cursor goes on from there")
    tap.equal(nobody.get("/v1/entries?from=9007199254740991").json()["data"], [], "beyond the log there is none")
    tap.equal(nobody.get("/v1/entries?from=-1").status, 422, "nor before it")
    tap.equal(nobody.get("/v1/entries?type=nothing").status, 422, "which must be one")
    for number in (2**63 - 1, 2**40 + 1):
        cursor = base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("=")
        refused(nobody.get(f"/v1/entries?cursor={cursor}"), 422, f"a cursor of {number}, beyond any log")


def consistency(nobody, size, leaves):
    def ask(a, b):
        return nobody.get(f"/v1/log/consistency?from={a}&to={b}")

    for a, b in ((0, 1), (1, 1), (1, 2), (3, 7), (256, size), (255, 257), (size, size)):
        got = ask(a, b).json()
        roots = base64.b64decode(got["from_root"]), base64.b64decode(got["to_root"])
        tap.check(roots == (root(leaves[:a]), root(leaves[:b])), f"consistency {a} to {b}: the roots")
        tap.check((len(got["proof"]) == 0) == (a in (0, b)), f"consistency {a} to {b}: a proof where one is needed")
    for a, b in ((3, 7), (255, 257), (100, size), (257, size)):
        path = [base64.b64decode(x) for x in ask(a, b).json()["proof"]]
        tap.check(consistent(a, b, path) == (root(leaves[:a]), root(leaves[:b])),
                f"consistency {a} to {b}: the proof holds")
    path = [base64.b64decode(x) for x in ask(256, size).json()["proof"]]
    tap.check(node(root(leaves[:256]), path[0]) == root(leaves[:size]),
            "from a full subtree: what is missing beside it")
    tap.equal(ask(1, size + 100).status, 404, "not beyond what is signed")
    tap.equal(ask(2, 1).status, 422, "nor backward")
    tap.equal(nobody.get("/v1/log/consistency?from=1").status, 422, "both sizes are needed")


def who_sees(market, nobody):
    alice, bob = market.party("alice", "publisher"), market.party("bob", "buyer")
    eve, audit = market.party("eve", "publisher", "buyer"), market.party("auditor", "auditor")
    market.publish(alice, "set", {"a": b"some bytes"})
    offer = market.offer(alice, "set")
    paid = market.pay(bob, "50.00")
    license = market.buy(bob, offer["id"])
    got = bob.get(f"/v1/licenses/{license['id']}/items/a")
    index = {"party": market.sql("SELECT index FROM party WHERE handle = 'alice'")[0][0],
            "offer": offer["entry"]["index"],
             "payment": paid["entry"]["index"], "license": license["entry"]["index"],
             "access": got.headers["Counterfoil-Entry"]}
    sees = {"party": [alice, audit], "offer": [nobody, alice, bob, eve, audit, market.operator],
            "payment": [bob, audit, market.operator], "license": [alice, bob, audit], "access": [alice, bob, audit]}
    names = {id(nobody): "nobody", id(alice): "the publisher", id(bob): "the buyer", id(eve): "a stranger",
             id(audit): "an auditor", id(market.operator): "the operator"}
    for what, who in sees.items():
        for client in (nobody, alice, bob, eve, audit, market.operator):
            shown = client.get(f"/v1/entries/{index[what]}").json()["disclosures"]
            tap.equal(bool(shown), client in who,
                    f"{names[id(client)]} and the private fields of {what}: {client in who}")
            for d in shown[:1]:
                digest = hashlib.sha256(d["disclosure"].encode()).digest()
                text = base64.urlsafe_b64encode(digest).decode().rstrip("=")
                entry = nobody.get(f"/v1/entries/{index[what]}").json()["entry"]
                tap.check(text in entry["sd"], f"{what}: what is disclosed is committed to")
    as_in_the_log(market, alice, bob, eve, audit, license["id"])


def as_in_the_log(market, alice, bob, eve, audit, license):
    """Lists and pages show nobody what the log doesn't disclose to them."""
    whole = [c.get(f"/v1/licenses/{license}").json() for c in (alice, bob, audit)]
    tap.check(all(x["document"] and x["buyer"] == "bob" and x["price"]["amount"] for x in whole),
              "a license is its buyer's, its publisher's and the auditors' to read")
    part = market.operator.get(f"/v1/licenses/{license}").json()
    tap.check(part["purpose"] and not {"document", "buyer", "price", "quote", "slice"} & set(part),
              "the operator sees of it what everybody sees in the log")
    tap.equal(eve.get(f"/v1/licenses/{license}").status, 404, "a stranger nothing")

    def payments(client):
        return [p["license"] for p in client.get("/v1/payments").json()["data"]]
    tap.equal((payments(bob), payments(audit)), ([None, license],) * 2, "so are its payments, but for the publisher")
    tap.equal(payments(market.operator), [None], "the operator sees the ones that it recorded")
    tap.equal((payments(alice), payments(eve)), ([], []), "others see none")
    ended = market.operator.post(f"/v1/licenses/{license}/end", {})
    tap.check(ended.status == 200 and ended.json()["reason"] and "buyer" not in ended.json(),
              "and ends a license without being shown more") or tap.note(ended)


def main():
    with Market(folder("http-ledger"), COUNTERFOIL_RATE="0") as market:
        nobody = web.Client(market.port)
        who_sees(market, nobody)
        market.stop(only=("worker",))          # what the log has is counted
        for n in range(300):
            market.party(f"p{n}", "buyer")
        size, leaves, entries = tiles(nobody)
        entries_of(nobody, size, leaves, entries)
        consistency(nobody, size, leaves)
        key = nobody.get("/v1/log/key").json()
        tap.equal(key["origin"], market.origin, "the log's key and origin")
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check("answer against the contract" not in log, "every answer kept the contract") or tap.note(log[-2000:])
    tap.done()


main()
