#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The signer moves to its standby while two instances of the API and a worker append: one history, nothing lost.

The old signer is killed, its folder retires, the standby takes over by its word, and later it moves back by the
checkpoint and policy alone. What is too old, of another log, of another root, for another standby, below the policy, or
cosigned long ago is refused. Then an old signer that nobody fenced, a plain copy of the folder, is started beside the
one that signs, and asked by one of the APIs: it learns that it is behind, signs nothing, and stays so.
"""
import os
import pathlib
import random
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.cosigner import Cosigner                       # noqa: E402
from harness.judged import judged, proofs_hold              # noqa: E402
from harness.load import Load                               # noqa: E402
from harness.market import Market                           # noqa: E402
from harness.program import second_api, wait_for            # noqa: E402
from harness.reader import Seen, checkpoint_parse           # noqa: E402
from harness.sale import Sale                               # noqa: E402
from harness.signer import Signer                           # noqa: E402
from harness.standby import files, forged, id_of, left_behind, receipt, refused, serve, signer    # noqa: E402
from harness.tree import folder                             # noqa: E402

PATIENCE_S = 60
ANSWERS = 100          # between two acts


def answers_come(loads, what):
    tap.check(all(load.wait_for(ANSWERS, PATIENCE_S) for load in loads), what)


def moved(market, loads, old, new):
    """By the old signer's word, which retires by giving it."""
    code, _ = signer("serve", "--dir", new, "--socket", market.dir / "no.sock")
    tap.equal(code, 1, "a standby's folder is not served")
    other = market.dir / "second standby"
    tap.equal(signer("standby", "--dir", old, "--to", other)[0], 0, "a second standby is made")
    code, _ = signer("retire", "--dir", old, "--for", id_of(new))
    tap.equal(code, 1, "a signer that runs does not retire")
    market.programs["signer"].kill()
    tap.equal(signer("retire", "--dir", old)[0], 2, "nor does one for nobody")
    code, word = signer("retire", "--dir", old, "--for", id_of(new), text=True)
    again = signer("retire", "--dir", old, "--for", id_of(new), text=True)[1]
    tap.check(code == 0 and word == again and "retired" in word, "the old signer retires, and says so again")
    refused("a second word, to another standby", "has retired for", "retire", "--dir", old, "--for", id_of(other))
    retired, torn = files(market, retired=word, torn=forged(word))
    refused("a word to another standby", "which is another standby", "takeover", "--dir", other, "--retired", retired)
    refused("a word that is not the key's", "not signed by this log's key", "takeover", "--dir", new, "--retired", torn)
    code, said = signer("takeover", "--dir", new, "--retired", retired)
    tap.equal(code, 0, "the standby takes over") or tap.note(said)
    code, _ = signer("serve", "--dir", old, "--socket", market.dir / "no.sock")
    tap.equal(code, 1, "the old folder is a standby's now")
    serve(market, new)
    answers_come(loads, "and the market goes on with it")


def shown_refused(market, standby, early, other):
    """What a takeover does not believe; the one that signs is dead, its folder gone."""
    newest = market.get("/log/checkpoint")[1].decode()
    key = market.key
    witness = Cosigner()
    bare, want = f"log {key}\nquorum none\n", witness.policy(key)
    size = checkpoint_parse(newest.encode())[1]
    at, old, none, one, foreign = files(market, newest=newest, early=early, bare=bare, quorum=want, foreign=other)
    lines = market.operator.get(f"/v1/log/consistency?from={market.standby_size}&to={size}").json()["proof"]
    proof, wrong = files(market, proof="".join(h + "\n" for h in lines), wrong="".join(h + "\n" for h in lines[1:]))
    last, issuer = receipt(market, size - 1), receipt(market, 0)
    base = ["takeover", "--dir", standby]
    refused("nothing shown", "show what", *base)
    refused("a checkpoint without a policy", "show what", *base, "--checkpoint", at)
    refused("one without its last entry", "show what", *base, "--checkpoint", at, "--policy", none, "--issuer", issuer)
    refused("or the issuer's", "show what", *base, "--checkpoint", at, "--policy", none, "--last", last)
    for what, want, x, y in (("another entry as its last", "not of the checkpoint's last", issuer, issuer),
                             ("an entry that brings no issuer", "brings no key of the issuer", last, last)):
        refused(what, want, *base, "--checkpoint", at, "--policy", none, "--proof", proof, "--fenced", "--last", x,
                "--issuer", y)
    base += ["--last", last, "--issuer", issuer]
    refused("an older checkpoint", "older than the state", *base, "--checkpoint", old, "--policy", none, "--fenced")
    refused("one of another log", "is a checkpoint of", *base, "--checkpoint", foreign, "--policy", none)
    refused("below the policy", "below the policy", *base, "--checkpoint", at, "--policy", one, "--proof", proof)
    base.append("--fenced")
    refused("no proof", "not shown to extend", *base, "--checkpoint", at, "--policy", none)
    refused("a proof that fails", "not shown to extend", *base, "--checkpoint", at, "--policy", none, "--proof", wrong)
    base.pop()
    refused("another key's signature", "not signed by this log's key", *base, "--policy", none, "--checkpoint",
            *files(market, forged=forged(newest)))
    long_ago, = files(market, long_ago=witness.cosign(newest, time.time() - 700))
    refused("what was cosigned long ago", "in the last 10 minutes", *base, "--checkpoint", long_ago, "--policy", one,
            "--proof", proof)
    refused("what nobody need cosign", "--fenced", *base, "--checkpoint", at, "--policy", none, "--proof", proof)
    good, = files(market, cosigned=witness.cosign(newest))
    code, said = signer(*base, "--checkpoint", good, "--policy", one, "--proof", proof)
    tap.equal(code, 0, f"the newest, of {size} entries, cosigned, with its proof, is believed") or tap.note(said)


def unfenced(market, loads, stale):
    """An old signer beside the one that signs, asked by one of the APIs."""
    path = str(market.socket_folder / "stale.sock")
    before = Signer(market.env["COUNTERFOIL_SIGNER"]).status()
    serve(market, stale, "stale signer", path)
    had = Signer(path).status()
    tap.check(had["size"] < before["size"] and not had["standby"], "an old signer that nobody fenced begins behind")
    second = market.programs["second api"]
    second.stop()
    second.env["COUNTERFOIL_SIGNER"] = path
    second.start()
    wait_for(lambda: Signer(path).status()["standby"], PATIENCE_S, "the old signer to see that it is behind")
    now = Signer(path).status()
    tap.check(now["signatures"] == 0 and now["size"] == had["size"], "it signed nothing, and is a standby from now on")
    tap.equal(Signer(path).sign(had["size"], had["size"] + 1, bytes(32))[0], "standby", "and says so")
    answers_come(loads, "its API goes on with what the other signer signs")
    market.programs["stale signer"].kill()
    tap.equal(signer("serve", "--dir", stale, "--socket", path)[0], 1, "it stays so when it starts again")


def main():
    seed = int(os.environ.get("COUNTERFOIL_SEED") or int.from_bytes(os.urandom(4), "big"))
    tap.note(f"COUNTERFOIL_SEED={seed}")
    with Market(folder("crash-standby"), COUNTERFOIL_RATE="0") as market:
        first, standby, stale = (market.dir / name for name in ("signer", "standby", "stale"))
        shutil.copytree(first, stale)
        early = market.get("/log/checkpoint")[1].decode()
        market.key = market.operator.get("/v1/log/key").json()["log_key"]
        signer("init", "--origin", "other.example/1", "--dir", market.dir / "other")
        other_path = str(market.socket_folder / "other.sock")
        serve(market, market.dir / "other", "other", other_path)
        other = Signer(other_path).ask("last\n")[1]
        loads = []
        for port, tag in zip((market.port, second_api(market)), ("", "-two")):
            sale = Sale(port, market.operator_key, tag).publish(items=1000).buy(licenses=5)
            loads.append(Load(sale.pay(5000), Seen(), seed, accesses=4, purchases=2).start())
        answers_come(loads, "two APIs and a worker append")
        tap.equal(signer("standby", "--dir", first, "--to", standby)[0], 0, "a standby is made beside a running signer")
        answers_come(loads, "the log goes on")
        moved(market, loads, first, standby)
        # The one that signs is lost with its folder; the first is its standby, at the size where it retired.
        market.standby_size = checkpoint_parse((market.dir / "retired").read_bytes().split(b"\n", 2)[2])[1]
        market.programs["signer"].kill()
        left_behind(market, standby)
        shutil.rmtree(standby)
        shown_refused(market, first, early, other)
        serve(market, first)
        answers_come(loads, "and the market goes on with it again")
        unfenced(market, loads, stale)
        for load in loads:
            load.stop()
        wait_for(market.ready, PATIENCE_S, "the market to be ready")
        for load in loads:
            judged(market, load)
            proofs_hold(market, load.seen, random.Random(seed))
        tap.equal(Signer(market.env["COUNTERFOIL_SIGNER"]).status()["alarms"], 0, "the signer raised no alarm")
        code, report = market.audit()
        tap.check(code == 0, "the audit is sound") or tap.note(report)
    tap.done()


if __name__ == "__main__":
    main()
