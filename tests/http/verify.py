# SPDX-License-Identifier: Apache-2.0
"""
`counterfoil verify` of every kind of file that the market and its tool hand out: as it is, cosigned, with a byte
changed, cut off, of another log, below the policy, by a key that was not the issuer's then, beside another's receipt;
and of what is no such file. Nothing but the log's key and policy is given, and no market is asked.
"""
import base64
import hashlib
import json
import os
import random
import secrets
import shutil

from harness import consents, sourcing
from harness.cosigner import Cosigner
from harness.creator import Creator
from harness.ed25519 import Key, canonical
from harness.market import Market
from harness.program import wait_for
from harness.sale import later, must, offered, published
from harness.tap import check, done, equal, note
from harness.tree import folder

AT_ONCE = 60
HUGE = 100 << 20
NOBODY = {"COUNTERFOIL_URL": "http://127.0.0.1:9"}

# Kinds that the issuer signs, whose receipt must be there; that parties sign, whose receipt may be; that no entry has
# the digest of; and those that are the log's own.
ISSUED = ("license", "clearance", "list")
ENTERED = ("consent", "certificate", "withdrawal")
LOOSE = ("revocation", "possession")
LOGS = ("receipt", "pair.tlog-proof", "checkpoint", "statement", "snapshot")
KINDS = (*ISSUED, *ENTERED, *LOOSE, *LOGS)


class Files:
    """A market's files, one of each kind, in a folder."""

    def __init__(self, market):
        self.m, self.dir = market, market.dir / "kinds"
        self.dir.mkdir()
        self.key = must(market.operator.get("/v1/log/key"), 200).json()["log_key"]
        self.alice = Creator(market, market.party("alice", "creator"))
        self.certifier = sourcing.Certifier(market)
        self.buyer = market.party("lab", "buyer")
        self.house = market.party("house", "publisher")

    def path(self, name):
        return self.dir / name

    def put(self, name, data, entry=None):
        """The file, and the receipt of its entry beside it."""
        self.path(name).write_bytes(data)
        if entry is not None:
            self.receipt(entry, f"{name}.receipt")

    def receipt(self, entry, name):
        self.path(name).unlink(missing_ok=True)
        self.m.cf("receipt", entry, "--out", self.path(name))
        return self.path(name)

    def publish(self):
        items = []
        for body in (b"one\n", b"two\n", b"three\n"):
            sha256 = hashlib.sha256(body).hexdigest()
            items.append({"path": f"t/{sha256[:4]}.txt", "sha256": sha256, "size": len(body),
                          "media_type": "text/plain", "attributes": {},
                          "contributors": [{"party": self.alice.party.id, "role": "author", "weight": 1}]})
        self.version = published(self.house, "set", items, (b"one\n", b"two\n", b"three\n"))
        self.hashes = [item["sha256"] for item in items]
        self.offer = offered(self.house, self.version, {"amount": "3.00", "currency": "EUR"})

    def by_parties(self):
        """What parties sign."""
        consent = self.alice.consent(self.hashes)
        signed = self.alice.show(consent)["certificate"]
        self.put("consent", consents.body(signed, self.hashes), consent["entry"]["index"])
        again = self.alice.consent(self.hashes)
        request = consents.withdrawal(self.alice.key, again)
        ended = self.alice.withdraw(again, request)
        self.put("withdrawal", canonical(request), ended["entry"]["index"])
        shown = self.certifier.issue(self.version)
        self.put("certificate", canonical(self.certifier.show(shown["id"])["certificate"]), shown["entry"]["index"])
        self.put("revocation", canonical(sourcing.withdrawal(self.certifier.key, shown)))
        self.put("possession", canonical(consents.statement(self.alice.key, self.alice.party.id, self.m.origin)))

    def buy(self):
        wish = {"offer": self.offer["id"], "purpose": "pretraining", "territory": "DE", "until": later(30)}
        quote = must(self.buyer.post("/v1/quotes", wish, idempotency=None), 201).json()
        self.m.pay(self.buyer, "3.00")
        return must(self.buyer.post("/v1/licenses", {"quote": quote["id"]}), 201).json()["id"]

    def by_issuer(self, end=""):
        """A new license, its clearance, and the newest status list."""
        license_ = self.buy()
        wait_for(lambda: self.buyer.get(f"/v1/licenses/{license_}").json()["credential"], 60, "it to be signed")
        self.buyer.cf("license", license_, "--out", self.path(f"license{end}"))
        self.buyer.cf("clear", license_, "--out", self.path(f"clearance{end}"))
        lists = self.m.operator.get("/v1/status-lists").json()["data"]
        got = must(self.m.operator.get(f"/v1/status-lists/{lists[0]['id']}"), 200)
        self.put(f"list{end}", got.body, got.headers["Counterfoil-Entry"])
        return license_

    def by_log(self, license_):
        self.put("checkpoint", self.m.get("/log/checkpoint")[1])
        entry = self.buyer.get(f"/v1/licenses/{license_}").json()["entry"]["index"]
        self.buyer.cf("receipt", entry, "--out", self.path("receipt"))
        for end, path in (("json", ""), ("tlog-proof", "/proof")):
            self.put(f"pair.{end}", must(self.buyer.get(f"/v1/entries/{entry}{path}"), 200).body)
        wait_for(lambda: self.m.sql("SELECT count(*) FROM allocation WHERE state = 'posted' AND release_transaction IS"
                                    " NOT NULL") != [["0"]], 60, "the sale to be shared out")
        self.m.operator.cf("payout", "run", "--minimum", "1000.00", "--currency", "EUR", "--out", self.path("run.csv"))
        self.alice.party.cf("statement", "--save", self.path("statement"))
        self.alice.party.cf("statement", "--verify", "--save", self.path("snapshot"))
        self.buyer.cf("pull", license_, self.path("pulled"))

    def verify(self, *paths, flags=(), key=None):
        return self.m.cf("verify", *paths, *(["--key", key or self.key] if key != "" else []), *flags, code=None,
                         env=NOBODY, timeout=300)


def judged(files, what, code, word, *paths, **more):
    got = files.verify(*paths, **more)
    check(got.code == code and word in got.out + got.err, what) or note(repr(got)[:3000])


def refused(files, what, paths, word="", **more):
    """None of these is accepted, and each is named with its reason."""
    paths = list(paths)
    for first in range(0, len(paths), AT_ONCE):
        part = paths[first:first + AT_ONCE]
        got = files.verify(*part, **more)
        named = [p for p in part if f"{p}: " in got.err]
        taken = sum(line == "sound" for line in got.out.splitlines())
        check(taken == 0 and got.code in (1, 2) and len(named) == len(part) and word in got.err, what) or note(
            f"{taken} taken, {len(part) - len(named)} not named\n{repr(got)[:6000]}")


def flags_of(files, kind):
    """A copy has no receipt beside it."""
    receipt = files.path(f"{kind}.receipt")
    return ["--receipt", receipt] if receipt.exists() else []


def copy(files, kind, tag, data):
    """A file of that kind with other bytes; what must lie beside it does."""
    if kind.startswith("pair"):
        shutil.copy(files.path("pair.json"), files.path(f"{tag}.json"))
        tag = f"{tag}.tlog-proof"
    files.path(tag).write_bytes(data)
    return files.path(tag)


def gone(paths):
    """What copy() made is away, so that none is taken for the other half of what comes later."""
    for path in paths:
        path.unlink()
        path.with_suffix(".json").unlink(missing_ok=True)


def bent(data, rng):
    """One bit turned."""
    data = bytearray(data)
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def changed(files, rng):
    for kind in KINDS:
        data = files.path(kind).read_bytes()
        if kind in ("statement", "snapshot"):
            words(files, kind, data, rng)
            continue
        made = [copy(files, kind, f"bent-{i}", bent(data, rng)) for i in range(AT_ONCE)]
        refused(files, f"{kind} with a byte changed is refused", made, flags=flags_of(files, kind))
        gone(made)
        if not flags_of(files, kind):
            continue
        proof = files.path(f"{kind}.receipt").read_bytes()
        for i in range(AT_ONCE // 2):
            copy(files, kind, f"bent-{i}", data)
            files.path(f"bent-{i}.receipt").write_bytes(bent(proof, rng))
        refused(files, f"and so is one beside a receipt with a byte changed",
                [files.path(f"bent-{i}") for i in range(AT_ONCE // 2)])
        for i in range(AT_ONCE // 2):
            gone([files.path(f"bent-{i}"), files.path(f"bent-{i}.receipt")])


def proved(statement):
    """What verify proves of a statement."""
    def picked(thing, *names):
        return {name: thing.get(name) for name in names if thing.get(name)}
    return [picked(statement, *(["as_of"] if statement.get("snapshot") else [])),
            picked(statement.get("snapshot", {}).get("entry", {}), "index"), statement.get("receipts"),
            [(picked(a, "account", "currency", "opening", "closing", "payouts", "proof"),
              [(picked(x, "n", "net", "at", "leaf", "path", "place"), x["entry"]["index"]) for x in a["lines"]])
             for a in statement["accounts"]]]


def words(files, kind, data, rng):
    """Only the market's own words can be others: docs/auditing.md says which these are."""
    taken = 0
    for i in range(AT_ONCE):
        out = copy(files, kind, "bent", bent(data, rng))
        got = files.verify(out)
        if got.code:
            good = got.code in (1, 2) and f"{out}: " in got.out + got.err or "counterfoil: acc_" in got.err
        else:
            now, was = json.loads(out.read_bytes()), json.loads(data)
            if "ends at no snapshot" in got.out:           # and who reads that, doesn't take it for one that does
                was.pop("snapshot", None), now.pop("snapshot", None)
                for account in (*was["accounts"], *now["accounts"]):
                    account.pop("proof", None)
            good = proved(now) == proved(was)
            taken += 1
        if not good:
            check(False, f"{kind} with a byte changed") or note(f"{out.read_bytes()}\n{repr(got)}")
            return
    check(taken < AT_ONCE // 2, f"{kind} with a byte changed is refused, or it is in the market's words ({taken})")


def cut(files):
    """At every byte. A consent without its list of items is a whole certificate, which says what it leaves open."""
    for kind in KINDS:
        data = files.path(kind).read_bytes()
        alone = data.find(b"\n") if kind == "consent" else len(data)
        for end in (alone, alone + 1) if kind == "consent" else ():
            judged(files, f"{kind} cut off after the certificate at {end}", 0, "coverage     not in this file",
                   copy(files, kind, f"cut-{end}", data[:end]), flags=flags_of(files, kind))
        ends = [n for n in range(1, len(data) - 1) if n not in (alone, alone + 1)]
        made = [copy(files, kind, f"cut-{n}", data[:n]) for n in ends]
        refused(files, f"{kind} cut off is refused", made, flags=flags_of(files, kind))
        gone(made)
    refused(files, "an empty file is told so", [copy(files, "x", "empty", b"")], "the file is empty")


def other_keys(files):
    other = "other.example/1"
    for origin, what in ((files.m.origin, "another key of its origin"), (other, "another log's key")):
        public = b"\x01" + Key().public
        name = hashlib.sha256(origin.encode() + b"\n" + public).digest()[:4].hex()
        vkey = f"{origin}+{name}+{base64.b64encode(public).decode()}"
        for kind in (*ISSUED, *ENTERED, *LOGS):
            judged(files, f"{kind} under {what}", 1, f"wanted is a checkpoint that {origin} has signed",
                   files.path(kind), key=vkey)
    judged(files, "a key that is none", 2, "not a verifier key", files.path("receipt"), key=files.key[:-4])
    for kind in LOGS:
        judged(files, f"{kind} needs a key, and says so", 2, "--key VKEY", files.path(kind), key="")
    for kind in (*ISSUED, *ENTERED):
        judged(files, f"{kind} without a key is not laid against the log, and says so", 0, "--key VKEY lays it against",
               files.path(kind), key="")


def cosign(files, cosigner):
    """All files with a checkpoint of the log in them, cosigned."""
    def text(proof):
        head, note_ = proof.split("\n\n", 1)
        return f"{head}\n\n{cosigner.cosign(note_)}"

    def whole(path):
        kept = json.loads(path.read_bytes())
        for receipt in [kept] if "proof" in kept else kept["receipts"].values():
            receipt["proof"] = text(receipt["proof"])
        path.write_bytes(canonical(kept))
    for path in (*files.dir.glob("*.receipt"), *map(files.path, ("receipt", "statement", "snapshot"))):
        whole(path)
    path = files.path("pair.tlog-proof")
    path.write_text(text(path.read_text(encoding="utf8")), encoding="utf8")
    path = files.path("checkpoint")
    path.write_text(cosigner.cosign(path.read_text(encoding="utf8")), encoding="utf8")


def policies(files):
    cosigner, kinds = Cosigner(), (*ISSUED, *ENTERED, *LOGS)
    policy = files.path("policy")
    policy.write_text(cosigner.policy(files.key), encoding="ascii")
    for kind in kinds:
        judged(files, f"{kind} below the policy", 1, "below the policy", files.path(kind), flags=["--policy", policy])
    cosign(files, cosigner)
    for kind in kinds:
        judged(files, f"{kind}, cosigned, meets it", 0, "sound", files.path(kind), flags=["--policy", policy])
    judged(files, "a policy needs the log's key", 2, "with --key", files.path("license"), key="",
           flags=["--policy", policy])


def issuers(files):
    """The issuer's key changes; each document is of the key of its entry's time."""
    files.m.run("counterfoil-signer", "next-issuer", "--dir", files.m.dir / "signer")
    files.m.run("counterfoil-schema", "issuer")
    wait_for(lambda: files.m.operator.get("/v1/log/key").json()["issuer_keys"][1:], 30, "the change")
    keys = files.m.operator.get("/v1/log/key").json()["issuer_keys"]
    files.by_parties()                                     # a list is published again
    before = {kind: files.path(kind).read_bytes() for kind in ISSUED}
    since = keys[1]["since"]

    def fresh():
        lists = files.m.operator.get("/v1/status-lists").json()["data"]
        got = files.m.operator.get(f"/v1/status-lists/{lists[0]['id']}")
        return got.status == 200 and int(got.headers["Counterfoil-Entry"]) > since
    wait_for(fresh, 60, "a status list by the new key")
    files.by_issuer("-after")
    first = files.receipt(0, "opened.receipt")
    second = files.receipt(since, "changed.receipt")
    told = [f"--issuer-entry={first}", f"--issuer-entry={second}"]
    for kind in ISSUED:
        check(before[kind] != files.path(f"{kind}-after").read_bytes(), f"another {kind}")
        judged(files, f"{kind} by the first key", 0, "the issuer's key since entry 0", files.path(kind), flags=told)
        judged(files, f"{kind} by the second", 0, f"the issuer's key since entry {since}", files.path(f"{kind}-after"),
               flags=told[::-1])
        judged(files, f"{kind} by the second is not by the first", 1, "since entry 0, of those given",
               files.path(f"{kind}-after"), flags=told[:1])
        judged(files, f"{kind} by the first is not by the second", 1, "none of the issuer's keys given was in force",
               files.path(kind), flags=told[1:])
        judged(files, f"whose key {kind} is by, is not looked at unasked", 0, "not looked at: --issuer-entry",
               files.path(kind))
        forged = json.loads(files.path(kind).read_bytes())
        forged.pop("proof")
        forger, flags = Key(), flags_of(files, kind)

        def by_forger():
            return copy(files, kind, "forged", canonical(forger.prove(forged, consents.moment())))
        judged(files, f"{kind} that a stranger has signed", 1, "signer_other", by_forger(), flags=flags)
        forged["issuer"] = forger.did
        judged(files, f"{kind} that a stranger says is hers", 2, "none of the receipts given", by_forger(), flags=flags)
    judged(files, "another entry brings no key", 1, "brings no key of the issuer", files.path("license"),
           flags=["--issuer-entry", files.receipt(1, "party.receipt")])


def huge(files):
    for kind in KINDS:
        data = files.path(kind).read_bytes()
        out = copy(files, kind, "huge", data.rstrip(b"\n"))
        with open(out, "ab") as f:
            f.write(b" " * HUGE)
        if kind in ("statement", "snapshot"):
            judged(files, f"{kind} may be large", 0, "sound", out)
        else:
            refused(files, f"{kind} of 100 MB is refused", [out], flags=flags_of(files, kind))
    for fill in (b"A", b"{", b"[", b"\0", b'"'):
        out = copy(files, "x", "huge", fill * HUGE)
        refused(files, f"100 MB of {fill} are refused", [out])
    gone([out, files.path("huge.tlog-proof")])


def odd(files, rng):
    """A statement without one of its members, or with one of another form, is read to the end."""
    def ways(thing, *way):
        yield way
        inner = thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
        for key, one in inner:
            yield from ways(one, *way, key)
    for kind in ("statement", "snapshot"):
        data, odd_ones = files.path(kind).read_bytes(), []
        for n, way in enumerate(w for w in ways(json.loads(data)) if w):
            inner = thing = json.loads(data)
            for key in way[:-1]:
                inner = inner[key]
            if rng.randrange(2):
                del inner[way[-1]]
            else:
                inner[way[-1]] = rng.choice([None, 7, "x", [], {}, [[]], -1, {"amount": 1}, True])
            odd_ones.append(copy(files, kind, f"odd-{n}", canonical(thing)))
        for first in range(0, len(odd_ones), AT_ONCE):
            got = files.verify(*odd_ones[first:first + AT_ONCE])
            check(got.code == 1 and "runtime error" not in got.err and "ERROR" not in got.err,
                  f"{kind} without any of its members, or of another form") or note(got.err[-3000:])


def halves(files):
    """A file is never taken for sound by what lies beside it: only of these two names is it one half of a receipt."""
    for end in ("json", "tlog-proof"):
        shutil.copy(files.path(f"pair.{end}"), files.path(f"r.{end}"))
    kept = json.loads(files.path("receipt").read_bytes())
    document = {name + "x" if name == "entry" else name: value for name, value in kept["document"].items()}
    for what in ({"document": {}, "proof": "anything"}, {**kept, "document": document}, kept["document"]):
        files.path("r").write_bytes(canonical(what))
        judged(files, "what is no receipt, beside two halves", 1, "N.json and N.tlog-proof", files.path("r"))
    shutil.copy(files.path("pair.tlog-proof"), files.path("r"))
    judged(files, "nor is a proof whose name isn't that of a half", 1, "N.json and N.tlog-proof", files.path("r"))
    files.path("r.json").write_bytes(canonical({"document": {}, "proof": "anything"}))
    for end in ("json", "tlog-proof"):
        judged(files, "a half that is none", 1, "not an entry", files.path(f"r.{end}"))
    gone([files.path("r"), files.path("r.tlog-proof")])


def named(files):
    """A receipt that is named is read, whatever lies beside the document, and must be of its entry."""
    nowhere, bad = files.path("nowhere.receipt"), files.path("bad.receipt")
    kept = files.path("list.receipt").read_bytes()
    bad.write_bytes(kept.replace(b'"index":', b'"index":1', 1))
    for kind in (*ISSUED, *ENTERED):
        out = copy(files, kind, "named", files.path(kind).read_bytes())
        for path in (out, files.path(kind)):
            judged(files, f"{kind} with a receipt that isn't there", 2, f"--receipt {nowhere}", path,
                   flags=["--receipt", nowhere])
            judged(files, f"{kind} with a receipt that doesn't hold", 1, "different places", path,
                   flags=["--receipt", bad, *flags_of(files, kind)])
        other = files.path(f"{'list' if kind == 'license' else 'license'}.receipt")
        judged(files, f"{kind} with the receipt of another", 2, "none of the receipts given", out,
               flags=["--receipt", other])
        judged(files, f"{kind} with its own among others", 0, "sound", out,
               flags=["--receipt", other, *flags_of(files, kind)])
        gone([out])
    for kind in (*LOOSE, *LOGS):
        judged(files, f"{kind} with a receipt that isn't there", 2, f"--receipt {nowhere}", files.path(kind),
               flags=["--receipt", nowhere])
    gone([bad])


def others(files):
    """What is of another kind than it should be, or of none."""
    for kind, beside in (("license", "clearance"), ("clearance", "license"), ("list", "license"),
                         ("consent", "certificate"), ("certificate", "consent"), ("withdrawal", "consent")):
        out = copy(files, kind, "mixed", files.path(kind).read_bytes())
        shutil.copy(files.path(f"{beside}.receipt"), files.path("mixed.receipt"))
        judged(files, f"{kind} beside the receipt of {beside}", 1, "get the receipt of the entry that names it", out)
        files.path("mixed.receipt").unlink()
        judged(files, f"{kind} without a receipt says so", 2 if kind in ISSUED else 0, "mixed.receipt", out)
    for kind in (*ISSUED, "certificate", "withdrawal", "revocation", "possession"):
        for type_ in ("DataLicense", "TrainingClearance", "BitstringStatusListCredential", "Diploma"):
            document = json.loads(files.path(kind).read_bytes())
            if type_ in document["type"]:
                continue
            document["type"] = ["VerifiableCredential", type_]
            refused(files, f"{kind} that calls itself {type_}",
                    [copy(files, kind, "typed", canonical(document))], flags=flags_of(files, kind))
    shutil.copy(files.path("pair.tlog-proof"), files.path("alone.tlog-proof"))
    judged(files, "a tlog-proof alone says what is missing", 2, "proves nothing", files.path("alone.tlog-proof"))
    shutil.copy(files.path("pair.json"), files.path("alone.json"))
    files.path("alone.tlog-proof").write_bytes(files.m.get("/v1/entries/1/proof")[1])
    judged(files, "nor is another entry's proof its own", 1, "does not lead", files.path("alone.json"))
    halves(files)
    judged(files, "a folder that nobody pulled", 2, "no folder that `counterfoil pull` has made", files.dir)
    judged(files, "a folder that was pulled", 0, "sound", files.path("pulled"))
    judged(files, "no file", 2, "nowhere", files.path("nowhere"))
    for name, path, word in (
            ("license", json.loads(files.path("license").read_bytes())["credentialSubject"]["license"],
             "counterfoil license LICENSE --out"),):
        answer = must(files.buyer.get(f"/v1/licenses/{path}"), 200).body
        judged(files, f"the market's answer about a {name}", 2, word, copy(files, name, "answer", answer))
    answer = must(files.alice.party.get("/v1/consents"), 200).json()["data"][0]["id"]
    answer = must(files.alice.party.get(f"/v1/consents/{answer}"), 200).body
    judged(files, "about a consent", 2, "its member `certificate`", copy(files, "x", "answer", answer))
    answer = must(files.alice.party.get("/v1/statements?format=json"), 200).body
    judged(files, "a statement without its proofs", 2, "statement --save", copy(files, "x", "answer", answer))
    answer = must(files.buyer.get("/v1/log/consistency?from=1&to=2"), 200).body
    judged(files, "a proof of consistency", 2, "counterfoil audit", copy(files, "x", "answer", answer))
    judged(files, "the run's file", 1, "none of the files", files.path("run.csv"))


def together(files):
    all_ = [files.path(kind) for kind in KINDS]
    got = files.verify(*all_)
    equal((got.code, got.out.splitlines().count("sound")), (0, len(KINDS)), "all at once")
    got = files.verify(*all_, files.path("nowhere"))
    equal((got.code, got.out.splitlines().count("sound")), (2, len(KINDS)), "one that isn't there harms no other")
    got = files.verify(files.path("nowhere"), files.path("run.csv"), *all_)
    equal((got.code, got.out.splitlines().count("sound")), (1, len(KINDS)), "nor does one that is wrong")


def main():
    seed = os.environ.get("COUNTERFOIL_SEED") or str(secrets.randbits(63))
    note(f"COUNTERFOIL_SEED={seed}")
    rng = random.Random(seed)
    with Market(folder("http-verify"), COUNTERFOIL_RATE="0", COUNTERFOIL_HOLD_MS="0") as m:
        files = Files(m)
        files.publish()
        files.by_parties()
        license_ = files.by_issuer()
        files.by_log(license_)
        for kind in KINDS:
            judged(files, f"{kind} is sound", 0, "sound", files.path(kind))
        together(files)
        changed(files, rng)
        odd(files, rng)
        cut(files)
        other_keys(files)
        others(files)
        named(files)
        huge(files)
        policies(files)
        issuers(files)
    done()


main()
