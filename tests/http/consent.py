# SPDX-License-Identifier: Apache-2.0
"""Keys, consents, withdrawals and status lists over HTTP, refusals first; signed by code that is not ours."""
import base64
import hashlib
import json

from harness import consents, tap
from harness.ed25519 import Key
from harness.market import Market
from harness.program import wait_for
from harness.tree import folder

HASHES = [hashlib.sha256(b"work %d" % i).hexdigest() for i in range(5)]


def refused(got, status, slug, name, code=None):
    good = got.status == status and got.slug == slug
    if good and code:
        good = got.json().get("errors", [got.json()])[0]["detail"].startswith(code + ":")
    tap.check(good, name) or tap.note(repr(got))


def keys(market, alice, mallory, key):
    """Every way in which a statement is not one's own, here and now."""
    def register(who, statement, **more):
        return who.post("/v1/me/public-keys", {"statement": statement}, **more)

    mine = consents.statement(key, alice.id, market.origin)
    tampered = json.loads(json.dumps(mine))
    tampered["credentialSubject"]["salt"] = consents.salt()
    refused(register(alice, tampered), 422, "invalid", "a tampered statement", "signature_invalid")
    refused(register(alice, {**mine, "extra": 1}), 422, "invalid", "a statement with more in it", "signature_invalid")
    refused(register(alice, {}), 422, "invalid", "no statement", "proof_missing")
    refused(register(mallory, mine), 422, "invalid", "another's statement")
    refused(register(alice, consents.statement(key, alice.id, "other.example/log")), 422, "invalid", "for another log")
    refused(register(alice, consents.statement(key, alice.id, market.origin, consents.moment(-1))), 422, "invalid",
            "a statement of yesterday", "expired")
    refused(register(alice, consents.statement(key, alice.id, market.origin, consents.moment(1))), 422, "invalid",
            "a statement of tomorrow", "not_yet_valid")
    refused(register(alice, mine, idempotency=None), 400, "idempotency-key-required", "without an Idempotency-Key")
    got = register(alice, mine)
    tap.check(got.status == 201 and got.json()["public_key"] == key.did, "a key is registered") or tap.note(repr(got))
    refused(register(mallory, consents.statement(key, mallory.id, market.origin)), 409, "conflict",
            "a key is of one party")
    where = f"/v1/entries/{got.json()['entry']['index']}"
    tap.check(key.did not in mallory.get(where).body.decode(), "a person's key is not public")
    tap.check(key.did in alice.get(where).body.decode(), "but is hers to see")


def post(who, signed, hashes=HASHES):
    body = signed if isinstance(signed, bytes) else consents.body(signed, hashes)
    return who.call("POST", "/v1/consents", body, headers={"Content-Type": "application/jsonl"})


def refusals(market, alice, mallory, buyer, key, lists):
    def signed(change=lambda d: None, by=key, **more):
        document = consents.certificate(key, HASHES, lists, **more)
        change(document)
        return by.prove(document, consents.moment())

    def subject(**more):
        return lambda d: d["credentialSubject"].update(more)

    def grant(**more):
        return lambda d: d["credentialSubject"]["grants"][0].update(more)

    foreign = Key()
    for name, change, code in (
        ("an unknown purpose", grant(purpose="training"), "purpose_unknown"),
        ("an unknown territory", grant(territory=["XX"]), "territory_unknown"),
        ("an unknown class of models", grant(models=["big"]), "model_unknown"),
        ("no grants", subject(grants=[]), "grants_empty"),
        ("what is prohibited too", subject(prohibitions=["pretraining"]), "grant_prohibited"),
        ("an unknown role", subject(role="friend"), "role_unknown"),
        ("a member that could restrict", subject(only_on_mondays=True), "member_unknown"),
        ("an unknown context", lambda d: d.update({"@context": [*consents.CONTEXT, "https://x.example"]}),
                "context_unknown"),
        ("all her works", subject(coverage={"method": "all"}), "coverage_invalid"),
        ("one that is over", lambda d: d.update(validUntil=consents.moment(-0.0005)), "expired"),
        ("an empty validity", lambda d: d.update(validUntil=consents.moment(-2)), "validity_invalid"),
        ("no status", lambda d: d.pop("credentialStatus"), "status_unknown"),
        ("a status elsewhere", lambda d: d["credentialStatus"][0].update(statusListCredential="https://x.example/1"),
                "status_unknown"),
        ("two places", lambda d: d["credentialStatus"][0].update(statusListIndex="7"), "status_unknown"),
        ("a place beyond the list", lambda d: [e.update(statusListIndex="131072") for e in d["credentialStatus"]],
                "status_unknown"),
    ):
        refused(post(alice, signed(change)), 422, "invalid", f"{name} is refused", code)
    refused(post(alice, signed(by=foreign)), 422, "invalid", "another's signature", "signer_other")
    own = consents.certificate(foreign, HASHES, lists)
    refused(post(alice, foreign.prove(own, consents.moment())), 422, "invalid", "a key that isn't hers", "signer_other")
    refused(post(alice, key.prove(consents.certificate(key, HASHES, lists), consents.moment(1))), 422, "invalid",
            "one signed tomorrow", "not_yet_valid")
    refused(post(mallory, signed()), 422, "invalid", "posted by another creator", "signer_other")
    refused(post(buyer, signed()), 403, "forbidden", "posted by a buyer")
    refused(post(market.nobody, signed()), 401, "unauthenticated", "posted by nobody")
    tampered = signed()
    tampered["credentialSubject"]["grants"][0]["territory"] = ["WORLD"]
    refused(post(alice, tampered), 422, "invalid", "one that was changed after signing", "signature_invalid")
    refused(post(alice, consents.certificate(key, HASHES, lists)), 422, "invalid", "one without a signature",
            "proof_missing")
    good = consents.body(signed(), HASHES)
    lines = good.split(b"\n")
    refused(post(alice, b""), 422, "invalid", "nothing")
    refused(post(alice, b"{" + good), 422, "invalid", "no JSON", "malformed")
    refused(post(alice, b"\n".join(lines[:-2]) + b"\n"), 422, "invalid", "a line too few", "coverage_invalid")
    refused(post(alice, b"\n".join([lines[0], lines[2], lines[1], *lines[3:]])), 422, "invalid", "lines out of order",
            "coverage_invalid")
    refused(post(alice, b"\n".join([lines[0], lines[1], lines[1], *lines[3:]])), 422, "invalid", "a line twice",
            "coverage_invalid")
    refused(post(alice, good.replace(b'{"sha256":"', b'{ "sha256":"')), 422, "invalid", "a line with a space",
            "coverage_invalid")
    refused(post(alice, b"x" * 70000), 413, "too-large", "a certificate beyond the limit")
    tap.equal(market.sql("SELECT count(*) FROM consent")[0][0], "0", "nothing of these is kept")


def decided(who, ident):
    wait_for(lambda: who.get(f"/v1/consents/{ident}").json()["state"] != "received", 60, "the consent to be verified")
    return who.get(f"/v1/consents/{ident}").json()


def rejected(alice, key, lists):
    """What only a worker finds: other hashes than the root stands for."""
    other = [hashlib.sha256(b"other %d" % i).hexdigest() for i in range(5)]
    signed = key.prove(consents.certificate(key, HASHES, lists), consents.moment())
    got = post(alice, signed, other)
    tap.check(got.status == 201 and got.json()["state"] in ("received", "rejected"), "received, as yet unverified") \
        or tap.note(repr(got))
    tap.equal((decided(alice, got.json()["id"])["state"], decided(alice, got.json()["id"])["reason"]),
              ("rejected", "coverage_invalid"), "a coverage that doesn't match is rejected with its reason")
    refused(alice.get(f"/v1/consents/{got.json()['id']}/coverage"), 410, "gone", "what it would have covered is gone")
    got = post(alice, signed, HASHES).json()
    tap.equal(got["state"], "rejected", "for good: sign another one")
    tap.check("one item nor a root" in (got.get("sentence") or "") and "sign again" in (got.get("remedy") or ""),
              "which it says") or tap.note(repr(got))
    said = alice.cf("consent", "show", got["id"]).out
    tap.check(got["sentence"] in said and got["remedy"] in said, "and the tool") or tap.note(said)


def granted(market, alice, auditor, mallory, key, lists):
    signed = key.prove(consents.certificate(key, HASHES, lists, place=4711), consents.moment())
    got = post(alice, signed)
    tap.equal(got.status, 201, "a consent is received") or tap.note(repr(got))
    consent = decided(alice, got.json()["id"])
    tap.equal(consent["state"], "granted", "and granted")
    tap.equal(consent["certificate"], signed, "the certificate, as it was signed")
    entry = json.loads(alice.get(f"/v1/entries/{consent['entry']['index']}").body)["entry"]
    tap.equal(entry["body"], {
        "consent": consent["id"], "coverage_root": consents.tree_root(consents.lines_of(HASHES)).hex(),
        "document": hashlib.sha256(consents.canonical(signed)).hexdigest(), "from": consent["valid_from"],
        "item_count": 5, "purposes": ["pretraining"], "status_index": 4711, "until": consent["valid_until"]},
        "its entry says so")
    where = f"/v1/entries/{consent['entry']['index']}"
    tap.check(alice.id not in mallory.get(where).body.decode(), "but not whose it is")
    tap.check(all(alice.id in who.get(where).body.decode() for who in (alice, auditor)), "but to her and to auditors")
    again = post(alice, signed)
    tap.equal((again.status, again.json()["id"], again.json()["state"]), (200, consent["id"], "granted"),
              "the same twice is the same consent")
    tap.equal(market.entries("consent.granted"), 1, "with one entry")
    same = consents.certificate(key, HASHES, lists, place=99)
    same["id"] = signed["id"]
    refused(post(alice, key.prove(same, consents.moment())), 409, "conflict", "another certificate by the same id")
    refused(post(alice, key.prove(consents.certificate(key, HASHES, lists, place=4711), consents.moment())), 409,
            "conflict", "another consent in its place of the lists")
    tap.equal([c["id"] for c in auditor.get("/v1/consents").json()["data"] if c["state"] == "granted"],
              [consent["id"]], "an auditor sees it")
    tap.equal(mallory.get("/v1/consents").json()["data"], [], "others don't")
    refused(mallory.get(f"/v1/consents/{consent['id']}"), 404, "not-found", "nor by its id")
    return consent


def covered(alice, auditor, mallory, operator, consent):
    """Which items a consent covers, page by page, for those who may see it whole."""
    where = f"/v1/consents/{consent['id']}/coverage"

    def pages(who, limit):
        got, cursor = [], ""
        while cursor is not None:
            page = who.get(f"{where}?limit={limit}{cursor and '&cursor=' + cursor}").json()
            got.append([row["sha256"] for row in page["data"]])
            cursor = page["next_cursor"]
        return got

    for who, name in ((alice, "its creator"), (auditor, "an auditor"), (operator, "the operator")):
        tap.equal([h for page in pages(who, 2) for h in page], sorted(HASHES), f"{name} sees what it covers, sorted")
    tap.equal([len(page) for page in pages(alice, 2)], [2, 2, 1], "in pages")
    tap.equal([len(page) for page in pages(alice, 5)], [5], "without an empty one at the end")
    refused(mallory.get(where), 404, "not-found", "nobody else does")
    refused(alice.get(where.replace(consent["id"], "cns_" + "0" * 26)), 404, "not-found", "of no consent")
    for key in (b"g" * 64, b"a" * 62, b"\x01", b""):
        cursor = base64.urlsafe_b64encode(key).decode().rstrip("=") or "!"
        refused(alice.get(f"{where}?cursor={cursor}"), 422, "invalid", "a cursor that no page gave")


def unsigned(market, alice, key, lists):
    """Granted in a batch that nobody has signed: posting it again acknowledges nothing."""
    signed = key.prove(consents.certificate(key, HASHES, lists), consents.moment())
    market.programs["signer"].kill()
    ident = post(alice, signed).json()["id"]
    wait_for(lambda: market.sql(f"SELECT state FROM consent WHERE id = '{ident}'") == [["granted"]], 60, "the grant")
    again = post(alice, signed)
    tap.equal((again.status, again.json()["state"], again.json()["entry"]), (200, "granted", None),
              "granted, but without an entry as long as that is not signed for")
    market.start(only=("signer",))
    wait_for(lambda: post(alice, signed).json()["entry"], 60, "its entry")


def single(alice, key, lists):
    certificate = consents.certificate(key, HASHES[:1], lists)
    certificate["credentialSubject"]["coverage"] = {"method": "sha256", "sha256": HASHES[0], "item_count": 1}
    got = post(alice, key.prove(certificate, consents.moment()), [])
    tap.equal(decided(alice, got.json()["id"])["state"], "granted", "one item needs no list")
    return decided(alice, got.json()["id"])


def revoked(market, alice, auditor, mallory, key, consent):
    where = f"/v1/consents/{consent['id']}/revoke"

    def revoke(who, request, **more):
        return who.post(where, {"request": request}, **more)

    good = consents.withdrawal(key, consent)
    stranger = Key()
    tampered = json.loads(json.dumps(good))
    tampered["credentialSubject"]["consent_sha256"] = "0" * 64
    refused(revoke(mallory, good), 404, "not-found", "a stranger's account")
    refused(revoke(auditor, good), 403, "forbidden", "an auditor's")
    refused(revoke(alice, consents.withdrawal(stranger, consent)), 422, "invalid", "a stranger's key",
            "withdrawal_stranger")
    refused(revoke(alice, tampered), 422, "invalid", "a tampered request", "signature_invalid")
    refused(revoke(alice, consents.withdrawal(key, consent, consent_sha256="0" * 64)), 422, "invalid",
            "a request about another", "withdrawal_other")
    refused(revoke(alice, consents.withdrawal(key, consent, action="suspend")), 422, "invalid", "to suspend")
    refused(revoke(alice, consents.withdrawal(key, consent, action="forget")), 422, "invalid", "to forget",
            "value_invalid")
    refused(revoke(alice, good, idempotency=None), 400, "idempotency-key-required", "without an Idempotency-Key")
    tap.equal(market.entries("consent.revoked"), 0, "none of these withdraws anything")
    for n in range(4):               # sooner than a worker may have verified it
        early = key.prove(consents.certificate(key, HASHES, market.lists, place=500 + n), consents.moment())
        young = post(alice, early).json()
        got = alice.post(f"/v1/consents/{young['id']}/revoke", {"request": consents.withdrawal(key, young)})
        if got.status == 409:
            refused(got, 409, "state-has-moved-on", "nothing is withdrawn before it is granted")
            tap.check("granted" in got.json()["detail"], "and it says so") or tap.note(repr(got))
            decided(alice, young["id"])
            got = alice.post(f"/v1/consents/{young['id']}/revoke", {"request": consents.withdrawal(key, young)})
        tap.equal((got.status, got.json()["state"]), (200, "revoked"), "then it is")
    market.early = {500 + n for n in range(4)}
    first = revoke(alice, good, idempotency="once")
    tap.equal((first.status, first.json()["state"]), (200, "revoked"), "withdrawn") or tap.note(repr(first))
    again = revoke(alice, good, idempotency="once")
    tap.equal((again.status, again.json()), (200, first.json()), "a repeat gives the same answer")
    refused(revoke(alice, good), 409, "state-has-moved-on", "but not twice")
    entry = json.loads(alice.get(f"/v1/entries/{first.json()['entry']['index']}").body)["entry"]
    tap.equal(entry["body"], {"consent": consent["id"], "reason": "creator",
                              "document": hashlib.sha256(consents.canonical(good)).hexdigest()}, "its entry")


def status(market, row, when=None):
    return market.nobody.get(f"/v1/status-lists/{row['id']}" + (f"?timestamp={when}" if when else ""))


def lists_of(market):
    """The consents' own; certificates of sourcing have another."""
    def have():
        rows = [r for r in market.nobody.get("/v1/status-lists").json()["data"] if r["of"] == "consent"]
        return len(rows) == 2 and all(status(market, row).status == 200 for row in rows) and rows
    return wait_for(have, 60, "status lists")


def statuses(market, lists, issuer):
    revocation, suspension = (next(r for r in lists if r["purpose"] == p) for p in ("revocation", "suspension"))
    before = consents.moment()
    got = status(market, revocation)
    credential = got.json()
    tap.equal(got.headers["Content-Type"], "application/vc", "a list is a credential")
    tap.check("max-age=" in got.headers["Cache-Control"], "that caches may keep for a while")
    tap.equal((credential["id"], credential["issuer"]), (revocation["url"], issuer), "of its place and its issuer")
    tap.equal(consents.bits(credential), set(), "nothing is revoked yet")
    tap.equal(status(market, revocation).body, got.body, "served the same again")
    refused(market.nobody.get("/v1/status-lists/stl_" + "0" * 26), 404, "not-found", "no such list")
    refused(status(market, revocation, "2001-01-01T00:00:00Z"), 404, "not-found", "no state before the first")
    refused(status(market, revocation, "yesterday-at-about-noon"), 422, "invalid", "no instant")
    return before, revocation, suspension


def after(market, before, revocation, suspension, places):
    wait_for(lambda: consents.bits(status(market, revocation).json()) == places, 60, "the list to show it")
    credential = status(market, revocation).json()
    tap.equal(consents.bits(credential), places, "the withdrawn one's bit is set, and no other")
    tap.equal(consents.bits(status(market, suspension).json()), set(), "nothing is suspended")
    tap.equal(consents.bits(status(market, revocation, before).json()), set(), "the state of before is still there")
    bare = {k: v for k, v in credential.items() if k != "proof"}
    digest = hashlib.sha256(consents.canonical(bare)).hexdigest()
    rows = market.nobody.get("/v1/entries?type=status_list.published&limit=100").json()["data"]
    tap.check(any(row["entry"]["body"]["document"] == digest and
                  row["entry"]["at"] == credential["proof"]["created"] for row in rows),
              "it is the one that the ledger names, signed as of its entry")


def successor(market, alice, key, consent):
    """The old key's consent goes on; the new key withdraws it."""
    new = Key()
    got = alice.post("/v1/me/public-keys", {"statement": consents.statement(new, alice.id, market.origin)})
    tap.equal(got.status, 201, "a new key takes the old one's place")
    refused(post(alice, key.prove(consents.certificate(key, HASHES, market.lists), consents.moment())), 422, "invalid",
            "the old one signs no more consents", "signer_other")
    tap.equal(alice.get(f"/v1/consents/{consent['id']}").json()["state"], "granted", "what it signed holds")
    got = alice.post(f"/v1/consents/{consent['id']}/revoke", {"request": consents.withdrawal(new, consent)})
    tap.equal((got.status, got.json()["state"]), (200, "revoked"), "and can be withdrawn by the new one")
    return new


def second_pair(market, alice, key):
    """Where many have consented there are more pairs of lists, and the same place in each."""
    lists, places = lists_of(market), []
    for pair in (1, 9):
        for n, row in enumerate(lists if pair == 9 else []):
            ident = f"stl_{n:026d}"
            row.update(id=ident, pair=9, url=row["url"].replace(row["id"], ident))
            market.sql("INSERT INTO status_list (id, pair, purpose, url, places) VALUES"
                       f" ('{ident}', 9, '{row['purpose']}', '{row['url']}', 131072)")
        signed = key.prove(consents.certificate(key, HASHES, lists, place=77), consents.moment())
        made = decided(alice, post(alice, signed).json()["id"])
        entry = json.loads(alice.get(f"/v1/entries/{made['entry']['index']}").body)["entry"]
        places.append((made["state"], made["status_index"], entry["body"]["status_index"]))
    tap.equal(places, [("granted", 77, 77), ("granted", 77, 8 * 131072 + 77)], "the same place in two pairs of lists")


def main():
    with Market(folder("http-consent")) as market:
        market.nobody = type(market.operator)(market, "nobody", None)
        alice, mallory = market.party("alice", "creator"), market.party("mallory", "creator")
        buyer, auditor = market.party("bob", "buyer"), market.party("aud", "auditor")
        key = Key()
        lists = market.lists = lists_of(market)
        issuer = status(market, lists[0]).json()["issuer"]
        refused(post(alice, key.prove(consents.certificate(key, HASHES, lists), consents.moment())), 422, "invalid",
                "no consent without a registered key", "signer_other")
        keys(market, alice, mallory, key)
        before, revocation, suspension = statuses(market, lists, issuer)
        refusals(market, alice, mallory, buyer, key, lists)
        rejected(alice, key, lists)
        consent = granted(market, alice, auditor, mallory, key, lists)
        covered(alice, auditor, mallory, market.operator, consent)
        unsigned(market, alice, key, lists)
        one = single(alice, key, lists)
        revoked(market, alice, auditor, mallory, key, consent)
        after(market, before, revocation, suspension, {4711} | market.early)
        new = successor(market, alice, key, one)
        after(market, before, revocation, suspension, {4711, one["status_index"]} | market.early)
        signed = new.prove(consents.certificate(new, HASHES, lists_of(market)), consents.moment())
        market.twice_at_once("consent", lambda: post(alice, signed))
        second_pair(market, alice, new)
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check("answer against the contract" not in log, "every answer kept the contract") or tap.note(log[-2000:])
        code, report = market.audit()
        tap.equal(code, 0, "the log of it is sound") or tap.note(json.dumps(report)[:2000])
    tap.done()


main()
