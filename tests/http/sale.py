# SPDX-License-Identifier: Apache-2.0
"""Offers, quotes, licenses, payments and balances over HTTP, refusals first."""
import hashlib
import json
import os

from harness import tap, web
from harness.market import Market
from harness.program import wait_for
from harness.sale import later, terms
from harness.tree import folder


def refused(got, status, slug, name, pointer=None):
    good = got.status == status and got.slug == slug
    if good and pointer is not None:
        good = got.json()["errors"][0]["pointer"].startswith(pointer)
    tap.check(good, name) or tap.note(repr(got))


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def offers(market, alice, bob, version):
    until = later(300)
    wish = {"dataset": "alice/set", "version": 1, "price": {"amount": "12.00", "currency": "EUR"},
            "terms": terms(alice.id, version["id"], until)}

    def changed(at, value):
        copy = json.loads(json.dumps(wish))
        place = copy
        for step in at[:-1]:
            place = place[step]
        place[at[-1]] = value
        return copy

    permission = ["terms", "permission", 0]
    for name, at, value, pointer in (
        ("an unknown operator", [*permission, "constraint", 0, "operator"], "neq", "/terms"),
        ("an unknown operand", [*permission, "constraint", 0, "leftOperand"], "weather", "/terms"),
        ("an unknown purpose", [*permission, "constraint", 0, "rightOperand"], ["training"], "/terms"),
        ("an unknown place", [*permission, "constraint", 1, "rightOperand"], ["XX"], "/terms"),
        ("an unknown action", [*permission, "action"], ["odrl:sell"], "/terms"),
        ("a duty we can't evaluate", [*permission, "duty"], [{"action": "odrl:attribute"}], "/terms"),
        ("another assigner", [*permission, "assigner"], f"urn:counterfoil:party:{bob.id}",
                "/terms/permission/0/assigner"),
        ("another target", [*permission, "target"], "urn:counterfoil:version:ver_" + "0" * 26,
                "/terms/permission/0/target"),
        ("ODRL's own conflict rule", ["terms", "conflict"], "perm", "/terms"),
        ("terms that are over", [*permission, "constraint", 2, "rightOperand", "@value"], later(-0.001),
                "/terms/permission/0/constraint/2/rightOperand/@value"),
        ("a price with one decimal", ["price", "amount"], "12.0", "/price/amount"),
        ("a price without decimals", ["price", "amount"], "12", "/price/amount"),
        ("a price in parts of a cent", ["price", "amount"], "12.001", "/price/amount"),
        ("a negative price", ["price", "amount"], "-1.00", "/price/amount"),
        ("a price as a number", ["price", "amount"], 12, "/price/amount"),
        ("a price as a fraction", ["price", "amount"], 12.5, None),
        ("an unknown currency", ["price", "currency"], "QQQ", "/price/currency"),
        ("yen with decimals", ["price"], {"amount": "12.00", "currency": "JPY"}, "/price/amount"),
    ):
        got = alice.post("/v1/offers", changed(at, value))
        if pointer is None:
            tap.check(got.status in (400, 422), f"{name} is refused")
        else:
            refused(got, 422, "invalid", f"{name} is refused", pointer)
    refused(alice.post("/v1/offers", {**wish, "version": 9}), 404, "not-found", "no such version")
    refused(market.party("mallory", "publisher").post("/v1/offers", wish), 404, "not-found", "another's version")
    refused(bob.post("/v1/offers", wish), 403, "forbidden", "a buyer offers nothing")
    made = alice.post("/v1/offers", wish)
    tap.check(made.status == 201 and "pretraining" in made.json()["sentence"], "an offer, and its terms in words")
    tap.equal(made.json()["terms_digest"], hashlib.sha256(canonical(wish["terms"])).hexdigest(), "its digest")
    return made.json()


def quotes(market, bob, offer):
    good = {"offer": offer["id"], "purpose": "pretraining", "territory": "DE", "until": later(30)}

    def ask(**more):
        return bob.post("/v1/quotes", {**good, **more}, idempotency=None)

    refused(ask(purpose="retrieval"), 403, "not-granted-by-terms", "a purpose that the terms don't grant", "/purpose")
    tap.check("purpose_not_granted" in ask(purpose="retrieval").json()["detail"], "and which rule denies")
    refused(ask(until=later(400)), 403, "not-granted-by-terms", "a term that is too long", "/until")
    refused(ask(purpose="everything"), 422, "invalid", "an unknown purpose", "/purpose")
    tap.check(ask(territory="QQ").status in (403, 422), "an unknown territory")
    refused(ask(until="2001-01-01T00:00:00Z"), 422, "invalid", "a term in the past", "/until")
    refused(ask(**{"from": later(-2), "until": later(-1)}), 422, "invalid", "one that has been", "/from")
    refused(ask(**{"from": later(-0.01)}), 422, "invalid", "one that began a quarter of an hour ago", "/from")
    tap.equal(ask(**{"from": later(-0.001)}).status, 201, "a clock that is a minute slow is forgiven")
    refused(ask(**{"from": later(-0.001), "until": later(-0.0005)}), 422, "invalid", "but nothing that is over",
            "/until")
    refused(ask(**{"from": later(20), "until": later(10)}), 422, "invalid", "a term that ends before it begins")
    refused(ask(until="2026-02-30T00:00:00Z"), 422, "invalid", "a date that isn't", "/until")
    refused(ask(offer="ofr_" + "0" * 26), 404, "not-found", "no such offer")
    got = ask()
    tap.check(got.status == 201 and got.json()["price"] == {"amount": "12.00", "currency": "EUR"}, "a quote")
    eve = market.party("eve", "buyer")
    refused(eve.get(f"/v1/quotes/{got.json()['id']}"), 404, "not-found", "another's quote is none")
    refused(eve.post("/v1/licenses", {"quote": got.json()["id"]}), 404, "not-found", "and can't be accepted")
    return got.json(), ask


def balance(client):
    return {b["amount"]["currency"]: b["amount"]["amount"] for b in client.get("/v1/balances").json()["data"]
            if b["kind"] == "prepaid"}


def payments(market, alice, bob):
    wish = {"party": "bob", "amount": {"amount": "30.00", "currency": "EUR"}, "reference": "bank 1"}
    refused(alice.post("/v1/payments", wish), 403, "forbidden", "only the operator records what was received")
    refused(market.operator.post("/v1/payments", {**wish, "party": "nobody"}), 404, "not-found", "an unknown payer")
    refused(market.operator.post("/v1/payments", {**wish, "amount": {"amount": "0.00", "currency": "EUR"}}),
            422, "invalid",
            "nothing", "/amount/amount")
    most = {"party": "alice", "amount": {"amount": "999999999999.99", "currency": "EUR"}}
    tap.equal(market.operator.post("/v1/payments", {**most, "reference": "most"}).status, 201,
            "the most that is spoken of")
    refused(market.operator.post("/v1/payments", {**most, "reference": "more"}), 422, "invalid",
            "more than a balance holds")
    first = market.operator.post("/v1/payments", wish, idempotency="p1")
    tap.equal(first.status, 201, "a payment")
    tap.equal(market.operator.post("/v1/payments", wish, idempotency="p1").json(), first.json(),
            "repeated: the same answer")
    refused(market.operator.post("/v1/payments", wish), 409, "conflict", "the same reference again")
    tap.equal(balance(bob), {"EUR": "30.00"}, "counted once")


def licenses(market, alice, bob, quote, ask):
    refused(bob.post("/v1/licenses", {"quote": quote["id"]}), 402, "balance-exhausted", "an empty balance")
    tap.equal(market.entries("license.granted"), 0, "leaves nothing in the log")
    payments(market, alice, bob)
    bought = bob.post("/v1/licenses", {"quote": quote["id"]}, idempotency="buy-1")
    tap.check(bought.status == 201 and bought.json()["state"] == "active", "bought")
    again = bob.post("/v1/licenses", {"quote": quote["id"]}, idempotency="buy-1")
    tap.check(again.json() == bought.json() and balance(bob) == {"EUR": "18.00"}, "a repeat buys nothing more")
    refused(bob.post("/v1/licenses", {"quote": quote["id"]}), 409, "state-has-moved-on", "a quote is accepted once")
    license = bought.json()
    document = license["document"]
    tap.equal(hashlib.sha256(canonical(document)).hexdigest(), license["document_sha256"],
            "the agreement hashes to its digest")
    entry = bob.get(f"/v1/entries/{license['entry']['index']}").json()["entry"]
    tap.equal(entry["body"]["document"], license["document_sha256"], "which the ledger names")
    tap.equal(document["type"], ["VerifiableCredential", "DataLicense"], "it is a credential")
    shown = bob.get(f"/v1/licenses/{license['id']}").json()
    signed = shown["credential"]
    proof = signed.pop("proof")
    tap.check(signed == document and proof["cryptosuite"] == "eddsa-jcs-2022"
              and proof["verificationMethod"].startswith(document["issuer"] + "#"), "which the market signs")
    tap.equal(shown["document"], document, "beside the agreement as it was")
    salts = [v for v in document["credentialSubject"].values() if isinstance(v, str) and len(v) == 22]
    tap.check(salts, "with random bits of its own")
    tap.equal([x["id"] for x in alice.get("/v1/licenses").json()["data"]], [license["id"]], "the publisher sees it too")
    refused(market.party("mall", "buyer").get(f"/v1/licenses/{license['id']}"), 404, "not-found", "a stranger doesn't")
    second = bob.post("/v1/licenses", {"quote": ask().json()["id"]})
    refused(bob.post("/v1/licenses", {"quote": ask().json()["id"]}), 402, "balance-exhausted",
            "18.00 buys one more, not two")
    tap.equal(balance(bob), {"EUR": "6.00"}, "and leaves 6.00")
    sums = market.sql("SELECT currency, sum(amount) FROM posting JOIN account ON account.no = posting.account"
                      " GROUP BY 1")
    tap.check(all(row[1] == "0" for row in sums), "the books balance")
    refused(bob.post(f"/v1/licenses/{license['id']}/end", {"note": "we are done"}), 422, "invalid",
            "words are not taken, since nobody would ever read them", "/note")
    ended = bob.post(f"/v1/licenses/{license['id']}/end", {})
    tap.check(ended.status == 200 and ended.json()["state"] == "ended"
              and ended.json()["reason"] == "ended_by_buyer", "ended")
    refused(bob.post(f"/v1/licenses/{license['id']}/end", {}), 409, "state-has-moved-on", "once")
    by = alice.post(f"/v1/licenses/{second.json()['id']}/end")
    tap.equal(by.json().get("reason"), "ended_by_publisher", "its publisher may, too, without a body")
    wait_for(lambda: balance(bob) == {"EUR": "30.00"}, 60, "what was paid for the two, never cleared, to come back")


def free_and_gone(market, alice, bob, version, offer, ask):
    wish = {"dataset": "alice/set", "version": 1, "price": {"amount": "0.00", "currency": "EUR"},
            "terms": terms(alice.id, version["id"], later(300))}
    free = alice.post("/v1/offers", wish).json()
    before = balance(bob)
    quote = ask(offer=free["id"]).json()
    got = bob.post("/v1/licenses", {"quote": quote["id"]})
    tap.check(got.status == 201 and balance(bob) == before, "what is free needs no balance")
    held = ask(offer=free["id"]).json()
    tap.equal(alice.post(f"/v1/offers/{free['id']}/withdraw").status, 200, "withdrawn")
    refused(bob.post("/v1/licenses", {"quote": held["id"]}), 410, "gone", "a quote of it can't be accepted any more")
    refused(ask(offer=free["id"]), 410, "gone", "nor asked for")
    refused(alice.post(f"/v1/offers/{free['id']}/withdraw"), 409, "state-has-moved-on", "nor withdrawn again")
    tap.check(bob.get(f"/v1/licenses/{got.json()['id']}").json()["state"] == "active", "a running license stays")
    expired = ask().json()
    market.sql(f"UPDATE quote SET expires_at = now() WHERE id = '{expired['id']}'")
    refused(bob.post("/v1/licenses", {"quote": expired["id"]}), 410, "gone", "an expired quote")
    tap.equal(bob.get(f"/v1/quotes/{expired['id']}").json()["state"], "expired", "which says so")
    listed = [o["id"] for o in web.Client(market.port).get("/v1/offers?dataset=alice/set").json()["data"]]
    tap.equal(listed, [offer["id"]], "open offers are listed")


def main():
    with Market(folder("http-sale"), COUNTERFOIL_RATE="0") as market:
        alice, bob = market.party("alice", "publisher"), market.party("bob", "buyer")
        version = market.publish(alice, "set", {"a": os.urandom(1000), "b": b""})
        offer = offers(market, alice, bob, version)
        quote, ask = quotes(market, bob, offer)
        licenses(market, alice, bob, quote, ask)
        free_and_gone(market, alice, bob, version, offer, ask)
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check("answer against the contract" not in log, "every answer kept the contract") or tap.note(log[-2000:])
        tap.equal(market.audit()[0], 0, "the audit is sound")
    tap.done()


main()
