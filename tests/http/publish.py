# SPDX-License-Identifier: Apache-2.0
"""Uploads and publication: resuming, wrong hashes, foreign content, drafts by parts, paths, seals."""
import concurrent.futures
import hashlib
import json
import os

from harness import tap, web
from harness.market import Market
from harness.program import wait_for
from harness.tree import folder

RAW = {"Content-Type": "application/octet-stream"}


def refused(got, status, slug, name, pointer=None):
    good = got.status == status and got.slug == slug
    if good and pointer is not None:
        good = got.json()["errors"][0]["pointer"] == pointer
    tap.check(good, name) or tap.note(repr(got))


def hexed(data):
    return hashlib.sha256(data).hexdigest()


def put(client, data, name=None, first=None, total=None):
    headers = dict(RAW)
    if first is not None:
        headers["Content-Range"] = f"bytes {first}-{first + len(data) - 1}/{total}"
    return client.put(f"/v1/content/{name or hexed(data)}", data, headers=headers)


def uploads(market, alice, bob):
    data = os.urandom(300000)
    tap.equal(put(alice, data).status, 201, "an upload")
    tap.equal(alice.call("HEAD", f"/v1/content/{hexed(data)}").status, 200, "its owner sees it")
    tap.equal(bob.call("HEAD", f"/v1/content/{hexed(data)}").status, 404, "another publisher doesn't")
    tap.equal(put(bob, data).status, 201, "who must send all of it as well")
    tap.equal(put(alice, data).status, 201, "again is fine")
    tap.equal(put(alice, b"").status, 201, "an empty content")
    tap.equal(alice.call("HEAD", f"/v1/content/{hexed(b'')}").status, 200, "is there")
    before = sorted(p.name for p in (market.content / "partial").iterdir())
    wrong = put(alice, b"other bytes", name=hexed(b"these bytes"))
    refused(wrong, 422, "invalid", "bytes of another hash")
    tap.equal(sorted(p.name for p in (market.content / "partial").iterdir()), before, "leave nothing")
    tap.check(not market.blob(b"these bytes").exists(), "under no name")
    refused(alice.put("/v1/content/xyz", b"x", headers=RAW), 422, "invalid", "a name that is no hash")
    refused(put(market.party("carol", "buyer"), b"x"), 403, "forbidden", "a buyer uploads nothing")


def resuming(alice, bob):
    data = os.urandom(200000)
    name = hexed(data)
    got = put(alice, data[:70000], name, 0, len(data))
    tap.check(got.status == 202 and got.headers["Upload-Offset"] == "70000", "a first piece: 202 and where it stands")
    head = alice.call("HEAD", f"/v1/content/{name}")
    tap.check(head.status == 404 and head.headers["Upload-Offset"] == "70000", "HEAD: not there, but so far")
    tap.equal(bob.call("HEAD", f"/v1/content/{name}").headers["Upload-Offset"] or "0", "0", "nobody else sees how far")
    got = put(alice, data[100000:], name, 100000, len(data))
    tap.check(got.status == 409 and got.headers["Upload-Offset"] == "70000", "a gap: 409 and where it stands")
    tap.equal(put(alice, data[70000:150000], name, 70000, len(data)).status, 202, "a second piece")
    tap.equal(put(alice, data[150000:], name, 150000, len(data)).status, 201, "the last one")
    tap.equal(put(alice, data[:10], name, 0, len(data)).status, 202, "anew")
    refused(put(alice, b"x" * (len(data) - 10), name, 10, len(data)), 422, "invalid", "pieces that make another hash")
    tap.equal(alice.call("HEAD", f"/v1/content/{name}").status, 200, "don't harm what was there")
    for text in ("bytes 0-9", "bytes 5-2/10", "bytes 0-9/5", "bytes=0-9/10", "bytes 0-9/*", "bytes -1-9/10",
            "octets 0-9/10"):
        refused(alice.put(f"/v1/content/{name}", b"0123456789", headers={**RAW, "Content-Range": text}), 400,
                "malformed-request", f"Content-Range: {text}")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        big = os.urandom(4 << 20)
        got = list(pool.map(lambda _: put(alice, big).status, range(8)))
    tap.check(201 in got and set(got) <= {201, 409}, "eight at once: one writes at a time") or tap.note(got)


def line(path, data, **more):
    return {"path": path, "sha256": hexed(data), "size": len(data), **more}


def send(client, base, part, lines):
    body = b"".join((x if isinstance(x, bytes) else json.dumps(x).encode()) + b"\n" for x in lines)
    return client.put(f"{base}/items?part={part}", body, headers={"Content-Type": "application/jsonl"})


def draft(client, dataset):
    got = client.post(f"/v1/datasets/{dataset}/versions", idempotency=None)
    return f"/v1/datasets/{dataset}/versions/{got.json()['id']}"


def bad_lines(alice, bob):
    mine, foreign = b"mine", b"foreign to alice"
    put(alice, mine)
    put(bob, foreign)
    alice.post("/v1/datasets", {"name": "bad", "title": "Bad", "modality": "text"}, idempotency=None)
    base = draft(alice, "alice/bad")
    good = line("a", mine)
    for path in ("", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/.", "x" * 1025, "nul\0"):
        got = send(alice, base, 0, [good, {**good, "path": path}])
        tap.check(got.status in (400, 422) and "2" in json.dumps(got.json()), f"path {path[:12]!r} is refused, line 2")
    for name, bad in (
        ("no JSON", b"{"), ("bad UTF-8", b'{"path":"\xff"}'), ("an unknown member", {**good, "x": 1}),
        ("no size", {k: v for k, v in good.items() if k != "size"}), ("a negative size", {**good, "size": -1}),
        ("a short hash", {**good, "sha256": "00"}), ("a big hash", {**good, "sha256": good["sha256"].upper()}),
        ("attributes that are none", {**good, "attributes": []}), ("a line of 70 kB", {**good,
                "media_type": "x" * 70000}),
    ):
        got = send(alice, base, 0, [good, good, bad])
        tap.check(got.status in (400, 413, 422) and "3" in json.dumps(got.json()),
                f"{name} is refused, line 3") or tap.note(got)
    pays = {"party": alice.id, "role": "author", "weight": 1}
    for name, bad, pointer in (
        ("a path", {"path": "../a"}, "/path"), ("a size", {"size": -1}, "/size"), ("a stranger", {"a/b": 1}, "/a~1b"),
        ("a media type", {"media_type": "text"}, "/media_type"),
        ("a bell in it", {"media_type": "text/\a"}, "/media_type"),
        ("an umlaut", {"media_type": "text/ü"}, "/media_type"),
        ("one too long", {"media_type": "a/" + "b" * 254}, "/media_type"),
        ("large attributes", {"attributes": {"a": "x" * 17000}}, "/attributes"),
        ("a name for a contributor", {"contributors": ["alice"]}, "/contributors/0"),
        ("a handle", {"contributors": [{**pays, "party": "alice"}]}, "/contributors/0/party"),
        ("no role", {"contributors": [pays, {**pays, "role": ""}]}, "/contributors/1/role"),
        ("a role of another list", {"contributors": [{**pays, "role": "buyer"}]}, "/contributors/0/role"),
        ("one twice", {"contributors": [pays, {**pays, "weight": 2}]}, "/contributors/1"),
        ("a number", {"contributors": [17]}, "/contributors/0"),
        ("nested nothing", {"contributors": [{"nobody": [[]]}]}, "/contributors/0/party"),
        ("a weight of nothing", {"contributors": [{**pays, "weight": 0}]}, "/contributors/0/weight"),
        ("a party that isn't here", {"contributors": [{**pays, "party": "pty_" + "0" * 26}]}, "/contributors"),
        ("a debt", {"contributors": [{**pays, "weight": -1}]}, "/contributors/0/weight"),
        ("no weight", {"contributors": [{"party": alice.id, "role": "author"}]}, "/contributors/0/weight"),
        ("more than is known", {"contributors": [{**pays, "share": 2}]}, "/contributors/0/share"),
        ("too many", {"contributors": [pays] * 65}, "/contributors"),
    ):
        got = send(alice, base, 0, [good, {**good, **bad}])
        tap.check(got.status in (413, 422) and got.json()["errors"][0]["pointer"] == "/2" + pointer,
                  f"{name} is refused at {pointer}") or tap.note(got)
    refused(send(alice, base, 0, [good, line("f", foreign)]), 422, "invalid", "foreign content, by its hash",
            "/2/sha256")
    refused(send(alice, base, 0, [{**good, "size": 5}]), 422, "invalid", "own content in another size", "/1/sha256")
    refused(send(bob, base, 0, [line("a", foreign)]), 404, "not-found", "another's draft is none")
    refused(alice.post(f"{base}/publish"), 422, "invalid", "none of these is kept: an empty draft isn't published")
    refused(alice.get(f"{base}/items?limit=0"), 422, "invalid", "limits hold here too", "?limit")


def parts(market, alice):
    odd = ["a b", "ü/ñ 💾", ".hidden", "-dash", "--", "a'b\"c", "tab\there", "new\nline", "back\\slash", "%2e%2e", "~",
            "z" * 1024]
    data = b"shared"
    put(alice, data)
    alice.post("/v1/datasets", {"name": "odd", "title": "Odd", "modality": "text"}, idempotency=None)
    base = draft(alice, "alice/odd")
    tap.equal(send(alice, base, 0, [line("wrong", data)]).status, 200, "a part")
    tap.equal(send(alice, base, 0, [line(p, data) for p in odd[:6]]).status, 200, "sent again")
    tap.equal(send(alice, base, 7, [line(p, data, media_type="text/plain",
            attributes={"n": 1}) for p in odd[5:]]).json(),
              {"part": 7, "items": 7}, "another one")
    refused(alice.post(f"{base}/publish"), 422, "invalid", "a path in two parts")
    by = [{"party": alice.id, "role": "author", "weight": 3}, {"party": alice.id, "role": "editor", "weight": 1}]
    tap.equal(send(alice, base, 7, [line(p, data, media_type="text/plain; charset=utf-8", contributors=by,
            attributes={"n": 1}) for p in odd[6:]]).status,
              200, "mended")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: alice.post(f"{base}/publish", idempotency=f"pub-{n % 2}"), range(8)))
    entries = {g.json()["entry"]["index"] for g in got if g.status == 200}
    tap.check(len(entries) == 1 and {g.status for g in got} <= {200, 409}, "published by 8 requests at once, once")
    refused(send(alice, base, 0, [line("late", data)]), 409, "state-has-moved-on", "what is published doesn't change")
    shown = alice.get("/v1/datasets/alice/odd/versions/1").json()
    tap.check(shown["state"] == "published" and shown["item_count"] == len(odd), "version 1")
    items = alice.get("/v1/datasets/alice/odd/versions/1/items?limit=5")
    got = items.json()["data"]
    while items.headers["Link"]:
        items = alice.get(items.headers["Link"].split(">")[0][1:])
        got += items.json()["data"]
    tap.equal([i["path"] for i in got], sorted(odd, key=str.encode),
            "its items by the bytes of their paths, page by page")
    tap.equal([i["n"] for i in got], list(range(len(odd))), "numbered from 0")
    tap.equal([i["contributors"] for i in got if i["path"] == "~"], [by], "with their contributors")
    tap.equal(root_of([leaf_of(i) for i in got]).hex(), shown["root"], "its root is RFC 6962's over them")
    tap.equal(hashlib.sha256(bytes.fromhex(shown["root"] + shown["details_root"])).hexdigest()[:40], shown["commit_id"],
              "its commit id")
    tap.equal(market.party("dora", "buyer").get("/v1/datasets/alice/odd/versions/1/items").status // 100, 4,
              "who holds no license doesn't see the list")


def leaf_of(item):
    text = json.dumps({k: item[k] for k in ("path", "sha256", "size")}, sort_keys=True, separators=(",", ":"),
                      ensure_ascii=False)
    return hashlib.sha256(b"\0" + text.encode()).digest()


def root_of(hashes):
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(hashes[:k]) + root_of(hashes[k:])).digest()


def publish_all(client, base, key):
    """Asks as a client would until the version is published; gives that answer and the states on the way."""
    states = []

    def ask():
        got = client.post(f"{base}/publish", idempotency=key)
        if got.status != 202:
            return got
        states.append(got.json()["version"]["state"])
        return None

    return wait_for(ask, 120, "a worker to seal a draft"), states


def worker_back(market):
    """A worker takes what another one has left; its lease, half a minute, is cut short."""
    market.sql("UPDATE job SET leased_until = now() - interval '1 s' WHERE kind = 'seal_version' AND state = 'running'")
    market.start(only=("worker",))


def large(market, alice):
    """A draft too large for a request is sealed by a worker, whatever is killed on the way."""
    data = b"shared"
    lines = [line(f"{i * 7919 % 45000:05}/ü", data) for i in range(45000)]
    alice.post("/v1/datasets", {"name": "large", "title": "Large", "modality": "text"}, idempotency=None)
    base = draft(alice, "alice/large")
    for part in range(3):
        tap.equal(send(alice, base, part, lines[part * 15000:(part + 1) * 15000]).status, 200, f"part {part} of 15,000")
    tap.equal(send(alice, base, 3, lines[44000:]).status, 200, "and one with what is there already")
    market.programs["worker"].stop()
    got = alice.post(f"{base}/publish", idempotency="large")
    tap.check(got.status == 202 and got.json()["version"]["state"] == "sealing" and got.headers["Retry-After"],
              "202: a worker's turn") or tap.note(got)
    tap.check("entry" not in got.json() and got.json()["version"]["sealed_items"] == 0, "nothing is recorded yet")
    refused(send(alice, base, 3, []), 409, "state-has-moved-on", "meanwhile it takes no parts")
    tap.equal([alice.post(f"{base}/publish", idempotency="large").status for _ in range(3)], [202] * 3, "repeats wait")
    tap.equal(market.sql("SELECT count(*) FROM job WHERE kind = 'seal_version'"), [["1"]], "for one and the same job")
    worker_back(market)
    got, states = publish_all(alice, base, "large")
    refused(got, 422, "invalid", "a path that is there twice is refused by the worker")
    tap.check("twice" in got.json()["detail"] and set(states) <= {"sealing"}, "which says so") or tap.note(got)
    tap.equal(send(alice, base, 3, []).status, 200, "the part is emptied")
    tap.equal(alice.post(f"{base}/publish", idempotency="large").status, 202, "again")
    seen = lambda: alice.get(base).json().get("sealed_items", -1)
    wait_for(lambda: seen() > 0, 60, "the first items to be in place")
    market.programs["worker"].kill()
    market.programs["api"].kill()
    market.start(only=("api",))
    left = seen()
    tap.check(0 < left < 45000 and left % 10000 == 0, f"killed in the middle: {left} are in place, none by halves")
    worker_back(market)
    got, states = publish_all(alice, base, "large")
    tap.check(got.status == 200 and got.json()["version"]["item_count"] == 45000, "sealed by the next, and published")
    again = alice.post(f"{base}/publish", idempotency="large")
    tap.check(again.json() == got.json() and again.headers["Idempotent-Replayed"] == "true", "repeated: the same")
    want = [leaf_of(x) for x in sorted(lines, key=lambda x: x["path"].encode())]
    tap.equal(got.json()["version"]["root"], root_of(want).hex(), "its root is RFC 6962's over all of them, in order")
    wait_for(lambda: market.sql("SELECT count(*) FROM draft_item") == [["0"]], 60, "the draft to be cleared away")
    job = market.sql("SELECT state, error FROM job WHERE kind = 'seal_version' AND state <> 'done'")
    tap.equal(job, [], "no job is left over")


def large_folder(market, alice):
    """The tool waits for the worker."""
    where = folder("http-publish-many")
    for i in range(10001):
        (where / f"{i:05}").touch()
    put(alice, b"")
    said = alice.cf("publish", where, "alice/many")
    tap.check("10,001 items" in said.out or "10001 items" in said.out, "counterfoil publish: 10,001 files") \
        or tap.note(said)


def datasets(market, alice, bob):
    nobody = web.Client(market.port)
    listed = [d["name"] for d in nobody.get("/v1/datasets").json()["data"]]
    tap.equal(listed, ["odd"], "the catalog lists what is published")
    tap.equal(nobody.get("/v1/datasets/alice/bad").status, 404, "a draft is nobody's business")
    tap.equal(alice.get("/v1/datasets/alice/bad").status, 200, "but its publisher's")
    refused(alice.post("/v1/datasets", {"name": "odd", "title": "x", "modality": "text"}, idempotency=None), 409,
            "conflict",
            "a name twice")
    refused(bob.post("/v1/datasets/alice/odd/versions", idempotency=None), 403, "forbidden",
            "another's dataset gets no version")
    tap.equal(nobody.get("/v1/datasets?modality=audio").json()["data"], [], "filters")
    base = draft(alice, "alice/odd")
    send(alice, base, 0, [line("only", b"shared")])
    tap.equal(alice.post(f"{base}/publish").json()["version"]["number"], 2, "the next version is 2")
    tap.equal([v["number"] for v in nobody.get("/v1/datasets/alice/odd/versions").json()["data"]], [2, 1],
            "newest first")


def healing(market, alice):
    """A corrupt content can be sent again by its publisher, and is verified anew."""
    data = b"shared"
    wait_for(lambda: market.content_state(data) == "verified", 60, "content to be verified")
    market.blob(data).write_bytes(b"rotten")
    market.verify_now(data, "corrupt")
    tap.equal(alice.call("HEAD", f"/v1/content/{hexed(data)}").status, 404, "corrupt: as if never uploaded")
    tap.equal(put(alice, data).status, 201, "sent again")
    wait_for(lambda: market.content_state(data) == "verified", 60, "content to be verified again")
    tap.check(True, "and verified by a worker")


def main():
    with Market(folder("http-publish"), COUNTERFOIL_RATE="0") as market:
        alice, bob = market.party("alice", "publisher"), market.party("bob", "publisher")
        uploads(market, alice, bob)
        resuming(alice, bob)
        bad_lines(alice, bob)
        parts(market, alice)
        datasets(market, alice, bob)
        large(market, alice)
        large_folder(market, alice)
        healing(market, alice)
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check("answer against the contract" not in log, "every answer kept the contract") or tap.note(log[-2000:])
        tap.equal(market.audit()[0], 0, "the audit is sound")
    tap.done()


main()
