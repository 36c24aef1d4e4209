# SPDX-License-Identifier: Apache-2.0
"""
Every kind of cheating, made in a real market's log and named by an auditor who has its key: an entry's byte changed, an
entry dropped, two swapped, a tile of another tree, a checkpoint of another key or below the reader's policy, a forked
history, a rolled-back log, an access without clearance or after its withdrawal, a license after its offer's end, money
off by a micro-unit, a payout twice, a disclosure that doesn't match, an erasure that nobody entered or that takes more
than its list says. The thousand random mutations are in tests/unit/ledger/audit/mutations.c.
"""
import base64
import hashlib
import json
import pathlib

from harness import held, money
from harness.creator import Creator
from harness.ed25519 import Key
from harness.forged import Judge, Log, list_root
from harness.market import Market
from harness.program import wait_for
from harness.sale import must
from harness.tap import check, done, equal, note
from harness.tree import folder


def erase(m, party):
    wish = {"party": party.handle, "reason": "request", "forfeit": True}
    got = wait_for(lambda: (r := m.operator.post("/v1/erasures", wish)).status != 503 and must(r, 202).json(), 60,
                   "creators' accounts to be at rest")
    wait_for(lambda: m.operator.get(f"/v1/erasures/{got['id']}").json()["state"] == "done", 60, "the erasure")


def available(m, n):
    done = "SELECT count(*) FROM allocation WHERE state = 'posted' AND release_transaction IS NOT NULL"
    wait_for(lambda: m.sql(done) == [[str(n)]], 60, f"{n} allocations to be available")


def sham(m):
    """A sale that is erased from both sides: nobody is shown any more what it cost. It excuses nothing else."""
    publisher, buyer = m.party("sham-house", "publisher", "creator"), m.party("sham-lab", "buyer")
    m.pay(buyer, "12.00")
    m.publish(publisher, "sham", {"x": b"sham"})
    offer = m.offer(publisher, "sham")["id"]
    license = m.buy(buyer, offer)["id"]
    available(m, 2)
    must(buyer.post(f"/v1/licenses/{license}/end"), 200)
    must(publisher.post(f"/v1/offers/{offer}/withdraw"), 200)
    erase(m, buyer)
    erase(m, publisher)


def story(m, auditor):
    """A sale under the market's rules from offer to payout, with another one in the middle; what of it may be bent."""
    erase(m, Creator(m, m.party("gone", "creator")).party)
    publisher, buyer = m.party("house", "publisher", "creator"), m.party("lab", "buyer")
    m.pay(buyer, "50.00")
    m.publish(publisher, "texts", {"one": b"first", "two": b"second", "three": b"third"})
    license = m.buy(buyer, m.offer(publisher, "texts")["id"])["id"]
    buyer.cf("pull", license, m.dir / "pulled")
    available(m, 1)
    sham(m)
    run = must(m.operator.post("/v1/payout-runs", {"rail": "csv", "minimum": {"amount": "1.00", "currency": "EUR"}}),
               202).json()
    wait_for(lambda: m.operator.get(f"/v1/payout-runs/{run['id']}").json()["state"] == "instructed", 60, "the payout")
    for i in range(300):
        m.party(f"party-{i}", "buyer")
    return Log(m, auditor)


def policy_of(judge, log):
    """A file by which no checkpoint is good enough: its witness never cosigns."""
    path, public = judge.market.dir / "policy", b"\x04" + Key().public
    name = hashlib.sha256(b"witness.example\n" + public).digest()[:4].hex()
    path.write_text(f"log {log.vkey}\nwitness w1 witness.example+{name}+{base64.b64encode(public).decode()}\n"
                    "quorum w1\n", encoding="ascii")
    return path


# ---- what is served is not what is signed

def served(judge, honest):
    bundle = "tile/entries/000"

    log = honest.copy()
    log.bytes[100] = log.bytes[100].replace(b"party.registered", b"party.registared")
    log.tiles()
    log.files = {k: v if "entries" in k else honest.files[k] for k, v in log.files.items()}
    report = judge.names("an entry's byte changed", log, "entry.form", "tree.root", "tree.tile")
    check(any(f.get("index") == 100 for f in report["findings"]), "with the entry's index")
    log.files = {**honest.files, bundle: honest.files[bundle][2 + len(honest.bytes[0]):]}
    judge.names("an entry dropped", log, "tree.bundle")

    log = honest.copy()
    first, second = honest.find("access.recorded"), honest.find("access.recorded", 1)
    log.bytes[first], log.bytes[second] = log.bytes[second], log.bytes[first]
    log.tiles()
    log.files = {k: v if "entries" in k else honest.files[k] for k, v in log.files.items()}
    log.shown[first], log.shown[second] = log.shown[second], log.shown[first]
    backward = ["entry.time"] * (honest.entries[first]["at"] != honest.entries[second]["at"])
    judge.names("two entries swapped", log, "tree.root", "tree.tile", *backward)

    log, other = honest.copy(), honest.copy()
    other.append(honest.entries[-1], honest.shown[-1], at=200)
    other.sign()
    log.files = {**log.files, "tile/0/000": other.files["tile/0/000"]}
    judge.names("a tile of another tree", log, "tree.tile")
    log.files = {**honest.files, "tile/1/000.p/1": other.files["tile/1/000.p/1"]}
    judge.names("or of one above", log, "tree.tile")

    log = honest.copy().sign(key=Key())
    judge.names("a checkpoint of another key", log, "checkpoint")
    judge.names("a checkpoint below the policy", honest, "policy", flags=("--policy", policy_of(judge, honest)))

    log = honest.copy()
    at = log.find("payment.received")
    log.shown[at] = list(log.shown[log.find("payment.received", 1)])
    judge.names("a disclosure that doesn't match", log, "disclosure.form")


def histories(judge, honest):
    """Who has seen one history is shown another, or less."""
    state = judge.market.dir / "seen"
    equal(judge.audit(honest, state=state)[0], 0, "an auditor sees the whole log")
    forked = honest.copy()
    forked.disclose(forked.find("payment.received"), amount="51.00")
    forked.sign()
    report = judge.names("a forked history of the same size", forked, "fork", state=state)
    evidence(report, honest, forked)
    forked.append(honest.entries[-1], honest.shown[-1])
    report = judge.names("a forked history that goes on", forked.sign(), "fork", state=state)
    evidence(report, honest, forked)
    report = judge.names("and below the reader's policy", forked, "policy", "fork", state=state,
                         flags=("--policy", policy_of(judge, honest)))
    evidence(report, honest, forked)
    shorter = honest.copy()
    del shorter.entries[-30:], shorter.shown[-30:]
    judge.names("a log rolled back", shorter.sign(), "rollback", state=state)
    dropped = honest.copy()
    at = dropped.find("access.recorded")
    del dropped.entries[at], dropped.shown[at]
    dropped.append(honest.entries[-1], honest.shown[-1])
    judge.names("an entry dropped, and signed anew", dropped.sign(), "fork", state=state)
    equal(judge.audit(honest, state=state)[0], 0, "and the honest log goes on being sound")


def evidence(report, first, second):
    """Both notes, whole, as the log signed them: whoever has its key can see that it did."""
    text = pathlib.Path(report["evidence"]).read_bytes()
    check(text == first.note + b"\n" + second.note, "what was signed is kept, both times")


# ---- what is signed breaks the rules

def signed(judge, honest):
    def bent(what, bend, *rules, of=honest):
        log = of.copy()
        bend(log)
        return judge.names(what, log.sign(), *rules)

    access, granted = honest.find("access.recorded"), honest.find("license.granted")
    cleared, payout = honest.find("clearance.issued"), honest.find("payout.instructed")
    withdrawn = {**honest.entries[cleared], "type": "clearance.withdrawn", "sd": [], "body": {
        name: honest.entries[cleared]["body"][name] for name in ("clearance", "license")}}
    offer = honest.entries[honest.find("offer.published")]
    ended = {**offer, "type": "offer.withdrawn", "sd": [], "body": {name: offer["body"][name]
                                                                    for name in ("offer", "revision")}}
    early = honest.copy()                    # before the other sale: a list of what was erased has indexes
    end = honest.find("party.registered", 5)
    del early.entries[end:], early.shown[end:], early.was[end:]
    bent("an access without clearance", lambda log: log.entries[access]["body"].pop("clearance"), "access.clearance")
    bent("an access after the clearance's withdrawal", lambda log: log.append(withdrawn, at=access + 1),
         "access.clearance", of=early)
    bent("an access under another license", lambda log: log.entries[access]["body"].update(license="lic_" + "0" * 26),
         "access.license", "access.clearance")
    bent("an item recorded twice in its window",
         lambda log: log.append(honest.entries[access], honest.shown[access]), "access.window")
    bent("a license after its offer's end", lambda log: log.append(ended, at=granted), "license.offer",
         of=early)
    bent("a payout twice", lambda log: log.append(honest.entries[payout], honest.shown[payout]), "payout.state")

    def paid_again(log):
        log.append(honest.entries[payout], honest.shown[payout])
        log.entries[-1]["body"]["payout"] = "pyo_" + "0" * 26
    bent("the same money by another payout", paid_again, "payout.accrued")
    bent("a license for less than was paid", lambda log: log.disclose(granted, amount="11.99"), "license.paid",
         "license.price")
    allocated(judge, honest)
    rested(judge, honest)
    owed(judge, honest)


def allocated(judge, honest):
    """Off by one micro-unit, with lines that sum to it and hash to the root that the entry names."""
    at = honest.find("allocation.posted")
    ident = honest.entries[at]["body"]["allocation"]
    path = f"/v1/allocations/{ident}/lines"
    rows = judge.auditor.get(path).json()["data"]
    total = sum(money.micro(r["amount"]) for r in rows)
    for what, more in (("a micro-unit more", 1), ("a micro-unit less", -1)):
        log = honest.copy()
        mine = [{**rows[0], "amount": money.text(money.micro(rows[0]["amount"]) + more)}, *rows[1:]]
        log.answers[path] = {"data": mine, "next_cursor": None}
        log.disclose(at, total=money.text(total + more))
        log.entries[at]["body"]["lines_root"] = list_root(mine)
        judge.names(f"an allocation of {what}", log.sign(), "allocation.exact", "snapshot.accounts")
    log = honest.copy()
    log.answers[path] = {"data": [{**rows[0], "party": "pty_" + "0" * 26}, *rows[1:]], "next_cursor": None}
    judge.names("a line of somebody who made nothing", log, "allocation.shares")
    log = honest.copy()
    log.answers[path] = {"data": rows[1:] or [{**rows[0], "n": rows[0]["n"] + 1}], "next_cursor": None}
    judge.names("lines that are not the entry's", log, "allocation.lines")
    offer = honest.entries[honest.find("offer.published")]["body"]["offer"]
    shown = judge.auditor.get(f"/v1/offers/{offer}").json()
    log.answers = {f"/v1/offers/{offer}": {**shown, "fee": {**shown["fee"], "ppm": shown["fee"]["ppm"] + 1}}}
    judge.names("a fee that is not the offer's", log, "offer.rules")
    log = honest.copy()
    log.answers = {f"/v1/offers/{offer}": {**shown, "revision": shown["revision"] + 1}}
    judge.names("an offer whose fee is kept from a key with a grant", log, "disclosure.hidden")


def rested(judge, honest):
    """What a cleared item rests on, in rows that hash to the root that the entry names."""
    at = honest.find("clearance.issued")
    path = f"/v1/clearances/{honest.entries[at]['body']['clearance']}/rows"
    rows = judge.auditor.get(f"{path}?which=cleared").json()["data"]
    log = honest.copy()
    bent = [{**rows[0], "consents": ["cns_" + "0" * 26]}, *rows[1:]]
    log.answers[path] = {"data": bent, "next_cursor": None}
    log.entries[at]["body"]["rows_root"] = list_root([{k: row[k] for k in ("consents", "item", "salt")}
                                                      for row in bent])
    judge.names("an item that rests on a consent of nobody", log.sign(), "clearance.consents",
                "clearance.contributors")


def owed(judge, honest):
    """A snapshot with leaves that hash to the root that its entry names, and are not what is owed."""
    at = honest.find("balances.snapshot")
    as_of, path = honest.entries[at]["body"]["as_of"], f"/v1/snapshots/{at}/leaves"
    rows = judge.auditor.get(f"{path}?currency=EUR").json()["data"]
    other = {**rows[0], "account": "acc_" + "0" * 26}
    for what, leaves in (("leaves out an account", [other, *rows[1:]]),
                         ("has an account too many", [*rows, {**other, "balance": "0.00"}]),
                         ("has a micro-unit less", [{**rows[0], "balance": money.text(
                             money.micro(rows[0]["balance"]) - 1)}, *rows[1:]]),
                         ("leaves out a line", [{**rows[0], "n": rows[0]["n"] + 1}, *rows[1:]])):
        log = honest.copy()
        log.entries[at]["body"]["currencies"]["EUR"] = held.sums(leaves, as_of)
        log.answers[path] = {"data": held.ordered(leaves, as_of), "next_cursor": None}
        report = judge.names(f"a snapshot that {what}", log.sign(), "snapshot.accounts")
        check(all(f["index"] == at for f in report["findings"]), "with the entry's index")
    log = honest.copy()
    log.entries[at]["body"]["as_of"] = honest.find("allocation.posted")
    judge.names("a snapshot as of before an allocation", log.sign(), "snapshot.as_of", "payout.snapshot")
    log = honest.copy()
    log.entries[at], log.shown[at] = {**log.entries.pop(), "at": honest.entries[at]["at"]}, log.shown.pop()
    judge.names("a payout without a snapshot before it", log.sign(), "payout.snapshot")


def erased(judge, honest):
    """An operator who hides something, and says that it was erased."""
    at = honest.find("disclosures.erased")
    path = f"/v1/entries/{at}/erased"
    rows = must(judge.auditor.get(path), 200).json()["data"]
    equal([r["fields"] for r in rows], [["name"], ["person_key"]], "somebody was erased: a name, and a key")

    def named(what, log, index, *rules):
        report = judge.names(what, log, *rules)
        equal(sorted({f["index"] for f in report["findings"]}), sorted(index), "with the entry's index")

    log = honest.copy()
    other = log.find("party.registered", 7)
    log.shown[other] = []
    named("a disclosure withheld that no list has", log, [other], "disclosure.hidden")

    for by in (10 ** 9, at, len(log.entries) - 1):
        log.answers[f"/v1/entries/{other}"] = {"index": other, "entry": log.entries[other], "disclosures": [],
                                               "erased": {"index": by}}
        named(f"one that is said to be in entry {by}", log, [other], "disclosure.hidden")

    def listed(shown, sign=True, count=None):
        bent = honest.copy()
        bent.answers[path] = {"data": shown, "next_cursor": None}
        if sign:
            bent.entries[at]["body"].update(count=len(shown) if count is None else count, root=list_root(shown))
        return bent.sign()
    named("a list in which an entry is missing", listed(rows[1:]), [rows[0]["index"]], "disclosure.hidden")
    named("the same under the entry that it was", listed(rows[1:], sign=False), [rows[0]["index"], at],
          "disclosure.hidden", "disclosures.erased")
    named("a list of another field", listed([{**rows[0], "fields": ["contact"]}, rows[1]]),
          [rows[0]["index"], rows[1]["index"], at], "disclosure.hidden", "disclosures.erased")
    named("a count that is off", listed(rows, count=len(rows) + 1), [at], "disclosures.erased")
    named("an entry listed under another root", listed([rows[0], {**rows[1], "salt": rows[0]["salt"]}], sign=False),
          [at], "disclosures.erased")

    at = honest.find("balances.snapshot")
    as_of, path = honest.entries[at]["body"]["as_of"], f"/v1/snapshots/{at}/leaves"
    leaves = judge.auditor.get(f"{path}?currency=EUR").json()["data"]
    rest = {"commitment": held.sha(held.canonical(leaves[0])).hex(),
            "id": held.salted(leaves[0]["account"], as_of).hex(), "sum": leaves[0]["balance"]}
    log = honest.copy()
    log.answers[path] = {"data": [rest, *leaves[1:]], "next_cursor": None}
    named("a leaf whose account nobody erased", log, [at], "disclosure.hidden")
    log = honest.copy()
    log.answers[path] = {"data": [{**rest, "sum": "0.00"}, *leaves[1:]], "next_cursor": None}
    named("one of another sum", log, [at], "disclosure.hidden", "snapshot.leaves")


def main():
    with Market(folder("story-cheating"), COUNTERFOIL_HOLD_MS="0", COUNTERFOIL_FEE_PPM="123457",
                COUNTERFOIL_RATE="0") as m:
        auditor = m.party("eye", "auditor")
        honest = story(m, auditor)
        judge = Judge(m, auditor)
        code, report = judge.audit(honest)
        good = code == 0 and not report["undisclosed"] and report["unlisted"] == 2 and report["listed"] >= 3
        check(good, "the honest log is sound under the test's own key, with rows and shares of a sale erased") \
            or note(str(report)[:2000])
        check(not {"payout.accrued", "snapshot.accounts"} & set(report["unchecked"]),
              "which leaves nobody else's unchecked")
        check(len(honest.entries) > 256, "and has a full tile")
        served(judge, honest)
        histories(judge, honest)
        signed(judge, honest)
        erased(judge, honest)
    done()


main()
