# SPDX-License-Identifier: Apache-2.0
"""Parties and their keys: registration, roles, scopes, expiry, revocation, and keys under load."""
import base64
import concurrent.futures
import datetime

from harness.program import wait_for  # noqa: E402
from harness import tap, web
from harness.market import Market
from harness.tree import folder


def soon(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def refused(got, status, slug, name):
    tap.check(got.status == status and got.slug == slug, name) or tap.note(repr(got))


def registration(market):
    wish = {"handle": "acme", "roles": ["publisher", "buyer"], "name": "Acme Ltd", "contact": "a@example.org"}
    first = market.operator.post("/v1/parties", wish, idempotency="k1")
    again = market.operator.post("/v1/parties", wish, idempotency='"k1"')
    tap.check(first.status == again.status == 201, "registered; the same key and body again")
    tap.check(first.json()["key"].startswith("cf_") and again.json()["key"] is None, "the key is shown once")
    tap.equal({**again.json(), "key": 0}, {**first.json(), "key": 0}, "else the answers are the same")
    tap.equal(again.headers["Idempotent-Replayed"], "true", "and the second says what it is")
    refused(market.operator.post("/v1/parties", {**wish, "name": "Other"}, idempotency="k1"), 422,
            "idempotency-key-reused", "the same key with another body")
    refused(market.operator.post("/v1/parties", wish), 409, "conflict", "a handle that is taken")
    for handle in ("a--b", "-a", "A", "a" * 40, "a.b", ""):
        refused(market.operator.post("/v1/parties", {**wish, "handle": handle}), 422, "invalid",
                f"a handle like {handle!r}")
    acme = web.Client(market.port, first.json()["key"])
    refused(acme.post("/v1/parties", {**wish, "handle": "other"}), 403, "forbidden", "only the operator registers")
    me = acme.get("/v1/me").json()
    tap.check(me["party"]["handle"] == "acme" and me["party"]["roles"] == ["buyer", "publisher"], "who am I")
    kept = market.sql("SELECT answer FROM idempotency WHERE key = 'k1'")[0][0]
    tap.check(first.json()["key"] not in kept and "cf_" not in kept, "no secret is stored for the repeat")
    index = first.json()["entry"]["index"]
    shown = {d["name"]: d["value"] for d in acme.get(f"/v1/entries/{index}").json()["disclosures"]}
    tap.equal(shown, {"name": "Acme Ltd", "contact": "a@example.org"}, "the party sees its private fields in the log")
    tap.equal(web.Client(market.port).get(f"/v1/entries/{index}").json()["disclosures"], [], "others see none")
    return acme


def lost_key(market, acme):
    """The first answer never came: the party exists, and nobody knows its key."""
    wish = {"handle": "lost", "roles": ["buyer"], "name": "Lost & Found"}
    known = market.operator.post("/v1/parties", wish, idempotency="lost-1").json()["key"]
    tap.equal(market.operator.post("/v1/parties", wish, idempotency="lost-1").json()["key"], None, "a lost first key")
    target = "/v1/parties/lost/keys"
    before = market.requested()
    refused(acme.post(target, idempotency=None), 403, "forbidden", "is renewed by nobody else")
    refused(market.operator.post("/v1/parties/nobody/keys", idempotency=None), 404, "not-found", "nor for nobody")
    made = market.operator.post(target, idempotency=None)
    tap.check(made.status == 201 and "no-store" in made.headers["Cache-Control"], "but by the operator")
    path = market.dir / "lost.key"
    market.operator.cf("party", "lost", "--new-key", "--key-out", path)
    lost = web.Client(market.port, path.read_text(encoding="ascii").strip())
    tap.check(path.stat().st_mode & 0o777 == 0o600 and lost.get("/v1/me").json()["party"]["handle"] == "lost",
              "and again, by the tool")
    for key in (known, made.json()["key"]):
        tap.equal(web.Client(market.port, key).get("/v1/me").status, 401, "the ones before are revoked")
    tap.equal(lost.post("/v1/me/keys", {"label": "next"}, idempotency=None).status, 201, "the party goes on by itself")
    wait_for(lambda: market.sql("SELECT last_used_at IS NULL FROM api_key k JOIN party p ON p.id = k.party "
                                "WHERE handle = 'lost' AND revoked_at IS NULL AND label = 'first key'") == [["f"]],
             90, "the use to be noted")
    refused(market.operator.post(target, idempotency=None), 409, "state-has-moved-on",
            "the operator can't take over a party that has used its key")
    tap.check("409" in market.operator.cf("party", "lost", "--new-key", code=1).err, "not by the tool either")
    tap.equal(market.requested(), before, "none of it is in the ledger")


def twice_at_once(market):
    wish = {"handle": "rush", "roles": ["buyer"], "name": "Rush"}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda _: market.operator.post("/v1/parties", wish, idempotency="rush-1"), range(16)))
    tap.check({g.status for g in got} <= {201, 409} and any(g.status == 201 for g in got),
            "one key, 16 requests at once")
    tap.equal(len({g.json()["party"]["id"] for g in got if g.status == 201}), 1, "make one party")
    tap.equal(sum(1 for g in got if g.status == 201 and g.json()["key"]), 1, "and show its key once")


def ways_to_send(market, acme):
    key = acme.key
    for name, header in (
        ("Bearer", f"Bearer {key}"), ("any case", f"bearer {key}"), ("hf_ in front", f"Bearer hf_{key}"),
        ("Basic", "Basic " + base64.b64encode(f"x:{key}".encode()).decode()),
        ("Basic with hf_", "Basic " + base64.b64encode(f":hf_{key}".encode()).decode()),
    ):
        tap.equal(acme.get("/v1/me", headers={"Authorization": header}).status, 200, f"{name} is understood")
    wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
    for name, header in (
        ("another secret", f"Bearer {wrong}"), ("another id", "Bearer cf_" + "0" * 26 + key[29:]), ("nothing",
                "Bearer"),
        ("half a key", f"Bearer {key[:40]}"), ("more than a key", f"Bearer {key}x"), ("capitals",
                f"Bearer {key.upper()}"),
        ("another scheme", f"Digest {key}"), ("bad base64", "Basic !!!"), ("a very long one", "Bearer " + "x" * 5000),
    ):
        got = acme.get("/v1/me", headers={"Authorization": header})
        refused(got, 401, "unauthenticated", f"{name} is not")
        tap.check("WWW-Authenticate" in got.headers, f"{name}: WWW-Authenticate")
    refused(web.Client(market.port).get("/v1/me"), 401, "unauthenticated", "no key at all")
    refused(web.Client(market.port, wrong).get("/v1/datasets"), 401, "unauthenticated",
            "a wrong key where none is needed")


def keys(market, acme):
    made = acme.post("/v1/me/keys", {"label": "reader", "scopes": ["read"]}, idempotency=None)
    tap.equal(made.status, 201, "a further key")
    reader = web.Client(market.port, made.json()["key"])
    tap.equal(reader.get("/v1/me").status, 200, "that reads")
    refused(reader.post("/v1/me/keys", {"label": "x"}, idempotency=None), 403, "forbidden", "and doesn't write")
    writer = web.Client(market.port, acme.post("/v1/me/keys", {"label": "w", "scopes": ["write"]}, idempotency=None)
                        .json()["key"])
    refused(writer.get("/v1/me"), 403, "forbidden", "one that only writes doesn't read")
    brief = web.Client(market.port, acme.post("/v1/me/keys", {"label": "brief", "expires_at": soon(8)},
            idempotency=None)
                       .json()["key"])
    tap.equal(brief.get("/v1/me").status, 200, "a key with an end")
    listed = acme.get("/v1/me/keys").json()["data"]
    tap.check({"reader", "w", "brief"} <= {k["label"] for k in listed}, "keys are listed")
    tap.check(not any("cf_" in str(k) for k in listed), "without their secrets")
    pages, target = [], "/v1/me/keys?limit=2"
    while target:
        page = acme.get(target)
        pages += page.json()["data"]
        target = page.headers["Link"].split(">")[0][1:] if page.headers["Link"] else None
    tap.equal(pages, listed, "pages of two give the same list")
    other = market.party("other", "buyer")
    refused(other.call("DELETE", f"/v1/me/keys/{made.json()['id']}"), 404, "not-found",
            "a foreign key can't be revoked")
    wait_for(lambda: brief.get("/v1/me").status == 401, 60, "the key to expire")
    refused(brief.get("/v1/me"), 401, "unauthenticated", "an expired key")
    return made.json()["id"], reader


def revocation(market, acme, ident, reader):
    """Nothing that began after the answer to the revocation is answered."""
    late, stop, asked = [], [], []

    def ask(_):
        while not stop:
            revoked = bool(done)
            got = reader.get("/v1/me").status
            asked.append(revoked)
            if revoked and got == 200:
                late.append(got)

    done = []
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask, n) for n in range(8)]
        wait_for(lambda: len(asked) > 100, 30, "requests before the revocation")
        tap.equal(acme.call("DELETE", f"/v1/me/keys/{ident}").status, 204, "revoked")
        done.append(True)
        wait_for(lambda: asked.count(True) > 100, 30, "requests after the revocation")
        stop.append(True)
        for f in asking:
            f.result()
    tap.equal(late, [], "no request that began after it was answered")
    tap.equal(acme.call("DELETE", f"/v1/me/keys/{ident}").status, 204, "a repeat changes nothing")
    market.sql("UPDATE party SET state = 'suspended' WHERE handle = 'acme'")
    refused(acme.get("/v1/me"), 403, "forbidden", "a suspended party's keys")
    market.sql("UPDATE party SET state = 'active' WHERE handle = 'acme'")


def main():
    with Market(folder("http-parties"), without=("worker",), COUNTERFOIL_RATE="0") as market:
        acme = registration(market)
        lost_key(market, acme)
        twice_at_once(market)
        ways_to_send(market, acme)
        revocation(market, acme, *keys(market, acme))
        market.stop(only=("api",))
        used = market.sql("SELECT count(*) FROM api_key WHERE last_used_at IS NOT NULL")[0][0]
        tap.check(int(used) >= 4, "last uses are noted, at the latest when the API stops")
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check(acme.key[30:] not in log and "answer against the contract" not in log,
                "no secret logged, contract kept")
    tap.done()


main()
