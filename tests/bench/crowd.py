# SPDX-License-Identifier: Apache-2.0
"""A dataset that many made: two of them each item, nearly all of whom consented by certificates of their own."""
import concurrent.futures
import hashlib
import json

from checks import copy_in
from harness import consents, money
from harness.ed25519 import Key
from harness.program import wait_for
from harness.sale import must

PART = 20000
AT_ONCE = 8
# Of a hundred creators one consented to another purpose only, one withdrew, one never consented.
OTHER_PURPOSE, WITHDREW, SILENT = 0, 1, 2
REASONS = ("consent_missing", "consent_revoked", "purpose_not_granted")      # the first that holds is the item's


def made_by(i, creators):
    """Who made item i."""
    return i % creators, (3 * i + 1) % creators


def body_of(i):
    return f"text {i}\n".encode()


class Crowd(money.Studio):
    def __init__(self, market, items, creators):
        super().__init__(market, creators=0)
        self.count = items
        self.hashes = [hashlib.sha256(body_of(i)).hexdigest() for i in range(items)]
        self.creators = self._each(range(creators), self._register)
        self._store()
        self._publish()
        self._consent()

    @staticmethod
    def _each(what, how):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(how, what))

    def _register(self, number):
        party, key = self.market.party(f"crowd-{number}", "creator"), Key()
        statement = consents.statement(key, party.id, self.market.origin)
        must(party.post("/v1/me/public-keys", {"statement": statement}), 201)
        return party, key

    def _store(self):
        """Contents as an upload leaves them, but for their syncs."""
        for i in range(self.count):
            self.market.blob(body_of(i)).write_bytes(body_of(i))
        table = self.market.dir / "contents"
        table.write_text("".join(f"\\\\x{h}\t{len(body_of(i))}\n" for i, h in enumerate(self.hashes)), encoding="ascii")
        self.market.sql("CREATE TABLE brought (sha256 bytea, size bigint)")
        copy_in(self.market.cluster.dsn(), "brought", table)
        self.market.sql("INSERT INTO content (sha256, size) SELECT sha256, size FROM brought;"
                        "INSERT INTO content_upload (party, sha256)"
                        f" SELECT '{self.publisher.id}', sha256 FROM brought; DROP TABLE brought")

    def _line(self, i):
        made = [{"party": self.creators[c][0].id, "role": "author", "weight": i % 7 + 1}
                for c in made_by(i, len(self.creators))]
        return json.dumps({"path": f"t/{i:07d}.txt", "sha256": self.hashes[i], "size": len(body_of(i)),
                           "contributors": made}) + "\n"

    def _publish(self):
        house = self.publisher
        must(house.post("/v1/datasets", {"name": "set", "title": "Set", "modality": "text"}, idempotency=None), 201)
        base = "/v1/datasets/house/set/versions"
        draft = must(house.post(base, idempotency=None), 201).json()["id"]
        for first in range(0, self.count, PART):
            part = "".join(self._line(i) for i in range(first, min(self.count, first + PART)))
            must(house.put(f"{base}/{draft}/items?part={first // PART}", part.encode(),
                           headers={"Content-Type": "application/jsonl"}), 200)

        def published():
            got = must(house.post(f"{base}/{draft}/publish", idempotency=draft), 200, 202)
            return got.json()["version"] if got.status == 200 else None
        self.version = wait_for(published, 600, "the version to be sealed")
        where = f"{base}/{self.version['number']}"
        wait_for(lambda: house.get(where).json()["verification"]["verified"] == self.count, 300, "it to be verified")

    def _consent(self):
        lists = wait_for(lambda: self.market.operator.get("/v1/status-lists").json()["data"], 60, "the status lists")
        works = [[] for _ in self.creators]
        for i, sha256 in enumerate(self.hashes):
            for c in made_by(i, len(self.creators)):
                works[c].append(sha256)

        def grant(c):
            if c % 100 == SILENT:
                return None
            party, key = self.creators[c]
            purpose = "evaluation" if c % 100 == OTHER_PURPOSE else "pretraining"
            signed = key.prove(consents.certificate(key, works[c], lists, place=c, purposes=(purpose,)),
                               consents.moment())
            return must(party.call("POST", "/v1/consents", consents.body(signed, works[c]),
                                   headers={"Content-Type": "application/jsonl"}), 201).json()
        given = self._each(range(len(self.creators)), grant)
        wanted = sum(g is not None for g in given)
        wait_for(lambda: self.market.entries("consent.granted") == wanted, 300, f"{wanted} consents to be granted")
        for c in range(WITHDREW, len(self.creators), 100):
            party, key = self.creators[c]
            request = consents.withdrawal(key, given[c])
            must(party.post(f"/v1/consents/{given[c]['id']}/revoke", {"request": request}), 200)

    def excluded(self):
        """{reason: items}, by the items alone."""
        out = {}
        for i in range(self.count):
            kinds = {c % 100 for c in made_by(i, len(self.creators))}
            for kind, reason in zip((SILENT, WITHDREW, OTHER_PURPOSE), REASONS):
                if kind in kinds:
                    out[reason] = out.get(reason, 0) + 1
                    break
        return out

    def earners(self):
        """Creators who have a part in something that is cleared."""
        bad = {OTHER_PURPOSE, WITHDREW, SILENT}
        return len({c for i in range(self.count) for made in [made_by(i, len(self.creators))]
                    if not bad & {m % 100 for m in made} for c in made})
