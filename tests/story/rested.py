# SPDX-License-Identifier: Apache-2.0
"""
What cleared items rest on, with real creators: an item that its consent doesn't cover, another list of what it covers,
another certificate than the entry's, one by another's key, in another role, for another territory, an access after the
withdrawal; each named by an auditor with a grant. The honest log is sound, before and after a creator is erased.
"""
import hashlib
import json

from harness import clearing, consents
from harness.creator import Creator
from harness.ed25519 import Key, canonical
from harness.forged import Judge, Log, list_root
from harness.market import Market
from harness.program import wait_for
from harness.sale import later, must, offered, published
from harness.tap import check, done, equal, note
from harness.tree import folder

BODIES = [b"by ann\n", b"by ann and ben\n", b"by ben\n", b"the house's own\n"]
HASHES = [hashlib.sha256(b).hexdigest() for b in BODIES]
MADE = [(("ann", "author"),), (("ann", "author"), ("ben", "performer")), (("ben", "performer"),), ()]


class Story:
    """ann and ben make works, a license of them is cleared, an item of ben's is fetched; then ann withdraws."""

    def __init__(self, m):
        self.m, self.auditor = m, m.party("eye", "auditor")
        self.who = {name: Creator(m, m.party(name, "creator")) for name in ("ann", "ben")}
        house, self.buyer = m.party("house", "publisher"), m.party("lab", "buyer")
        version = published(house, "works", [
            {"path": f"{i}.txt", "sha256": HASHES[i], "size": len(BODIES[i]), "contributors": [
                {"party": self.who[name].party.id, "role": role, "weight": 1} for name, role in made]}
            for i, made in enumerate(MADE)], BODIES)
        self.mine = self.who["ann"].consent(HASHES[:2])
        self.his = self.who["ben"].consent(HASHES[1:3], role="performer")
        self.other = self.who["ann"].consent([HASHES[3]])
        offer = offered(house, version, {"amount": "0.00", "currency": "EUR"})["id"]
        quote = must(self.buyer.post("/v1/quotes", {"offer": offer, "purpose": "pretraining", "territory": "EU",
                                                    "until": later(30)}, idempotency=None), 201).json()["id"]
        self.license = must(self.buyer.post("/v1/licenses", {"quote": quote}), 201).json()["id"]
        cleared = clearing.clear(self.buyer, self.license, signed=True)
        equal(cleared["state"], "cleared", "everything is cleared")
        must(self.buyer.get(f"/v1/licenses/{self.license}/items/2.txt"), 200)
        self.who["ann"].withdraw(self.mine)
        must(self.buyer.get(f"/v1/licenses/{self.license}/items/0.txt"), 403)


def sound(t, what):
    code, report = Judge(t.m, t.auditor).audit(Log(t.m, t.auditor), state=t.m.dir / f"sound-{what}")
    good = code == 0 and not report["findings"]
    check(good, f"the honest log is sound {what}") or note(str(report)[:2000])
    return report


def granted(log, consent):
    return next(i for i, e in enumerate(log.entries)
                if e["type"] == "consent.granted" and e["body"]["consent"] == consent["id"])


def rests(judge, t, honest):
    """Rows that hash to the root that the entry names, and are not what was consented to."""
    at = honest.find("clearance.issued")
    path = f"/v1/clearances/{honest.entries[at]['body']['clearance']}/rows"
    rows = t.auditor.get(f"{path}?which=cleared").json()["data"]
    equal([len(r["consents"]) for r in rows], [1, 2, 1, 0], "a consent of each contributor")

    def resting(item, *consented):
        log = honest.copy()
        bent = [{**r, "consents": sorted(consented)} if r["item"] == item else r for r in rows]
        log.answers[path] = {"data": bent, "next_cursor": None}
        log.entries[at]["body"]["rows_root"] = list_root([{k: r[k] for k in ("consents", "item", "salt")}
                                                          for r in bent])
        return log.sign()

    report = judge.names("an item cleared by a consent that doesn't cover it", resting(0, t.other["id"]),
                         "clearance.coverage")
    check(all(f["index"] == at and t.other["id"] in f["found"] for f in report["findings"]), "with entry and consent")
    judge.names("an item cleared without one of its contributors", resting(1, t.mine["id"]), "clearance.contributors")
    equal(drawn(t, honest.copy(), "honest", 0), (0, 0), "a draw of the honest log finds nothing")
    equal(drawn(t, resting(2, t.other["id"]), "uncovered", 1), (1, 0), "one of an item that isn't covered is bad")
    equal(drawn(t, resting(2), "without", 1)[0], 0, "of one that rests on nothing the clearance is named")
    log = honest.copy()
    log.answers[f"/v1/consents/{t.his['id']}"] = {"certificate": None}
    equal(drawn(t, log, "hidden", 0), (0, 1), "what is not shown counts as unseen")


def drawn(t, log, tag, code):
    """One access drawn of a log, of which there is one."""
    nonce, state = t.m.dir / f"nonce-{tag}", t.m.dir / f"draw-{tag}"
    log.sign(size=20)
    server, url = log.serve()
    common = (url, "--state", state, "--key", log.vkey)
    t.auditor.cf("audit", *common, "--nonce-commit", nonce, env={"COUNTERFOIL_URL": url})
    log.sign()
    got = t.auditor.cf("audit", *common, "--draw", 1, "--nonce", nonce, "--json", code=code,
                       env={"COUNTERFOIL_URL": url})
    server.shutdown()
    draw = json.loads(got.out)["draw"]
    return draw["bad"], draw["unseen"]


def covers(judge, t, honest):
    path = f"/v1/consents/{t.mine['id']}/coverage"
    rows = t.auditor.get(path).json()["data"]
    for what, bent in (("more than it covers", sorted([*rows, {"sha256": HASHES[3]}], key=lambda r: r["sha256"])),
                       ("less", rows[:1]), ("nothing", []), ("something else", [{"sha256": "0" * 64}, rows[1]]),
                       ("it unsorted", rows[::-1])):
        log = honest.copy()
        log.answers[path] = {"data": bent, "next_cursor": None}
        judge.names(f"a consent that is said to cover {what}", log, "clearance.coverage")


def certified(judge, t, honest):
    """Another certificate, with the entry that belongs to it or without."""
    path = f"/v1/consents/{t.mine['id']}"
    shown, at = t.auditor.get(path).json(), granted(honest, t.mine)
    lists = t.m.operator.get("/v1/status-lists").json()["data"]
    times = {"begin": shown["valid_from"], "until": shown["valid_until"], "place": shown["status_index"]}

    def bent(key, entered=True, **more):
        log = honest.copy()
        document = key.prove(consents.certificate(key, HASHES[:2], lists, **{**times, **more}), consents.moment())
        log.answers[path] = {**shown, "certificate": document}
        if entered:
            log.entries[at]["body"]["document"] = hashlib.sha256(canonical(document)).hexdigest()
        return log.sign()

    ann = t.who["ann"].key
    code, report = judge.audit(bent(ann))
    equal((code, report["findings"]), (0, []), "another certificate of the same words is as good")
    judge.names("a certificate of another digest", bent(ann, entered=False), "consent.document")
    judge.names("a certificate of other times than its entry's", bent(ann, until=later(600)), "consent.document")
    judge.names("a certificate by another's key", bent(Key()), "consent.signature")
    judge.names("a certificate in another role", bent(ann, role="editor"), "clearance.verdict")
    judge.names("a certificate for another territory", bent(ann, territories=("FR", "US")), "clearance.verdict")
    judge.names("a certificate for another class of models", bent(ann, models=("embedding",)), "clearance.verdict")
    log = honest.copy()
    log.answers[path] = {**shown, "certificate": None}
    judge.names("a certificate kept from a key with a grant", log, "disclosure.hidden")


def withdrawn(judge, t, honest):
    """Item 0 is recorded after the withdrawal of what it rests on, with all else as it must be."""
    access = honest.find("access.recorded")
    for item, rules in ((0, ["access.consent"]), (1, ["access.consent"]), (3, [])):
        log = honest.copy()
        log.append(honest.entries[access], honest.shown[access])
        log.disclose(len(log.entries) - 1, item_number=item, item_hash=HASHES[item])
        log.sign()
        if rules:
            report = judge.names(f"an access of item {item} after the withdrawal", log, *rules)
            equal([f["index"] for f in report["findings"]], [len(log.entries) - 1], "with its entry's index")
        else:
            equal(judge.audit(log)[0], 0, "one of an item that rests on no consent is sound")


def erased(t):
    """A creator who has withdrawn goes; her certificates go with her, and what they covered stays."""
    ann = t.who["ann"]
    ann.withdraw(t.other)
    got = must(t.m.operator.post("/v1/erasures", {"party": "ann", "reason": "request"}), 202).json()
    wait_for(lambda: t.m.operator.get(f"/v1/erasures/{got['id']}").json()["state"] == "done", 60, "the erasure")
    equal(t.auditor.get(f"/v1/consents/{t.mine['id']}").json()["certificate"], None, "the certificate is gone")
    equal([r["sha256"] for r in t.auditor.get(f"/v1/consents/{t.mine['id']}/coverage").json()["data"]],
          sorted(HASHES[:2]), "the coverage is not")
    report = sound(t, "after the erasure")
    equal(report["unchecked"]["consent.document"], {"erased": 1, "not_shown": 0}, "and says what could not be checked")


def main():
    with Market(folder("story-rested")) as m:
        t = Story(m)
        sound(t, "at first")
        honest, judge = Log(m, t.auditor), Judge(m, t.auditor)
        rests(judge, t, honest)
        covers(judge, t, honest)
        certified(judge, t, honest)
        withdrawn(judge, t, honest)
        erased(t)
    done()


main()
