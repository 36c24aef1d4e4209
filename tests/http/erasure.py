# SPDX-License-Identifier: Apache-2.0
"""Auditors' grants and erasures over HTTP: who may, what is refused and with which words, what is shown meanwhile."""
from harness import tap
from harness.consents import moment
from harness.creator import Creator
from harness.market import Market
from harness.program import wait_for
from harness.sale import Sale, must
from harness.tree import folder


def refused(got, status, slug, name, words=""):
    good = got.status == status and got.slug == slug and words in (got.json() or {}).get("detail", "")
    tap.check(good, name) or tap.note(repr(got))


def disclosed(who, index):
    return {d["name"]: d["value"] for d in must(who.get(f"/v1/entries/{index}"), 200).json()["disclosures"]}


def private_of(market):
    return int(market.sql("SELECT max(index) FROM entry WHERE type = 'payment.received'")[0][0])


def grants(market, sale):
    """Whoever has the role sees nothing private until the operator says so; every route asks."""
    eye = market.party("eye", "auditor", granted=False)
    index, license_ = private_of(market), sale.licenses[0]
    clearance = market.sql("SELECT id FROM clearance LIMIT 1")[0][0]
    routes = {f"/v1/licenses/{license_}": 404, f"/v1/clearances/{clearance}": 404,
              f"/v1/clearances/{clearance}/rows": 404, f"/v1/licenses/{license_}/items": 404,
              f"/v1/datasets/{sale.dataset}/versions/{sale.version}/items": 403}

    def shown():
        return disclosed(eye, index) != {} and [eye.get(route).status for route in routes] == [200] * len(routes) \
            and len(eye.get("/v1/payments").json()["data"]) > 0 and eye.get("/v1/me").json()["granted"]

    def not_shown():
        return disclosed(eye, index) == {} and [eye.get(route).status for route in routes] == list(routes.values()) \
            and eye.get("/v1/payments").json()["data"] == [] and not eye.get("/v1/me").json()["granted"]
    tap.check(not_shown(), "the role of an auditor shows nothing that is private")
    for who, name in ((eye, "an auditor"), (sale.buyer, "a buyer")):
        refused(who.post("/v1/auditor-grants", {"party": "eye"}), 403, "forbidden", f"{name} grants nothing")
    refused(market.operator.post("/v1/auditor-grants", {"party": sale.buyer_handle}), 422, "invalid",
            "nor is anybody granted who is no auditor")
    refused(market.operator.post("/v1/auditor-grants", {"party": "eye", "until": moment(-1)}), 422, "invalid",
            "nor in the past")
    grant = market.grant("eye", until=moment(1))
    tap.check(shown(), "with the operator's grant all of it is shown")
    tap.equal([g["id"] for g in eye.get("/v1/auditor-grants").json()["data"]], [grant["id"]], "the auditor is told")
    tap.equal(sale.buyer.get("/v1/auditor-grants").json()["data"], [], "and nobody else but the operator")
    refused(eye.call("DELETE", f"/v1/auditor-grants/{grant['id']}"), 403, "forbidden", "only the operator revokes it")
    must(market.operator.call("DELETE", f"/v1/auditor-grants/{grant['id']}"), 204)
    tap.check(not_shown(), "once revoked, nothing is shown any more")
    market.grant("eye", until=moment(5 / 86400))
    wait_for(not_shown, 60, "a grant to be over")
    tap.check(True, "nor after the instant that it was granted until")
    row = market.operator.get("/v1/auditor-grants").json()["data"]
    tap.check(len(row) == 2 and row[0]["revoked_at"] and row[1]["until"] and not row[1]["revoked_at"],
              "what was granted stays on record, with its end")
    market.grant("eye")
    tap.check(shown(), "and it can be granted again, for good")
    return eye


def rights(market, sale, eye):
    wish = {"party": sale.buyer_handle, "reason": "request"}
    for who, name in ((sale.buyer, "the buyer"), (eye, "an auditor")):
        refused(who.post("/v1/erasures", wish), 403, "forbidden", f"{name} erases nobody")
        refused(who.get("/v1/erasures"), 403, "forbidden", "nor sees whom the operator erased")
    refused(market.operator.post("/v1/erasures", wish, idempotency=None), 400, "idempotency-key-required",
            "an erasure wants an Idempotency-Key")
    refused(market.operator.post("/v1/erasures", {**wish, "reason": "because"}), 422, "invalid", "and a known reason")
    refused(market.operator.post("/v1/erasures", {**wish, "party": "nobody"}), 404, "not-found", "and somebody")
    refused(market.operator.post("/v1/erasures", wish), 409, "not-settled", "a buyer whose license runs is refused",
            f"license_running {sale.licenses[0]}: end it by POST /v1/licenses/")
    refused(market.operator.post("/v1/erasures", {**wish, "party": sale.publisher_handle}), 409, "not-settled",
            "a publisher is, while an offer is open", "offer_open")
    refused(market.operator.post("/v1/erasures", {**wish, "party": market.operator.handle}), 409, "not-settled",
            "and an operator always", "is_operator")


def consent_held(market):
    creator = Creator(market, market.party("mira", "creator"))
    consent = creator.consent(["ab" * 32])
    refused(market.operator.post("/v1/erasures", {"party": "mira", "reason": "request"}), 409, "not-settled",
            "a creator is refused while a consent holds", f"consent_held {consent['id']}")
    creator.withdraw(consent)
    return creator


def erased(market, creator, eye):
    before = int(market.sql("SELECT index FROM party WHERE handle = 'mira'")[0][0])
    wish = {"party": creator.party.id, "reason": "order"}
    got = must(market.operator.post("/v1/erasures", wish, idempotency="e1"), 202).json()
    again = must(market.operator.post("/v1/erasures", wish, idempotency="e1"), 202)
    tap.equal((again.json()["id"], again.headers["Idempotent-Replayed"]), (got["id"], "true"),
              "the same key and request is the same erasure")
    refused(market.operator.post("/v1/erasures", wish), 409, "state-has-moved-on", "another one is refused")
    refused(creator.party.get("/v1/me"), 401, "unauthenticated", "the party's key opens nothing from then on")
    where = f"/v1/erasures/{got['id']}"
    wait_for(lambda: market.operator.get(where).json()["state"] == "done", 60, "the erasure")
    done = market.operator.get(where).json()
    tap.check(done["entries"] == 3 and done["left"] == 0 and done["entry"]["index"] > done["closed"]["index"],
              "it lists registration, key and consent, and its entry follows the closing") or tap.note(repr(done))
    shown = must(eye.get(f"/v1/entries/{before}"), 200).json()
    tap.equal((shown["disclosures"], shown["erased"]["index"]), ([], done["entry"]["index"]),
              "an auditor is told by which entry the private fields went")
    tap.check("erased" not in market.party("other", "buyer").get(f"/v1/entries/{before}").json(), "others are not")
    rows = must(eye.get(f"/v1/entries/{done['entry']['index']}/erased"), 200).json()["data"]
    tap.equal([r["fields"] for r in rows], [["name"], ["person_key"], ["creator"]], "and reads the list")
    refused(creator.market.party("third", "buyer").get(f"/v1/entries/{done['entry']['index']}/erased"), 403,
            "forbidden", "which nobody else does")
    refused(eye.get("/v1/entries/0/erased"), 404, "not-found", "no other entry has one")
    party = next(p for p in market.operator.get("/v1/parties?limit=1000").json()["data"]
                 if p["id"] == creator.party.id)
    tap.check(party["state"] == "closed" and party["handle"].startswith("erased-") and party["name"] is None,
              "the party is a number without a name")
    must(market.operator.post("/v1/parties", {"handle": "mira", "roles": ["buyer"], "name": "Another"}), 201)
    tap.check(True, "and its handle is free")


def main():
    with Market(folder("erasure-http")) as market:
        sale = Sale(market.port, market.operator_key).publish(items=5).buy(licenses=1)
        eye = grants(market, sale)
        rights(market, sale, eye)
        erased(market, consent_held(market), eye)
    tap.done()


if __name__ == "__main__":
    main()
