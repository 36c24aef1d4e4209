#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Standbys that were copied before the issuer's key changed, or before the log was frozen: what a takeover learns.

By a retired signer's word, and by checkpoint and receipts, a copy without the issuer's key in force is refused. One in
which it lay ready brings it in force, and documents of both keys are signed. A key that is lost is said to be, and
another one is brought. A log that was frozen after the copy stays frozen.
"""
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.market import Market                           # noqa: E402
from harness.program import wait_for                        # noqa: E402
from harness.reader import checkpoint_parse                 # noqa: E402
from harness.signer import Signer                           # noqa: E402
from harness.standby import files, id_of, left_behind, receipt, refused, serve, signer    # noqa: E402
from harness.tree import folder                             # noqa: E402

PATIENCE_S = 60
OTHER = "ledger.example/market+e7f21d4d+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"      # some log's


class Desk:
    def __init__(self, market):
        self.market, self.house, self.buyer = market, market.party("house", "publisher"), market.party("lab", "buyer")
        market.publish(self.house, "set", {"one": b"one", "two": b"two"})
        self.offer = market.offer(self.house, "set", "0.00")["id"]
        self.vkey = market.operator.get("/v1/log/key").json()["log_key"]

    def buy(self):
        return self.market.buy(self.buyer, self.offer, cleared=False)["id"]

    def signed_by(self, license_):
        """The did:key of whoever signed it."""
        got = wait_for(lambda: self.buyer.get(f"/v1/licenses/{license_}").json().get("credential"), PATIENCE_S,
                       f"{license_} to be signed")
        return got["proof"]["verificationMethod"].split("#")[0]

    def issuers(self, n):
        """All keys of the issuer, once there are n of them."""
        return wait_for(lambda: (k := self.market.operator.get("/v1/log/key").json()["issuer_keys"])[n - 1:] and k,
                        PATIENCE_S, f"{n} keys of the issuer")

    def newest(self):
        """(flags that show the newest checkpoint and its last entry, its size)"""
        text = self.market.get("/log/checkpoint")[1].decode()
        size = checkpoint_parse(text.encode())[1]
        at, policy = files(self.market, newest=text, policy=f"log {self.vkey}\nquorum none\n")
        return ["--fenced", "--checkpoint", at, "--policy", policy, "--last", receipt(self.market, size - 1)], size

    def proof(self, where, size):
        """The consistency proof from a folder's own size."""
        said = signer("status", "--dir", where)[1].splitlines()
        was = int(next(line for line in said if line.startswith("size "))[5:])
        lines = self.market.operator.get(f"/v1/log/consistency?from={was}&to={size}").json()["proof"]
        return ["--proof", *files(self.market, proof="".join(h + "\n" for h in lines))]

    def change(self):
        self.market.run("counterfoil-schema", "issuer")


def takes_over(what, *argv):
    code, said = signer("takeover", *argv)
    tap.equal(code, 0, what) or tap.note(said)
    return said


def retired(where, standby):
    return signer("retire", "--dir", where, "--for", id_of(standby), text=True)[1]


def by_word(desk, first, plain, ready):
    """The old signer retires: its word names the issuer's key."""
    unsigned = desk.buy()                                  # of the first key's time, asked for later
    desk.change()
    keys = desk.issuers(2)
    after = desk.buy()
    desk.market.programs["signer"].kill()
    twin = desk.market.dir / "twin"                       # its word is for one standby only
    shutil.copytree(first, twin)
    useless, word = files(desk.market, useless=retired(twin, plain), word=retired(first, ready))
    want = f"lacks the issuer's key of entry {keys[1]['since']}"
    refused("a copy of before the change, by the word", want, "takeover", "--dir", plain, "--retired", useless)
    refused("which stays a standby", "standby's", "serve", "--dir", plain, "--socket", desk.market.dir / "no.sock")
    takes_over("a copy in which the key lay ready takes over", "--dir", ready, "--retired", word)
    serve(desk.market, ready)
    tap.equal([desk.signed_by(x) for x in (unsigned, after)], [k["did"] for k in keys],
              "and signs what is of either key's time")
    return keys


def by_receipts(desk, signing, plain, keys):
    """The one that signs is lost, and only the old copy is left."""
    between = desk.buy()
    desk.market.programs["signer"].kill()
    left_behind(desk.market, signing)
    shown, size = desk.newest()
    first, second = receipt(desk.market, 0), receipt(desk.market, keys[1]["since"])
    shown += desk.proof(plain, size)
    refused("the copy of before the change, by receipts", "lacks the issuer's key", "takeover", "--dir", plain, *shown,
            "--issuer", second)
    other, = files(desk.market, bent=second.read_text(encoding="utf8").replace("index ", "index 1", 1))
    refused("a receipt that does not hold", "", "takeover", "--dir", plain, *shown, "--issuer", other)
    refused("without a word of the issuer", "show what", "takeover", "--dir", plain, *shown)
    takes_over("it goes on without the key, if that is said", "--dir", plain, *shown, "--issuer", "lost")
    desk.market.run("counterfoil-signer", "next-issuer", "--dir", plain)
    serve(desk.market, plain)
    desk.change()
    third = desk.issuers(3)[2]
    tap.equal(desk.signed_by(desk.buy()), third["did"], "another key signs what comes after it")
    tap.equal(desk.buyer.get(f"/v1/licenses/{between}").json()["credential"], None,
              "what is of the lost key's time stays unsigned")
    return first, receipt(desk.market, third["since"])


def frozen(desk, signing, copy, opened, issuer):
    market = desk.market
    tap.equal(signer("standby", "--dir", signing, "--to", copy)[0], 0, "a copy")
    earlier = desk.newest()[0][-1]
    market.run("counterfoil-schema", "freeze", OTHER)
    wait_for(lambda: b"log.frozen" in market.get(f"/v1/entries/{desk.newest()[1] - 1}")[1], PATIENCE_S,
             "the last entry")
    shown, size = desk.newest()
    shown += desk.proof(copy, size)
    market.programs["signer"].kill()
    refused("a frozen log by another entry than its last", "not of the checkpoint's last", "takeover", "--dir", copy,
            *[earlier if x == shown[6] else x for x in shown], "--issuer", issuer)
    refused("or by an issuer's key of long ago", "is not the one in force", "takeover", "--dir", copy, *shown,
            "--issuer", opened)
    said = takes_over("a copy of before the end takes over", "--dir", copy, *shown, "--issuer", issuer)
    tap.check("frozen" in said, "and learns that the log is frozen")
    path = str(market.socket_folder / "copy.sock")
    serve(market, copy, "copy", path)
    tap.equal(Signer(path).status()["frozen"], 1, "which it says")
    tap.equal(Signer(path).sign(size, size + 1, bytes(32))[0], "frozen", "and it signs no larger tree")
    market.programs["copy"].kill()


def main():
    with Market(folder("crash-stale")) as market:
        desk, auditor = Desk(market), market.party("ear", "auditor")
        first, plain, ready, copy = (market.dir / name for name in ("signer", "plain", "ready", "copy"))
        tap.equal(signer("standby", "--dir", first, "--to", plain)[0], 0, "a copy of before the key")
        market.run("counterfoil-signer", "next-issuer", "--dir", first)
        tap.equal(signer("standby", "--dir", first, "--to", ready)[0], 0, "one in which the key lies ready")
        keys = by_word(desk, first, plain, ready)
        shutil.rmtree(first)
        opened, issuer = by_receipts(desk, ready, plain, keys)
        frozen(desk, plain, copy, opened, issuer)
        got = auditor.cf("audit", market.url, "--state", market.dir / "seen", code=None)
        tap.check(got.code == 0, "the audit of one who reads the documents is sound") or tap.note(got)
    tap.done()


if __name__ == "__main__":
    main()
