# SPDX-License-Identifier: Apache-2.0
"""Witnesses of others and ours: judge.py ASKER LITEWITNESS CLIENTS, the programs as built.

litewitness, and ours beside it, cosign a market's checkpoints; torchwood judges checkpoint, entries and
proofs under the very policy file that the market serves by. Ours answers a log made with x/mod.
"""
import contextlib
import os
import pathlib
import sqlite3
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))
os.environ.setdefault("COUNTERFOIL_BUILD", str(HERE.parent.parent.parent / "build" / "plain"))

from harness import tap, web                                # noqa: E402
from harness.market import Market                           # noqa: E402
from harness.program import wait_for                        # noqa: E402
from harness.reader import checkpoint_parse                 # noqa: E402
from harness.tree import folder                             # noqa: E402
from harness.witness import Witness                         # noqa: E402

EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="     # root of the tree without entries


def run(*argv, **more):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=True, timeout=60,
                          stdin=subprocess.DEVNULL, **more).stdout


class Litewitness:
    """With a key in an ssh-agent, as it wants; its logs stand in a table of its own, where its tool would put them."""

    def __init__(self, where, program, vkey):
        where.mkdir(parents=True)
        self.port, agent, db, log = web.free_port(), where / "agent", where / "db", where / "log"
        self.agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(agent)], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL)
        wait_for(agent.exists, 20, "the ssh-agent")
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", where / "key")
        run("ssh-add", "-q", where / "key", env={**os.environ, "SSH_AUTH_SOCK": str(agent)})
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                [str(program), "-db", str(db), "-name", "litewitness.example/w", "-ssh-agent", str(agent), "-listen",
                 f"127.0.0.1:{self.port}", "-key", run("ssh-keygen", "-l", "-f", where / "key.pub").split()[1]],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_for(lambda: b"vkey=" in log.read_bytes() or self.process.poll() is not None, 20, "litewitness")
        with contextlib.closing(sqlite3.connect(db, timeout=20)) as rows, rows:
            rows.execute("INSERT INTO log VALUES (?, 0, ?)", (vkey.split("+")[0], EMPTY))
            rows.execute("INSERT INTO key VALUES (?, ?)", (vkey.split("+")[0], vkey))
        self.vkey = log.read_text(encoding="utf-8").split("vkey=")[1].split()[0].strip('"')

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        for p in (self.process, self.agent):
            p.terminate()
            p.wait()


def judge_ours(asker, where):
    skey, vkey = run(asker, "-new", "theirs.example/log").split()
    witness = Witness(where / "ours-alone", "ours.example/w").start([vkey])
    done = subprocess.run([asker, "-skey", skey, "-url", witness.url.rstrip("/"), "-vkey", witness.vkey],
                          capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    for line in done.stdout.splitlines():
        if line.startswith(("ok ", "not ok ")):
            tap.check(line.startswith("ok "), "ours, asked by x/mod: " + line.split(" - ", 1)[1])
    tap.equal(done.returncode, 0, "ours, asked by x/mod, to the end")
    witness.program.stop()


def published(market):
    """Whether the newest checkpoint has what the policy wants."""
    status, note = market.get("/log/checkpoint")
    return status == 200 and checkpoint_parse(note)[1] >= int(market.sql("SELECT max(size) FROM checkpoint")[0][0])


def judge_market(litewitness, clients, where):
    with Market(where / "market", without=("worker",)) as market:
        vkey = market.operator.get("/v1/log/key").json()["log_key"]
        ours = Witness(where / "ours", "ours.example/w").start([vkey])
        theirs = Litewitness(where / "theirs", litewitness, vkey)
        policy = where / "policy"
        policy.write_text(f"log {vkey} {market.url}/log\nwitness theirs {theirs.vkey} {theirs.url}\n"
                          f"witness ours {ours.vkey} {ours.url}\ngroup both all theirs ours\nquorum both\n",
                          encoding="utf-8")
        market.env.update(COUNTERFOIL_POLICY=str(policy), COUNTERFOIL_WITNESS_PRIVATE="yes")
        market.stop(only=("api",))
        market.start(only=("api", "worker"))
        for i in range(40):
            market.party(f"buyer{i}", "buyer")
            if i % 10 == 9:           # several checkpoints, each with a proof for both
                wait_for(lambda: published(market), 60, "litewitness and ours to cosign")
        note = market.get("/log/checkpoint")[1].decode()
        tap.check("— litewitness.example/w " in note and "— ours.example/w " in note, "both cosigned what is published")
        sizes = int(market.sql("SELECT count(*) FROM cosignature WHERE witness LIKE 'litewitness%'")[0][0])
        tap.check(sizes >= 2, f"litewitness followed by consistency proofs: {sizes} checkpoints")
        log = (market.dir / "worker.log").read_text(encoding="utf-8")
        tap.check("alarm" not in log and "witness refuses" not in log, "without an alarm or a refusal")
        done = subprocess.run([clients, "-url", market.url, "-vkey", vkey, "-policy", str(policy)], text=True,
                              capture_output=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
        for line in done.stdout.splitlines():
            if line.startswith(("ok ", "not ok ")):
                tap.check(line.startswith("ok "), "torchwood, by the policy: " + line.split(" - ", 1)[1])
        tap.equal(done.returncode, 0, "torchwood, by the policy, to the end")
        theirs.close()
        ours.program.stop()


def main():
    asker, litewitness, clients = sys.argv[1:]
    where = folder("interop-witness")
    judge_ours(asker, where)
    judge_market(litewitness, clients, where)
    tap.done()


if __name__ == "__main__":
    main()
