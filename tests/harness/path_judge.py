# SPDX-License-Identifier: Apache-2.0
"""What must hold once the whole path was walked (path.py): held against the log, the books, and the audit."""
import collections
import json

from harness import money, slices, tap
from harness.path import EACH, FEE_PPM, TARIFF
from harness.program import wait_for
from harness.sale import must

DRAIN_S = 180               # a job whose worker was killed waits for its lease to run out
# What may be in the log once: type -> fields of its body, each of which is of one entry of the types beside it.
ONCE = (("consent.granted", "consent"), ("consent.granted", "document"), ("consent.revoked", "consent"),
        ("license.granted", "license"), ("license.granted", "payment"), ("payment.received", "payment"),
        ("payment.received", "license"), ("clearance.issued clearance.denied", "clearance"),
        ("allocation.posted", "allocation"), ("allocation.posted", "license"), ("refund.posted", "refund"),
        ("refund.posted", "license"), ("payout.instructed", "payout"), ("payout.settled payout.failed", "payout"),
        ("status_list.published", "document"), ("dataset.published", "version"))
UNDONE = {
    "a consent is not verified": "SELECT id FROM consent WHERE state = 'received'",
    "a clearance is not decided": "SELECT id FROM clearance WHERE state = 'pending'",
    "a cleared license has no allocation": "SELECT l.id FROM license l WHERE EXISTS (SELECT FROM clearance c WHERE"
    " c.license = l.no AND c.granted) AND NOT EXISTS (SELECT FROM allocation a WHERE a.license = l.no)",
    "an allocation is not posted": "SELECT id FROM allocation WHERE state NOT IN ('posted', 'nothing')",
    "what is not held is not available": "SELECT id FROM allocation WHERE state = 'posted'"
    " AND release_transaction IS NULL",
    "a payout run is not made": "SELECT id FROM payout_run WHERE state <> 'instructed'",
}
WRONG = {
    "a job is dead": "SELECT id, kind, error FROM job WHERE state = 'dead'",
    "something is left prepared": "SELECT p.transaction FROM posting p JOIN book_transaction t ON t.no = p.transaction"
    " LEFT JOIN book_activation x ON x.transaction = t.no WHERE coalesce(t.index, x.index) IS NULL",
    "a payout has no entry of its own": "SELECT p.id FROM payout p LEFT JOIN entry e ON e.index = p.index"
    " WHERE e.type IS DISTINCT FROM 'payout.instructed'",
    "an access is after a withdrawal that its clearance didn't know": "SELECT a.license, a.item, a.index FROM access a"
    " JOIN license l ON l.no = a.license JOIN item_withdrawal w ON w.version = l.version AND w.n = a.item"
    " CROSS JOIN LATERAL (SELECT as_of FROM clearance c WHERE c.license = l.no AND c.granted AND c.index < a.index"
    " ORDER BY c.index DESC LIMIT 1) c WHERE a.index > w.withdrawn AND w.withdrawn >= c.as_of",
}


def drained(market):
    """All that was begun is done, now that nothing is killed any more."""
    def undone():
        return [f"{why}: {rows[:3]}" for why, text in UNDONE.items() if (rows := market.sql(text))]
    try:
        wait_for(lambda: not undone(), DRAIN_S, "all jobs to be done")
    except TimeoutError:
        pass
    tap.equal(undone(), [], "every job that was begun is done")
    tap.equal([f"{why}: {rows[:3]}" for why, text in WRONG.items() if (rows := market.sql(text))], [],
              "none is dead, nothing is left half done")


def answer_all(market):
    """The rail's word on each payout that has none yet."""
    rows, more = [], "/v1/payouts?limit=1000"
    while more:
        page = must(market.operator.get(more), 200).json()
        rows += page["data"]
        more = page["next_cursor"] and f"/v1/payouts?limit=1000&cursor={page['next_cursor']}"
    for payout in rows:
        if payout["state"] == "instructed":
            must(market.operator.post(f"/v1/payouts/{payout['id']}/settle", {"reference": "at last"}), 200)
    return rows


def lost(path, entries):
    """Acknowledged, and not in the log."""
    problems = []
    for index, kind, body in path.facts:
        entry = entries[index] if index < len(entries) else {"type": "nothing", "body": {}}
        if entry["type"] != kind or any(entry["body"].get(k) != v for k, v in body.items()):
            problems.append(f"entry {index} is {entry}, not {kind} {body}")
    return problems


def twice(entries):
    problems = []
    for types, field in ONCE:
        seen = collections.Counter(e["body"][field] for e in entries
                                   if e["type"] in types.split(" ") and field in e["body"])
        problems += [f"{n} entries {types} of {field} {value}" for value, n in seen.items() if n > 1]
    return problems


def rows_of(path, clearance):
    """{path of a cleared item: consents that it rests on}, as its buyer gets them."""
    out, more = {}, f"/v1/clearances/{clearance}/rows?which=cleared&limit=1000"
    while more:
        page = must(path.buyer.get(more), 200).json()
        out.update({row["path"]: row["consents"] for row in page["data"]})
        more = page["next_cursor"] and \
            f"/v1/clearances/{clearance}/rows?which=cleared&limit=1000&cursor={page['next_cursor']}"
    return out


class Clearances:
    """Each that was issued in the log: its license, its index, what it clears."""

    def __init__(self, path, entries):
        self.of = collections.defaultdict(list)         # license -> [(index, as_of, rows)], oldest first
        self.by_id = {}
        for index, entry in enumerate(entries):
            body = entry["body"]
            if entry["type"] == "clearance.issued" and body["license"] in path.requests:
                self.by_id[body["clearance"]] = (index, body["as_of"], rows_of(path, body["clearance"]))
                self.of[body["license"]].append(self.by_id[body["clearance"]])


def slipped(path, entries, clearances):
    """Accesses that no clearance covered, or that were granted after a withdrawal."""
    problems = []
    granted = {e["body"]["consent"]: i for i, e in enumerate(entries) if e["type"] == "consent.granted"}
    revoked = {e["body"]["consent"]: i for i, e in enumerate(entries) if e["type"] == "consent.revoked"}
    for license_id, item, index, known in path.accesses:
        at, as_of, rows = clearances.by_id[entries[index]["body"]["clearance"]]
        if at > index or item not in rows:
            problems.append(f"access {index} of {item} is not covered by its clearance")
            continue
        for consent in rows[item]:
            if granted[consent] >= as_of or revoked.get(consent, index) < index:
                problems.append(f"access {index} of {item} rests on {consent}, which was not in force")
        # One that shares an older entry's window: some clearance of the license has nothing withdrawn in it.
        if not any(item in r and not any(path.withdrawn.get(c, known) < known for c in r[item])
                   for _, _, r in clearances.of[license_id]):
            problems.append(f"{item} under {license_id} was delivered after an acknowledged withdrawal")
    return problems


def misallocated(path, clearances):
    """Each license that was cleared: its first clearance, its items, weights, price and fee, all computed once more."""
    problems, checked = [], 0
    lines = collections.defaultdict(dict)
    for license_id, party, amount in path.market.sql(
            "SELECT l.id, x.party, x.amount FROM allocation_line x JOIN allocation a ON a.no = x.allocation"
            " JOIN license l ON l.no = a.license"):
        lines[license_id][party] = int(amount)
    refunds = dict(path.market.sql("SELECT l.id, a.refund FROM allocation a JOIN license l ON l.no = a.license"))
    for license_id, issued in clearances.of.items():
        chosen = slices.pick(path.items, path.requests[license_id])
        cleared = [i for i in chosen if i["path"] in issued[0][2]]
        paid = money.price(TARIFF, len(chosen))
        owed = money.owed(TARIFF, paid, len(chosen), len(cleared))
        weights = money.weights(cleared, "per_item", path.house.id)
        want = {c: a for c, a in money.largest_remainder(owed - owed * FEE_PPM // money.MICRO, weights).items() if a}
        checked += 1
        if lines[license_id] != want or int(refunds[license_id]) != paid - owed:
            problems.append(f"{license_id}: {lines[license_id]} and {refunds[license_id]} back, not {want} and"
                            f" {paid - owed}")
    return problems, checked


def statements(path):
    """Each creator's own check of what she was told, offline."""
    log_key = must(path.market.operator.get("/v1/log/key"), 200).json()["log_key"]
    for creator in path.creators:
        file = path.market.dir / f"{creator.party.handle}.json"
        creator.party.cf("statement", "--save", file)
        got = creator.party.cf("verify", file, "--key", log_key, code=None)
        tap.equal(got.code, 0, f"{creator.party.handle}'s statement verifies offline") or tap.note(repr(got))


def paid_once(market):
    """Each payout is in the file of one run, and nobody has more than she was allocated."""
    files = collections.Counter()
    for run, in market.sql("SELECT id FROM payout_run"):
        file = must(market.operator.get(f"/v1/payout-runs/{run}/file"), 200).body.decode()
        files.update(line.split(",")[0] for line in file.splitlines()[1:])
    made = [row[0] for row in market.sql("SELECT id FROM payout")]
    tap.check(made and sorted(files.elements()) == sorted(made), f"each of {len(made)} payouts was handed over once")
    tap.equal(market.sql("SELECT y.account FROM payout y WHERE state = 'settled' GROUP BY 1 HAVING sum(amount) >"
                         " (SELECT sum(amount) FROM allocation_line x WHERE x.account = y.account)"), [],
              "nobody was paid more than was allocated")


def audited(path, auditor):
    """With the auditor's key: everything is disclosed and listed."""
    got = auditor.cf("audit", path.market.url, "--json", "--state", path.market.dir / "audit-of-all", code=None)
    report = json.loads(got.out) if got.out else {}
    good = got.code == 0 and report["undisclosed"] == 0 and report["unlisted"] == 0
    tap.check(good, f"the audit is sound, with {report.get('disclosed')} entries' private fields and"
              f" {report.get('listed')} lists") or tap.note(repr(got)[:4000])


def judge_path(path, entries, auditor):
    """entries: the whole log, which was found to be what was signed."""
    tap.equal(path.problems[:20], [], "everybody on the path got the answers that she should")
    tap.check(all(path.counts[what] for what in EACH), ", ".join(f"{what} {path.counts[what]}" for what in EACH))
    issued = path.counts["cleared"] + path.counts["cleared with exclusions"]
    tap.check(issued > 0, f"clearances asked: {path.counts['clearances asked']}, issued: {issued}, denied: "
              f"{path.counts['refused']}; accesses refused: {path.counts['accesses refused']}")
    problems = lost(path, entries)
    tap.equal(problems[:5], [], f"none of {len(path.facts)} acknowledged entries is lost")
    tap.equal(twice(entries)[:5], [], "nothing is in the log twice")
    clearances = Clearances(path, entries)
    tap.equal(slipped(path, entries, clearances)[:5], [], f"none of {len(path.accesses)} accesses was without a"
              " clearance, or after a withdrawal")
    problems, checked = misallocated(path, clearances)
    tap.check(checked and not problems, f"{checked} payments were split and refunded as computed here") or \
        tap.note("\n".join(problems[:5]))
    paid_once(path.market)
    statements(path)
    audited(path, auditor)
