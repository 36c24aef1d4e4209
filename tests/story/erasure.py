# SPDX-License-Identifier: Apache-2.0
"""A buyer and a creator are erased: refused while something stands, then gone from rows, answers, logs and files."""
import hashlib
import json
import os
import pathlib
import subprocess

from harness import clearing, postgres, tap, web
from harness.creator import Creator
from harness.market import Market, Party
from harness.program import wait_for
from harness.sale import later, must, offered, published
from harness.tree import folder

BODIES = [f"a text of {who}, number {i}".encode() for i in range(4) for who in ("mira", "otto")]
SECRETS = {"the buyer's name": "Quixotic Laboratories", "the buyer's contact": "purchasing@quixotic.example",
           "the buyer's handle": "quixotic-lab", "the project": "Project Zanzibar", "the slice": "klingonese",
           "the payment's reference": "transfer-of-quixotic-77", "an API key's label": "the key of Sancho",
           "the creator's name": "Mirabelle Nachtigall", "the creator's contact": "mira@nachtigall.example",
           "the creator's handle": "mirabelle", "the payout's reference": "bank-line-nachtigall-9"}


def register(market, handle, role, name, contact):
    got = must(market.operator.post("/v1/parties", {"handle": handle, "roles": [role], "name": name,
                                                    "contact": contact}), 201).json()
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
        self.house = market.party("house", "publisher")
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
                                  "amount": {"amount": "20.00", "currency": "EUR"}}), 201)
        self.license = self.buy()

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
        wait_for(lambda: self.market.sql("SELECT no FROM allocation WHERE release_transaction IS NOT NULL"), 60,
                 "its payment to be split and available")
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
    refused("house", "offer_open", "nor a publisher with an open offer")
    refused("mirabelle", "consent_held", "nor a creator whose consent holds")
    must(scene.buyer.post(f"/v1/licenses/{scene.license['id']}/end"), 200)
    scene.mira.withdraw(scene.consents[0])
    refused("quixotic-lab", "balance", "nor a buyer with a credit")
    refused("mirabelle", "balance", "nor a creator who is owed")
    scene.pay_out()
    tap.equal(scene.erase("nobody-at-all").status, 404, "who isn't there isn't erased")
    tap.equal(scene.erase("quixotic-lab", reason="whim").slug, "invalid", "nor for no reason")
    tap.equal(scene.house.post("/v1/erasures", {"party": "otto", "reason": "order"}).slug, "forbidden",
              "nor by anybody but the operator")
    tap.equal(market.entries("party.closed"), 0, "nothing of this is in the log")


def erase_both(scene):
    market = scene.market
    done = market.cf("erase", "quixotic-lab", "--reason", "request", "--forfeit", "--json", key=market.operator_key)
    erased = [json.loads(done.out)]
    tap.check(erased[0]["state"] == "done" and erased[0]["left"] == 0, "the buyer is erased by the tool of people")
    got = must(scene.erase("mirabelle", forfeit=True), 202).json()
    wait_for(lambda: market.operator.get(f"/v1/erasures/{got['id']}").json()["state"] == "done", 60, "the creator's")
    tap.equal(scene.erase(scene.mira.party.id).status, 409, "nobody is erased twice")
    tap.equal([market.entries(t) for t in ("party.closed", "disclosures.erased")], [2, 2], "two entries for each")
    return erased + [market.operator.get(f"/v1/erasures/{got['id']}").json()]


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


def gone(scene, eye, secrets):
    market = scene.market
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
        secrets = {**SECRETS, "the creator's did": scene.mira.key.did}
        first = audit(market, eye, "of-eye")
        tap.equal(first["undisclosed"], 0, "before it, all is shown to an auditor with a grant")
        tap.check({"the buyer's name", "the creator's did"} <= set(found_in(dump(market), secrets)),
                  "and a dump has it")
        settle(scene)
        erase_both(scene)
        tap.equal(scene.buyer.get("/v1/me").status, 401, "the buyer's key opens nothing")
        audits_after(scene, eye, blind)
        hidden(scene, eye)
        gone(scene, eye, secrets)
        market.stop()
        market.start()
        audit(market, eye, "of-eye")
        tap.equal(found_in(answers(scene, eye), secrets), [], "and so it is after a restart")
    tap.done()


if __name__ == "__main__":
    main()
