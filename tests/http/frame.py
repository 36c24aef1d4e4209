# SPDX-License-Identifier: Apache-2.0
"""The frame of every request: what is refused before a handler runs, and how."""
import json
import socket
import time

from harness import tap, web
from harness.market import Market
from harness.program import wait_for
from harness.tree import folder

ADDRESSES_MEMORY = 32 << 20         # what the API may grow by while thousands of addresses come


def refused(got, status, slug, name, pointer=None):
    good = got.status == status and got.headers["Content-Type"] == "application/problem+json" and got.slug == slug
    if good and pointer is not None:
        good = got.json()["errors"][0]["pointer"] == pointer
    tap.check(good, name) or tap.note(repr(got))
    tap.check("X-Request-Id" in got.headers, f"{name}: with a request id")


def post(client, body, **more):
    return client.post("/v1/datasets", body, idempotency=None,
                       headers={"Content-Type": "application/json", **more.get("headers", {})})


def bodies(alice):
    """400 is for what isn't JSON, 422 for what is against the contract."""
    good = {"name": "x", "title": "X", "modality": "text"}
    for name, body in {
        "no JSON": b"{", "two values": b"{}{}", "bad UTF-8": b'{"name":"\xff"}',
                "an overlong form": b'{"name":"\xc0\x80"}',
        "a surrogate": b'{"name":"\xed\xa0\x80"}', "NUL in a string": b'{"name":"\\u0000"}',
        "a key twice": b'{"name":"a","name":"b"}', "nesting": b"[" * 100000,
                "deep nesting": b'{"a":' * 40 + b"1" + b"}" * 40,
        "a huge number": b'{"name":' + b"9" * 400 + b"}", "an exponent": b'{"name":1e999}', "nothing but space": b"   ",
    }.items():
        refused(post(alice, body), 400, "malformed-request", f"{name} is malformed")
    for name, body, pointer in (
        ("an array", [], ""), ("a string", "x", ""), ("null", None, ""), ("a missing member", {"name": "x"}, ""),
        ("an unknown member", {**good, "color": 1}, "/color"), ("a wrong type", {**good, "title": 7}, "/title"),
        ("a wrong word", {**good, "modality": "smell"}, "/modality"), ("a bad pattern", {**good, "name": "Ü"}, "/name"),
        ("too long", {**good, "title": "x" * 201}, "/title"), ("too short", {**good, "title": ""}, "/title"),
        ("a bad element", {**good, "languages": ["en", 5]}, "/languages/1"),
    ):
        got = post(alice, json.dumps(body).encode())
        if got.status == 422:
            at = got.json()["errors"][0]["pointer"] if got.json().get("errors") else ""
            tap.check(got.slug == "invalid" and at.startswith(pointer),
                    f"{name}: 422 at '{pointer}'") or tap.note(repr(got))
        else:
            tap.check(False, f"{name}: 422") or tap.note(repr(got))
    tap.equal(post(alice, json.dumps(good).encode()).status, 201, "and a good one is taken")
    refused(alice.post("/v1/datasets", b"<x/>", idempotency=None, headers={"Content-Type": "text/xml"}), 415,
            "unsupported-media-type", "another media type")


def sizes(market, alice):
    """A body that is too large is refused by its headers alone."""
    for length in (1048577, 2 << 20, 99999999999):
        with socket.create_connection(("127.0.0.1", market.port), timeout=10) as s:
            s.sendall(f"POST /v1/datasets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.key}\r\n"
                      f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode())
            answer = s.recv(4096)
        tap.check(b" 413 " in answer.split(b"\r\n")[0], f"{length} bytes of JSON: 413 before a byte of it is read")
    tap.equal(alice.get("/v1/datasets?cursor=" + "x" * 9000).status // 100, 4, "a target of 9 kB is refused")
    tap.check(b" 4" in web.raw(market.port, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200000 + b"\r\n\r\n", 3)[:14],
              "headers of 200 kB are refused")
    tap.equal(market.get("/healthz")[0], 200, "and the next request is answered")


def routes(market, alice):
    nobody = web.Client(market.port)
    refused(nobody.get("/v1/nothing"), 404, "not-found", "no such path")
    got = nobody.call("DELETE", "/v1/datasets")
    refused(got, 405, "method-not-allowed", "no such method")
    tap.equal(sorted(got.headers["Allow"].replace(" ", "").split(",")), ["GET", "HEAD", "POST"],
            "Allow names the others")
    refused(nobody.get("/v1/datasets?color=red"), 422, "invalid", "an unknown parameter", "?color")
    refused(nobody.get("/v1/datasets?limit=0"), 422, "invalid", "a limit of 0", "?limit")
    refused(nobody.get("/v1/datasets?limit=1001"), 422, "invalid", "a limit above 1,000", "?limit")
    refused(nobody.get("/v1/datasets?cursor=***"), 422, "invalid", "a made-up cursor", "?cursor")
    for path in ("/v1/datasets/../entries", "/v1/datasets/%2e%2e/x", "/v1/datasets/a%00b/x", "/v1/datasets/%ff/x",
            "//v1"):
        tap.check(nobody.get(path).status in (400, 404, 422), f"{path} leads nowhere")
    head = nobody.call("HEAD", "/v1/datasets")
    tap.check(head.status == 200 and head.body == b"", "HEAD is GET without a body")
    refused(alice.post("/v1/offers", {}, idempotency=None), 400, "idempotency-key-required",
            "a ledgered POST without a key")


def service(market):
    nobody = web.Client(market.port)
    contract = nobody.get("/openapi.json").json()
    tap.equal(contract["openapi"], "3.1.0", "the contract is served")
    docs = nobody.get("/docs")
    named = [o["operationId"] for p in contract["paths"].values() for o in p.values()]
    tap.check(docs.status == 200 and all(f'id="{n}"' in docs.body.decode() for n in named), "/docs has every operation")
    tap.check("<script" not in docs.body.decode() and "default-src 'none'" in docs.headers["Content-Security-Policy"],
              "and runs nothing")
    tap.check(b"/log/checkpoint" in nobody.get("/").body, "the front page says where the log is")
    tap.equal(nobody.get("/readyz").status, 200, "ready")
    metrics = nobody.get("/metrics").body.decode()
    tap.check("counterfoil_ledger_signed_size" in metrics and "counterfoil_jobs_queued" in metrics, "metrics")


def key_rates():
    """A key's rate is its own."""
    with Market(folder("http-rates"), without=("worker",), COUNTERFOIL_RATE="2", COUNTERFOIL_RATE_BURST="20") as market:
        alice, bob = market.party("alice", "buyer"), market.party("bob", "buyer")
        got = [alice.get("/v1/me")]
        wait_for(lambda: got.append(alice.get("/v1/me")) or got[-1].status == 429, 60, "a 429")
        late = [g for g in got if g.status == 429]
        tap.check(late and {g.status for g in got} == {200, 429}, "a key that asks too often gets 429")
        tap.check(late and int(late[0].headers["Retry-After"]) >= 1 and late[0].slug == "too-many-requests",
                "with Retry-After")
        tap.equal(bob.get("/v1/me").status, 200, "another key is not touched by it")
        nobody = web.Client(market.port)
        tap.equal({nobody.get("/v1/datasets").status for _ in range(60)}, {200}, "nor is who has none")


def address_rates():
    """An address's rate is shared by all that comes from it; it is another's word only if a named proxy says so."""
    with Market(folder("http-address"), without=("worker",), COUNTERFOIL_ADDRESS_RATE="1",
                COUNTERFOIL_ADDRESS_BURST="30") as market:
        nobody, item = web.Client(market.port), "/v1/licenses/lic_" + "0" * 26 + "/items/a"
        named = [nobody.get("/v1/datasets", headers={"X-Forwarded-For": f"10.9.8.{i}"}) for i in range(60)]
        tap.check({g.status for g in named} == {200, 429},
                  "an address that somebody claims in a header counts for nothing")
        tap.check(all(int(g.headers["Retry-After"]) >= 1 for g in named if g.status == 429),
                  "429 says when to come again")
        for what, target in (("a key", "/v1/me"), ("a page", "/"), ("a tile", "/log/checkpoint"), ("an item", item),
                             ("nothing that is there", "/nowhere")):
            got = {market.operator.get(target).status for _ in range(6)}
            tap.check(429 in got, f"it is shared by who asks for {what}") or tap.note(got)
    with Market(folder("http-proxy"), without=("worker",), COUNTERFOIL_ADDRESS_RATE="1", COUNTERFOIL_ADDRESS_BURST="10",
                COUNTERFOIL_PROXIES="127.0.0.1", ASAN_OPTIONS="quarantine_size_mb=8") as market:
        nobody = web.Client(market.port)

        def at(address):
            return nobody.get("/v1/datasets", headers={"X-Forwarded-For": f"10.9.8.7, {address}"}).status
        tap.check(429 not in [at(f"10.1.1.{i}") for i in range(40)], "a named proxy is believed")
        tap.check(429 in [at("10.2.2.2") for _ in range(40)], "and each address it names has its own rate")
        tap.check(429 in [at(f"2001:db8::{i}") for i in range(40)], "of IPv6 each /64 has")
        tap.check(429 not in [at(f"2001:db8:0:{i:x}::1") for i in range(1, 40)], "another /64 has another")
        before = market.programs["api"].memory("VmRSS")
        tap.equal({at(f"2001:db8:{i // 65536:x}:{i % 65536:x}::1") for i in range(100000, 102000)}, {200},
                  "thousands of addresses are served")
        grown = market.programs["api"].memory("VmRSS") - before
        tap.check(grown < ADDRESSES_MEMORY, f"and are remembered in bounded memory: {grown >> 10} KiB more")


def guesses():
    """Wrong keys are counted by address before anybody looks them up."""
    with Market(folder("http-guesses"), without=("worker",), COUNTERFOIL_GUESS_RATE="1",
                COUNTERFOIL_GUESS_BURST="20", COUNTERFOIL_PROXIES="127.0.0.1") as market:
        alice = market.party("alice", "buyer")
        item = "/v1/licenses/lic_" + "0" * 26 + "/items/a"
        tap.equal({alice.get("/v1/me").status for _ in range(60)}, {200}, "a right key is no guess, however often")

        def guess(target, i, method="GET"):
            key = "cf_" + f"{i:026d}" + "_" + f"{i:052d}"
            return web.Client(market.port, key).call(method, target, headers={"X-Forwarded-For": "10.1.1.1"})
        began = time.monotonic()
        got = [guess(item if i % 2 else "/v1/me", i) for i in range(50)]
        earned = 20 + int(time.monotonic() - began) + 1
        tap.check({g.status for g in got} == {401, 429}, "guesses at keys run into 429, at the ledger's gate too")
        tap.check(sum(g.status == 401 for g in got) <= earned, "after as many as an address may save up")
        late = [g for g in got if g.status == 429]
        tap.check(all(int(g.headers["Retry-After"]) >= 1 and g.slug == "too-many-requests" for g in late),
                  "which say when to come again")
        tap.equal(alice.get("/v1/me").status, 200, "who asks from elsewhere is not touched")
        tap.equal(alice.get("/v1/me", headers={"X-Forwarded-For": "10.1.1.1"}).status, 200,
                  "nor a key beside the guesses that was right before")
        second = alice.post("/v1/me/keys", {"label": "short-lived", "scopes": ["read"]}).json()
        revoked = web.Client(market.port, second["key"])
        tap.equal(revoked.get("/v1/me").status, 200, "a second key works")
        alice.call("DELETE", f"/v1/me/keys/{second['id']}")
        dead = [revoked.get("/v1/me", headers={"X-Forwarded-For": "10.3.3.3"}).status for _ in range(40)]
        tap.check(dead[0] == 401 and 429 in dead, "a revoked key is a guess")
        wait_for(lambda: guess("/v1/content/" + "0" * 64, 0, "HEAD").status == 429, 60, "a 429 of an upload")
        market.cluster.stop()
        blind = [guess(item if i % 2 else "/v1/me", i).status for i in range(40)]
        tap.check(blind.count(429) >= 30, "no database is asked for that: it is down, and 429 goes on") or \
            tap.note(blind)
        market.cluster.start()


def who(market):
    """401 says once how to say who one is, wherever it is decided."""
    bad = "Bearer cf_" + "0" * 26 + "_" + "0" * 52
    path = "/v1/licenses/lic_" + "0" * 26 + "/items/a"
    sha = "/v1/content/" + "0" * 64
    for method, target, body in (("GET", "/v1/me", None), ("HEAD", "/v1/me", None), ("GET", path, None),
                                 ("HEAD", path, None), ("POST", "/v1/datasets", b"{}"),
                                 ("POST", "/v1/datasets", b" " * 200000), ("PUT", sha, b"x" * 300000),
                                 ("HEAD", sha, None), ("PUT", sha, None)):
        for header in (None, bad, bad.replace("cf_", "hf_cf_"), "Bearer", "Basic eDp5", "Digest x", bad + "x"):
            headers = {"Authorization": header} if header else {}
            kind = "octet-stream" if target == sha else "json"
            got = web.Client(market.port).call(method, target, body,
                                               headers={**headers, "Content-Type": f"application/{kind}"})
            good = got.status == 401 and got.headers.get_all("WWW-Authenticate") == ["Bearer"]
            good = good and len(got.headers.get_all("X-Request-Id")) == 1
            name = f"{method} {target[:14]} of {len(body or b'')} bytes with {(header or 'no key')[:9]}: 401"
            tap.check(good, name) or tap.note(f"{got} {got.headers}")


def main():
    with Market(folder("http-frame"), without=("worker",), COUNTERFOIL_RATE="0") as market:
        alice = market.party("alice", "publisher", "buyer")
        bodies(alice)
        sizes(market, alice)
        routes(market, alice)
        who(market)
        service(market)
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check(alice.key not in log and alice.key[30:] not in log, "no key is in the log")
        tap.check("answer against the contract" not in log, "every answer kept the contract") or tap.note(log[-2000:])
    key_rates()
    address_rates()
    guesses()
    tap.done()


main()
