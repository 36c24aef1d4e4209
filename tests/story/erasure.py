# SPDX-License-Identifier: Apache-2.0
"""
A buyer, a creator and a publisher are erased: refused while something stands, then gone from rows, answers, logs and
files; what leads to them by number stays where it is listed here, with the reason, and nowhere else.
"""
import base64
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import re
import subprocess
import threading

from harness import clearing, money, postgres, tap, web
from harness.creator import Creator
from harness.ed25519 import canonical
from harness.market import Market, Party
from harness.program import wait_for
from harness.reader import leaf
from harness.sale import later, must, offered, published
from harness.tree import folder

BODIES = [f"a text of {who}, number {i}".encode() for i in range(4) for who in ("mira", "otto")]
SECRETS = {"the buyer's name": "Quixotic Laboratories", "the buyer's contact": "purchasing@quixotic.example",
           "the buyer's handle": "quixotic-lab", "the project": "Project Zanzibar", "the slice": "klingonese",
           "the payment's reference": "transfer-of-quixotic-77", "an API key's label": "the key of Sancho",
           "the creator's name": "Mirabelle Nachtigall", "the creator's contact": "mira@nachtigall.example",
           "the creator's handle": "mirabelle", "the payout's reference": "bank-line-nachtigall-9",
           "the publisher's name": "Walther Vogelweide", "the publisher's contact": "walther@vogelweide.example",
           "the publisher's handle": "vogelweide"}
# Where an id of somebody who was erased still stands, and why.
MAY_STAY = {
    "the id of a party": {
        "entry.bytes": "public in the log for good",
        "party.id": "the row that others lead to, without a name",
        "party_key.party": "that a key was registered, by its entry; which one is gone",
        "consent.creator": "withdrawals bind what was cleared before, and rows of others' clearances rest on it",
        "item.contributors": "the version's details root, which others' licenses and lines rest on",
        "item_contributor.party": "the same, to be looked up",
        "slice_weight.party": "the same, summed up by slice",
        "content_upload.party": "a version names only what its publisher uploaded",
        "dataset.publisher": "whose dataset it is that others licensed a version of",
        "version.publisher": "the same", "offer.publisher": "the same", "license.publisher": "the same",
        "offer.terms": "who assigns the use: their digest is in the log"},
    "the number of an account": {
        "creator_account.id": "the books, of the party that is nobody",
        "allocation_line.account": "the same: places in lists of others", "payout.account": "the same"},
}


def register(market, handle, role, name, contact):
    got = must(market.operator.post("/v1/parties", {"handle": handle, "roles": [role], "name": name,
                                                    "contact": contact}, idempotency=f"first-{role}"), 201).json()
    return Party(market, handle, got["key"], got["party"]["id"])


def items(creators):
    return [{"path": f"t/{i}.txt", "sha256": hashlib.sha256(body).hexdigest(), "size": len(body),
             "media_type": "text/plain", "attributes": {"language": "fjordnorsk" if i < 6 else "en"},
             "contributors": [{"party": creators[i % 2].party.id, "role": "author", "weight": 1 + i}]}
            for i, body in enumerate(BODIES)]


class Scene:
    """A sale to the buyer, cleared, fetched, split and paid out."""

    def __init__(self, market):
        self.market = market
        self.house = register(market, "vogelweide", "publisher", SECRETS["the publisher's name"],
                              SECRETS["the publisher's contact"])
        self.buyer = register(market, "quixotic-lab", "buyer", SECRETS["the buyer's name"],
                              SECRETS["the buyer's contact"])
        must(self.buyer.post("/v1/me/keys", {"label": SECRETS["an API key's label"]}, idempotency=None), 201)
        mira = register(market, "mirabelle", "creator", SECRETS["the creator's name"],
                        SECRETS["the creator's contact"])
        self.mira, self.otto = Creator(market, mira), Creator(market, market.party("otto", "creator"))
        version = published(self.house, "works", items((self.mira, self.otto)), BODIES)
        self.consents = [c.consent([hashlib.sha256(b).hexdigest() for b in BODIES[at::2]], territories=("WORLD",))
                         for at, c in enumerate((self.mira, self.otto))]
        self.offer = offered(self.house, version, {"amount": "12.34", "currency": "EUR"})
        must(market.operator.post("/v1/payments", {"party": "quixotic-lab", "reference":
                                  SECRETS["the payment's reference"],
                                  "amount": {"amount": "40.00", "currency": "EUR"}}), 201)
        self.license = self.buy()
        self.pay_out()
        self.buy()             # so that a snapshot comes after a payout

    def buy(self):
        wish = {"offer": self.offer["id"], "purpose": "pretraining", "territory": "DE", "until": later(30),
                "slice": {"filter": {"op": "in", "args": [{"property": "language"},
                                                          ["fjordnorsk", SECRETS["the slice"]]]}}}
        quote = must(self.buyer.post("/v1/quotes", wish, idempotency=None), 201).json()
        license_ = must(self.buyer.post("/v1/licenses", {"quote": quote["id"]}), 201).json()
        cleared = clearing.clear(self.buyer, license_["id"], signed=True, project=SECRETS["the project"])
        tap.equal(cleared["state"], "cleared", "the buyer has a license that is cleared")
        for i in range(3):
            must(self.buyer.get(f"/v1/licenses/{license_['id']}/items/t/{i}.txt"), 200)
        held = "SELECT count(*) FROM allocation WHERE release_transaction IS NULL"
        wait_for(lambda: self.market.sql(held) == [["0"]], 60, "its payment to be split and available")
        return license_

    def pay_out(self):
        run = must(self.market.operator.post("/v1/payout-runs", {"rail": "csv", "minimum": {
            "amount": "0.01", "currency": "EUR"}}), 202).json()
        wait_for(lambda: self.market.operator.get(f"/v1/payout-runs/{run['id']}").json()["state"] == "instructed", 60,
                 "the payout run")
        payouts = self.market.operator.get(f"/v1/payouts?run={run['id']}").json()["data"]
        for p in payouts:
            word = SECRETS["the payout's reference"] if p["party"] == "mirabelle" else "bank-line-1"
            must(self.market.operator.post(f"/v1/payouts/{p['id']}/settle", {"reference": word}), 200)
        return payouts

    def erase(self, party, **more):
        return self.market.operator.post("/v1/erasures", {"party": party, "reason": "request", **more})

    def refused(self, party, code, name, **more):
        got = self.erase(party, **more)
        tap.check(got.status == 409 and got.slug == "not-settled" and code in got.json()["detail"], name) \
            or tap.note(repr(got))


def audit(market, who, state, code=0):
    args = ("audit", market.url, "--json", "--state", market.dir / state)
    got = who.cf(*args, code=None) if who else market.cf(*args, code=None)
    tap.equal(got.code, code, f"{who.handle if who else 'nobody'}'s audit with state {state}") \
        or tap.note(repr(got)[:3000])
    got.out or tap.note(repr(got)[-3000:])
    return json.loads(got.out) if got.out else {}


def settle(scene):
    """Each thing that stands in the way is named, and goes."""
    market = scene.market
    refused = scene.refused
    refused("market", "is_operator", "the operator isn't erased")
    refused("quixotic-lab", "license_running", "nor a buyer whose license runs")
    refused("vogelweide", "offer_open", "nor a publisher with an open offer")
    refused("mirabelle", "consent_held", "nor a creator whose consent holds")
    for id_, in market.sql("SELECT id FROM license"):
        must(scene.buyer.post(f"/v1/licenses/{id_}/end"), 200)
    scene.mira.withdraw(scene.consents[0])
    refused("quixotic-lab", "balance", "nor a buyer with a credit")
    refused("mirabelle", "balance", "nor a creator who is owed")
    scene.payouts = scene.pay_out()
    tap.equal(scene.erase("nobody-at-all").status, 404, "who isn't there isn't erased")
    tap.equal(scene.erase("quixotic-lab", reason="whim").slug, "invalid", "nor for no reason")
    tap.equal(scene.house.post("/v1/erasures", {"party": "otto", "reason": "order"}).slug, "forbidden",
              "nor by anybody but the operator")
    tap.equal(market.entries("party.closed"), 0, "nothing of this is in the log")


def one_by_one(market, erasure):
    """(what, how many) after each row that goes, in the worker's order as far as an auditor sees any of it."""
    no = market.sql(f"SELECT no FROM erasure WHERE id = '{erasure}'")[0][0]
    market.sql(f"SELECT erase_begin({no}, 'pty_' || repeat('1', 26))")
    for step in ("held", "disclosures", "accesses", "exclusions"):
        while market.sql(f"SELECT erase_{step}({no}, 1)") != [["0"]]:
            yield step
    for allocation, place, account, amount, n, salt in market.sql(
            "SELECT x.allocation, x.place, x.account, x.amount, x.n, encode(x.salt, 'base64') FROM allocation_line x"
            f"  JOIN erasure e ON e.party = x.party WHERE e.no = {no} ORDER BY x.account, x.n DESC"):
        hashed = leaf(canonical({"account": account, "amount": money.text(int(amount)), "n": int(n),
                                 "salt": salt.rstrip("=").replace("+", "-").replace("/", "_")})).hex()
        market.sql(f"SELECT erase_lines({no}, ARRAY[{allocation}], ARRAY[{place}], ARRAY['\\x{hashed}'::bytea])")
        yield "lines"


def damaged(scene):
    """A line that isn't what the log says: nothing is listed, still less erased, others' erasures go on."""
    market = scene.market
    market.sql(f"UPDATE allocation_line SET amount = amount + 1 WHERE party = '{scene.mira.party.id}' AND n = 1")
    before = market.entries("disclosures.erased")
    got = must(scene.erase("mirabelle", forfeit=True), 202).json()
    market.party("passer", "buyer")
    other = must(scene.erase("passer"), 202).json()
    wait_for(lambda: market.operator.get(f"/v1/erasures/{other['id']}").json()["state"] == "done", 60, "the other's")
    stands = market.operator.get(f"/v1/erasures/{got['id']}").json()
    tap.check(stands["state"] == "preparing" and stands["entries"] == 0 and
              market.entries("disclosures.erased") == before + 1,
              "on a damaged line an erasure stands still, and another one goes on") or tap.note(repr(stands))
    said = "SELECT error FROM job WHERE kind = 'erase' AND error IS NOT NULL"
    wait_for(lambda: market.sql(said), 60, "the job to fail")
    why = market.sql(said)[0][0]
    tap.check(got["id"] in why and "doesn't lead to the root" in why and "alc_" in why, "the operator is told which") \
        or tap.note(why)
    return got


def erase_creator(scene, eye):
    """The worker dies when the entry is there, and all that it lists goes row by row: at no moment is a log unsound."""
    market, seen = scene.market, []
    got = damaged(scene)
    with postgres.Held(market.cluster, "snapshot_leaf") as held:
        market.sql("UPDATE allocation_line SET amount = amount - 1"
                   f" WHERE party = '{scene.mira.party.id}' AND n = 1")
        wait_for(lambda: held.waited_for_in("erase_held"), 60, "the first row to go")
        refused = market.operator.post(f"/v1/payouts/{scene.hers['id']}/fail", {"reference": "no such account"})
        tap.check(refused.status == 503 and "being erased" in refused.json()["detail"],
                  "meanwhile nothing is said of her payouts") or tap.note(repr(refused))
        refused = market.operator.post("/v1/payments", {"party": "mirabelle", "reference": "late", "amount": {
            "amount": "1.00", "currency": "EUR"}})
        tap.check(refused.status == 409 and "closed" in refused.json()["detail"], "and nothing is paid for her") \
            or tap.note(repr(refused))
        market.programs["worker"].kill()
    for step in one_by_one(market, got["id"]):
        report = audit(market, eye, f"of-step-{len(seen)}")
        seen.append(step)
        tap.equal([f["rule"] for f in report["findings"]], [], f"nothing is found in the middle of it: {step}")
    tap.check([seen.count(s) for s in ("held", "lines")] == [2, 2] and seen.count("disclosures") > 6,
              "leaves of two snapshots, two lines, and what is private of entries") or tap.note(repr(seen))
    market.sql("UPDATE job SET leased_until = now() WHERE kind = 'erase' AND state = 'running'")
    market.start(only=("worker",))
    wait_for(lambda: market.operator.get(f"/v1/erasures/{got['id']}").json()["state"] == "done", 60, "the creator's")
    return market.operator.get(f"/v1/erasures/{got['id']}").json()


def erase_all(scene, eye):
    market = scene.market
    done = market.cf("erase", "quixotic-lab", "--reason", "request", "--forfeit", "--json", key=market.operator_key)
    erased = json.loads(done.out)
    tap.check(erased["state"] == "done" and erased["left"] == 0, "the buyer is erased by the tool of people")
    scene.hers = next(p for p in scene.payouts if p["party"] == "mirabelle")
    erase_creator(scene, eye)
    tap.equal(scene.erase(scene.mira.party.id).status, 409, "nobody is erased twice")
    must(scene.house.post(f"/v1/offers/{scene.offer['id']}/withdraw"), 200)
    done = market.cf("erase", "vogelweide", "--reason", "request", "--json", key=market.operator_key)
    tap.equal(json.loads(done.out)["state"], "done", "the publisher is erased, with what it sold")
    tap.equal([market.entries(t) for t in ("party.closed", "disclosures.erased")], [4, 4], "two entries for each")


def came_back(scene, eye, secrets):
    """A bank sends back what it had paid to somebody who was erased since."""
    market = scene.market
    where = f"/v1/payouts/{scene.hers['id']}/fail"
    said = {"reference": "returned: " + SECRETS["the creator's name"]}
    got = must(market.operator.post(where, said, idempotency="back"), 200).json()
    nobody = got["party"]
    tap.check(got["state"] == "failed" and nobody.startswith("erased-"), "a payout of hers comes back to nobody")
    shown = {d["name"]: d["value"] for d in eye.get(f"/v1/entries/{got['answered_index']}").json()["disclosures"]}
    tap.equal((got["reference"], shown), ("erased", {"reference": "erased"}), "and the bank's word is not written down")
    tap.equal(found_in(dump(market) + logs(market), secrets), [], "anywhere")
    amount = money.micro(scene.hers["amount"]["amount"])
    owed = market.sql("SELECT s.balance FROM account a JOIN posting s ON s.account = a.no JOIN party p"
                      f" ON p.id = a.party WHERE p.handle = '{nobody}' AND a.kind = 'available'"
                      " ORDER BY s.running DESC LIMIT 1")
    tap.equal(owed, [[str(amount)]], "and is in the books, owed to nobody")
    run = must(market.operator.post("/v1/payout-runs", {"rail": "csv", "minimum": {
        "amount": "0.01", "currency": "EUR"}}), 202).json()
    wait_for(lambda: market.operator.get(f"/v1/payout-runs/{run['id']}").json()["state"] == "instructed", 60, "a run")
    run = market.operator.get(f"/v1/payout-runs/{run['id']}").json()
    left = [(x["party"], x["reason"], money.micro(x["amount"]["amount"])) for x in run["left"]
            if x["reason"] == "closed"]
    tap.equal((run["payouts"], left), (0, [(nobody, "closed", amount)]), "no run pays it out, each names it")


def answers(scene, eye):
    """What the market says, to everybody who still has a key."""
    market, out = scene.market, []
    for who in (market.operator, eye, scene.house, scene.otto.party, web.Client(market.port)):
        for path in ("/v1/parties?limit=1000", "/v1/entries?limit=1000", "/v1/licenses?limit=1000",
                     "/v1/payments?limit=1000", "/v1/payouts?limit=1000", "/v1/consents?limit=1000",
                     "/v1/payout-runs", "/v1/datasets", f"/v1/licenses/{scene.license['id']}",
                     f"/v1/consents/{scene.consents[0]['id']}", "/v1/balances", "/v1/erasures",
                     "/v1/auditor-grants", "/log/tile/entries/000.p/" + str(market.entries() % 256)):
            got = who.get(path)
            tap.check(got.status < 500, f"{path} is answered") if got.status >= 500 else None
            out.append(got.body)
    for run in market.operator.get("/v1/payout-runs").json()["data"]:
        out.append(must(market.operator.get(f"/v1/payout-runs/{run['id']}/file"), 200).body)
    statement = scene.otto.party.cf("statement", "--format", "json").out.encode()
    return b"\n".join(out) + statement


def found_in(data, secrets):
    return [what for what, word in secrets.items() if word.encode() in data]


def dump(market):
    return subprocess.run(["pg_dump", "-d", market.cluster.dsn("owner")], check=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE).stdout


def logs(market):
    return b"".join(p.read_bytes() for p in pathlib.Path(market.dir).glob("*.log"))


def files(market, where):
    """Every byte below a folder of the database."""
    top = os.path.join(os.path.realpath(market.cluster.where), "data", where)
    return b"\0".join(pathlib.Path(at, f).read_bytes() for at, _, names in os.walk(top) for f in names)


def vacuum(market):
    """As docs/operating.md says: the data files, then the write-ahead log once it has gone round."""
    admin = market.cluster.dsn("owner", user="postgres")
    for text in ("VACUUM (ANALYZE)", "VACUUM FULL", "CHECKPOINT"):
        postgres.query(admin, text)
    return admin


def wal_gone(market, admin, secrets):
    """Segments that are over are removed, not used again: schema/cluster says wal_recycle = off."""
    for _ in range(6):
        postgres.query(admin, "SELECT pg_logical_emit_message(true, 'over', repeat('x', 1000))")
        postgres.query(admin, "SELECT pg_switch_wal()")
        postgres.query(admin, "CHECKPOINT")
    return found_in(files(market, "pg_wal"), secrets)


def cells(market):
    """(table.column, bytes) of a logical dump; what is in hexadecimal or base64 there is decoded."""
    escaped = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
    table = None
    for line in dump(market).decode().split("\n"):
        if table is None:
            begun = re.match(r'COPY public\.(\w+) \((.*)\) FROM stdin;', line)
            if begun:
                table, columns = re.sub(r"_\d+$", "", begun[1]), [c.strip(' "') for c in begun[2].split(",")]
        elif line == "\\.":
            table = None
        else:
            for column, cell in zip(columns, line.split("\t")):
                text = re.sub(r"\\(.)", lambda m: escaped.get(m[1], m[1]), cell)
                data = bytes.fromhex(text[2:]) if text.startswith("\\x") else text.encode()
                if table == "disclosure" and column == "disclosures":
                    data = b" ".join(base64.urlsafe_b64decode(t + "=" * (-len(t) % 4)) for t in json.loads(data))
                yield f"{table}.{column}", data


def repeated(scene):
    """What named somebody is answered no more, and is not done again either."""
    for role, handle in (("buyer", "quixotic-lab"), ("creator", "mirabelle"), ("publisher", "vogelweide")):
        body = {"handle": handle, "roles": [role], "name": SECRETS[f"the {role}'s name"],
                "contact": SECRETS[f"the {role}'s contact"]}
        got = scene.market.operator.post("/v1/parties", body, idempotency=f"first-{role}")
        tap.check(got.status == 410 and got.slug == "gone", f"the {role}'s registration is done, its answer is gone") \
            or tap.note(repr(got))
    tap.equal(scene.market.sql("SELECT count(*) FROM party WHERE name IS NULL AND roles <> '{}' AND handle NOT LIKE"
                               " 'erased-%'"), [["0"]], "and nobody is registered by a repeat")


def numbers(scene, ids):
    """Ids stay where it says above, each for its reason, and nowhere else."""
    found = {what: set() for what in MAY_STAY}
    for where, data in cells(scene.market):
        for what, id_ in ids:
            if id_.encode() in data:
                found[what].add(where)
    for what, places in found.items():
        tap.equal(sorted(places - set(MAY_STAY[what])), [], f"{what} stands nowhere but where it may")
        tap.equal(sorted(set(MAY_STAY[what]) - places), [], "which is no longer than it must be")


def gone(scene, eye, secrets):
    market = scene.market
    tap.equal([where for where, data in cells(market) if found_in(data, secrets)], [], "no cell of a dump has a value")
    tap.equal(found_in(answers(scene, eye), secrets), [], "no answer holds a value of theirs")
    tap.equal(found_in(logs(market), secrets), [], "nor a line of a program's log")
    tap.equal(found_in(dump(market), secrets), [], "nor a logical dump")
    admin = vacuum(market)
    tap.equal(found_in(files(market, "base"), secrets), [], "nor the data files, after the documented vacuum")
    tap.equal(wal_gone(market, admin, secrets), [], "nor the write-ahead log, after its retention")


def audits_after(scene, eye, blind):
    market = scene.market
    again = audit(market, eye, "of-eye")
    tap.check(again["from"] > 0 and again["findings_count"] == 0, "an audit that saw it all goes on, and is sound")
    fresh = audit(market, eye, "of-eye-anew")
    tap.check(fresh["erased"] > 10, f"one that begins anew is told of {fresh.get('erased')} entries") \
        or tap.note(json.dumps(fresh)[:3000])
    tap.equal(fresh["undisclosed"], 0, "and nothing is merely not shown")
    for rule in ("license.paid", "access.item", "consent.creator", "clearance.rows", "allocation.lines",
                 "payout.accrued"):
        counts = fresh["unchecked"].get(rule, {})
        tap.check(counts.get("erased", 0) > 0 and counts.get("not_shown") == 0, f"{rule} is not checkable any more: "
                  f"{counts.get('erased')} entries")
    other = audit(market, blind, "of-blind")
    tap.check(other["erased"] == 0 and other["unchecked"]["license.paid"]["not_shown"] > 0,
              "who has no grant can't tell erased from not shown")
    tap.equal(audit(market, None, "of-nobody")["findings_count"], 0, "the log itself verifies as before")
    scene.otto.party.cf("statement")
    tap.check(True, "and who shared the allocation still proves her line")


class Older(http.server.BaseHTTPRequestHandler):
    """The market behind a checkpoint of before, as a cache has it, or a witness that is late."""

    def do_GET(self):
        there = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=60)
        key = self.headers.get("Authorization")
        there.request("GET", self.path, headers={"Authorization": key} if key else {})
        got = there.getresponse()
        status, body = got.status, got.read()
        there.close()
        if self.path == "/log/checkpoint":
            body = self.server.note
        self.send_response(status)
        self.send_header("Content-Type", got.getheader("Content-Type") or "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def audit_older(scene, eye, note):
    """What is gone is in erasures beyond the checkpoint: they are looked for, and waited for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Older)
    server.behind, server.note, server.daemon_threads = scene.market.port, note, True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url, state = f"http://127.0.0.1:{server.server_address[1]}", scene.market.dir / "of-older"
    key = scene.market.operator.get("/v1/log/key").json()["log_key"]
    for where, undisclosed in ((url, True), (scene.market.url, False)):
        got = eye.cf("audit", where, "--json", "--key", key, "--state", state, code=None,
                     env={"COUNTERFOIL_URL": where})
        report = json.loads(got.out) if got.out else {}
        tap.check(got.code == 0 and (report["undisclosed"] > 0) == undisclosed,
                  "an audit to a checkpoint of before the erasures waits for them" if undisclosed
                  else "and has them explained by the next") or tap.note(repr(got)[:3000])
        if where == url:
            tap.check(report["unchecked"]["license.paid"]["not_shown"] > 0, "which it says")
    server.shutdown()


def hidden(scene, eye):
    """A market that hides what nobody erased is found by whom all is shown to, and by nobody else."""
    market = scene.market
    index = market.sql("SELECT min(d.index) FROM disclosure d JOIN entry e ON e.index = d.index"
                       " WHERE e.type = 'party.registered'")[0][0]
    kept = market.sql(f"SELECT encode(disclosures, 'hex') FROM disclosure WHERE index = {index}")[0][0]
    market.sql(f"DELETE FROM disclosure WHERE index = {index}")
    report = audit(market, eye, "of-hidden", code=1)
    tap.equal([(f["rule"], f["index"]) for f in report["findings"]], [("disclosure.hidden", int(index))],
              "a disclosure that is gone without an erasure is found")
    market.sql(f"INSERT INTO disclosure VALUES ({index}, decode('{kept}', 'hex'))")
    row = market.sql("SELECT erasure, index FROM erasure_entry ORDER BY index LIMIT 1")[0]
    market.sql(f"UPDATE erasure_entry SET fields = fields || '{{zzz}}' WHERE erasure = {row[0]} AND index = {row[1]}")
    report = audit(market, eye, "of-other-list", code=1)
    tap.check("disclosures.erased" in {f["rule"] for f in report["findings"]}, "so is a list that is another")
    market.sql(f"UPDATE erasure_entry SET fields = array_remove(fields, 'zzz') WHERE erasure = {row[0]}"
               f" AND index = {row[1]}")


def main():
    with Market(folder("erasure"), COUNTERFOIL_HOLD_MS="0") as market:
        eye, blind = market.party("eye", "auditor"), market.party("blind", "auditor", granted=False)
        scene = Scene(market)
        secrets = {**SECRETS, "the creator's did": scene.mira.key.did,
                   **{f"{who.handle}'s API key": "key_" + who.key.split("_")[1]
                      for who in (scene.buyer, scene.mira.party, scene.house)}}
        first = audit(market, eye, "of-eye")
        tap.equal(first["undisclosed"], 0, "before it, all is shown to an auditor with a grant")
        tap.check({"the buyer's name", "the creator's did"} <= set(found_in(dump(market), secrets)),
                  "and a dump has it")
        ids = [("the id of a party", p.id) for p in (scene.buyer, scene.mira.party, scene.house)] + [
            ("the number of an account", row[0]) for row in market.sql(
                f"SELECT id FROM creator_account WHERE party = '{scene.mira.party.id}'")]
        settle(scene)
        note = market.get("/log/checkpoint")[1]
        erase_all(scene, eye)
        audit_older(scene, eye, note)
        tap.equal(scene.buyer.get("/v1/me").status, 401, "the buyer's key opens nothing")
        audits_after(scene, eye, blind)
        hidden(scene, eye)
        gone(scene, eye, secrets)
        numbers(scene, ids)
        repeated(scene)
        came_back(scene, eye, secrets)
        market.stop()
        market.start()
        audit(market, eye, "of-eye")
        tap.equal(found_in(answers(scene, eye), secrets), [], "and so it is after a restart")
    tap.done()


if __name__ == "__main__":
    main()
