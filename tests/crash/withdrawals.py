# SPDX-License-Identifier: Apache-2.0
"""Withdrawal to refusal: readers all the while a consent is withdrawn. None is answered by an access after it.

Each trial has a content of its own under many paths, with a consent of its own, fetched under several licenses: so
nearly every GET is an access of its own. TRIALS are 500, 10,000 in soak.
"""
import hashlib
import json
import os
import random
import threading
import time

from harness import clearing, consents, tap
from harness.creator import Creator
from harness.load import Client
from harness.market import Market
from harness.program import wait_for
from harness.sale import later, must, terms
from harness.tree import folder

READERS = 64
TRIALS = int(os.environ.get("COUNTERFOIL_TRIALS") or (10000 if os.environ.get("COUNTERFOIL_SOAK") else 500))
PATHS, LICENSES = 8, 8
AHEAD = 100             # consents that are posted before their trials, at a time
PART = 20000
AUDIT_S = 3600          # with every disclosure, of a log of half a million entries in soak


def publish(market, house, creator):
    hashes = []
    for i in range(TRIALS):
        body = b"work %d" % i
        hashes.append(hashlib.sha256(body).hexdigest())
        must(house.put(f"/v1/content/{hashes[-1]}", body, headers={"Content-Type": "application/octet-stream"}), 201,
             204)
    must(house.post("/v1/datasets", {"name": "works", "title": "Works", "modality": "text"}, idempotency=None), 201)
    base = "/v1/datasets/house/works/versions"
    draft = must(house.post(base, idempotency=None), 201).json()["id"]
    lines = [json.dumps({"path": f"{i:05d}/{k}.txt", "sha256": sha256, "size": len(b"work %d" % i), "contributors": [
        {"party": creator.party.id, "role": "author", "weight": 1}]}) for i, sha256 in enumerate(hashes)
        for k in range(PATHS)]
    for first in range(0, len(lines), PART):
        part = "\n".join(lines[first:first + PART]) + "\n"
        must(house.put(f"{base}/{draft}/items?part={first // PART}", part.encode(),
                       headers={"Content-Type": "application/jsonl"}), 200)

    def sealed():
        got = must(house.post(f"{base}/{draft}/publish", idempotency=draft), 200, 202)
        return got.json()["version"] if got.status == 200 else None
    version = wait_for(sealed, 600, "the version to be sealed")
    wait_for(lambda: house.get(f"{base}/1").json()["verification"]["verified"] == len(lines), 600, "verification")
    wish = {"dataset": "house/works", "version": 1, "price": {"amount": "0.00", "currency": "EUR"},
            "terms": terms(house.id, version["id"], later(300))}
    return hashes, must(house.post("/v1/offers", wish), 201).json()["id"]


def license_of(bob, offer):
    wish = {"offer": offer, "purpose": "pretraining", "territory": "DE", "until": later(30)}
    quote = must(bob.post("/v1/quotes", wish, idempotency=None), 201).json()["id"]
    return must(bob.post("/v1/licenses", {"quote": quote}), 201).json()["id"]


class Readers:
    """Threads that fetch what the trial is about, again and again; each GET is over before the next trial begins."""

    def __init__(self, market, key, licenses):
        self.licenses, self.trial, self.over = licenses, -1, False
        self.withdrawn = {}             # trial -> index of the withdrawal, once it was answered
        self.late, self.odd, self.granted, self.refused = [], [], 0, 0
        self.flying, self.raced = 0, []         # GETs under way: now; as each withdrawal was sent, and answered
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.read, args=(market.port, key, i)) for i in range(READERS)]

    def wrong(self):
        return self.odd or self.late

    def one(self, client, rng, trial):
        known = trial in self.withdrawn         # answered before this GET was sent
        target = f"/v1/licenses/{rng.choice(self.licenses)}/items/{trial:05d}/{rng.randrange(PATHS)}.txt"
        with self.lock:
            self.flying += 1
        answer = client.ask("GET", target)
        with self.lock:
            self.flying -= 1
            if answer is None or answer[0] not in (200, 403):
                self.odd.append((trial, answer and answer[0]))
            elif answer[0] == 403:
                self.refused += 1
                if b"consent-withdrawn" not in answer[2]:
                    self.odd.append((trial, answer[2][:200]))
            else:
                self.granted += 1
                index = int(answer[1]["Counterfoil-Entry"])
                if known or index > self.withdrawn.get(trial, index):
                    self.late.append((trial, index))

    def read(self, port, key, seed):
        client, rng = Client(port, key), random.Random(seed)
        while not self.over:
            trial = self.trial
            if trial >= 0:
                self.one(client, rng, trial)
        client.close()


def trial(creator, readers, consent, request, number, rng):
    readers.trial = number
    at = readers.granted + rng.randrange(1, 40)
    wait_for(lambda: readers.granted >= at or readers.wrong(), 60, "some readers to be answered")
    sent = readers.flying
    readers.withdrawn[number] = creator.withdraw(consent, request)["entry"]["index"]
    readers.raced.append(min(sent, readers.flying))
    refused = readers.refused
    wait_for(lambda: readers.refused >= refused + 8 or readers.wrong(), 60, "readers to be refused")


def grant(creator, hashes, first):
    """Consents, each for one content, all granted; their places in the status lists are from `first` on."""
    lists = creator.market.operator.get("/v1/status-lists").json()["data"]
    made = []
    for place, sha256 in enumerate(hashes, first):
        signed = creator.key.prove(consents.certificate(creator.key, [sha256], lists, place=place), consents.moment())
        made.append(must(creator.party.call("POST", "/v1/consents", consents.body(signed, [sha256]),
                                            headers={"Content-Type": "application/jsonl"}), 201).json())
    wait_for(lambda: creator.show(made[-1])["state"] == "granted"
             and creator.market.sql("SELECT count(*) FROM consent WHERE state = 'received'") == [["0"]], 300, "grants")
    return made


def main():
    rng = random.Random(64)
    with Market(folder("crash-withdrawals"), COUNTERFOIL_RATE="0") as market:
        house, bob = market.party("house", "publisher"), market.party("bob", "buyer")
        creator = Creator(market, market.party("ann", "creator"))
        hashes, offer = publish(market, house, creator)
        wait_for(lambda: market.operator.get("/v1/status-lists").json()["data"], 60, "the status lists")
        made = [c for first in range(0, TRIALS, AHEAD) for c in grant(creator, hashes[first:first + AHEAD], first)]
        licenses = [license_of(bob, offer) for _ in range(LICENSES)]
        asked = [clearing.ask(bob, license_id) for license_id in licenses]
        states = {clearing.decided(bob, c, seconds=600)["state"] for c in asked}
        tap.equal(states, {"cleared"}, "all is cleared")
        requests = [consents.withdrawal(creator.key, c) for c in made]      # signing here is slow, and would wait
        readers = Readers(market, bob.key, licenses)
        for thread in readers.threads:
            thread.start()
        done = 0
        try:
            while done < TRIALS and not readers.wrong():
                trial(creator, readers, made[done], requests[done], done, rng)
                done += 1
        finally:
            readers.over = True
            for thread in readers.threads:
                thread.join()
        tap.equal(done, TRIALS, "trials")
        tap.check(readers.raced and min(readers.raced) > 0, f"each raced: {min(readers.raced, default=0)} to "
                  f"{max(readers.raced, default=0)} readers under way as it was sent and answered")
        tap.equal(readers.odd[:5], [], "no answer but the two")
        tap.equal(readers.late[:5], [], f"none slips through: {readers.granted} granted, {readers.refused} refused")
        after = market.sql("SELECT count(*) FROM access a JOIN license l ON l.no = a.license JOIN item_withdrawal w"
                           " ON w.version = l.version AND w.n = a.item WHERE a.index > w.withdrawn")
        tap.equal(after, [["0"]], "nor is any access in the ledger after its withdrawal")
        tap.check(market.entries("access.recorded") > TRIALS, "accesses of their own")
        tap.equal(market.entries("consent.revoked"), TRIALS, "each withdrawal is an entry")
        auditor = market.party("judge", "auditor")
        began = time.monotonic()
        got = market.cf("audit", market.url, "--json", "--state", market.dir / "audit", key=auditor.key, code=None,
                        timeout=AUDIT_S)
        tap.note(f"{market.entries()} entries audited in {time.monotonic() - began:.0f} s")
        tap.equal(got.code, 0, "the audit, with the disclosures, is sound") or tap.note(got.out[-3000:])
    tap.done()


main()
