# SPDX-License-Identifier: Apache-2.0
"""An allocation over many items and creators, against bare SQL of the same joins and inserts, alternating.

Ours is the worker's whole job: weights, fee and split, accounts, salted leaves, root and paths, postings that the
database checks one by one, the entry and its checkpoint, and the release. Bare is one transaction: the same weights
by the same join, shares rounded down, as many rows in tables of the same columns and keys, nothing checked.
"""
import json
import re
import time

from harness import money
from harness.program import wait_for
from harness.sale import must

PART = 20000

BARE_TABLES = """
    CREATE TABLE bare_line (LIKE allocation_line INCLUDING DEFAULTS INCLUDING INDEXES);
    ALTER TABLE bare_line DROP CONSTRAINT bare_line_account_n_key;
    CREATE INDEX ON bare_line (account, n);
    CREATE TABLE bare_posting (LIKE posting INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES);
    ALTER TABLE bare_posting DROP CONSTRAINT bare_posting_account_running_key;
    CREATE INDEX ON bare_posting (account, running);"""

BARE = """
    BEGIN;
    CREATE TEMPORARY TABLE share ON COMMIT DROP AS
        SELECT c.party, sum(c.weight)::bigint AS weight FROM slice_member m
          JOIN item_contributor c ON c.version = m.version AND c.n = m.n
         WHERE m.slice = {slice} AND NOT EXISTS (SELECT FROM unpaid_item x WHERE x.license = {license} AND x.n = m.n)
         GROUP BY c.party;
    INSERT INTO bare_line (allocation, place, account, party, weight, amount, fee, n, salt, path)
        SELECT {license}, row_number() OVER (ORDER BY party) - 1, 'acc_' || party, party, weight,
               weight * 1000000000 / (SELECT sum(weight) FROM share), 0, {license}, decode(repeat('00', 16), 'hex'),
               decode(repeat('00', 320), 'hex') FROM share;
    INSERT INTO bare_posting (transaction, account, amount, running, balance)
        SELECT {license}, allocation * 100000 + place, amount, 1, amount FROM bare_line WHERE allocation = {license};
    COMMIT;"""


class Crowd(money.Studio):
    """A dataset of `items` by `creators`, two of them each."""

    def __init__(self, market, items, creators):
        super().__init__(market, creators=0)
        market.sql("INSERT INTO party (id, handle, roles, index, created_at)"
                   f" SELECT 'pty_0' || lpad(i::text, 25, '0'), 'crowd-' || i, '{{creator}}', 0, now()"
                   f" FROM generate_series(1, {creators}) i")
        house, body = self.publisher, b"one text for all"
        sha256 = money.hashlib.sha256(body).hexdigest()
        must(house.put(f"/v1/content/{sha256}", body, headers={"Content-Type": "application/octet-stream"}), 201, 204)
        must(house.post("/v1/datasets", {"name": "set", "title": "Set", "modality": "text"}, idempotency=None), 201)
        base = "/v1/datasets/house/set/versions"
        draft = must(house.post(base, idempotency=None), 201).json()["id"]
        for first in range(0, items, PART):
            lines = "".join(self.line(i, sha256, len(body), creators) for i in range(first, min(items, first + PART)))
            must(house.put(f"{base}/{draft}/items?part={first // PART}", lines.encode(),
                           headers={"Content-Type": "application/jsonl"}), 200)

        def published():
            got = must(house.post(f"{base}/{draft}/publish", idempotency=draft), 200, 202)
            return got.json()["version"] if got.status == 200 else None
        self.version = wait_for(published, 600, "the version to be sealed")
        where = f"{base}/{self.version['number']}"
        wait_for(lambda: house.get(where).json()["verification"]["unverified"] == 0, 300, "it to be verified")

    @staticmethod
    def line(i, sha256, size, creators):
        made = [{"party": f"pty_0{(i * step + add) % creators + 1:025d}", "role": "author", "weight": i % 7 + 1}
                for step, add in ((1, 0), (3, 1))]
        return json.dumps({"path": f"t/{i:07d}.txt", "sha256": sha256, "size": size, "contributors": made}) + "\n"


def job_ms(market):
    text = (market.dir / "worker.log").read_text(encoding="utf-8")
    return [int(ms) for ms in re.findall(r"job done kind=allocate key=due ms=(\d+)", text)]


def bench_allocation(market, items, creators, runs):
    """[(ours in seconds, bare in seconds, lines)]"""
    crowd, out = Crowd(market, items, creators), []
    offer = crowd.offer({"amount": "1000.00", "currency": "EUR"})
    market.sql(BARE_TABLES)
    for _ in range(runs):
        license_ = crowd.buy(offer)
        before = len(job_ms(market))
        crowd.clear(license_, range(0, items, 100))
        crowd.wait_allocated(license_, 300)
        wait_for(lambda: len(job_ms(market)) > before, 30, "the job to end")        # noqa: B023
        no, cut = market.sql(f"SELECT no, slice_no FROM license WHERE id = '{license_['id']}'")[0]
        lines = market.sql(f"SELECT line_count FROM allocation WHERE license = {no}")[0][0]
        began = time.perf_counter()
        market.sql(BARE.format(slice=cut, license=no))
        bare = time.perf_counter() - began
        began = time.perf_counter()
        market.sql("SELECT 1")
        out.append((job_ms(market)[-1] / 1000, bare - (time.perf_counter() - began), int(lines)))
    return out
