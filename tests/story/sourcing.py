# SPDX-License-Identifier: Apache-2.0
"""
Certificates of sourcing by the tool of people: trusted, signed, posted, listed, what stood behind an item, revoked; and
`counterfoil verify` of every kind of credential, good, tampered, expired, revoked, and what is none.
"""
import json

from harness import consents
from harness.market import Market
from harness.program import wait_for
from harness.tap import check, done, equal, note
from harness.tree import folder

WORKS = {"a/one.txt": b"one\n", "a/two.txt": b"two\n"}


def keyed(market, party, name):
    """A key file of the party's, registered; its did."""
    path = market.dir / f"{name}.key"
    party.cf("key", "new", path, "--plain")
    party.cf("key", "register", path)
    return path, market.sql(f"SELECT public_key FROM party WHERE id = '{party.id}'")[0][0]


def judged(market, name, code, word, path, *flags):
    got = market.cf("verify", path, *flags, code=None)
    check(got.code == code and word in got.out + got.err, f"verify: {name}") or note(repr(got))


def tampered(path, change):
    lines = path.read_text(encoding="utf8").split("\n", 1)
    document = json.loads(lines[0])
    change(document)
    bad = path.with_suffix(".bad")
    bad.write_text("\n".join([consents.canonical(document).decode(), *lines[1:]]), encoding="utf8")
    return bad


def status_list(market, of, purpose="revocation"):
    row = next(r for r in market.operator.get("/v1/status-lists").json()["data"]
               if r["of"] == of and r["purpose"] == purpose)
    path = market.dir / f"{of}-{purpose}.json"
    path.write_bytes(market.operator.get(f"/v1/status-lists/{row['id']}").body)
    return path


def certified(market, house, key, did, publisher):
    evidence = market.dir / "report.txt"
    evidence.write_text("all licensed", encoding="utf8")
    out = market.dir / "certificate.json"

    def sign(path, *more):
        return house.cf("certificate", "sign", "--key", key, "--dataset", "house/texts", "--version", "1", "--scheme",
                        "Fair Sourcing 2026", "--criterion", f"due_diligence={evidence}", "--out", path, *more)
    sign(out)
    got = publisher.cf("certificate", "post", out, code=1)
    check("issuer_untrusted" in got.err, "a certifier who isn't trusted is refused, with the reason") or note(repr(got))
    market.operator.cf("certificate", "trust", house.handle, did)
    check(did in market.cf("certificate", "certifiers").out, "the operator trusts it")
    ident = publisher.cf("certificate", "post", out).said("certificate")
    wait_for(lambda: house.get(f"/v1/certificates/{ident}").json()["state"] == "valid", 60, "the certificate")
    check(ident in market.cf("certificate", "list", "--dataset", "house/texts", "--version", "1").out, "it is listed")
    check("Fair Sourcing 2026" in market.cf("certificate", "show", ident).out, "and shown")
    short = market.dir / "short.json"
    sign(short, "--until", consents.moment(0.00006))
    return ident, out, short


def behind(market, auditor, ident):
    got = auditor.cf("certificate", "behind", "house/texts", "1", "a/one.txt")
    check(ident in got.out and "valid" in got.out and "published it herself" in got.out, "what stands behind an item")
    then = consents.moment()
    return then


def main():
    with Market(folder("story-sourcing")) as market:
        publisher, auditor = market.party("house", "publisher"), market.party("aud", "auditor")
        certifier, alice = market.party("proof", "certifier"), market.party("alice", "creator")
        wait_for(lambda: len(market.operator.get("/v1/status-lists").json()["data"]) == 3, 60, "the status lists")
        market.publish(publisher, "texts", WORKS)
        key, did = keyed(market, certifier, "proof")
        ident, out, short = certified(market, certifier, key, did, publisher)
        judged(market, "a certificate is sound", 0, "sound", out, "--issuer", did)
        policy = market.dir / "policy"
        log_key = market.operator.get("/v1/log/key").json()["log_key"]
        policy.write_text(f"log {log_key}\nquorum none\n", encoding="ascii")
        judged(market, "a policy is of the log's checkpoints", 2, "with --key", out, "--policy", policy)
        judged(market, "which say nothing without a receipt", 0, "not looked at", out, "--policy", policy, "--key",
               log_key)
        another = did[:-1] + ("1" if did[-1] != "1" else "2")
        judged(market, "of another issuer it isn't", 1, "signer_other", out, "--issuer", another)
        judged(market, "a tampered one isn't", 1, "signature_invalid", tampered(
            out, lambda d: d["credentialSubject"].update(scheme="Finest")))
        judged(market, "one without its proof isn't", 1, "proof_missing", tampered(out, lambda d: d.pop("proof")))
        judged(market, "nor one of a type that nobody knows", 1, "type_unknown", tampered(
            out, lambda d: d.update(type=["VerifiableCredential", "Diploma"])))
        wait_for(lambda: market.cf("verify", short, code=None).code == 1, 30, "the short one to be over")
        judged(market, "one that is over isn't", 1, "expired", short)
        text = market.dir / "words.txt"
        text.write_text("I agree", encoding="utf8")
        hers, _ = keyed(market, alice, "alice")
        consent = market.dir / "consent.jsonl"
        alice.cf("consent", "sign", "--key", hers, "--role", "author", "--purpose", "pretraining", "--territory", "EU",
                 "--text", text, "--out", consent, "--folder", market.files("hers", WORKS))
        judged(market, "a consent with what it covers is sound", 0, "covers       2 items", consent)
        judged(market, "a tampered one isn't", 1, "signature_invalid", tampered(
            consent, lambda d: d["credentialSubject"].update(role="editor")))
        lines = consent.read_text(encoding="utf8").splitlines()
        other = market.dir / "other.jsonl"
        other.write_text("\n".join([lines[0], lines[1], lines[2].replace(lines[2][15], "0123456789abcdef"[
            (int(lines[2][15], 16) + 1) % 16], 1)]) + "\n", encoding="utf8")
        judged(market, "nor one that covers something else", 1, "coverage_invalid", other)
        good = status_list(market, "certificate")
        judged(market, "a status list is sound", 0, "0 of 131072 places", good)
        judged(market, "a tampered one isn't", 1, "signature_invalid", tampered(
            good, lambda d: d["credentialSubject"].update(as_of=1)))
        judged(market, "a certificate that isn't revoked, by its list", 0, "not revoked", out, "--status", good)
        judged(market, "another list says nothing of it", 0, "not looked at", out, "--status",
               status_list(market, "consent"))
        then = behind(market, auditor, ident)
        got = certifier.cf("certificate", "revoke", ident, "--key", key)
        check(f"{ident}, revoked" in got.out and got.said("entry"), "its certifier revokes it") or note(repr(got))
        judged(market, "its request is sound", 0, "request to revoke", save_request(market, ident))
        wait_for(lambda: consents.bits(json.loads(status_list(market, "certificate").read_bytes())), 60, "the list")
        judged(market, "a revoked one isn't", 1, "revoked", out, "--status", status_list(market, "certificate"))
        now = auditor.cf("certificate", "behind", "house/texts", "1", "a/one.txt").out
        before = auditor.cf("certificate", "behind", "house/texts", "1", "a/one.txt", "--at", then).out
        equal([f"{ident}, {state}" in told for told, state in ((before, "valid"), (now, "revoked"))], [True, True],
              "behind the item it stood before, and doesn't now")
        check(publisher.cf("certificate", "behind", "house/texts", "1", "a/nine.txt", code=1), "nothing behind nothing")
        junk = market.dir / "junk.txt"
        junk.write_text("no document", encoding="utf8")
        judged(market, "what is no document is told so", 1, "none of the files that are known", junk)
    done()


def save_request(market, ident):
    path = market.dir / "request.json"
    path.write_bytes(consents.canonical(market.operator.get(f"/v1/certificates/{ident}").json()["withdrawal"]))
    return path


main()
