# SPDX-License-Identifier: Apache-2.0
"""Two markets watched by witnesses: a quorum with one of them dead, a kill, receipts cosigned, a rolled-back log."""
import json
import shutil

from harness import tap, web
from harness.market import Market
from harness.postgres import query
from harness.program import wait_for
from harness.reader import checkpoint_parse
from harness.tree import folder
from harness.witness import Witness

PATIENCE_S = 60


def vkey_of(market):
    return json.loads(market.get("/v1/log/key")[1])["log_key"]


def policy_text(market, live, dead):
    lines = [f"log {vkey_of(market)} {market.url}/log"]
    lines += [f"witness w{i} {w.vkey} {w.url}" for i, w in enumerate([*live, dead])]
    return "\n".join(lines + ["group quorum-2-of-3 2 w0 w1 w2", "quorum quorum-2-of-3", ""])


def served(market):
    """(size, note) of the checkpoint as published; size -1: none yet."""
    status, note = market.get("/log/checkpoint")
    return (checkpoint_parse(note)[1], note.decode()) if status == 200 else (-1, "")


def head(market):
    return int(market.sql("SELECT max(size) FROM checkpoint")[0][0])


def watch(market, text):
    """From now on under this policy."""
    (market.dir / "policy").write_text(text, encoding="utf-8")
    market.env.update(COUNTERFOIL_POLICY=str(market.dir / "policy"), COUNTERFOIL_WITNESS_PRIVATE="yes")
    market.stop(only=("api", "worker"))
    market.start(only=("api",))
    tap.equal(market.get("/log/checkpoint")[0], 503, "below the policy no checkpoint is published")
    market.start(only=("worker",))


def published(market, what):
    size = head(market)
    wait_for(lambda: served(market)[0] >= size, PATIENCE_S, what)
    tap.check(True, what)


def quorum(market, live):
    published(market, "with two of three the newest checkpoint is published")
    note = served(market)[1]
    tap.check(all(f"— {w.name} " in note for w in live), "with the cosignatures of both")
    code, report = market.audit("--policy", str(market.dir / "policy"))
    tap.check(code == 0 and report["verdict"] == "sound", "audit --policy: sound") or tap.note(report)
    strict = market.dir / "strict"
    strict.write_text((market.dir / "policy").read_text(encoding="utf-8").replace(" 2 w0", " all w0"), encoding="utf-8")
    code, report = market.audit("--policy", str(strict))
    tap.check(code == 1 and [f["rule"] for f in report["findings"]] == ["policy"],
              "audit under a policy of all three: a finding of that rule") or tap.note(report)


def receipts(market):
    """The log's signature at once; the same receipt again, cosigned, a moment later."""
    index = head(market)
    market.party("late", "buyer")
    policy = market.dir / "policy"

    def fetch(name):
        base = market.dir / name
        for ending, target in ((".json", f"/v1/entries/{index}"), (".tlog-proof", f"/v1/entries/{index}/proof")):
            base.with_suffix(ending).write_bytes(market.get(target)[1])
        return market.cf("verify", base.with_suffix(".tlog-proof"), "--key", vkey_of(market), "--policy", policy,
                         code=None)

    first = fetch("receipt-1")
    plain = market.cf("verify", market.dir / "receipt-1.tlog-proof", "--key", vkey_of(market), code=None)
    tap.check(plain.code == 0, "the receipt is good by the log's signature at once") or tap.note(plain)
    tap.check(first.code == 0 or (first.code == 1 and "below the policy" in first.err),
              "under the policy it is good, or said to be below it") or tap.note(first)
    wait_for(lambda: served(market)[0] > index, PATIENCE_S, "the entry to be cosigned")
    again = fetch("receipt-2")
    tap.check(again.code == 0, "fetched again it meets the policy") or tap.note(again)


def killed(market, witness, logs):
    witness.program.kill()
    market.party("orphan", "buyer")
    size = served(market)[0]
    tap.check(size < head(market), "with one of three nothing new is published")
    witness.start(logs)
    published(market, "started again it goes on where it was")
    tap.check(served(market)[0] >= size, "and never was a smaller one served")


def rolled_back(market, keep):
    """Database and signer both restored from before: the one rollback that only witnesses see."""
    market.stop(only=("signer", "api", "worker"))
    dsn = market.cluster.dsn(database="postgres")
    query(dsn, 'DROP DATABASE "counterfoil"')
    query(dsn, 'CREATE DATABASE "counterfoil" TEMPLATE "older"')
    shutil.rmtree(market.dir / "signer")
    shutil.copytree(keep, market.dir / "signer", symlinks=True)
    market.start()
    log = market.dir / "worker.log"

    def said(text):
        return text in log.read_text(encoding="utf-8", errors="replace")

    market.party("fork0", "buyer")
    wait_for(lambda: said("witness alarm"), PATIENCE_S, "the rolled-back log to be alarmed")
    tap.check(True, "a log rolled back under a witness is alarmed")
    for i in range(1, 12):
        market.party(f"fork{i}", "buyer")
    market.stop(only=("worker",))
    market.start(only=("worker",))
    wait_for(lambda: said("422, the proof is refused"), PATIENCE_S, "the other history to be refused")
    tap.check(True, "grown past it, the other history is refused with 422 and alarmed")
    tap.check(served(market)[0] < head(market), "and never published")


def older(market):
    """A copy of database and signer as they are now."""
    market.stop(only=("signer", "api", "worker"))
    query(market.cluster.dsn(database="postgres"), 'CREATE DATABASE "older" TEMPLATE "counterfoil"')
    shutil.copytree(market.dir / "signer", market.dir / "signer-older", symlinks=True)
    market.start()
    return market.dir / "signer-older"


def main():
    where = folder("story-witness")
    with Market(where / "a", without=("worker",)) as a, Market(where / "b", without=("worker",)) as b:
        logs = [vkey_of(a), vkey_of(b)]
        live = [Witness(where / f"w{i}", f"witness.example/w{i}").start(logs) for i in range(2)]
        dead = Witness(where / "w2", "witness.example/w2", web.free_port())
        for market in (a, b):
            watch(market, policy_text(market, live, dead))
        for market in (a, b):
            quorum(market, live)
        receipts(a)
        killed(b, live[1], logs)
        keep = older(a)
        for i in range(5):
            a.party(f"gone{i}", "buyer")
        published(a, "five more are witnessed")
        rolled_back(a, keep)
        published(b, "the other market is not bothered")
        for w in live:
            w.program.stop()
    tap.done()


if __name__ == "__main__":
    main()
