# SPDX-License-Identifier: Apache-2.0
"""Clearances over HTTP: every reason why an item is left out, what is delivered under one, and what ends that."""
import base64
import hashlib
import json

from harness import clearing, consents, tap
from harness.creator import Creator
from harness.ed25519 import canonical
from harness.market import Market
from harness.program import wait_for
from harness.sale import later, must, offered, published
from harness.tree import folder

PENDING = 8                       # CLEARANCES_PENDING_MAX
PAIRS = 32                        # of status lists: one more list than CREDENTIAL_LISTS_MAX


def refused(got, status, slug, name, word=""):
    tap.check(got.status == status and got.slug == slug and word in got.json()["detail"], name) or tap.note(repr(got))


def at(license_id, n):
    return f"/v1/licenses/{license_id}/items/{n:02d}.txt"


# Item -> who made it, in which role; what a clearance for pretraining in DE says of it then.
MADE = [
    ((), None),
    ((("ann", "author"),), None),
    ((("ann", "author"), ("ben", "performer")), None),
    ((("ann", "author"), ("cid", "performer")), "consent_missing"),
    ((("ann", "performer"),), "role_missing"),
    ((("ben", "author"),), "purpose_not_granted"),
    ((("cid", "author"),), "territory_not_granted"),
    ((("cid", "composer"),), "consent_ends_early"),
    ((("ben", "composer"),), "consent_revoked"),
    ((("ann", "author"),), "hash_mismatch"),
    ((("ann", "author"),), None),
    ((("ben", "performer"),), None),
]


def publish(market, house, creators):
    bodies = [b"work %02d" % i for i in range(len(MADE))]
    hashes = [hashlib.sha256(b).hexdigest() for b in bodies]
    items = [{"path": f"{i:02d}.txt", "sha256": hashes[i], "size": len(bodies[i]), "contributors": [
        {"party": creators[h].party.id, "role": role, "weight": 1} for h, role in made]}
        for i, (made, _) in enumerate(MADE)]
    version = published(house, "works", items, bodies)
    return bodies, hashes, offered(house, version, {"amount": "0.00", "currency": "EUR"})["id"]


def consent_all(creators, hashes):
    ann, ben, cid = (creators[h] for h in ("ann", "ben", "cid"))
    given = {"ann": ann.consent([hashes[i] for i in (1, 2, 3, 4, 9)]), "late": ann.consent([hashes[10]]),
             "ben": ben.consent([hashes[2], hashes[11]], role="performer")}
    ben.consent([hashes[5]], purposes=("evaluation",))
    cid.consent([hashes[6]], territories=("FR", "US"))
    cid.consent([hashes[7]], role="composer", until=consents.moment(0.5))
    ben.withdraw(ben.consent([hashes[8]], role="composer"))
    return given


def license_of(bob, offer, **more):
    quote = must(bob.post("/v1/quotes", {"offer": offer, "purpose": "pretraining", "territory": "EU",
                                         "until": later(30), **more}, idempotency=None), 201).json()["id"]
    return must(bob.post("/v1/licenses", {"quote": quote}), 201).json()["id"]


def asking(bob, eve, license_id):
    wish = {"territory": "DE", "model_class": "generative"}
    target = f"/v1/licenses/{license_id}/clearances"
    for changed, pointer in (({"territory": "XX"}, "/territory"), ({"model_class": "big"}, "/model_class"),
                             ({"project": ""}, "/project"), ({"until": "2020-01-01T00:00:00Z"}, "/until")):
        got = bob.post(target, {**wish, **changed})
        refused(got, 422, "invalid", f"{changed} is refused")
        tap.equal(got.json()["errors"][0]["pointer"].lstrip("#"), pointer, "where it is wrong")
    refused(eve.post(target, wish), 404, "not-found", "another's license")
    refused(bob.post(target, wish, idempotency=None), 400, "idempotency-key-required", "without an Idempotency-Key")
    for n in (0, 1):
        got = bob.get(at(license_id, n))
        refused(got, 403, "no-clearance", "nothing is delivered without a clearance", "clearances")
        tap.equal(got.json().get("code"), "clearance_missing", "by its code")
        tap.equal(bob.call("HEAD", at(license_id, n)).status, 403, "nor shown to HEAD")


def cleared_all(market, bob, eve, license_id, hashes):
    made = bob.post(f"/v1/licenses/{license_id}/clearances", {"territory": "DE", "model_class": "generative",
                                                              "project": "moon"}, idempotency="first")
    again = bob.post(f"/v1/licenses/{license_id}/clearances", {"territory": "DE", "model_class": "generative",
                                                               "project": "moon"}, idempotency="first")
    tap.check(made.status == again.status == 202 and made.json()["id"] == again.json()["id"], "a repeat is one")
    c = clearing.decided(bob, made.json()["id"], signed=True)
    want = {}
    for _, reason in MADE:
        if reason:
            want[reason] = want.get(reason, 0) + 1
    tap.equal({x["reason"]: x["item_count"] for x in c["excluded"]}, want, "each reason, counted")
    tap.check(all(x["sentence"] and x["remedy"] for x in c["excluded"]), "with a sentence and what to do")
    tap.check(c["state"] == "cleared_with_exclusions" and c["cleared"] == sum(r is None for _, r in MADE), "the rest is"
              " cleared")
    refused(eve.get(f"/v1/clearances/{c['id']}"), 404, "not-found", "nobody else's")
    subject = c["credential"]["credentialSubject"]
    tap.check(subject["verdict"] == c["state"] and subject["rows_root"] == c["rows_root"]
              and subject["use"]["project"] == "moon" and "proof" in c["credential"], "the credential says the same")
    bare = {k: v for k, v in c["credential"].items() if k != "proof"}
    tap.equal(hashlib.sha256(canonical(bare)).hexdigest(), c["document_sha256"], "and is what the entry names")
    entry = json.loads(eve.get(f"/v1/entries/{c['entry']['index']}").body)["entry"]
    tap.check(entry["type"] == "clearance.issued" and entry["body"]["counts"] == want
              and entry["body"]["document"] == c["document_sha256"], "in the ledger")
    tap.check("moon" not in json.dumps(entry), "without the project's name")
    return c


def rows(bob, c):
    got, target = [], f"/v1/clearances/{c['id']}/rows?limit=5"
    while target:
        page = must(bob.get(target), 200)
        got += page.json()["data"]
        target = page.headers["Link"].split(">")[0][1:] if page.headers["Link"] else None
    tap.equal([(r["item"], r["reason"]) for r in got], [(i, reason) for i, (_, reason) in enumerate(MADE)],
              "the rows, page by page")
    kept = [r for r in got if r["reason"] is None]
    leaves = [canonical({"consents": r["consents"], "item": r["item"], "salt": r["salt"]}) for r in kept]
    tap.equal(consents.tree_root(leaves).hex(), c["rows_root"], "those cleared give the root")
    tap.equal([len(r["consents"]) for r in kept], [len(MADE[r["item"]][0]) for r in kept], "a consent a contributor")
    tap.check(len({r["salt"] for r in kept}) == len(kept) and all(len(base64.urlsafe_b64decode(r["salt"] + "==")) == 16
              for r in kept), "each with a salt of its own")
    part = must(bob.get(f"/v1/clearances/{c['id']}/rows?which=excluded"), 200).json()["data"]
    tap.equal(part, [r for r in got if r["reason"]], "those left out alone")
    tap.equal(must(bob.get(f"/v1/clearances/{c['id']}/rows?which=cleared"), 200).json()["data"], kept, "those cleared")


def delivered(market, bob, license_id, c, bodies):
    for n, (_, reason) in enumerate(MADE):
        got = bob.get(at(license_id, n))
        head = bob.call("HEAD", at(license_id, n))
        if reason is None:
            tap.check(got.status == 200 and got.body == bodies[n] and head.status == 200, f"item {n} is delivered")
            entry = json.loads(bob.get(f"/v1/entries/{got.headers['Counterfoil-Entry']}").body)["entry"]
            tap.equal(entry["body"]["clearance"], c["id"], "its access names the clearance")
        elif reason != "hash_mismatch":
            refused(got, 403, "item-excluded", f"item {n} is not", reason)
            tap.equal(head.status, 403, "nor for HEAD")


def bytes_away(market, bob, license_id, hashes):
    """What is gone for good is told apart from what is not verified yet."""
    for state in ("missing", "unverified", "corrupt"):
        market.sql(f"UPDATE content SET state = '{state}' WHERE sha256 = '\\x{hashes[0]}'")
        got = bob.get(at(license_id, 0))
        tap.equal((got.status, got.json().get("code")), (403, f"content_{state}"), f"{state} bytes, by their code")
    market.sql(f"UPDATE content SET state = 'verified' WHERE sha256 = '\\x{hashes[0]}'")
    tap.equal(bob.get(at(license_id, 0)).status, 200, "verified, they are delivered")


def withdrawn(market, bob, creators, license_id, given):
    entry = creators["ann"].withdraw(given["late"])["entry"]["index"]
    got = bob.get(at(license_id, 10))
    refused(got, 403, "consent-withdrawn", "a withdrawal ends the window too", "consent_withdrawn: ")
    tap.equal(got.json().get("code"), "consent_withdrawn", "with its code")
    tap.equal(bob.call("HEAD", at(license_id, 10)).status, 403, "HEAD sees it")
    tap.equal(bob.get(at(license_id, 1)).status, 200, "others stay")
    tap.equal(market.sql("SELECT count(*) FROM access a JOIN license l ON l.no = a.license JOIN item_withdrawal w"
                         " ON w.version = l.version AND w.n = a.item WHERE a.index > w.withdrawn"), [["0"]],
              "no access is after it")
    new = clearing.clear(bob, license_id)
    tap.equal({x["reason"]: x["item_count"] for x in new["excluded"]}["consent_revoked"], 2, "a new clearance says why")
    tap.check(new["as_of"] > entry and new["withdrawn_since"] == 0, "judged after it")
    refused(bob.get(at(license_id, 10)), 403, "item-excluded", "and leaves it out", "consent_revoked")


def pending(market, bob, license_id):
    """So many of a license at a time, and no more."""
    target = f"/v1/licenses/{license_id}/clearances"
    wish = {"territory": "DE", "model_class": "generative"}
    market.stop(only=["worker"])
    made = [clearing.ask(bob, license_id, project=f"p{i}") for i in range(PENDING)]
    got = bob.post(target, {**wish, "project": "one more"})
    refused(got, 409, "conflict", "more pending clearances of a license than there may be", "wait until")
    tap.equal(got.json().get("code"), "clearances_pending", "by its code")
    tap.equal(clearing.ask(bob, license_id, project="p3"), made[3], "the same wish is still the same clearance")
    market.start(only=["worker"])
    for ident in made:
        clearing.decided(bob, ident)
    clearing.clear(bob, license_id, project="one more")


def given_up(market, bob, license_id, creators):
    """A clearance that no worker can decide: its credential would name more status lists than fit into one."""
    target = f"/v1/licenses/{license_id}/clearances"
    wish = {"territory": "DE", "model_class": "generative", "project": "doomed"}
    market.sql("INSERT INTO status_list (id, pair, purpose, url, places) SELECT 'stl_' || lpad(p::text || n, 26,"
               f" '0'), p, w, 'https://lists.example/' || p || w, 131072 FROM generate_series(100, {100 + PAIRS}) p,"
               " (VALUES (1, 'revocation'), (2, 'suspension')) v (n, w)")
    market.sql("INSERT INTO consent (id, creator, public_key, credential, document, bytes, state, role, assurance,"
               " purposes, prohibitions, root, item_count, valid_from, valid_until, pair, place, index, decided_at)"
               f" SELECT 'cns_' || lpad(p::text, 26, '0'), '{creators['ann'].party.id}', '', 'urn:x' || p, "
               " sha256(p::text::bytea), '', 'granted', 'author', 'L3', "
               " '{}', '{}', sha256(''), 1, now(), 'infinity', p, 1, 1, now()"
               f" FROM generate_series(100, {100 + PAIRS}) p")
    market.sql("INSERT INTO job (id, kind, key, args) VALUES ('job_lists', 'publish_status_lists', 'lists', '{}');"
               " NOTIFY counterfoil_job")          # which comes once a minute else
    wait_for(lambda: market.sql("SELECT count(DISTINCT list) FROM status_publication p JOIN status_list l ON"
                                " l.no = p.list WHERE l.pair >= 100") == [[str(2 * (PAIRS + 1))]], 120, "the lists")
    made = must(bob.post(target, wish), 202).json()
    tap.check(made["state"] == "pending" and made["failure"] is None, "a wish is pending")

    def dead():
        market.sql("UPDATE job SET run_at = clock_timestamp() WHERE kind = 'clear_license' AND state = 'queued';"
                   " NOTIFY counterfoil_job")
        return bob.get(f"/v1/clearances/{made['id']}").json()["state"] == "failed"
    wait_for(dead, 120, "its job to die")
    failed = bob.get(f"/v1/clearances/{made['id']}").json()
    tap.check(failed["failure"]["reason"] == "worker_gave_up" and "operator" in failed["failure"]["remedy"],
              "until its job is dead: then it says so, and what to do")
    tap.check("status lists" in market.run("counterfoil-worker", "dead"), "the operator sees why")
    market.sql("DELETE FROM consent WHERE pair >= 100")
    again = must(bob.post(target, wish), 202).json()
    tap.check(again["id"] != made["id"], "the same wish is a new one") and clearing.decided(bob, again["id"])
    market.run("counterfoil-worker", "retry", failed["failure"]["job"])
    tap.equal(clearing.decided(bob, made["id"])["failure"], None, "and the operator's retry decides the old one")


def ended(market, bob, license_id, c):
    tap.equal(bob.get(f"/v1/clearances/{c['id']}").json()["withdrawn_since"], 1, "the first one has an item less")
    denied = clearing.clear(bob, license_id, territory="US")
    tap.check(denied["state"] == "refused" and denied["cleared"] == 0 and [x["reason"] for x in denied["excluded"]]
              == ["territory_not_licensed"], "another territory is refused")
    tap.equal(market.entries("clearance.denied"), 1, "in the ledger")
    left_out = bob.get(f"/v1/clearances/{denied['id']}/rows").json()["data"]
    tap.equal([r["reason"] for r in left_out], ["territory_not_licensed"] * len(MADE), "item by item")
    tap.equal(bob.get(at(license_id, 1)).status, 200, "what was cleared before stays so")
    short = clearing.clear(bob, license_id, until=consents.moment(10 / 86400))
    tap.equal(bob.get(at(license_id, 1)).status, 200, "a short one")
    wait_for(lambda: consents.moment() > short["until"], 60, "the short one to be over")
    refused(bob.get(at(license_id, 1)), 403, "clearance-over", "is over")
    tap.equal(bob.get(f"/v1/clearances/{short['id']}").json()["state"], "over", "and says so")
    clearing.clear(bob, license_id)
    tap.equal(bob.get(at(license_id, 1)).status, 200, "until the next one")
    must(bob.post(f"/v1/licenses/{license_id}/end"), 200)
    refused(bob.get(at(license_id, 1)), 403, "license-not-live", "an ended license delivers nothing")
    refused(bob.post(f"/v1/licenses/{license_id}/clearances", {"territory": "DE", "model_class": "generative"}), 403,
            "license-not-live", "nor is it cleared", "license_not_live")


def main():
    with Market(folder("http-clearing"), COUNTERFOIL_RATE="0") as market:
        house, bob, eve = market.party("house", "publisher"), market.party("bob", "buyer"), market.party("eve", "buyer")
        creators = {h: Creator(market, market.party(h, "creator")) for h in ("ann", "ben", "cid")}
        bodies, hashes, offer = publish(market, house, creators)
        given = consent_all(creators, hashes)
        license_id = license_of(bob, offer)
        market.blob(bodies[9]).chmod(0o640)
        market.blob(bodies[9]).write_bytes(b"WORK 09")
        market.verify_now(bodies[9], "corrupt")
        asking(bob, eve, license_id)
        c = cleared_all(market, bob, eve, license_id, hashes)
        rows(bob, c)
        delivered(market, bob, license_id, c, bodies)
        bytes_away(market, bob, license_id, hashes)
        withdrawn(market, bob, creators, license_id, given)
        pending(market, bob, license_id)
        given_up(market, bob, license_id, creators)
        ended(market, bob, license_id, c)
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check("answer against the contract" not in log, "every answer kept the contract") or tap.note(log[-2000:])
        code, report = market.audit()
        tap.equal(code, 0, "the audit is sound") or tap.note(json.dumps(report)[:3000])
    tap.done()


main()
