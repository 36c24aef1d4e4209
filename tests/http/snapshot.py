# SPDX-License-Identifier: Apache-2.0
"""Snapshots of what is owed to creators: taken before payouts and by the day, recomputed here, and what they prove."""
import json
import os
import random
import secrets

from harness import held, money, tap, web
from harness.market import Market
from harness.program import second_worker, wait_for
from harness.sale import must
from harness.tree import folder


def refused(got, status, slug, name):
    tap.check(got.status == status and got.slug == slug, name) or tap.note(repr(got))


def allocate(studio, excluded=()):
    license_ = studio.buy(studio.offer({"amount": "12.34", "currency": "EUR"}))
    studio.clear(license_, excluded)
    studio.wait_allocated(license_)
    wait_for(lambda: studio.market.sql("SELECT count(*) FROM allocation WHERE state = 'posted'"
                                       " AND release_transaction IS NULL") == [["0"]], 30, "it to be available")


def pay_out(studio, minimum="0.01"):
    operator = studio.market.operator
    wait_for(lambda: studio.market.sql("SELECT count(*) FROM allocation WHERE state = 'posted'"
                                       " AND release_transaction IS NULL") == [["0"]], 60, "what isn't held")
    made = must(operator.post("/v1/payout-runs", {"rail": "csv", "minimum": {
        "amount": minimum, "currency": "EUR"}}), 202).json()
    wait_for(lambda: must(operator.get(f"/v1/payout-runs/{made['id']}"), 200).json()["state"] == "instructed", 60,
             "the run")
    return made["id"]


def snapshots(studio):
    return must(studio.buyer.get("/v1/snapshots"), 200).json()["data"]


def owed(market, as_of):
    """{account: (lines, micro-units)} by lines and payouts with entries before `as_of`."""
    rows = market.sql(
        "SELECT c.id, (SELECT count(*) FROM allocation_line x JOIN allocation n ON n.no = x.allocation"
        f"               WHERE x.account = c.id AND n.index < {as_of}),"
        " (SELECT coalesce(sum(x.amount), 0) FROM allocation_line x JOIN allocation n ON n.no = x.allocation"
        f"  WHERE x.account = c.id AND n.index < {as_of})"
        f" - (SELECT coalesce(sum(amount), 0) FROM payout WHERE account = c.id AND index < {as_of})"
        f" + (SELECT coalesce(sum(amount), 0) FROM payout WHERE account = c.id AND failed_index < {as_of})"
        "  FROM creator_account c")
    return {a: (int(n), int(m)) for a, n, m in rows if int(n)}


def whole(market, auditor, snap):
    """What the entry, the leaves and the books say, against one another."""
    index, as_of = snap["entry"]["index"], snap["as_of"]
    body = must(market.operator.get(f"/v1/entries/{index}"), 200).json()["entry"]["body"]
    rows = must(auditor.get(f"/v1/snapshots/{index}/leaves?currency=EUR"), 200).json()["data"]
    same = body["as_of"] == as_of and body["currencies"] == snap["currencies"]
    same &= {r["account"]: (r["n"], money.micro(r["balance"])) for r in rows} == owed(market, as_of)
    same &= rows == held.ordered(rows, as_of) and body["currencies"] == {"EUR": held.sums(rows, as_of)}
    tap.check(same, f"entry {index}: {len(rows)} accounts as of {as_of}, recomputed") or tap.note(f"{body}\n{rows}")
    return rows


def taken(studio, auditor):
    market = studio.market
    tap.equal(snapshots(studio), [], "there is none before anything is paid out")
    got = studio.creators[0].cf("statement", "--verify", code=1)
    tap.check("no snapshot yet" in got.err, "and a statement that would end at one says so") or tap.note(repr(got))
    pay_out(studio)
    first = snapshots(studio)
    tap.equal(len(first), 1, "one comes before a payout run")
    instructed = market.sql("SELECT min(index) FROM payout")[0][0]
    tap.check(first[0]["entry"]["index"] < int(instructed), "and before its first payout")
    pay_out(studio)
    tap.equal(snapshots(studio), first, "a run that it covers needs no other")
    rows = whole(market, auditor, first[0])
    tap.check(len({r["salt"] for r in rows}) == len(rows) > 2, "each leaf has a salt of its own")
    return first[0]


def mine(studio, snap, late):
    """Every creator's own path leads to the root; who had nothing then is shown to be absent."""
    index, as_of, eur = snap["entry"]["index"], snap["as_of"], snap["currencies"]["EUR"]
    want = money.micro(eur["total"]), bytes.fromhex(eur["root"])
    for p in [studio.publisher, *studio.creators]:
        account = must(p.get(f"/v1/snapshots/{index}"), 200).json()["accounts"][0]
        proof = account["proof"]
        if p is late:
            beside = proof["neighbors"]
            nodes = [held.leaf_of(money.micro(b["sum"]), bytes.fromhex(b["id"]), bytes.fromhex(b["commitment"]))
                     for b in beside]
            good = all(held.follow(b["place"], eur["accounts"], at, b["path"]) == want
                       for b, at in zip(beside, nodes))
            wanted = held.salted(account["account"], as_of).hex()
            edges = ["" if beside[0]["id"] > wanted else beside[0]["id"], "g" if beside[-1]["id"] < wanted
                     else beside[-1]["id"]]
            places = [-1 if not edges[0] else beside[0]["place"],
                      eur["accounts"] if edges[1] == "g" else beside[-1]["place"]]
            tap.check(good and "leaf" not in proof and edges[0] < wanted < edges[1] and places[0] + 1 == places[1],
                      f"{p.handle}'s account isn't there: its neighbors show it") or tap.note(str(proof))
        else:
            at = held.leaf(proof["leaf"], as_of)
            tap.check(proof["leaf"]["account"] == account["account"] and
                      held.follow(proof["place"], eur["accounts"], at, proof["path"]) == want,
                      f"{p.handle}'s leaf and path lead to the root")
    tap.equal(must(studio.buyer.get(f"/v1/snapshots/{index}"), 200).json()["accounts"], [], "a buyer has no account")


def rights(studio, auditor, snap):
    leaves = f"/v1/snapshots/{snap['entry']['index']}/leaves"
    for p in (studio.creators[0], studio.publisher, studio.buyer, studio.market.operator):
        refused(p.get(f"{leaves}?currency=EUR"), 403, "forbidden", f"the leaves are not for {p.handle}")
    refused(web.Client(studio.market.port).get("/v1/snapshots"), 401, "unauthenticated", "nor anything for nobody")
    refused(auditor.get("/v1/snapshots/3/leaves?currency=EUR"), 404, "not-found", "an entry that is no snapshot")
    refused(auditor.get("/v1/snapshots/9007199254740991"), 404, "not-found", "an entry that isn't there")
    refused(auditor.get(leaves), 422, "invalid", "leaves of no currency")
    refused(auditor.get(f"{leaves}?currency=euro"), 422, "invalid", "or of what is none")
    tap.equal(must(auditor.get(f"{leaves}?currency=KWD"), 200).json()["data"], [], "another currency has none")
    rows, at = [], f"{leaves}?currency=EUR&limit=2"
    while at:
        page = must(auditor.get(at), 200).json()
        rows += page["data"]
        at = page["next_cursor"] and f"{leaves}?currency=EUR&limit=2&cursor={page['next_cursor']}"
    tap.equal(rows, must(auditor.get(f"{leaves}?currency=EUR"), 200).json()["data"], "page by page they are the same")
    tap.equal(must(auditor.get(f"{leaves}?currency=EUR&from=1"), 200).json()["data"], rows[1:], "or from a place on")
    refused(studio.creators[0].get("/v1/statements?snapshot=oldest"), 422, "invalid", "a statement ends at the newest")


def bent(st, bend):
    copy = json.loads(json.dumps(st))
    bend(copy, copy["accounts"][0])
    return copy


def lose(n):
    """A line left out, and the sums made to fit."""
    def bend(_, account):
        line = account["lines"].pop(n)
        account["closing"]["amount"] = money.text(money.micro(account["closing"]["amount"]) -
                                                  money.micro(line["net"]["amount"]))
    return bend


def lies(st, older, other):
    """(what, a statement that isn't whole, what is said of it)"""
    yield "the last line left out", bent(st, lose(-1)), "is missing: the snapshot"
    yield "a middle line left out", bent(st, lose(1)), "line 2 is missing"
    yield "the first line left out", bent(st, lose(0)), "line 1 is missing"
    yield "all lines left out", bent(st, lambda _, a: a.update(lines=[])), "sum to the closing balance"

    def cheaper(_, account):
        account["lines"][0]["net"]["amount"] = "0.01"
    yield "a changed amount", bent(st, cheaper), "its leaf has another amount"

    def poorer(_, account):
        account["proof"]["leaf"]["balance"] = "0.01"
    yield "a changed balance", bent(st, poorer), "its path does not lead to the root"

    def fewer(top, account):
        lose(-1)(top, account)
        account["proof"]["leaf"].update(n=account["proof"]["leaf"]["n"] - 1, balance=account["closing"]["amount"])
    yield "a leaf made to fit", bent(st, fewer), "its path does not lead to the root"

    def theirs(_, account):
        account["proof"] = other["accounts"][0]["proof"]
    yield "another's leaf", bent(st, theirs), "is another account's"

    def past(top, account):
        top["snapshot"] = older["snapshot"]
        top["receipts"].update(older["receipts"])
        account["proof"] = older["accounts"][0]["proof"]
    yield "an older snapshot", bent(st, past), "the statement goes to size"
    yield "one that claims to end there", bent(bent(st, past), lambda top, _: top.update(
        as_of=older["as_of"])), "before entry"

    def absent(_, account):
        account["proof"] = {"neighbors": []}
    yield "an account said to be absent", bent(st, absent), "do not show that it isn't there"

    def moved(_, account):
        account["proof"]["place"] += 1
    yield "another place", bent(st, moved), "its path does not lead to the root"
    yield "an opening nobody can check", bent(st, lambda top, _: top.update(
        {"from": "2026-01-01T00:00:00.000Z"})), "begins with the first line"
    yield "no receipt of the snapshot", bent(st, lambda top, _: top["receipts"].pop(
        str(top["snapshot"]["entry"]["index"]))), "is not there"


def verified(studio, older, late):
    """The tool says that nothing is missing, or what is."""
    market = studio.market
    vkey = must(market.operator.get("/v1/log/key"), 200).json()["log_key"]
    saved = {}
    for p in [studio.creators[0], studio.publisher, late]:
        got = p.cf("statement", "--verify", "--key", vkey, "--save", market.dir / f"{p.handle}.json")
        tap.check("no line is missing" in got.out, f"no line of {p.handle} is missing") or tap.note(repr(got))
        saved[p.handle] = json.loads((market.dir / f"{p.handle}.json").read_text(encoding="utf8"))
        got = market.cf("verify", market.dir / f"{p.handle}.json", "--key", vkey,
                        env={"COUNTERFOIL_URL": "http://127.0.0.1:9"})
        tap.check("no line is missing" in got.out, "nor offline")
    said = studio.creators[0].cf("statement", "--verify").out
    tap.check("the market's own" in said, "with the market's own key, too")
    plain = studio.creators[0].cf("statement", "--save", market.dir / "plain.json") and market.cf(
        "verify", market.dir / "plain.json", "--key", vkey)
    tap.check("ends at no snapshot" in plain.out, "a statement that ends at none is told so")
    for wrong in (["--from", "2026-11-01"], ["--format", "csv"]):
        studio.creators[0].cf("statement", "--verify", *wrong, code=1)
    got = studio.creators[0].cf("statement", "--verify", "--seen", market.dir / f"{studio.creators[0].handle}.json")
    tap.check("no line is missing" in got.out, "nor an account of an earlier statement")
    got = studio.creators[0].cf("statement", "--verify", "--seen", market.dir / f"{late.handle}.json", code=1)
    tap.check("the account is missing, which an earlier" in got.err and "NOT SOUND" in got.out,
              "one that an earlier statement had is missed") or tap.note(repr(got))
    got = studio.buyer.cf("statement", "--verify", code=2)
    tap.check("has no account" in got.err and "sound" not in got.out, "without an account nothing is called sound")
    got = studio.buyer.cf("statement", "--verify", "--seen", market.dir / f"{late.handle}.json", code=1)
    tap.check("the account is missing" in got.err, "but where there was one, it is missed") or tap.note(repr(got))
    empty = market.dir / "empty.json"
    studio.buyer.cf("statement", "--verify", "--save", empty, code=2)
    got = studio.buyer.cf("statement", "--verify", "--seen", empty, code=2)
    tap.check("nothing to check" in got.err and "sound" not in got.out, "nor is it where neither has one") or tap.note(
        repr(got))
    studio.buyer.cf("statement", "--verify", "--seen", market.dir / "nowhere.json", code=2)
    st, other = saved[studio.creators[0].handle], saved[studio.publisher.handle]
    for n, (what, lie, said) in enumerate(lies(st, older[studio.creators[0].handle], other)):
        path = market.dir / f"lie-{n}.json"
        path.write_text(json.dumps(lie), encoding="utf8")
        got = market.cf("verify", path, "--key", vkey, code=None)
        tap.check(got.code == 1 and said in got.err, f"{what}: {said}") or tap.note(repr(got)[:1500])
    path = market.dir / "no-account.json"
    path.write_text(json.dumps({**st, "accounts": []}), encoding="utf8")
    got = market.cf("verify", path, "--key", vkey, code=2)
    tap.check("has no account" in got.err and "sound" not in got.out, "a saved statement without an account, too")
    path.write_text(json.dumps({**st, "accounts": [], "as_of": st["as_of"] + 1}), encoding="utf8")
    got = market.cf("verify", path, "--key", vkey, code=1)
    tap.check("is as of size" in got.err, "which is laid against its snapshot nevertheless") or tap.note(repr(got))

    def shorter(earlier):
        earlier["accounts"][0]["lines"][-1]["n"] += 1
    path.write_text(json.dumps(bent(st, lambda top, _: shorter(top))), encoding="utf8")
    got = studio.creators[0].cf("statement", "--verify", "--seen", path, code=1)
    tap.check("an earlier statement has line" in got.err, "an account that lost lines since is named")


def keep(studio, late):
    """Their statements as things are, with all that proves them; who has no account yet has nothing to check."""
    market = studio.market
    for p in studio.creators:
        p.cf("statement", "--verify", "--save", market.dir / f"older-{p.handle}.json", code=2 if p is late else 0)
    return {p.handle: json.loads((market.dir / f"older-{p.handle}.json").read_text(encoding="utf8"))
            for p in studio.creators}


def daily(studio, auditor):
    """By the clock, one however many workers there are; one that nobody finished is given up."""
    market = studio.market
    before = len(snapshots(studio))
    market.sql("INSERT INTO snapshot (as_of) VALUES (5)")
    market.stop(only=("worker",))
    market.env["COUNTERFOIL_SNAPSHOT_MS"] = "3000"
    market.sql("DELETE FROM job WHERE kind = 'snapshot'")      # which was to be looked at in an hour
    market.start(only=("worker",))
    other = second_worker(market)
    for i in range(8):
        market.sql(f"INSERT INTO job (id, kind, key, args) VALUES ('job_s{i}', 'snapshot', 's{i}', '{{}}');"
                   " NOTIFY counterfoil_job")
    wait_for(lambda: len(snapshots(studio)) >= before + 2, 60, "two more")
    rows = list(reversed(snapshots(studio)))[before:]
    times = [int(row[0]) for row in market.sql("SELECT (extract(epoch FROM at) * 1000)::bigint FROM snapshot WHERE"
                                               " index IS NOT NULL ORDER BY index")][before:]
    tap.check(times[1] - times[0] >= 2900, f"one after the other's time: {times[1] - times[0]} ms")
    for snap in rows[:2]:
        whole(market, auditor, snap)
    other.stop()
    market.stop(only=("worker",))
    tap.equal(market.sql("SELECT count(*) FROM snapshot WHERE index IS NULL"), [["0"]], "nothing is left unseen")
    tap.equal(market.sql("SELECT count(*) FROM snapshot"), [[str(market.entries("balances.snapshot"))]],
              "a snapshot has one entry, an entry one snapshot")


def main():
    seed = os.environ.get("COUNTERFOIL_SEED") or str(secrets.randbits(63))
    tap.note(f"COUNTERFOIL_SEED={seed}")
    rng = random.Random(seed)
    with Market(folder("http-snapshot"), COUNTERFOIL_RATE="0", COUNTERFOIL_FEE_PPM="123457",
                COUNTERFOIL_HOLD_MS="0") as market:
        studio = money.Studio(market, creators=6).publish(rng, 40)
        auditor = market.party("ear", "auditor")
        late = studio.creators[-1]
        theirs = {n for n, item in enumerate(studio.items)
                  if any(c["party"] == late.id for c in item["contributors"])}
        allocate(studio, theirs)
        allocate(studio, theirs)
        snap = taken(studio, auditor)
        older = keep(studio, late)
        allocate(studio)
        mine(studio, snap, late)
        rights(studio, auditor, snap)
        pay_out(studio)
        whole(market, auditor, snapshots(studio)[0])
        verified(studio, older, late)
        daily(studio, auditor)
        got = auditor.cf("audit", market.url, "--json", "--state", market.dir / "audit", code=None)
        report = json.loads(got.out)
        tap.equal({f["rule"] for f in report["findings"]} - {"allocation.cleared", "refund.cleared"}, set(),
                  "the audit finds nothing else")
        tap.check(report["unlisted"] == 0 and report["listed"] > 3, f"with {report['listed']} lists")
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check("answer against the contract" not in log, "every answer kept the contract") or tap.note(log[-2000:])
    tap.done()


main()
