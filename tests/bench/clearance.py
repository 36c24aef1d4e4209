# SPDX-License-Identifier: Apache-2.0
"""A clearance and the allocation after it, over many items and creators, against bare SQL of the same joins and
inserts, alternating.

Ours are the worker's whole jobs. The clearance: every consent judged, every item's bytes, contributors, roles and
consents, three Merkle roots, the document and its signature, the entry and its checkpoint. The allocation: weights, fee
and split, accounts, salted leaves, root and paths, postings that the database checks one by one, the entry and its
checkpoint, and the release. Bare is a transaction each: the same rows by the same joins, in whatever order the planner
likes, into tables of the same columns and keys, nothing hashed, nothing signed, nothing checked.
"""
import re
import time

from checks import right
from crowd import Crowd
from harness import clearing
from harness.program import wait_for

BARE_TABLES = """
    CREATE TABLE bare_consent (LIKE clearance_consent INCLUDING INDEXES);
    CREATE TABLE bare_exclusion (LIKE clearance_exclusion INCLUDING INDEXES);
    CREATE TABLE bare_line (LIKE allocation_line INCLUDING DEFAULTS INCLUDING INDEXES);
    ALTER TABLE bare_line DROP CONSTRAINT bare_line_account_n_key;
    CREATE INDEX ON bare_line (account, n);
    CREATE TABLE bare_posting (LIKE posting INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES);
    ALTER TABLE bare_posting DROP CONSTRAINT bare_posting_account_running_key;
    CREATE INDEX ON bare_posting (account, running);"""

BARE_CLEARANCE = """
    BEGIN;
    INSERT INTO bare_consent (clearance, consent, verdict, clears)
        SELECT {clearance}, k.no, v.verdict, v.verdict = 9 FROM consent k CROSS JOIN LATERAL (SELECT CASE
                   WHEN k.state = 'revoked' THEN 2
                   WHEN NOT EXISTS (SELECT FROM consent_grant g WHERE g.consent = k.no AND g.purpose = 'pretraining'
                                       AND g.model = 'generative' AND g.territory IN ('DE', 'EU', 'WORLD')) THEN 3
                   ELSE 9 END AS verdict) v
         WHERE k.index IS NOT NULL AND k.creator IN (SELECT party FROM slice_weight WHERE slice = {slice});
    INSERT INTO bare_exclusion (clearance, n, reason)
        SELECT {clearance}, d.n, CASE d.verdict WHEN 1 THEN 'consent_missing' WHEN 2 THEN 'consent_revoked'
                                                WHEN 3 THEN 'purpose_not_granted' ELSE 'content' END
          FROM (SELECT b.n, min(b.verdict) AS verdict FROM (
              SELECT i.n, c.place, CASE WHEN s.state = 'verified' AND s.verified_at > now() - interval '60 days'
                                        THEN coalesce(max(x.verdict), 1) ELSE 0 END AS verdict
                FROM slice_member m JOIN item i ON i.version = m.version AND i.n = m.n
                JOIN content s ON s.sha256 = i.sha256
                JOIN item_contributor c ON c.version = m.version AND c.n = m.n
                LEFT JOIN (consent_item y JOIN consent k ON k.no = y.consent
                           JOIN bare_consent x ON x.clearance = {clearance} AND x.consent = k.no)
                  ON y.sha256 = i.sha256 AND k.creator = c.party AND k.role = c.role
               WHERE m.slice = {slice} GROUP BY i.n, c.place, s.state, s.verified_at) b GROUP BY b.n) d
         WHERE d.verdict < 9;
    SELECT count(*), sum(length(r.path) + octet_length(r.sha256) + r.size + length(r.ids)) FROM (
        SELECT i.n, i.path, i.sha256, i.size, string_agg(DISTINCT k.id, ',' ORDER BY k.id) AS ids
          FROM slice_member m JOIN item i ON i.version = m.version AND i.n = m.n
          JOIN item_contributor c ON c.version = m.version AND c.n = m.n
          JOIN consent_item y ON y.sha256 = i.sha256
          JOIN consent k ON k.no = y.consent AND k.creator = c.party AND k.role = c.role
          JOIN bare_consent x ON x.clearance = {clearance} AND x.consent = k.no AND x.clears
         WHERE m.slice = {slice} AND NOT EXISTS (SELECT FROM bare_exclusion e WHERE e.clearance = {clearance}
                                                    AND e.n = m.n)
         GROUP BY i.n, i.path, i.sha256, i.size) r;
    COMMIT;"""

BARE_ALLOCATION = """
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
        SELECT {license}, v.sub * 100000 + place, v.sign * amount, 1, amount
          FROM bare_line, (VALUES (0, 1), (0, -1), (1, 1)) v (sub, sign) WHERE allocation = {license};
    COMMIT;"""


def job_seconds(market, kind, key, after=""):
    """Of the first job of this kind and key that ends once the worker has said `after`."""
    log = market.dir / "worker.log"

    def ended():
        text = log.read_text(encoding="utf-8")
        return re.search(rf"job done kind={kind} key={key} ms=(\d+)", text[text.find(after) + 1:]) \
            if after in text else None
    return int(wait_for(ended, 60, f"{kind} to end").group(1)) / 1000


def bare_seconds(market, script):
    began = time.perf_counter()
    market.sql(script)
    middle = time.perf_counter()
    market.sql("SELECT 1")
    return middle - began - (time.perf_counter() - middle)


def excluded(market, table, no):
    return {reason: int(n) for reason, n in market.sql(f"SELECT reason, count(*) FROM {table} WHERE clearance = {no}"
                                                       " GROUP BY reason")}


def run_once(market, crowd, offer, want, paid):
    license_ = crowd.buy(offer)
    clearance = clearing.clear(crowd.buyer, license_["id"])
    ours = job_seconds(market, "clear_license", clearance["id"])
    crowd.wait_allocated(license_, 300)
    allocated = job_seconds(market, "allocate", "due", f"allocated license={license_['id']} ")
    no, cut, clr = map(int, market.sql("SELECT l.no, l.slice_no, c.no FROM license l JOIN clearance c ON"
                                       f" c.license = l.no WHERE c.id = '{clearance['id']}'")[0])
    bare = bare_seconds(market, BARE_CLEARANCE.format(slice=cut, clearance=clr))
    bare_allocated = bare_seconds(market, BARE_ALLOCATION.format(slice=cut, license=no))
    right({x["reason"]: x["item_count"] for x in clearance["excluded"]} == want, f"each reason, counted: {clearance}")
    right(clearance["cleared"] == crowd.count - sum(want.values()), "the rest is cleared")
    right(excluded(market, "clearance_exclusion", clr) == want, "so the table says")
    right(excluded(market, "bare_exclusion", clr) == want, "so says bare SQL")
    lines = market.sql("SELECT count(*), bool_and(x.weight IS NOT DISTINCT FROM b.weight) FROM"
                       " (SELECT party, weight FROM allocation_line x JOIN allocation a ON a.no = x.allocation"
                       f" WHERE a.license = {no}) x"
                       f" FULL JOIN (SELECT * FROM bare_line WHERE allocation = {no}) b USING (party)")
    right(lines[0] == [str(paid), "t"], f"every creator of what is cleared has a line, of the same weight: {lines}")
    return (ours, bare), (allocated, bare_allocated)


def bench_clearance(market, items, creators, runs):
    """[((clearance, bare), (allocation, bare)), …] in seconds"""
    crowd, out = Crowd(market, items, creators), []
    offer, want, paid = crowd.offer({"amount": "1000.00", "currency": "EUR"}), crowd.excluded(), crowd.earners()
    market.sql(BARE_TABLES)
    for number in range(runs):
        out.append(run_once(market, crowd, offer, want, paid))
        (clear, bare), (allocate, bare_allocate) = out[-1]
        print(f"  run {number + 1}: {clear * 1000:8.0f} ms cleared  bare {bare * 1000:8.0f} ms  "
              f"{allocate * 1000:8.0f} ms allocated  bare {bare_allocate * 1000:8.0f} ms", flush=True)
    return out
