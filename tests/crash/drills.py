#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The drills of docs/operating.md, run as they stand there: the commands are read from the page.

The signer's folder is lost, with a witness and without; a backup is restored over a newer database, and the newer one
put back; the database is lost for good, and another log goes on.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.market import Market, Party                    # noqa: E402
from harness.program import wait_for                        # noqa: E402
from harness.reader import checkpoint_parse                 # noqa: E402
from harness.sale import Sale, must                         # noqa: E402
from harness.signer import Signer                           # noqa: E402
from harness.standby import left_behind, serve              # noqa: E402
from harness.tree import ROOT, folder, program              # noqa: E402
from harness.witness import Witness                         # noqa: E402

PATIENCE_S = 60


def blocks(title):
    """The commands below a heading of the page, block by block."""
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    section = re.search(rf"^### {re.escape(title)}\n(.*?)^##", page, re.M | re.S).group(1)
    return [re.sub(r"^    ", "", block, flags=re.M) for block in re.findall(r"(?:^    .*\n)+", section, re.M)]


class Desk:
    """An operator's shell: a folder of its own, and the names that the page uses."""

    def __init__(self, market, **names):
        self.where = market.dir / "desk"
        self.where.mkdir()
        self.env = {**os.environ, **market.env, **names,
                    "PATH": f"{os.path.dirname(program('counterfoil-signer'))}:{os.environ['PATH']}"}

    def run(self, what, commands):
        said = self.where.parent / "desk.log"           # a file: what runs on in the background keeps a pipe open
        with open(said, "w", encoding="utf-8") as out:
            done = subprocess.run(["bash", "-eu", "-c", commands], cwd=self.where, env=self.env, check=False,
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=120)
        text = said.read_text(encoding="utf-8")
        tap.equal(done.returncode, 0, f"{what}: the commands of the page") or tap.note(text)
        return text


def size_of(market):
    return checkpoint_parse(market.get("/log/checkpoint")[1])[1]


def buy(sale):
    """A purchase of a new quote, or the slug of its refusal."""
    got = sale.accept(sale.quote())
    return got.status if got.status == 201 else got.slug


def lost_signer(market, sale, desk, what, where, takeover):
    """The signer of this folder is lost, and its standby takes over by those commands."""
    standby = market.dir / f"{what} standby"
    market.run("counterfoil-signer", "standby", "--dir", where, "--to", standby)
    desk.env["STANDBY"] = str(standby)
    market.programs["signer"].kill()
    left_behind(market, where)
    shutil.rmtree(where)
    size = wait_for(lambda: published(market), PATIENCE_S, "the last checkpoint to be published")
    tap.check(buy(sale) in ("outcome-unknown", "try-again"), f"{what}: nothing is acknowledged")
    said = desk.run(what, blocks("Lost signer state")[0] + takeover)
    tap.check(f"size {size}\n" in said, f"{what}: the standby is at {size} entries") or tap.note(said)
    serve(market, standby)
    wait_for(market.ready, PATIENCE_S, "the market to be ready")
    tap.equal(wait_for(lambda: buy(sale) == 201, PATIENCE_S, "a purchase"), True, f"{what}: the market goes on")
    tap.check(last_signed(market) > size + 2, f"{what}: what was committed unsigned is signed too")
    return standby


def last_signed(market):
    return int(market.sql("SELECT max(size) FROM checkpoint")[0][0])


def published(market):
    """Size of the last checkpoint if it is the published one."""
    size = last_signed(market)
    status, note = market.get("/log/checkpoint")
    return size if status == 200 and checkpoint_parse(note)[1] == size else None


def lost_signers(market, sale, desk):
    """With a witness, whose policy the market has meanwhile; then without."""
    _, with_witnesses, without = blocks("Lost signer state")
    witness = Witness(market.dir / "witness", "drill.example/w").start([desk.env["VKEY"]])
    policy = market.dir / "policy"
    policy.write_text(f"log {desk.env['VKEY']}\nwitness w {witness.vkey} {witness.url}\nquorum w\n", encoding="utf-8")
    desk.env.update(POLICY=str(policy), WITNESSES=witness.url)
    market.stop(only=("api", "worker"))
    market.env.update(COUNTERFOIL_POLICY=str(policy), COUNTERFOIL_WITNESS_PRIVATE="yes")
    market.start(only=("api", "worker"))
    where = lost_signer(market, sale, desk, "lost signer, witnessed", market.dir / "signer", with_witnesses)
    tap.equal((desk.where / "newest").read_text(encoding="utf-8").count(f"— {witness.name} "), 2,
              "lost signer, witnessed: the witness has cosigned it again")
    market.stop(only=("api", "worker"))
    del market.env["COUNTERFOIL_POLICY"]
    market.start(only=("api", "worker"))
    witness.program.stop()
    where = lost_signer(market, sale, desk, "lost signer", where, without)
    desk.env["DIR"] = str(where)


def halts(market, what):
    market.start(only=("api", "worker"), wait=False)
    wait_for(market.alive, PATIENCE_S, "the API to answer")
    wait_for(lambda: market.get("/readyz")[0] == 503, PATIENCE_S, "the ledger to halt")
    tap.equal(market.get("/v1/datasets")[0], 200, f"{what}: reads go on")
    got = market.operator.post("/v1/parties", {"handle": "late", "roles": ["buyer"], "name": "Too late"})
    tap.check(got.status == 503 and got.slug == "ledger-halted", f"{what}: writes are refused, ledger-halted")


def restored_backup(market, sale, desk):
    there, back = blocks("A restored backup")
    market.stop(only=("api", "worker"))             # a worker that has just begun may have entries of its own to write
    size, before = last_signed(market), Signer(market.env["COUNTERFOIL_SIGNER"]).status()
    desk.run("restored backup", there)
    halts(market, "restored backup")
    tap.check(size_of(market) < size, "restored backup: it serves what it has")
    now = Signer(market.env["COUNTERFOIL_SIGNER"]).status()
    tap.check(now["signatures"] == before["signatures"] and now["size"] == size, "restored backup: nothing is signed")
    market.stop(only=("api", "worker"))
    desk.run("restored backup, to go on", back)
    market.start(only=("api",))
    tap.equal(size_of(market), size, "restored backup: the newer database is back")
    market.start(only=("worker",))
    tap.equal(wait_for(lambda: buy(sale) == 201, PATIENCE_S, "a purchase"), True, "restored backup: the market goes on")


def lost_database(market, desk):
    code, _ = audit(market, market.url, "seen")
    tap.equal(code, 0, "lost database: an auditor had seen it")
    market.stop(only=("api", "worker"))
    size = last_signed(market)
    market.cluster.sql("DROP DATABASE counterfoil_rolled_back", database="postgres")
    desk.run("lost database, restored", blocks("A restored backup")[0])
    market.cluster.sql("DROP DATABASE counterfoil_newer", database="postgres")
    halts(market, "lost database")
    market.stop(only=("api", "worker", "signer"))
    desk.run("lost database", blocks("A lost database")[0])
    last = checkpoint_parse((desk.where / "last").read_bytes())
    tap.equal(last[1], size, "lost database: the signer's last checkpoint has every entry")
    market.env.update({f"COUNTERFOIL_DB_{role}": market.cluster.dsn(database="counterfoil_next",
                                                                    user=f"counterfoil_next_{role.lower()}")
                       for role in ("API", "WORKER")})
    market.env["COUNTERFOIL_SIGNER"] = desk.env["NEXT_SOCKET"]
    market.start(only=("api", "worker"))
    market.operator = Party(market, "operator", desk_key(desk))
    opened = market.operator.get("/v1/entries/0").json()["entry"]
    tap.check(market.ready() and f'"size":{size}' in str(opened).replace(" ", "").replace("'", '"'),
              "lost database: the next log names the old one with all its entries")
    must(market.operator.post("/v1/parties", {"handle": "again", "roles": ["buyer"], "name": "Again"}), 201)
    code, said = audit(market, market.url, "next", "--predecessor", market.dir / "seen")
    tap.check(code == 0, "lost database: an auditor lays it against what she had seen") or tap.note(said)
    code, _ = audit(market, market.url, "other", "--predecessor", market.dir / "next")
    tap.equal(code, 1, "lost database: another log's state is not its predecessor's")


def desk_key(desk):
    return (desk.where / "operator.key").read_text(encoding="ascii").strip()


def audit(market, url, state, *flags):
    got = market.cf("audit", url, "--state", market.dir / state, *flags, code=None)
    return got.code, got


def main():
    with Market(folder("crash-drills")) as market:
        sale = Sale(market.port, market.operator_key).publish(items=100).buy(licenses=2)
        sale.pay(100)
        sale.buyer.timeout = 90
        desk = Desk(market, URL=market.url, SOCKET=market.env["COUNTERFOIL_SIGNER"],
                    ADMIN=market.cluster.dsn(database="postgres"),
                    VKEY=market.operator.get("/v1/log/key").json()["log_key"], NEXT_ORIGIN="next.example/1",
                    NEXT_DIR=str(market.dir / "next-signer"), NEXT_SOCKET=str(market.socket_folder / "next.sock"),
                    NEXT_OWNER=market.cluster.dsn(database="counterfoil_next"),
                    COUNTERFOIL_OPERATOR_KEY_FILE="operator.key", COUNTERFOIL_PEPPER_FILE=str(market.dir / "pepper"))
        tap.equal(buy(sale), 201, "a market")
        desk.run("backup", blocks("A backup of the database")[0])
        for _ in range(3):
            tap.equal(buy(sale), 201, "it goes on after the backup")
        try:
            lost_signers(market, sale, desk)
            restored_backup(market, sale, desk)
            lost_database(market, desk)
        finally:
            stop_next(desk)
    tap.done()


def stop_next(desk):
    """The signer that the page starts in the background: the process that names this test's socket."""
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"serve" in words and desk.env["NEXT_SOCKET"].encode() in words:
            os.kill(int(path.parent.name), signal.SIGTERM)


if __name__ == "__main__":
    main()
