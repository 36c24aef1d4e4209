#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The acts in a log's life: the issuer's key changes, the log is frozen, its successor opens, and audits follow."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import consents, tap                                     # noqa: E402
from harness.ed25519 import Key                             # noqa: E402
from harness.forged import Log                              # noqa: E402
from harness.market import Market, Party                    # noqa: E402
from harness.program import wait_for                        # noqa: E402
from harness.signer import Signer                           # noqa: E402
from harness.tree import folder                            # noqa: E402


OTHER = "ledger.example/market+e7f21d4d+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"      # some log's


def failed(market, name, *argv):
    """What a program that must fail says."""
    try:
        return tap.check(False, f"{name} {argv} is refused, not: {market.run(name, *argv)}")
    except RuntimeError as why:
        return str(why)


def credential(party, path):
    """The document as it is served, once it is signed."""
    return wait_for(lambda: party.get(path).json().get("credential"), 60, f"{path} to be signed")


def signer_of(document):
    return document["proof"]["verificationMethod"].split("#")[0]


def receipt(m, index):
    """An entry and its proof, as files; the name of the first."""
    for end, path in (("json", ""), ("tlog-proof", "/proof")):
        (m.dir / f"{index}.{end}").write_bytes(m.get(f"/v1/entries/{index}{path}")[1])
    return m.dir / f"{index}.json"


def verified(m, buyer, before, after, since):
    """Offline, with the log's key and the entries that brought the issuer's: a clearance of after the change."""
    key = m.operator.get("/v1/log/key").json()["log_key"]
    first, second = receipt(m, 0), receipt(m, since)
    file = m.dir / "clearance.json"
    buyer.cf("clear", after, "--out", file)

    def verify(what, code, want, *entries):
        flags = [flag for entry in entries for flag in ("--issuer-entry", entry)]
        got = m.cf("verify", file, "--key", key, *flags, code=None)
        tap.check(got.code == code and want in got.out + got.err, what) or tap.note(got)
    verify("verify follows the change of the key", 0, f"since entry {since}", first, second)
    verify("in any order", 0, f"since entry {since}", second, first)
    verify("without the change it is not the issuer's", 1, "not by", first)
    verify("another entry brings no key", 1, "brings no key", first, receipt(m, 1))
    bent = m.dir / f"{since}.tlog-proof"
    bent.write_bytes(bent.read_bytes().replace(f"index {since}".encode(), f"index {since - 1}".encode()))
    verify("nor does one whose proof fails", 1, "", first, second)


def issuer_changes(m, auditor, buyer, offer):
    """(licenses before and after the change, entry of the change)"""
    before = m.buy(buyer, offer)["id"]
    unsigned = m.buy(buyer, offer, cleared=False)["id"]          # its document is asked for only after the change
    credential(buyer, f"/v1/licenses/{before}")
    tap.check("no key lies ready" in failed(m, "counterfoil-schema", "issuer"), "without a key there is no change")
    m.run("counterfoil-signer", "next-issuer", "--dir", m.dir / "signer")
    tap.check("is there already" in failed(m, "counterfoil-signer", "next-issuer", "--dir", m.dir / "signer"),
              "one key lies ready at a time")
    signed = Signer(m.env["COUNTERFOIL_SIGNER"]).ask("keys\n")[1].splitlines()
    tap.equal(m.get("/v1/log/key")[0], 200, "the keys are shown")
    said = m.run("counterfoil-schema", "issuer")
    keys = wait_for(lambda: (k := m.operator.get("/v1/log/key").json()) and len(k["issuer_keys"]) == 2 and k, 20,
                    "the change to be signed for")
    first, second = keys["issuer_keys"]
    tap.check(keys["issuer_key"] == second["key"] == signed[2] and first["key"] == signed[1] and first["since"] == 0,
              f"both keys are shown, the new one since entry {second['since']}") or tap.note(said)
    tap.equal(m.entries("issuer.key_changed"), 1, "and the entry is one")
    after = m.buy(buyer, offer)["id"]
    names = {"before": before, "unsigned": unsigned, "after": after}
    by = {what: signer_of(credential(buyer, f"/v1/licenses/{x}")) for what, x in names.items()}
    tap.equal(by, {"before": first["did"], "unsigned": first["did"], "after": second["did"]},
              "each document is signed by the key of its entry's time")
    m.programs["signer"].stop()
    m.start(only=("signer",))
    tap.equal(Signer(m.env["COUNTERFOIL_SIGNER"]).ask("keys\n")[1].splitlines()[1], second["key"],
              "a signer that starts again has the new key")
    verified(m, buyer, before, after, second["since"])
    code, report = m.audit()
    tap.check(code == 0, "an outsider's audit is sound") or tap.note(report)
    got = auditor.cf("audit", m.url, "--json", "--state", m.dir / "seen", code=None)
    tap.check(got.code == 0, "so is an auditor's, who reads the documents") or tap.note(got)
    return before, after, second


def listed(m, log, names):
    """What the audit says of status lists."""
    first, other = (e["body"]["list"] for e in [e for e in log.entries if e["type"] == "status_list.published"][:2])
    document = m.operator.get(f"/v1/status-lists/{other}").json()
    bent = log.copy()
    bent.answers[f"/v1/status-lists/{first}"] = document
    names("another status list", bent, "document.digest")
    bent = log.copy()
    document.pop("proof")
    bent.answers[f"/v1/status-lists/{other}"] = Key().prove(document, consents.moment())
    names("a status list that another key has signed", bent, "document.issuer")


def cheats(m, auditor, before, after, change):
    """What the audit says of a document by the wrong key, of a change that is none, of entries after the last one."""
    log, judged = Log(m, auditor), []

    def names(what, bent, *rules):
        server, url = bent.serve()
        got = auditor.cf("audit", url, "--json", "--key", bent.vkey, "--state", m.dir / f"cheat-{len(judged)}",
                         code=None, env={"COUNTERFOIL_URL": url})
        server.shutdown()
        judged.append(what)
        found = sorted({f["rule"] for f in json.loads(got.out)["findings"]}) if got.out else []
        good = got.code == (1 if rules else 0) and found == sorted(rules)
        tap.check(good, f"{what}: {', '.join(rules) or 'sound'}") or tap.note(got)
    names("the log as it is, under the test's key", log)
    there = next(i for i, e in enumerate(log.entries) if e["type"] == "issuer.key_changed")
    bent = log.copy()
    moved = bent.entries.pop(there)         # the change is said to come last
    shown = bent.shown.pop(there)
    bent.append(moved, shown)
    names("a document signed with the new key before the change", bent.sign(), "clearance.as_of",
          "document.issuer")
    bent = log.copy()
    path = f"/v1/licenses/{after}"
    bent.answers[path] = {**auditor.get(path).json(),
                          "credential": auditor.get(f"/v1/licenses/{before}").json()["credential"]}
    names("another license's document", bent, "document.digest")
    listed(m, log, names)
    bent = log.copy()
    bent.entries[there]["body"]["issuer_key"] = bent.entries[0]["body"]["issuer_key"]
    names("a change to the key that it is, and documents by another", bent.sign(), "document.issuer",
          "issuer.key_changed")
    bent = log.copy()
    grant = next(i for i, e in enumerate(bent.entries) if e["type"] == "license.granted")
    bent.append(moved, shown, at=grant)     # the change came earlier: what was signed by the old key is too late
    bent.entries.pop(there + 1), bent.shown.pop(there + 1)
    names("a document signed with the old key after the change", bent.sign(), "document.issuer")
    return names


def frozen(m, buyer, offer, successor, names, auditor):
    """The log's last entry; its checkpoint."""
    own = m.operator.get("/v1/log/key").json()["log_key"]
    tap.check("own origin" in failed(m, "counterfoil-schema", "freeze", own), "a log is not its own successor")
    failed(m, "counterfoil-schema", "freeze", "nonsense")
    tap.equal(m.entries("log.frozen"), 0, "nor is what is no key")
    quote = m.quote(buyer, offer)["id"]
    asked = {"quote": quote}
    held = m.buy(buyer, offer)["id"]
    m.run("counterfoil-schema", "freeze", successor)
    said = m.run("counterfoil-schema", "freeze", successor)
    tap.check("is the log's last" in said and m.entries("log.frozen") == 1, "frozen once, and said again")
    tap.check("frozen at entry" in failed(m, "counterfoil-schema", "freeze", OTHER), "for one successor only")
    tap.equal(Signer(m.env["COUNTERFOIL_SIGNER"]).status()["frozen"], 1, "the signer's state is frozen")
    got = buyer.post("/v1/licenses", asked)
    tap.check(got.status == 410 and got.slug == "ledger-frozen", f"a purchase: {got}")
    got = buyer.get(f"/v1/licenses/{held}/items/one")
    tap.check(got.status == 410 and got.slug == "ledger-frozen", f"a delivery that would be recorded: {got}")
    tap.equal(m.get("/v1/datasets")[0], 200, "reads go on")
    m.programs["signer"].stop()
    m.start(only=("signer",))
    signer = Signer(m.env["COUNTERFOIL_SIGNER"])
    size = signer.status()["size"]
    tap.equal(signer.sign(size, size + 1, bytes(32))[0], "frozen", "the signer signs nothing more, restarted or not")
    code, report = m.audit()
    tap.check(code == 0, "the audit is sound") or tap.note(report)
    log = Log(m, auditor)
    bent = log.copy()
    bent.append(next(e for e in bent.entries if e["type"] == "content.verified"))
    names("an entry after log.frozen", bent.sign(), "log.frozen")
    bent = log.copy()
    bent.entries[-1]["body"]["successor"]["origin"] = "elsewhere.example/1"
    names("a successor whose key is another's", bent.sign(), "log.frozen")
    return m.get("/log/checkpoint")[1]


def succeeded(m, auditor, names_dir, successor_market, last, own):
    """The next log opens, and is laid against the state of the audit of this one."""
    where = m.dir / "last"
    where.write_bytes(last)
    state = m.dir / "old-state"
    m.cf("audit", m.url, "--state", state)
    n = successor_market
    n.open_log("--predecessor", own, where)
    got = n.cf("audit", n.url, "--json", "--state", n.dir / "next-state", "--predecessor", state, code=None)
    tap.check(got.code == 0, "the successor goes on where its predecessor ended") or tap.note(got)
    eye = n.party("eye", "auditor")
    log = Log(n, eye)
    for what, bend in (("a successor that names another root", {"root": "00" * 32}),
                       ("a successor that leaves entries out", {"size": 3}),
                       ("a successor that names nobody", None)):
        bent = log.copy()
        if bend:
            bent.entries[0]["body"]["predecessor"].update(bend)
        else:
            del bent.entries[0]["body"]["predecessor"]
        bent.sign()
        server, url = bent.serve()
        got = eye.cf("audit", url, "--json", "--key", n.operator.get("/v1/log/key").json()["log_key"], "--state",
                     names_dir / what.replace(" ", "-"), "--predecessor", state, code=None,
                     env={"COUNTERFOIL_URL": url})
        got_own = eye.cf("audit", url, "--json", "--key", bent.vkey, "--state",
                         names_dir / (what.replace(" ", "-") + "-own"), "--predecessor", state, code=None,
                         env={"COUNTERFOIL_URL": url})
        server.shutdown()
        found = {f["rule"] for f in json.loads(got_own.out)["findings"]} if got_own.out else set()
        tap.check(got.code == 1 and "log.successor" in found, f"{what}: log.successor") or tap.note((got, got_own))
    return state


class Next(Market):
    """A market whose log is opened by a step of the test."""

    def open_log(self, *argv):
        self.run("counterfoil-schema", "open", *argv, COUNTERFOIL_OPERATOR_HANDLE="market",
                 COUNTERFOIL_OPERATOR_KEY_FILE=str(self.dir / "operator.key"))
        self.operator_key = (self.dir / "operator.key").read_text(encoding="ascii").strip()
        self.operator = Party(self, "market", self.operator_key)
        self.start(without=("signer",))

    def open(self):
        self.cluster.start()
        for role in ("owner", "api", "worker"):
            self.env[f"COUNTERFOIL_DB_{role.upper()}"] = self.cluster.dsn(role)
        self.run("counterfoil-schema", "apply")
        said = self.run("counterfoil-signer", "init", "--origin", self.origin, "--dir", self.dir / "signer")
        self.vkey = next(line.split()[1] for line in said.splitlines() if line.startswith("log "))
        self.start(only=("signer",))
        return self


def main():
    where = folder("story-loglife")
    with Market(where / "old") as m, Next(where / "next") as n:
        auditor = m.party("eye", "auditor")
        publisher, buyer = m.party("house", "publisher"), m.party("lab", "buyer")
        m.pay(buyer, "500.00")
        m.publish(publisher, "texts", {"one": b"first", "two": b"second"})
        offer = m.offer(publisher, "texts")["id"]
        before, after, change = issuer_changes(m, auditor, buyer, offer)
        names = cheats(m, auditor, before, after, change)
        last = frozen(m, buyer, offer, n.vkey, names, auditor)
        succeeded(m, auditor, where, n, last, m.operator.get("/v1/log/key").json()["log_key"])
    tap.done()


if __name__ == "__main__":
    main()
