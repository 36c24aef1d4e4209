# SPDX-License-Identifier: Apache-2.0
"""
Split brain: a market's database and its signer's folder, copied at one size, each go on. Neither signer can tell and
raises no alarm, and who looks at one side alone finds it sound. An auditor who has seen the other side, and a witness,
name the fork and keep both signed notes.
"""
import json
import pathlib
import shutil

from harness import web
from harness.market import Market
from harness.program import Program, listening
from harness.reader import checkpoint_parse
from harness.signer import Signer
from harness.tap import check, done, equal, note
from harness.tree import folder
from harness.witness import Witness


class Side:
    """One half: an API with its own database and signer."""

    def __init__(self, market, name, database, where):
        self.market, self.name, self.port = market, name, web.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.operator = web.Client(self.port, market.operator_key)
        self.signer = str(market.socket_folder / f"{name}.sock")
        self.env = {**market.env, "COUNTERFOIL_PORT": str(self.port), "COUNTERFOIL_SIGNER": self.signer,
                    "COUNTERFOIL_DB_API": market.cluster.dsn("api", database=database)}
        market.programs[f"{name} signer"] = Program(["counterfoil-signer", "serve", "--dir", where, "--socket",
                                                     self.signer], {}, market.dir / f"{name}-signer.log",
                                                    lambda: listening(self.signer)).start()
        market.programs[f"{name} api"] = Program(["counterfoil-api"], self.env, market.dir / f"{name}-api.log",
                                                 self.ready).start()

    def ready(self):
        try:
            return self.operator.get("/readyz").status == 200
        except OSError:
            return False

    def append(self, handle):
        got = self.operator.post("/v1/parties", {"handle": handle, "roles": ["buyer"], "name": "Somebody"})
        if got.status != 201:
            raise AssertionError(got)

    def note(self):
        return self.operator.get("/log/checkpoint").body.decode()

    @property
    def size(self):
        return checkpoint_parse(self.note().encode())[1]

    def proof(self, old):
        return self.operator.get(f"/v1/log/consistency?from={old}&to={self.size}").json()["proof"]

    def audit(self, state):
        got = self.market.cf("audit", self.url, "--json", "--state", state, code=None)
        return got.code, json.loads(got.out) if got.out else {}


def halves(market):
    """Both, of one size."""
    market.stop(only=("api", "signer"))
    (market.socket_folder / "signer.sock").unlink(missing_ok=True)
    shutil.copytree(market.dir / "signer", market.dir / "signer-two")
    name = market.sql("SELECT current_database()")[0][0]
    market.cluster.sql(f'CREATE DATABASE other TEMPLATE "{name}"', database="postgres")
    return Side(market, "one", None, market.dir / "signer"), Side(market, "two", "other", market.dir / "signer-two")


def kept(path, *notes):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    return all(one in text for one in notes)


def auditors(market, one, two, seen):
    states = [market.dir / f"seen-{i}" for i in range(4)]
    for state in states:
        shutil.copy(seen, state)
    equal([one.audit(states[0])[0], two.audit(states[1])[0]], [0, 0], "who looks at one side alone finds it sound")
    for what, state, there, other in (("who saw one and is shown two", states[0], two, one),
                                      ("who saw two and is shown one", states[1], one, two)):
        code, report = there.audit(state)
        rules = {f["rule"] for f in report.get("findings", [])}
        check(code == 1 and rules == {"fork"}, f"{what}, of the same size, names the fork") or note(report)
        check(kept(report["evidence"], there.note(), other.note()), "and keeps both signed notes")
    was = one.note()
    equal(one.audit(states[2])[0], 0, "another one sees one side")
    two.append("longer")
    code, report = two.audit(states[2])
    rules = {f["rule"] for f in report.get("findings", [])}
    check(code == 1 and rules == {"fork"}, "a longer side does not hide it") or note(report)
    check(kept(report["evidence"], was, two.note()), "both notes again")


def witnessed(market, witness, one, two, old):
    def ask(side, size, proof, text):
        body = f"old {size}\n" + "".join(f"{h}\n" for h in proof) + f"\n{text}"
        return witness.add(body.encode())
    size, first, second = one.size, one.note(), two.note()
    equal((two.size, first == second), (size, False), "one size, two trees")
    equal(ask(one, old, one.proof(old), first).status, 200, "a witness cosigns the side that it sees first")
    got = ask(two, old, two.proof(old), second)
    equal((got.status, got.body), (409, f"{size}\n".encode()), "to the other it says what it has")
    equal(ask(two, size, [], second).status, 422, "and refuses it")
    log = (witness.dir / "log").read_text(encoding="utf-8")
    files = list((witness.dir / "state").glob("*.evidence"))
    check("fork origin=" in log and len(files) == 1 and files[0].name in log, "it says so, and where the evidence is")
    check(kept(files[0], first, second), "both notes, signed by the log's key")
    before = files[0].read_bytes()
    two.append("further")
    equal(ask(two, size, two.proof(size), two.note()).status, 422, "nor does it cosign what comes after")
    equal(ask(one, size, [], first).status, 200, "the first goes on")
    equal(files[0].read_bytes(), before, "and the evidence stays")


def main():
    with Market(folder("story-splitbrain"), without=("worker",)) as market:
        vkey = market.operator.get("/v1/log/key").json()["log_key"]
        market.party("early", "buyer")
        witness = Witness(market.dir / "witness", "witness.example/w1").start([vkey])
        market.programs["witness"] = witness.program
        seen = market.dir / "seen"
        market.cf("audit", market.url, "--state", seen, "--key", vkey)
        first = market.get("/log/checkpoint")[1].decode()
        old = checkpoint_parse(first.encode())[1]
        equal(witness.add(f"old 0\n\n{first}".encode()).status, 200, "a witness knows the log")
        one, two = halves(market)
        equal([one.note(), two.note()], [first, first], "both begin with one checkpoint")
        one.append("left"), two.append("right")
        check(one.size == two.size > old, "each appends and signs")
        equal([Signer(side.signer).status()["alarms"] for side in (one, two)], [0, 0], "neither signer can tell")
        witnessed(market, witness, one, two, old)
        one.append("left-more")
        auditors(market, one, two, seen)
        equal([Signer(side.signer).status()["alarms"] for side in (one, two)], [0, 0], "nor can they afterwards")
    done()


main()
