# SPDX-License-Identifier: Apache-2.0
"""
Ethical-sourcing certificates over HTTP, refusals first: the register of certifiers, posting, the catalog, revoking,
trust withdrawn, what stood behind an item at an instant; signed by code that is not ours.
"""
import datetime
import hashlib
import json

from harness import consents, sourcing, tap
from harness.creator import Creator
from harness.ed25519 import Key
from harness.market import Market
from harness.program import wait_for
from harness.sale import must
from harness.tree import folder

WORK, OTHER = b"a song\n", b"another song\n"


def refused(got, status, slug, name, code=None):
    good = got.status == status and got.slug == slug
    if good and code:
        good = got.json().get("errors", [got.json()])[0]["detail"].startswith(code + ":")
    tap.check(good, name) or tap.note(repr(got))


def register(market, version):
    """Trust is an explicit act of the operator, over a key that the certifier has registered."""
    house = sourcing.Certifier(market, trusted=False)
    signed = house.sign(version)
    refused(house.post(signed), 422, "invalid", "a certifier who isn't trusted", "issuer_untrusted")
    tap.equal(market.nobody.get("/v1/certifiers").json()["data"], [], "nobody is in the register")
    refused(house.trust(True, house.key.did, who=house.party), 403, "forbidden", "a certifier trusts itself")
    refused(house.trust(True, Key().did), 409, "conflict", "a key that it hasn't registered")
    refused(house.trust(True), 422, "invalid", "trust without a key")
    refused(market.operator.post("/v1/certifiers", {"party": "house", "trusted": True, "public_key": house.key.did}),
            422, "invalid", "trust in a publisher")
    refused(market.operator.post("/v1/certifiers", {"party": "nobody-at-all", "trusted": False}), 422, "invalid",
            "trust in nobody")
    got = house.trust(True, house.key.did)
    tap.equal((got.status, got.json()["public_key"]), (201, house.key.did), "the operator trusts its key")
    entry = json.loads(market.nobody.get(f"/v1/entries/{got.json()['entry']['index']}").body)["entry"]
    tap.equal((entry["type"], entry["body"]),
              ("party.key_changed", {"party": house.party.id, "public_key": house.key.did}),
              "which its entry makes public")
    refused(house.trust(True, house.key.did), 409, "state-has-moved-on", "but not twice")
    tap.equal([(c["handle"], c["public_key"]) for c in market.nobody.get("/v1/certifiers").json()["data"]],
              [("proof-house", house.key.did)], "the register has it")
    return house, signed


def refusals(market, house, publisher, stranger, version):
    foreign = Key()

    def subject(**more):
        return lambda d: d["credentialSubject"].update(more)

    def status(**more):
        return lambda d: d["credentialStatus"][0].update(more)

    consent_list = next(r for r in market.nobody.get("/v1/status-lists").json()["data"] if r["of"] == "consent")
    for name, change, code in (
        ("an unknown criterion", lambda d: d["credentialSubject"]["criteria"][0].update(criterion="nice"),
                "criterion_unknown"),
        ("no criterion", subject(criteria=[]), "value_invalid"),
        ("a member that could restrict", subject(only="some"), "member_unknown"),
        ("another root", subject(version_root="0" * 64), "version_other"),
        ("another count", subject(item_count=7), "version_other"),
        ("another number", subject(version=2), "version_other"),
        ("another dataset", subject(dataset="house/others"), "version_other"),
        ("a version that isn't there", subject(id="urn:counterfoil:version:ver_" + "0" * 26), "version_other"),
        ("one that is over", lambda d: d.update(validUntil=consents.moment(-0.0005)), "expired"),
        ("one without end", lambda d: d.pop("validUntil"), "member_missing"),
        ("an empty validity", lambda d: d.update(validUntil=consents.moment(-2)), "validity_invalid"),
        ("no status", lambda d: d.pop("credentialStatus"), "status_unknown"),
        ("the status list of somebody else", status(statusListCredential="https://x.example/1"), "status_list_foreign"),
        ("the consents' status list", status(statusListCredential=consent_list["url"]), "status_unknown"),
        ("a place beyond the list", status(statusListIndex="131072"), "status_unknown"),
        ("a suspension", status(statusPurpose="suspension"), "status_unknown"),
        ("an unknown context", lambda d: d.update({"@context": [*consents.CONTEXT, "https://x.example"]}),
                "context_unknown"),
        ("another type", lambda d: d.update(type=["VerifiableCredential", "CreatorConsentCertificate"]),
                "type_unknown"),
    ):
        refused(house.post(house.sign(version, change)), 422, "invalid", f"{name} is refused", code)
    unsigned = sourcing.certificate(house.key, version, sourcing.list_of(market))
    refused(house.post(unsigned), 422, "invalid", "one without a signature", "proof_missing")
    refused(house.post(foreign.prove(unsigned, consents.moment())), 422, "invalid", "another's signature",
            "signer_other")
    own = sourcing.certificate(foreign, version, sourcing.list_of(market))
    refused(house.post(foreign.prove(own, consents.moment())), 422, "invalid", "an issuer whom nobody knows",
            "issuer_untrusted")
    refused(house.post(house.key.prove(unsigned, consents.moment(1))), 422, "invalid", "one signed tomorrow",
            "not_yet_valid")
    tampered = house.sign(version)
    tampered["credentialSubject"]["scheme"] = "Finest Sourcing"
    refused(house.post(tampered), 422, "invalid", "one that was changed after signing", "signature_invalid")
    refused(house.post(house.sign(version), who=stranger), 403, "forbidden", "posted by a stranger")
    refused(house.post(house.sign(version), who=market.nobody), 401, "unauthenticated", "posted by nobody")
    tap.equal(market.sql("SELECT count(*) FROM certificate")[0][0], "0", "nothing of these is kept")


def issued(market, house, publisher, stranger, version):
    signed = house.sign(version, place=4712)
    got = house.post(signed, who=publisher)
    tap.equal(got.status, 201, "its publisher posts what the certifier signed") or tap.note(repr(got))
    shown = house.decided(got.json()["id"])
    tap.equal((shown["state"], shown["certificate"]), ("valid", signed), "issued, as it was signed")
    entry = json.loads(market.nobody.get(f"/v1/entries/{shown['entry']['index']}").body)["entry"]
    tap.equal(entry["body"], {
        "certificate": shown["id"], "certifier": house.party.id, "from": shown["valid_from"],
        "until": shown["valid_until"], "version": version["id"],
        "document": hashlib.sha256(consents.canonical(signed)).hexdigest()}, "its entry says so")
    again = house.post(signed)
    tap.equal((again.status, again.json()["id"]), (200, shown["id"]), "the same twice is the same certificate")
    same = sourcing.certificate(house.key, version, sourcing.list_of(market))
    same["id"] = signed["id"]
    refused(house.post(house.key.prove(same, consents.moment())), 409, "conflict", "another certificate by the same id")
    refused(house.post(house.sign(version, place=4712)), 409, "conflict", "another one in its place of the list")
    for who, name in ((market.nobody, "nobody in particular"), (stranger, "a stranger")):
        tap.equal(who.get(f"/v1/certificates/{shown['id']}").json()["state"], "valid", f"it is shown to {name}")
    refused(market.nobody.get("/v1/certificates/crt_" + "0" * 26), 404, "not-found", "there is no other")
    return shown


def catalog(market, shown, version):
    where = f"/v1/datasets/{version['dataset']}"
    get = market.nobody.get
    short = {"id": shown["id"], "certifier": "proof-house", "version": 1, "scheme": "Fair Sourcing 2026",
             "criteria": ["due_diligence", "training_records"], "valid_from": shown["valid_from"],
             "valid_until": shown["valid_until"], "state": "valid"}
    listed = {d["name"]: d for d in get("/v1/datasets").json()["data"]}
    tap.equal(listed["songs"]["certificates"], [short], "the list of datasets shows it")
    tap.equal(listed["plain"]["certificates"], [], "and none with another")
    tap.equal(get(where).json()["certificates"], [short], "so does the dataset's page")
    tap.equal(get(f"{where}/versions/1").json()["certificates"], [short], "and the version's")

    def names(certified):
        return [d["name"] for d in get(f"/v1/datasets?certified={certified}").json()["data"]]
    tap.equal([names(c) for c in ("true", "due_diligence", "licensed_or_owned_or_free")], [["songs"], ["songs"], []],
              "datasets are found by what is certified")
    refused(get("/v1/datasets?certified=nice"), 422, "invalid", "by what is no criterion they aren't")

    def ids(query):
        return [c["id"] for c in get(f"/v1/certificates?{query}").json()["data"]]
    tap.equal([ids(q) for q in ("", f"dataset={version['dataset']}", f"dataset={version['dataset']}&version=1",
                                f"dataset={version['dataset']}&version=2", "dataset=house/plain",
                                f"at={consents.moment(-1)}", f"at={consents.moment()}")],
              [[shown["id"]], [shown["id"]], [shown["id"]], [], [], [], [shown["id"]]],
              "the list by dataset, version and instant")
    refused(get("/v1/certificates?at=soon"), 422, "invalid", "no instant")
    refused(get(f"/v1/certificates?at={consents.moment(1)}"), 422, "invalid", "an instant to come")


def revoked(market, house, publisher, auditor, shown):
    good = sourcing.withdrawal(house.key, shown)
    tampered = json.loads(json.dumps(good))
    tampered["credentialSubject"]["certificate_sha256"] = "0" * 64
    refused(house.revoke(shown, good, who=publisher), 403, "forbidden", "the publisher revokes")
    refused(house.revoke(shown, good, who=auditor), 403, "forbidden", "an auditor revokes")
    refused(house.revoke(shown, good, who=market.nobody), 401, "unauthenticated", "nobody revokes")
    refused(house.revoke(shown, sourcing.withdrawal(Key(), shown)), 422, "invalid", "a stranger's key",
            "withdrawal_stranger")
    refused(house.revoke(shown, tampered), 422, "invalid", "a tampered request", "signature_invalid")
    refused(house.revoke(shown, sourcing.withdrawal(house.key, shown, certificate_sha256="0" * 64)), 422, "invalid",
            "a request about another", "withdrawal_other")
    refused(house.revoke(shown, sourcing.withdrawal(house.key, shown, action="suspend")), 422, "invalid", "to suspend",
            "value_invalid")
    refused(house.revoke(shown, consents.withdrawal(house.key, shown)), 422, "invalid", "a consent's request",
            "type_unknown")
    refused(house.revoke(shown, good, idempotency=None), 400, "idempotency-key-required", "without an Idempotency-Key")
    tap.equal(market.entries("certificate.revoked"), 0, "none of these revokes anything")
    before = pause()
    first = house.revoke(shown, good, idempotency="once")
    tap.equal((first.status, first.json()["state"], first.json()["revoked_by"]), (200, "revoked", "certifier"),
              "revoked") or tap.note(repr(first))
    tap.equal(house.revoke(shown, good, idempotency="once").json(), first.json(), "a repeat gives the same answer")
    refused(house.revoke(shown, good), 409, "state-has-moved-on", "but not twice")
    entry = json.loads(market.nobody.get(f"/v1/entries/{first.json()['entry']['index']}").body)["entry"]
    tap.equal(entry["body"], {"certificate": shown["id"], "reason": "certifier"}, "its entry")
    tap.equal(house.show(shown["id"])["withdrawal"], good, "the request is shown with it")
    get = market.nobody.get
    tap.equal(get("/v1/datasets?certified=true").json()["data"], [], "no dataset is certified any more")
    tap.equal([d["certificates"] for d in get("/v1/datasets").json()["data"]], [[], []], "the list shows none")
    tap.equal([c["state"] for c in get("/v1/datasets/house/songs").json()["certificates"]], ["revoked"],
              "the dataset's page shows that it is revoked")
    tap.equal([[c["state"] for c in get(f"/v1/certificates?at={at}").json()["data"]]
               for at in (before, consents.moment())], [["valid"], []], "it stood before, and not after")
    row = sourcing.list_of(market)
    wait_for(lambda: consents.bits(get(f"/v1/status-lists/{row['id']}").json()) == {4712}, 60, "the list to show it")
    tap.equal(consents.bits(get(f"/v1/status-lists/{row['id']}").json()), {4712}, "so does the status list")
    return before


def expires(market, house, version):
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=10)
    shown = house.issue(version, until=until.strftime("%Y-%m-%dT%H:%M:%S.") + f"{until.microsecond // 1000:03d}Z")
    tap.equal([d["name"] for d in market.nobody.get("/v1/datasets?certified=true").json()["data"]], ["songs"],
              "a short one is valid at first")
    inside = consents.moment()
    wait_for(lambda: house.show(shown["id"])["state"] == "expired", 60, "it to be over")
    tap.equal(market.nobody.get("/v1/datasets?certified=true").json()["data"], [], "and then it is not")
    return inside


def flawed(market, house, version):
    """Bit rot in the stored certificate: found on schedule, and no longer shown as valid."""
    shown = house.issue(version)
    market.sql("UPDATE certificate SET bytes = replace(convert_from(bytes, 'UTF8'), 'Fair Sourcing', 'Fare Sourcing')"
               f"::bytea, verified_at = verified_at - interval '2 hours' WHERE id = '{shown['id']}'")

    def found():
        market.sql("UPDATE job SET run_at = clock_timestamp() WHERE kind = 'reverify_certificates'"
                   " AND state = 'queued'; NOTIFY counterfoil_job")
        return house.show(shown["id"])["state"] == "flawed"
    wait_for(found, 60, "the flaw to be found")
    tap.equal(house.show(shown["id"])["reason"], "signature_invalid", "what does not verify any more is told")
    tap.equal(market.nobody.get("/v1/datasets?certified=true").json()["data"], [], "and not certified")
    market.sql("UPDATE certificate SET bytes = replace(convert_from(bytes, 'UTF8'), 'Fare Sourcing', 'Fair Sourcing')"
               f"::bytea, verified_at = verified_at - interval '2 hours' WHERE id = '{shown['id']}'")
    market.sql("INSERT INTO job (id, kind, key, args) VALUES ('job_mended', 'verify_certificate', 'mended',"
               f" '{{\"certificate\":\"{shown['id']}\"}}'); NOTIFY counterfoil_job")
    wait_for(lambda: house.show(shown["id"])["state"] == "valid", 60, "the certificate to be mended")
    tap.equal(house.show(shown["id"])["reason"], None, "mended, it holds again")
    return shown


def distrusted(market, house, version, standing):
    """Another key waits for the operator; without trust what was signed is revoked in the operator's name."""
    old, new = house.key, Key()
    house.register(new)
    refused(house.post(house.sign(version)), 422, "invalid", "an old key signs no more", "issuer_untrusted")
    house.key = new
    refused(house.post(house.sign(version)), 422, "invalid", "a new key waits for the operator", "issuer_untrusted")
    tap.equal(house.show(standing["id"])["state"], "valid", "what the old one signed stands")
    tap.equal(house.trust(True, new.did).status, 201, "the operator trusts the new one")
    signed = house.sign(version)
    later = house.decided(market.twice_at_once("certificate", lambda: house.post(signed))["id"])
    got = house.revoke(later, sourcing.withdrawal(new, later))
    tap.equal(got.status, 200, "which revokes what it signed")
    refused(house.revoke(standing, sourcing.withdrawal(Key(), standing)), 422, "invalid", "a third one doesn't",
            "withdrawal_stranger")
    received = house.sign(version)
    before = consents.moment()
    got = house.trust(False)
    tap.equal((got.status, got.json()["public_key"]), (201, None), "trust is withdrawn")
    entry = json.loads(market.nobody.get(f"/v1/entries/{got.json()['entry']['index']}").body)["entry"]
    tap.equal(entry["body"], {"party": house.party.id}, "by an entry without a key")
    refused(house.trust(False), 409, "state-has-moved-on", "not twice")
    wait_for(lambda: house.show(standing["id"])["state"] == "revoked", 60, "the operator's revocation")
    shown = house.show(standing["id"])
    tap.equal((shown["revoked_by"], shown["withdrawal"]), ("operator", None), "what it signed the operator revokes")
    refused(house.post(received), 422, "invalid", "and nothing new is taken", "issuer_untrusted")
    tap.equal([c["id"] for c in market.nobody.get(f"/v1/certificates?at={before}").json()["data"]], [standing["id"]],
              "before it stood")
    house.key = old


def behind(market, people, version, moments):
    publisher, auditor, alice, bob, buyer, other_buyer, stranger = people
    where = f"/v1/datasets/{version['dataset']}/versions/1/behind/tracks/a%20b.txt"

    def ask(who, at=None):
        return who.get(where + (f"?at={at}" if at else ""))

    def told(who, at):
        got = must(ask(who, at), 200).json()
        return ([(c["party"], c["consented"], [k["state"] for k in c["consents"]]) for c in got["contributors"]],
                [c["state"] for c in got["certificates"]])

    a, b = alice.party.id, bob.party.id
    for name, at, want in (
        ("nobody had consented yet", "published", ([(a, False, []), (b, False, [])], [])),
        ("one of two had", "one", ([(a, True, ["valid"]), (b, False, [])], [])),
        ("both had, and it was certified", "certified", ([(a, True, ["valid"]), (b, True, ["valid"])], ["valid"])),
        ("one had withdrawn", "withdrawn", ([(a, True, ["valid"]), (b, False, ["revoked"])], ["valid"])),
        ("the certificate was revoked", "revoked", ([(a, True, ["valid"]), (b, False, ["revoked"])], ["revoked"])),
    ):
        tap.equal(told(auditor, moments[at]), want, f"then {name}")
    now = ask(auditor).json()
    tap.equal([c["consented"] for c in now["contributors"]], [True, False], "and now, as it is")
    tap.equal((now["sha256"], now["version_root"]), (hashlib.sha256(WORK).hexdigest(), version["root"]),
              "what it is of")
    then = ask(auditor, moments["certified"]).json()
    tap.check(all(k["withdrawal_entry"] is None and k["entry"] for c in then["contributors"] for k in c["consents"]),
              "what came later is not told")
    tap.equal(told(publisher, moments["withdrawn"]), told(auditor, moments["withdrawn"]), "the publisher is told")
    tap.equal(told(alice.party, moments["withdrawn"])[0], [(a, True, ["valid"])], "a creator, of herself")
    tap.equal(told(bob.party, moments["certified"])[0], [(b, True, ["valid"])], "and the other, of himself")
    tap.equal(told(buyer, moments["withdrawn"])[0], [(None, True, ["valid"]), (None, False, ["revoked"])],
              "a buyer, but not who they are")
    for who, name in ((other_buyer, "a buyer without a license"), (stranger, "another creator"),
                      (market.house.party, "the certifier")):
        refused(ask(who, moments["certified"]), 404, "not-found", f"{name} isn't")
    refused(ask(market.nobody), 401, "unauthenticated", "nor is nobody")
    refused(auditor.get(where.replace("a%20b", "c")), 404, "not-found", "no such item")
    refused(ask(auditor, consents.moment(-1)), 422, "invalid", "before it was published")
    refused(ask(auditor, consents.moment(1)), 422, "invalid", "what is to come")
    plain = auditor.get("/v1/datasets/house/plain/versions/1/behind/x").json()
    tap.check(plain["contributors"][0]["consented"] and plain["contributors"][0]["publication"],
              "an item of its publisher's own stands on the publication")


def publish(market, publisher, alice, bob):
    """Two datasets: songs with two creators in one item, and one that names nobody."""
    market.publish(publisher, "plain", {"x": OTHER})
    must(publisher.put(f"/v1/content/{hashlib.sha256(WORK).hexdigest()}", WORK,
                       headers={"Content-Type": "application/octet-stream"}), 201, 204)
    wish = {"name": "songs", "title": "Songs", "modality": "audio"}
    must(publisher.post("/v1/datasets", wish, idempotency=None), 201)
    base = "/v1/datasets/house/songs/versions"
    draft = must(publisher.post(base, idempotency=None), 201).json()["id"]
    people = [{"party": p.party.id, "role": role, "weight": 1}
              for p, role in ((alice, "author"), (bob, "performer"))]
    line = {"path": "tracks/a b.txt", "sha256": hashlib.sha256(WORK).hexdigest(), "size": len(WORK),
            "contributors": people}
    must(publisher.put(f"{base}/{draft}/items?part=0", consents.canonical(line) + b"\n",
                       headers={"Content-Type": "application/jsonl"}), 200)
    refused(publisher.get(f"{base}/{draft}/behind/tracks/a%20b.txt"), 404, "not-found", "nothing stands behind a draft")
    wait_for(lambda: publisher.post(f"{base}/{draft}/publish").status == 200, 60, "songs to be published")
    return publisher.get(f"{base}/1").json()


def pause():
    """An instant between the entries so far and those to come."""
    at = consents.moment()
    wait_for(lambda: consents.moment() > at, 5, "the next millisecond")
    return at


def main():
    with Market(folder("http-certificate")) as market:
        market.nobody = type(market.operator)(market, "nobody", None)
        publisher, auditor = market.party("house", "publisher"), market.party("aud", "auditor")
        buyer, other = market.party("lab", "buyer"), market.party("lab2", "buyer")
        alice, bob = (Creator(market, market.party(n, "creator")) for n in ("alice", "bob"))
        stranger = market.party("mallory", "creator")
        version = publish(market, publisher, alice, bob)
        moments = {"published": pause()}
        offer = market.offer(publisher, "songs", price="1.00")["id"]
        market.pay(buyer, "5.00")
        market.buy(buyer, offer, cleared=False)
        house, early = register(market, version)
        market.house = house
        refusals(market, house, publisher, stranger, version)
        works = [hashlib.sha256(WORK).hexdigest(), hashlib.sha256(OTHER).hexdigest()]
        alice.consent(works, role="author")
        moments["one"] = pause()
        his = bob.consent(works, role="performer")
        shown = issued(market, house, publisher, stranger, version)
        moments["certified"] = pause()
        catalog(market, shown, version)
        bob.withdraw(his)
        moments["withdrawn"] = pause()
        revoked(market, house, publisher, auditor, shown)
        moments["revoked"] = pause()
        behind(market, (publisher, auditor, alice, bob, buyer, other, stranger), version, moments)
        expires(market, house, version)
        standing = flawed(market, house, version)
        distrusted(market, house, version, standing)
        tap.equal(house.post(early).json()["status"], 422, "nor is what was signed before there was trust")
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check("answer against the contract" not in log, "every answer kept the contract") or tap.note(log[-2000:])
        code, report = market.audit()
        tap.equal(code, 0, "an outsider's audit finds nothing") or tap.note(json.dumps(report)[:2000])
        state = market.dir / "audit-of-an-auditor"
        got = auditor.cf("audit", market.url, "--json", "--state", state, code=None)
        tap.equal(got.code, 0, "an auditor's finds nothing, either") or tap.note(repr(got)[:3000])
    tap.done()


main()
