# SPDX-License-Identifier: Apache-2.0
"""From a clearance to the payout: allocation, balances, statements; every figure computed here once more."""
import csv
import hashlib
import io
import json
import os
import random
import secrets

from harness import clearing, money, tap, web
from harness.books import books_problems
from harness.market import Market
from harness.program import wait_for
from harness.sale import later, must
from harness.tree import folder

FEE_PPM = 123457
ROUNDS = 8


def refused(got, status, slug, name, pointer=None):
    good = got.status == status and got.slug == slug
    if good and pointer is not None:
        good = got.json()["errors"][0]["pointer"].startswith(pointer)
    tap.check(good, name) or tap.note(repr(got))


def rows(market, license_):
    """(allocation, its lines) of a license."""
    got = market.sql("SELECT a.state, a.items, a.cleared, a.owed, a.fee, a.refund, a.line_count, a.lines_root, a.no"
                     f" FROM allocation a JOIN license l ON l.no = a.license WHERE l.id = '{license_['id']}'")[0]
    names = ("state", "items", "cleared", "owed", "fee", "refund", "line_count", "lines_root", "no")
    allocation = {n: int(v) if v.lstrip("-").isdigit() else v for n, v in zip(names, got)}
    lines = market.sql("SELECT place, account, party, weight, amount, fee, n, encode(salt, 'base64'),"
                       f" encode(path, 'hex') FROM allocation_line WHERE allocation = {got[-1]} ORDER BY place")
    return allocation, lines


def check_allocation(studio, tariff, split, license_, excluded):
    """Each line from what everybody may know: items, weights, price, rules, what was excluded."""
    wanted = [i for n, i in enumerate(studio.items) if n not in excluded]
    paid = money.price(tariff, len(studio.items))
    owed = money.owed(tariff, paid, len(studio.items), len(wanted))
    fee = owed * FEE_PPM // money.MICRO
    weights = money.weights(wanted, split, studio.publisher.id)
    nets = {c: a for c, a in money.largest_remainder(owed - fee, weights).items() if a} if owed else {}
    fees = money.largest_remainder(fee, weights) if owed else {}
    got, lines = rows(studio.market, license_)
    same = (got["items"], got["cleared"], got["owed"], got["fee"], got["refund"]) == \
        (len(studio.items), len(wanted), owed, fee, paid - owed)
    same &= {row[2]: (int(row[3]), int(row[4]), int(row[5])) for row in lines} == \
        {c: (weights[c], a, fees[c]) for c, a in nets.items()}
    same &= [row[1] for row in lines] == sorted(row[1] for row in lines)
    return tap.check(same and got["line_count"] == len(lines),
                     f"{split} {tariff}: {len(lines)} lines of {money.text(owed)} less {money.text(fee)}") \
        or tap.note(f"{got}\n{lines}\nwant owed {owed} fee {fee} {nets} {fees}")


def allocations(studio, rng):
    """Random offers, exclusions and splits."""
    tariffs = [{"amount": "12.34", "currency": "EUR"}, {"amount": "0.013", "currency": "EUR", "kind": "per_item"},
               {"amount": "0.001", "currency": "EUR", "kind": "per_item", "minimum": "0.10"},
               {"amount": "0.01", "currency": "EUR"}]
    done = []
    for round_ in range(ROUNDS):
        tariff, split = tariffs[round_ % len(tariffs)], ("per_item", "per_byte")[round_ // len(tariffs) % 2]
        excluded = set(rng.sample(range(len(studio.items)), rng.choice([0, 1, len(studio.items) // 2,
                                                                         len(studio.items) - 1])))
        license_ = studio.buy(studio.offer(tariff, split))
        studio.clear(license_, excluded)
        studio.wait_allocated(license_)
        check_allocation(studio, tariff, split, license_, excluded)
        done.append(license_)
    free = studio.buy(studio.offer({"amount": "0.00", "currency": "EUR"}))
    studio.clear(free)
    studio.wait_allocated(free)
    tap.equal(rows(studio.market, free)[0]["state"], "nothing", "what was free leaves nothing to split")
    tap.equal(books_problems(studio.market.sql), [], "the books hold")
    return done


def given_up(studio):
    """Licenses that end without a clearance ever: what was paid goes back, once."""
    market, buyer = studio.market, studio.buyer
    license_ = studio.buy(studio.offer({"amount": "12.34", "currency": "EUR"}))
    before = balances(buyer)["prepaid"][0]
    denied = clearing.clear(buyer, license_["id"], territory="US")
    tap.equal((denied["state"], balances(buyer)["prepaid"][0]), ("refused", before), "refused, it may be asked again")
    free = studio.buy(studio.offer({"amount": "0.00", "currency": "EUR"}))
    must(buyer.post(f"/v1/licenses/{free['id']}/end"), 200)
    ended = must(market.operator.post(f"/v1/licenses/{license_['id']}/end"), 200).json()["entry"]["index"]
    studio.wait_allocated(license_)
    got = rows(market, license_)[0]
    tap.equal((got["state"], got["owed"], got["refund"], balances(buyer)["prepaid"][0]),
              ("nothing", 0, 12340000, before + 12340000), "ended, all that was paid goes back")
    refused(buyer.post(f"/v1/licenses/{license_['id']}/end"), 409, "state-has-moved-on", "it ends once")
    market.sql("INSERT INTO job (id, kind, key, args) VALUES ('job_again', 'allocate', 'again', '{}');"
               " NOTIFY counterfoil_job")
    wait_for(lambda: market.sql("SELECT state FROM job WHERE id = 'job_again'") in ([["done"]], []), 60,
             "another round")
    mine = market.sql("SELECT refund_index FROM allocation a JOIN license l ON l.no = a.license WHERE l.id ="
                      f" '{license_['id']}'")[0][0]
    entry = must(buyer.get(f"/v1/entries/{mine}"), 200).json()
    private = {d["name"]: d["value"] for d in entry["disclosures"]}
    tap.check(int(mine) > ended and entry["entry"]["type"] == "refund.posted" and private["amount"] == "12.34",
              "by an entry after the license's end")
    tap.equal(balances(buyer)["prepaid"][0], before + 12340000, "once")
    tap.equal(market.sql(f"SELECT count(*) FROM allocation a JOIN license l ON l.no = a.license WHERE l.id ="
                         f" '{free['id']}'"), [["0"]], "of what was free nothing goes back")
    tap.equal(books_problems(market.sql), [], "the books hold")
    return int(mine)


def balances(party):
    """{kind: (micro-units, why it isn't paid)} of a creator."""
    return {b["kind"]: (money.micro(b["amount"]["amount"]), b["unpaid"])
            for b in party.get("/v1/balances").json()["data"]}


def shared(studio):
    """What each party was allocated in all, by the lines."""
    got = studio.market.sql("SELECT party, sum(amount) FROM allocation_line GROUP BY party")
    return {party: int(amount) for party, amount in got}


def start_run(studio, minimum, **more):
    """A run that is instructed, as JSON."""
    made = must(studio.market.operator.post("/v1/payout-runs", {"rail": "csv", "minimum": {
        "amount": minimum, "currency": "EUR"}}, **more), 202).json()

    def instructed():
        got = must(studio.market.operator.get(f"/v1/payout-runs/{made['id']}"), 200).json()
        return got if got["state"] == "instructed" else None
    return wait_for(instructed, 60, "the run to be instructed")


def run_refusals(studio, creator):
    operator = studio.market.operator
    good = {"rail": "csv", "minimum": {"amount": "1.00", "currency": "EUR"}}
    for name, wish, pointer in (("another rail", {**good, "rail": "pigeon"}, "/rail"),
                                ("no minimum", {"rail": "csv"}, ""),
                                ("a minimum in parts of a cent",
                                 {**good, "minimum": {"amount": "0.001", "currency": "EUR"}}, "/minimum/amount"),
                                ("an unknown currency",
                                 {**good, "minimum": {"amount": "1.00", "currency": "QQQ"}}, "/minimum/currency"),
                                ("a negative minimum",
                                 {**good, "minimum": {"amount": "-1.00", "currency": "EUR"}}, "/minimum/amount"),
                                ("something more", {**good, "x": 1}, "/x")):
        refused(operator.post("/v1/payout-runs", wish), 422, "invalid", f"a run of {name}", pointer)
    refused(creator.post("/v1/payout-runs", good), 403, "forbidden", "a creator runs no payouts")
    refused(operator.post("/v1/payout-runs", good, idempotency=None), 400, "idempotency-key-required", "without a key")
    nothing = "run_" + money.ident()
    refused(operator.get(f"/v1/payout-runs/{nothing}"), 404, "not-found", "a run that isn't there")
    refused(operator.get(f"/v1/payout-runs/{nothing}/file"), 404, "not-found", "nor its file")
    refused(creator.get(f"/v1/payout-runs/{nothing}/file"), 403, "forbidden", "which is the operator's alone")
    studio.market.sql("INSERT INTO payout_run (id, operator, currency, minimum, rail) SELECT 'run_" + money.ident() +
                      "', id, 'KWD', 0, 'csv' FROM party WHERE handle = 'market'")
    refused(operator.post("/v1/payout-runs", {**good, "minimum": {"amount": "1.000", "currency": "KWD"}}),
            409, "conflict", "a second run in a currency", "/currency")
    waiting = studio.market.sql("SELECT id FROM payout_run WHERE state = 'running'")[0][0]
    refused(operator.get(f"/v1/payout-runs/{waiting}/file"), 409, "state-has-moved-on", "a file that isn't made yet")


def payouts(studio):
    """Two runs: of the first one payout fails, and is paid by the second."""
    operator, everyone, owed = studio.market.operator, [studio.publisher, *studio.creators], shared(studio)
    run_refusals(studio, studio.creators[0])
    for p in everyone:
        tap.equal(balances(p).get("available", (0, None)), (owed[p.id], "next_run"), f"{p.handle}: all is available")
    poor = min(owed.values())
    minimum = money.text(poor // 10000 * 10000 + 10000)
    run = start_run(studio, minimum, idempotency="friday")
    file = must(operator.get(f"/v1/payout-runs/{run['id']}/file"), 200).body
    table = list(csv.DictReader(io.StringIO(file.decode())))
    want = {p.handle: money.text(owed[p.id] // 10000 * 10000) for p in everyone if owed[p.id] >= money.micro(minimum)}
    tap.equal({r["party"]: r["amount"] for r in table}, want, "the file pays whole cents to who has the minimum")
    tap.equal(sorted((x["party"], x["reason"], money.micro(x["amount"]["amount"])) for x in run["left"]),
              sorted((studio.party(i).handle, "below_minimum", a) for i, a in owed.items()
                     if a < money.micro(minimum)), "and says whom it doesn't")
    tap.equal(start_run(studio, minimum, idempotency="friday"), run, "the same key is the same run")
    refused(operator.post("/v1/payout-runs", {"rail": "csv", "minimum": {"amount": "7.00", "currency": "EUR"}},
                          idempotency="friday"), 422, "idempotency-key-reused", "which is that of one wish")
    again = start_run(studio, minimum)
    listed = [r for page in (1, 2) for r in operator.get(f"/v1/payout-runs?limit={page}").json()["data"]]
    tap.check(run["id"] in [r["id"] for r in listed] and listed[0]["id"] == listed[1]["id"], "runs are listed")
    tap.equal((again["payouts"], len({x["account"] for x in again["left"]})), (0, len(everyone)),
              "asked for again, it pays nobody twice")
    tap.equal(must(operator.get(f"/v1/payout-runs/{run['id']}/file"), 200).body, file, "the file stays the same")
    answers(studio, table)
    tap.equal(books_problems(studio.market.sql), [], "the books hold after payouts")
    return owed, table


def returned(studio, row):
    """A rail takes back what it had paid."""
    operator, where = studio.market.operator, f"/v1/payouts/{row['payout']}"
    payee = next(p for p in [studio.publisher, *studio.creators] if p.handle == row["party"])
    before = balances(payee)["available"][0]
    refused(operator.post(f"{where}/settle", {"reference": "again"}), 409, "state-has-moved-on", "not settled twice")
    got = must(operator.post(f"{where}/fail", {"reference": "returned"}), 200).json()
    tap.equal((got["state"], got["entry"]["index"], balances(payee)["available"][0]),
              ("failed", got["answered_index"], before + money.micro(row["amount"])),
              "a payout that comes back after it was settled is available again")
    for word in ("fail", "settle"):
        refused(operator.post(f"{where}/{word}", {"reference": "x"}), 409, "state-has-moved-on", f"no {word} after it")


def answers(studio, table):
    operator, first = studio.market.operator, table[0]
    payee = next(p for p in [studio.publisher, *studio.creators] if p.handle == first["party"])
    other = next(p for p in studio.creators if p.handle != first["party"])
    where = f"/v1/payouts/{first['payout']}"
    refused(other.get(where), 404, "not-found", "another's payout can't be seen")
    refused(payee.post(f"{where}/settle", {"reference": "x"}), 403, "forbidden", "nor one's own be settled")
    refused(operator.post(f"{where}/settle", {}), 422, "invalid", "an answer without a reference")
    refused(operator.post(f"{where}/settle", {"reference": "x"}, idempotency=None), 400, "idempotency-key-required",
            "an answer without a key")
    refused(operator.post(f"/v1/payouts/pyo_{money.ident()}/fail", {"reference": "x"}), 404, "not-found",
            "an answer about nothing")
    before = balances(payee)["available"][0]
    amount = money.micro(first["amount"])
    failed = must(operator.post(f"{where}/fail", {"reference": "account closed"}), 200).json()
    tap.equal((failed["state"], failed["reference"], balances(payee)["available"][0]),
              ("failed", "account closed", before + amount), "a payout that failed is available again")
    refused(operator.post(f"{where}/settle", {"reference": "late"}), 409, "state-has-moved-on", "and is over")
    for row in table[1:]:
        got = must(operator.post(f"/v1/payouts/{row['payout']}/settle", {"reference": "bank 7"}, idempotency="s" +
                                 row["payout"]), 200)
        same = must(operator.post(f"/v1/payouts/{row['payout']}/settle", {"reference": "bank 7"}, idempotency="s" +
                                  row["payout"]), 200)
        tap.equal((got.json()["state"], same.body), ("settled", got.body), f"{row['party']} is paid, told once")
    returned(studio, table[-1])
    run = start_run(studio, first["amount"])
    tap.check(run["payouts"] >= 1, "the next run pays what failed")
    mine = must(payee.get(f"/v1/payouts?run={run['id']}"), 200).json()["data"]
    tap.equal([m["amount"]["amount"] for m in mine], [first["amount"]], "its payee sees it")
    entry = must(payee.get(f"/v1/entries/{mine[0]['instructed_index']}"), 200).json()
    text = json.dumps(mine[0]["statement"], sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    tap.equal(entry["entry"]["body"]["statement_digest"], digest, "and the statement that its entry commits to")
    tap.equal({d["name"]: d["value"] for d in entry["disclosures"]},
              {"account": mine[0]["account"], "amount": first["amount"], "currency": "EUR"}, "with its private fields")
    tap.equal(must(other.get(f"/v1/entries/{mine[0]['instructed_index']}"), 200).json()["disclosures"], [],
              "which others don't see")


def check_statement(studio, party, st):
    """Lines against their entries, and the sums; the closing balance."""
    account = st["accounts"][0]
    balance, good = money.micro(account["opening"]["amount"]), True
    for line in account["lines"]:
        net, fee, gross = (money.micro(line[k]["amount"]) for k in ("net", "fee", "gross"))
        entry = must(party.get(f"/v1/entries/{line['entry']['index']}"), 200).json()["entry"]
        proof, leaf = line["proof"], line["proof"]["leaf"]
        root = money.climb(money.leaf(leaf), proof["place"], proof["line_count"],
                           [bytes.fromhex(h) for h in proof["path"]])
        good &= gross == net + fee and leaf["amount"] == line["net"]["amount"] and leaf["n"] == line["n"]
        good &= root is not None and root.hex() == entry["body"]["lines_root"] == proof["lines_root"]
        good &= entry["body"]["line_count"] == proof["line_count"] and entry["body"]["license"] == line["license"]
        balance += net
    for p in account["payouts"]:
        balance += {"instructed": -1, "settled": 0, "failed": 1}[p["event"]] * money.micro(p["amount"]["amount"])
    good &= balance == money.micro(account["closing"]["amount"])
    return good


def statements(studio, owed, rng):
    for p in [studio.publisher, *studio.creators]:
        st = must(p.get("/v1/statements"), 200).json()
        tap.check(check_statement(studio, p, st), f"{p.handle}: every line is in the log, the sums hold")
        account = st["accounts"][0]
        tap.equal([x["n"] for x in account["lines"]], list(range(1, len(account["lines"]) + 1)), "none is missing")
        tap.equal(sum(money.micro(x["net"]["amount"]) for x in account["lines"]), owed[p.id], "none is there twice")
        moments = sorted({x["at"] for x in account["lines"] + account["payouts"]})
        cuts = sorted(rng.sample(moments, min(3, len(moments))))
        periods = list(zip(["2020-01-01T00:00:00Z", *cuts], [*cuts, later(1)]))
        parts = [must(p.get(f"/v1/statements?from={a}&to={b}"), 200).json()["accounts"][0] for a, b in periods]
        tap.check(all(check_statement(studio, p, {"accounts": [part]}) for part in parts) and
                  all(a["closing"] == b["opening"] for a, b in zip(parts, parts[1:])) and
                  parts[-1]["closing"] == account["closing"] and
                  [x for part in parts for x in part["lines"]] == account["lines"],
                  f"{p.handle}: cut anywhere, a closing balance is the next one's opening") or tap.note(repr(periods))
        table = list(csv.DictReader(io.StringIO(must(p.get("/v1/statements?format=csv"), 200).body.decode())))
        tap.equal([r["amount"] for r in table if r["kind"] == "line"], [x["net"]["amount"] for x in account["lines"]],
                  "CSV has the same lines")
        tap.equal(table[-1]["balance"], account["closing"]["amount"], "and the same closing balance")
    statement_refusals(studio)


def lists(studio):
    """An auditor gets whole lists, which hash to the roots that the entries name."""
    auditor, market = studio.market.party("eye", "auditor"), studio.market
    for index, ident in market.sql("SELECT index, id FROM allocation WHERE state = 'posted' ORDER BY index"):
        where, leaves, more = f"/v1/allocations/{ident}/lines", [], "?limit=2"
        while more:
            page = must(auditor.get(where + more), 200).json()
            leaves += page["data"]
            more = page["next_cursor"] and f"?limit=2&cursor={page['next_cursor']}"
        entry = must(auditor.get(f"/v1/entries/{index}"), 200).json()
        private = {d["name"]: d["value"] for d in entry["disclosures"]}
        bare = [{k: v for k, v in x.items() if k != "party"} for x in leaves]
        tap.check(tree_root([money.leaf(x) for x in bare]).hex() == entry["entry"]["body"]["lines_root"] and
                  money.text(sum(money.micro(x["amount"]) for x in leaves)) == private["total"],
                  f"the list of {ident} has its entry's root, and sums to its total")
    tap.equal(must(studio.publisher.get(where), 200).json()["data"], leaves, "its publisher sees it, too")
    refused(studio.creators[0].get(where), 404, "not-found", "a creator sees her own line alone")
    refused(auditor.get(f"/v1/allocations/alc_{money.ident()}/lines"), 404, "not-found", "the list of nothing")


def tree_root(leaves):
    """RFC 9162 section 2.1.1."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree_root(leaves[:half]) + tree_root(leaves[half:])).digest()


def statement_refusals(studio):
    creator = studio.creators[0]
    for name, query in (("no time", "from=yesterday"), ("a period that ends before it begins",
                        "from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z"), ("an empty period",
                        "from=2026-02-01T00:00:00Z&to=2026-02-01T00:00:00Z"), ("a format we don't write", "format=pdf"),
                        ("something more", "format=csv&x=1")):
        refused(creator.get(f"/v1/statements?{query}"), 422, "invalid", f"a statement of {name}")
    refused(web.Client(studio.market.port).get("/v1/statements"), 401, "unauthenticated", "nobody's statement")
    tap.equal(must(studio.buyer.get("/v1/statements"), 200).json()["accounts"], [], "who earns nothing has no accounts")
    closed = must(creator.get("/v1/statements?to=2026-01-01T00:00:00Z"), 200).json()
    tap.check(closed["closed"] and not must(creator.get("/v1/statements"), 200).json()["closed"],
              "a period of the past is closed, one that goes on isn't")


def audited(studio, given_back):
    """By an auditor, who is told every amount: clearances are made here without their entries, all else is sound."""
    auditor = studio.market.party("ear", "auditor")
    got = auditor.cf("audit", studio.market.url, "--json", "--state", studio.market.dir / "audit", code=None)
    report = json.loads(got.out)
    tap.equal({f["rule"] for f in report["findings"]} - {"allocation.cleared", "refund.cleared"}, set(),
              "the audit finds nothing else")
    tap.check(not [f for f in report["findings"] if f.get("index") == given_back],
              "and nothing about what went back at a license's end")
    tap.check(report["listed"] > 0 and report["unlisted"] == 0, f"with {report['listed']} lists, none was kept from it")


def tool_of_the_operator(studio):
    operator = studio.market.operator
    license_ = studio.buy(studio.offer({"amount": "9.00", "currency": "EUR"}))
    studio.clear(license_)
    studio.wait_allocated(license_)

    def released():
        return studio.market.sql("SELECT count(*) FROM allocation WHERE state = 'posted'"
                                 " AND release_transaction IS NULL") == [["0"]]
    wait_for(released, 30, "it to be available")
    file = studio.market.dir / "bank.csv"
    said = operator.cf("payout", "run", "--minimum", "0.10", "--currency", "EUR", "--out", file)
    run = said.said("run")
    table = list(csv.DictReader(io.StringIO(file.read_text())))
    runs = operator.cf("payout", "runs").out.splitlines()
    tap.check(any(line.split()[0] == run for line in runs), "the tool lists runs")
    repeated = studio.market.dir / "again.csv"
    asked = [operator.cf("payout", "run", "--minimum", "0.10", "--currency", "EUR", "--repeat", "one").said("run")
             for _ in range(2)]
    tap.check(asked[0] == asked[1] != run, "the same word is the same run, which is another than the first")
    operator.cf("payout", "run", "--run", run, "--out", repeated)
    tap.equal(repeated.read_bytes(), file.read_bytes(), "a run's file can be had again")
    listed = operator.cf("payout", "list", "--run", run).out.splitlines()
    tap.equal(sorted(x.split()[0] for x in listed), sorted(r["payout"] for r in table), "the tool pays out and lists")
    operator.cf("payout", "settle", table[0]["payout"], "--reference", "bank 9")
    operator.cf("payout", "settle", table[0]["payout"], "--reference", "bank 9")
    operator.cf("payout", "settle", table[0]["payout"], "--reference", "bank 10", code=1)
    operator.cf("payout", "settle", code=1)
    operator.cf("payout", "run", code=1)
    operator.cf("payout", "fly", code=1)
    tap.equal(operator.get(f"/v1/payouts/{table[0]['payout']}").json()["state"], "settled", "and tells what became")
    tap.equal(books_problems(studio.market.sql), [], "the books hold in the end")


def changed(st, at, change):
    """A copy with one thing changed."""
    copy = json.loads(json.dumps(st))
    place = copy
    for step in at[:-1]:
        place = place[step]
    place[at[-1]] = change(place[at[-1]])
    return copy


def by_a_micro(amount):
    return money.text(money.micro(amount) + 1)


def total(st, *, opening=0, closing=0):
    """With opening and closing balance moved by micro-units: the sums hold."""
    for name, by in (("opening", opening), ("closing", closing)):
        st = changed(st, ["accounts", 0, name, "amount"], lambda a, by=by: money.text(money.micro(a) + by))
    return st


def without_line(st, n):
    """As if the opening balance held it."""
    net = money.micro(st["accounts"][0]["lines"][n]["net"]["amount"])
    return total(changed(st, ["accounts", 0, "lines"], lambda x: x[:n] + x[n + 1:]), opening=net)


def payout_twice(st):
    """One that was instructed is taken from the account twice."""
    paid = next(p for p in st["accounts"][0]["payouts"] if p["event"] == "instructed")
    return total(changed(st, ["accounts", 0, "payouts"], lambda x: [*x, paid]),
                 closing=-money.micro(paid["amount"]["amount"]))


def failed_for_less(st):
    """What came back is a cent less than what went."""
    at = next(i for i, p in enumerate(st["accounts"][0]["payouts"]) if p["event"] == "failed")
    return total(changed(st, ["accounts", 0, "payouts", at, "amount", "amount"],
                         lambda a: money.text(money.micro(a) - 10000)), closing=-10000)


def forgeries(st, other):
    """(what, a statement that isn't true)"""
    first, lines = ["accounts", 0, "lines", 0], ["accounts", 0, "lines"]
    entry = str(st["accounts"][0]["lines"][0]["entry"]["index"])
    yield "a net amount", changed(st, [*first, "net", "amount"], by_a_micro)
    yield "a fee", changed(st, [*first, "fee", "amount"], by_a_micro)
    yield "a leaf's amount", changed(st, [*first, "proof", "leaf", "amount"], by_a_micro)
    yield "both, as if they agreed", changed(changed(st, [*first, "net", "amount"], by_a_micro),
                                             [*first, "proof", "leaf", "amount"], by_a_micro)
    yield "a place", changed(st, [*first, "proof", "place"], lambda n: n + 1)
    yield "a path", changed(st, [*first, "proof", "path"], lambda p: p[1:] or ["00" * 32])
    yield "a root", changed(st, [*first, "proof", "lines_root"], lambda h: "00" * 32)
    yield "a license", changed(st, [*first, "license"], lambda i: i[:-1] + ("1" if i[-1] == "0" else "0"))
    yield "a line left out", changed(st, lines, lambda x: x[:1] + x[2:])
    yield "the opening balance", changed(st, ["accounts", 0, "opening", "amount"], by_a_micro)
    yield "the closing balance", changed(st, ["accounts", 0, "closing", "amount"], by_a_micro)
    yield "the period", changed(st, ["from"], lambda _: st["to"])
    yield "a line's time", changed(st, [*first, "at"], lambda t: t[:-2] + ("1Z" if t[-2] == "0" else "0Z"))
    yield "a first line left out", without_line(st, 0)
    yield "a line repeated", changed(st, lines, lambda x: x[:1] + x)
    events = {p["event"] for p in st["accounts"][0]["payouts"]}
    if "instructed" in events:
        yield "a payout repeated", payout_twice(st)
    if "failed" in events:
        yield "a failed payout's amount", failed_for_less(st)
    yield "another's line", changed(st, first, lambda _: other["accounts"][0]["lines"][0])
    yield "an entry", changed(st, ["receipts", entry, "document", "entry", "body", "line_count"], lambda n: n + 1)
    paid = next(i for i, x in enumerate(st["accounts"][0]["payouts"]) if x["event"] == "instructed")
    before = ["accounts", 0, "payouts", paid, "statement"]
    yield "the account before a payout", changed(st, [*before, "lines"], lambda n: n - 1)
    yield "or what it had pending", changed(st, [*before, "pending"], lambda _: "0.000001")
    yield "or all of it", changed(st, before, lambda _: None)
    yield "a receipt left out", changed(st, ["receipts"], lambda r: {k: v for k, v in r.items() if k != entry})


def verify_offline(studio):
    """The tool saves a statement, and later checks it against nothing but the log's key."""
    market = studio.market
    vkey = must(market.operator.get("/v1/log/key"), 200).json()["log_key"]
    saved = {}
    for p in studio.creators[:2]:
        said = p.cf("statement", "--save", market.dir / f"{p.handle}.json").out
        saved[p.handle] = json.loads((market.dir / f"{p.handle}.json").read_text(encoding="utf8"))
        tap.check(saved[p.handle]["accounts"][0]["closing"]["amount"] in said, f"{p.handle}'s statement is told")
        nobody = {"COUNTERFOIL_URL": "http://127.0.0.1:9"}
        got = market.cf("verify", market.dir / f"{p.handle}.json", "--key", vkey, env=nobody)
        tap.check("sound" in got.out, "and verified offline")
    mine, other = saved.values()
    market.cf("verify", market.dir / f"{studio.creators[0].handle}.json", code=2)
    for n, (what, forged) in enumerate(forgeries(mine, other)):
        path = market.dir / f"forged-{n}.json"
        path.write_text(json.dumps(forged), encoding="utf8")
        got = market.cf("verify", path, "--key", vkey, code=None)
        tap.equal(got.code, 1, f"{what} that was changed is found") or tap.note(repr(got))
    csv_text = studio.creators[0].cf("statement", "--format", "csv").out
    tap.check(csv_text.startswith("kind,at,account"), "CSV as it is")


def unseen(studio):
    """What a worker has prepared, and died over, is not in force: no run says that it is held."""
    creator = studio.creators[0]
    studio.market.sql(
        "WITH t AS (INSERT INTO book_transaction (kind) VALUES ('allocation') RETURNING no)"
        " INSERT INTO posting (transaction, account, amount, running, balance)"
        " SELECT t.no, a.no, 1230000, o.running + 1, o.balance + 1230000 FROM t, account a CROSS JOIN LATERAL"
        "        (SELECT running, balance FROM posting WHERE account = a.no ORDER BY running DESC LIMIT 1) o"
        f"  WHERE a.party = '{creator.id}' AND a.kind = 'pending' AND a.currency = 'EUR'"
        " UNION ALL SELECT t.no, a.no, -1230000, NULL, NULL FROM t, account a"
        "  WHERE a.kind = 'clearing' AND a.currency = 'EUR'")
    left = [x for x in start_run(studio, "1000.00")["left"] if x["party"] == creator.handle]
    tap.equal([x for x in left if x["reason"] == "held"], [], "what is only prepared is not held")


def main():
    seed = os.environ.get("COUNTERFOIL_SEED") or str(secrets.randbits(63))
    tap.note(f"COUNTERFOIL_SEED={seed}")
    rng = random.Random(seed)
    with Market(folder("http-money"), COUNTERFOIL_RATE="0", COUNTERFOIL_FEE_PPM=str(FEE_PPM),
                COUNTERFOIL_HOLD_MS="0") as market:
        studio = money.Studio(market).publish(rng, 40)
        allocations(studio, rng)
        given_back = given_up(studio)
        owed, _ = payouts(studio)
        statements(studio, owed, rng)
        lists(studio)
        verify_offline(studio)
        tool_of_the_operator(studio)
        audited(studio, given_back)
        unseen(studio)
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check("answer against the contract" not in log, "every answer kept the contract") or tap.note(log[-2000:])
    tap.done()


main()
