# SPDX-License-Identifier: Apache-2.0
"""Delivery over HTTP: bytes, ranges, conditions, windows, and everything that must not be delivered."""
import base64
import concurrent.futures
import hashlib
import re
import urllib.parse

from harness import tap, web
from harness.market import Market
from harness.program import wait_for
from harness.tree import folder

PLAIN = bytes(i * 7 % 251 for i in range(10000))
FILES = {
    "plain.bin": PLAIN,
    "empty.txt": b"",
    "folder/ünï cödé.txt": "ünï".encode(),
    "folder/quote\"s 'and' ;semi.txt": b"quotes",
    "percent%41%2F.txt": b"percent",
    "a+b&c=d?e#f<g>.txt": b"marks",
    "corrupt.txt": b"these bytes will be changed",
    "short.txt": b"these bytes will be cut",
    "gone.txt": b"these bytes will be removed",
    "crowd.txt": b"fetched by many at once",
}


def hexed(data):
    return hashlib.sha256(data).hexdigest()


def at(license, path):
    return f"/v1/licenses/{license}/items/{urllib.parse.quote(path, safe='/')}"


def refused(answer, status, slug, name):
    tap.check(answer.status == status and answer.slug == slug, name) or tap.note(repr(answer))
    tap.check(answer.headers["Content-Type"] == "application/problem+json" and "Repr-Digest" not in answer.headers,
              f"{name}: as a problem")


def whole(market, buyer, license):
    before = market.entries("access.recorded")
    got = buyer.get(at(license, "plain.bin"))
    digest = base64.b64encode(hashlib.sha256(PLAIN).digest()).decode()
    tap.check(got.status == 200 and got.body == PLAIN, "a whole item")
    tap.equal(got.headers["ETag"], f'"{hexed(PLAIN)}"', "its tag is its hash")
    tap.equal(got.headers["Repr-Digest"], f"sha-256=:{digest}:", "Repr-Digest")
    tap.equal(got.headers["Accept-Ranges"], "bytes", "Accept-Ranges")
    tap.equal(got.headers["Content-Disposition"], "attachment; filename*=UTF-8''plain.bin", "Content-Disposition")
    tap.equal(got.headers["X-Content-Type-Options"], "nosniff", "nosniff")
    tap.check("private" in got.headers["Cache-Control"], "not for shared caches")
    index = int(got.headers["Counterfoil-Entry"])
    tap.equal(got.headers["Link"], f'</v1/entries/{index}/proof>; rel="proof"', "a link to the proof")
    tap.equal(buyer.get(f"/v1/entries/{index}/proof").status, 200, "which is there by now")
    entry = market.sql(f"SELECT type FROM entry WHERE index = {index}")
    tap.equal(entry, [["access.recorded"]], "the entry is an access")
    tap.equal(market.entries("access.recorded"), before + 1, "one access for one GET")
    again = buyer.get(at(license, "plain.bin"))
    tap.equal(again.headers["Counterfoil-Entry"], str(index), "a second GET within the window has the same entry")
    tap.equal(market.entries("access.recorded"), before + 1, "and none of its own")
    return index


def ranges(market, buyer, license, index):
    target, tag = at(license, "plain.bin"), f'"{hexed(PLAIN)}"'
    before = market.entries("access.recorded")

    def ask(**headers):
        return buyer.get(target, headers={k.replace("_", "-"): v for k, v in headers.items()})

    for wanted, first, last in (("bytes=0-0", 0, 0), ("bytes=100-199", 100, 199), ("bytes=9990-", 9990, 9999),
                                ("bytes=-5", 9995, 9999), ("bytes=9999-20000", 9999, 9999), ("bytes=-20000", 0, 9999)):
        got = ask(Range=wanted)
        tap.check(got.status == 206 and got.body == PLAIN[first:last + 1], f"{wanted}")
        tap.equal(got.headers["Content-Range"], f"bytes {first}-{last}/10000", f"{wanted}: Content-Range")
        tap.equal(got.headers["Counterfoil-Entry"], str(index), f"{wanted}: the window's entry")
    tap.check(ask(Range="bytes=0-1,5-6").body == PLAIN, "several ranges: the whole")
    tap.check(ask(Range="lines=1-2").body == PLAIN, "another unit: the whole")
    got = ask(Range="bytes=10000-")
    refused(got, 416, "range-not-satisfiable", "a range behind the end")
    tap.equal(got.headers["Content-Range"], "bytes */10000", "and it says the size")
    tap.equal(ask(Range="bytes=1-2", If_Range=tag).status, 206, "If-Range with its tag: the part")
    got = ask(Range="bytes=1-2", If_Range=f'"{hexed(b"other")}"')
    tap.check(got.status == 200 and got.body == PLAIN, "If-Range with another tag: the whole")
    got = ask(Range="bytes=1-2", If_Range="Mon, 23 Nov 2026 10:00:00 GMT")
    tap.equal(got.status, 200, "If-Range with a date: the whole")
    got = ask(If_None_Match=tag)
    tap.check(got.status == 304 and got.body == b"", "If-None-Match with its tag: 304")
    tap.equal(got.headers["Counterfoil-Entry"], str(index), "which was authorized all the same")
    tap.equal(ask(If_None_Match='"x"').status, 200, "If-None-Match with another")
    tap.equal(market.entries("access.recorded"), before, "all of that was one access")


def head(market, buyer, stranger, publisher, license):
    before = market.entries("access.recorded")
    for path, data in FILES.items():
        got = buyer.call("HEAD", at(license, path))
        tap.check(got.status == 200 and got.headers["Content-Length"] == str(len(data)) and
                  got.headers["ETag"] == f'"{hexed(data)}"' and got.body == b"", f"HEAD of {path}")
        tap.check("Counterfoil-Entry" not in got.headers, f"HEAD of {path} names no entry")
    tap.equal(stranger.call("HEAD", at(license, "plain.bin")).status, 404, "HEAD by another buyer")
    tap.equal(publisher.call("HEAD", at(license, "plain.bin")).status, 404, "HEAD by the publisher")
    tap.equal(buyer.call("HEAD", at(license, "none")).status, 404, "HEAD of no item")
    tap.equal(buyer.call("HEAD", at(license, "plain.bin"), headers={"Authorization": "Bearer cf_x"}).status, 401,
              "HEAD without a good key")
    tap.equal(market.entries("access.recorded"), before, "HEAD is no access")


def odd_names(buyer, license):
    for path, data in FILES.items():
        got = buyer.get(at(license, path))
        tap.check(got.status == 200 and got.body == data, f"GET {path}") or tap.note(repr(got))
        _, _, name = got.headers.get("Content-Disposition", "").partition("UTF-8''")
        tap.equal(urllib.parse.unquote(name), path.rsplit("/", 1)[-1], f"the file name of {path}")
    slashed = buyer.get(f"/v1/licenses/{license}/items/folder%2F{urllib.parse.quote('ünï cödé.txt')}")
    tap.equal(slashed.body, "ünï".encode(), "an escaped slash is a slash")
    got = buyer.get(at(license, "empty.txt"), headers={"Range": "bytes=0-"})
    tap.check(got.status in (200, 416) and (got.status == 416 or got.body == b""), "a range of nothing")


def strangers(market, buyer, stranger, publisher, license):
    before = market.entries("access.recorded")
    target = at(license, "plain.bin")
    refused(stranger.get(target), 404, "not-found", "another buyer's license")
    refused(publisher.get(target), 404, "not-found", "the publisher's own offer")
    refused(buyer.get(at("lic_" + "0" * 26, "plain.bin")), 404, "not-found", "no license")
    same = [stranger.get(target).json(), buyer.get(at("lic_" + "0" * 26, "plain.bin")).json()]
    for problem in same:
        problem.pop("instance")
    tap.equal(same[0], same[1], "a foreign license looks like none")
    refused(buyer.get(at(license, "none.bin")), 404, "not-found", "no such item")
    refused(buyer.get(at(license, "plain.bin/")), 404, "not-found", "a path that is no item's")
    for path in ("../../etc/passwd", "%2e%2e/x", "a/../plain.bin", "x%00y", "x%ffy"):
        got = buyer.get(f"/v1/licenses/{license}/items/{path}")
        tap.check(got.status in (400, 404, 422), f"{path}: {got.status}")
    refused(buyer.get(target, headers={"Authorization": "Bearer nonsense"}), 401, "unauthenticated", "no key")
    wrong = buyer.key[:-1] + ("0" if buyer.key[-1] != "0" else "1")
    got = buyer.get(target, headers={"Authorization": f"Bearer {wrong}"})
    refused(got, 401, "unauthenticated", "another secret")
    tap.check("WWW-Authenticate" in got.headers, "says how to authenticate")
    tap.equal(market.entries("access.recorded"), before, "nothing of that was recorded")


def crowd(market, buyer, license):
    before = market.entries("access.recorded")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda _: buyer.get(at(license, "crowd.txt")), range(64)))
    tap.check(all(a.status == 200 and a.body == FILES["crowd.txt"] for a in got), "64 GETs at once")
    tap.equal(len({a.headers["Counterfoil-Entry"] for a in got}), 1, "share one entry")
    tap.equal(market.entries("access.recorded"), before + 1, "and one access")


def pages(buyer, stranger, publisher, license):
    base = f"/v1/licenses/{license}/items"
    items, cursor = [], None
    while True:
        got = buyer.get(f"{base}?limit=3" + (f"&cursor={cursor}" if cursor else ""))
        page = got.json()
        items += page["data"]
        cursor = page["next_cursor"]
        link = got.headers.get("Link")
        tap.equal(link, cursor and f'<{base}?limit=3&cursor={cursor}>; rel="next"', "Link says what next_cursor says")
        if not cursor:
            break
    tap.equal([i["path"] for i in items], sorted(FILES, key=str.encode), "all items, in order of their paths' bytes")
    tap.equal([i["n"] for i in items], list(range(len(FILES))), "numbered")
    tap.check(all(i["sha256"] == hexed(FILES[i["path"]]) and i["size"] == len(FILES[i["path"]]) and
                  i["state"] == "verified" for i in items), "with hash, size and state")
    tap.equal(publisher.get(base).json()["data"], items, "the publisher sees the same")
    refused(stranger.get(base), 404, "not-found", "another buyer sees no list")
    version = "/v1/datasets/house/set/versions/1/items"
    tap.equal(buyer.get(f"{version}?limit=1000").json()["data"], items, "the version's list is the same for a licensee")
    refused(stranger.get(version), 403, "forbidden", "who has no license is not shown the hashes of a version")
    refused(web.Client(buyer.port).get(version), 401, "unauthenticated", "nor is nobody")
    refused(buyer.get(f"{base}?cursor=%21%21"), 422, "invalid", "no cursor of ours")
    refused(buyer.get(f"{base}?cursor=eHg"), 422, "invalid", "a cursor that is no number")
    refused(buyer.get(f"{base}?limit=0"), 422, "invalid", "limit 0")


def broken_content(market, buyer, license):
    short, gone, corrupt = FILES["short.txt"], FILES["gone.txt"], FILES["corrupt.txt"]
    market.stop(only=("worker",))
    market.blob(short).chmod(0o640)
    market.blob(short).write_bytes(short[:-1])
    market.blob(gone).unlink()
    for path, data in (("short.txt", short), ("gone.txt", gone)):
        refused(buyer.get(at(license, path)), 500, "internal-error", f"{path}: other bytes are never sent")
        tap.equal(market.content_state(data), "unverified", f"{path} is doubted")
        refused(buyer.get(at(license, path)), 403, "content-not-verified", f"{path} again")
        tap.equal(buyer.call("HEAD", at(license, path)).status, 403, f"HEAD of {path}")
    market.start(only=("worker",))
    wait_for(lambda: market.content_state(short) == "corrupt", 60, "a worker to look at what was cut")
    wait_for(lambda: market.content_state(gone) == "missing", 60, "a worker to look for what is gone")
    refused(buyer.get(at(license, "short.txt")), 403, "content-corrupt", "then it is known")
    market.blob(corrupt).chmod(0o640)
    market.blob(corrupt).write_bytes(corrupt[::-1])
    market.verify_now(corrupt, "corrupt")
    refused(buyer.get(at(license, "corrupt.txt")), 403, "content-corrupt", "content that a worker found corrupt")
    tap.equal(buyer.call("HEAD", at(license, "corrupt.txt")).status, 403, "HEAD of it")


def revoked(market, buyer, license):
    made = buyer.post("/v1/me/keys", {"label": "second", "scopes": ["read"]}, idempotency=None)
    second, ident = made.json()["key"], made.json()["id"]
    bearer = {"Authorization": f"Bearer {second}"}
    target = at(license, "plain.bin")
    tap.equal(buyer.get(target, headers=bearer).status, 200, "a second key")
    basic = base64.b64encode(f"x:{second}".encode()).decode()
    tap.equal(buyer.get(target, headers={"Authorization": f"Basic {basic}"}).status, 200, "as Basic")
    tap.equal(buyer.get(target, headers={"Authorization": f"Bearer hf_{second}"}).status, 200, "with hf_ in front")
    tap.equal(buyer.call("DELETE", f"/v1/me/keys/{ident}").status, 204, "it is revoked")
    refused(buyer.get(target, headers=bearer), 401, "unauthenticated", "the next GET with a revoked key")
    tap.equal(buyer.call("HEAD", target, headers=bearer).status, 401, "HEAD with it")
    market.sql(f"UPDATE api_key SET scopes = '{{write}}' WHERE party = '{buyer.id}'")
    refused(buyer.get(target), 403, "forbidden", "a key that may not read")
    market.sql(f"UPDATE api_key SET scopes = '{{read,write}}' WHERE party = '{buyer.id}'")


def ended(market, buyer, license):
    tap.equal(buyer.get(at(license, "plain.bin")).status, 200, "a license that is live")
    done = buyer.post(f"/v1/licenses/{license}/end", {})
    tap.check(done.status == 200, "is ended") or tap.note(repr(done))
    refused(buyer.get(at(license, "plain.bin")), 403, "license-not-live", "and delivers nothing, window or not")
    tap.equal(buyer.call("HEAD", at(license, "plain.bin")).status, 403, "HEAD neither")
    tap.equal(buyer.get(f"/v1/licenses/{license}/items").status, 200, "its list stays")
    tap.equal(buyer.get("/v1/datasets/house/set/versions/1/items").status, 200, "under the version as well")


def granted(market):
    text = market.get("/metrics")[1].decode()
    return int(re.search(r"^counterfoil_ledger_accesses_total (\d+)$", text, re.M).group(1))


def counted(market, buyer, stranger, license):
    before = granted(market)
    for client in (buyer, stranger, buyer, buyer):
        client.get(at(license, "plain.bin"))
    buyer.call("HEAD", at(license, "plain.bin"))
    tap.equal(granted(market), before + 3, "the metric counts what is granted, and nothing else")


def main():
    with Market(folder("http-delivery")) as market:
        publisher, buyer = market.party("house", "publisher"), market.party("lab", "buyer")
        stranger = market.party("rival", "buyer")
        market.publish(publisher, "set", FILES)
        offer = market.offer(publisher, "set")["id"]
        market.pay(buyer, "100.00")
        license = market.buy(buyer, offer)["id"]
        index = whole(market, buyer, license)
        ranges(market, buyer, license, index)
        head(market, buyer, stranger, publisher, license)
        crowd(market, buyer, license)
        odd_names(buyer, license)
        strangers(market, buyer, stranger, publisher, license)
        pages(buyer, stranger, publisher, license)
        revoked(market, buyer, license)
        broken_content(market, buyer, license)
        counted(market, buyer, stranger, license)
        ended(market, buyer, license)
    tap.done()


if __name__ == "__main__":
    main()
