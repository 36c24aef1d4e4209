# SPDX-License-Identifier: Apache-2.0
"""A random draw of accesses that neither side chose: nonce first, checkpoint later; the same again by anybody."""
import base64
import hashlib
import json
import math

from harness.forged import Log
from harness.market import Market
from harness.reader import checkpoint_parse
from harness.tap import check, done, equal, note
from harness.tree import folder

ITEMS = 60


def bound(population, n, bad):
    """By whole numbers: the most bad ones of all for which so few in the draw are no less likely than 1 in 20."""
    def likely(k):
        ways = sum(math.comb(k, j) * math.comb(population - k, n - j) for j in range(bad + 1))
        return 20 * ways >= math.comb(population, n)
    return max(k for k in range(bad, population - (n - bad) + 1) if likely(k))


def drawn(path, entries, n):
    """(seed, indexes), from the nonce's file and the log."""
    words = dict(line.split(" ", 1) for line in path.read_text(encoding="ascii").splitlines())
    nonce = bytes.fromhex(words["nonce"])
    _, size, root = checkpoint_parse(base64.b64decode(words["drawn"]))
    seed = hashlib.sha256(root + nonce).digest()
    accesses = [i for i, e in enumerate(entries[:size]) if e["type"] == "access.recorded"]
    chosen = sorted(accesses, key=lambda i: hashlib.sha256(seed + i.to_bytes(8, "big")).digest())[:n]
    return seed.hex(), sorted(chosen), hashlib.sha256(nonce).hexdigest()


class Auditor:
    def __init__(self, market, party):
        self.market, self.party = market, party

    def run(self, url, *flags, code=0, party=None, key=None):
        argv = ("audit", url, "--state", self.market.dir / "state-of-draws", *flags, *(["--key", key] if key else []))
        got = (party or self.party).cf(*argv, code=None, env={"COUNTERFOIL_URL": url})
        if got.code != code:
            note(repr(got)[:1500])
        equal(got.code, code, f"{' '.join(f for f in map(str, flags) if f.startswith('--'))}: exit code")
        return got

    def draw(self, url, file, n, code=0, **more):
        got = self.run(url, "--draw", n, "--nonce", file, "--json", code=code, **more)
        return json.loads(got.out) if got.out else got.err


def honest(m, a, buyer):
    file = m.dir / "nonce"
    said = a.run(m.url, "--nonce-commit", file).out
    check(file.exists() and "commitment" in said, "a nonce is committed")
    a.run(m.url, "--nonce-commit", file, code=2)
    check("not gone on" in a.draw(m.url, file, 20, code=2), "no draw by the checkpoint that was there then")
    m.party("later", "buyer")
    report = a.draw(m.url, file, 20)
    log = Log(m, a.party)
    seed, indexes, commitment = drawn(file, log.entries, 20)
    got = report["draw"]
    equal((got["seed"], got["indexes"], got["commitment"]), (seed, indexes, commitment),
          "drawn are those that anybody draws from root and nonce")
    check(commitment in said, "under the commitment that was given away")
    equal((got["population"], got["bad"], got["unseen"], got["bound"]), (ITEMS, 0, 0, bound(ITEMS, 20, 0)),
          "all are checked, and the bound is the hypergeometric one")
    m.party("even-later", "buyer")
    equal(a.draw(m.url, file, 20)["draw"], got, "the log goes on, the draw stays what it was")
    equal(a.draw(m.url, file, ITEMS + 9)["draw"]["bound"], 0, "all of them drawn: none is bad")
    unseen = a.draw(m.url, file, 20, party=m.party("stranger", "buyer"))["draw"]
    equal((unseen["unseen"], unseen["bound"]), (20, bound(ITEMS, 20, 20)), "what is not shown counts as bad")
    words = a.run(m.url, "--draw", 20, "--nonce", file).out
    check("bound      at most" in words and "95 % confidence" in words, "a person is told, too")
    a.run(m.url, "--draw", 20, code=2)
    a.run(m.url, "--draw", 0, "--nonce", file, code=2)
    file.write_text("counterfoil-nonce 1\nnonce 00\n", encoding="ascii")
    check("damaged" in a.draw(m.url, file, 20, code=2), "a damaged file is told")
    return log


def cheated(m, a, log):
    """A third of the accesses are of items that the clearance doesn't clear; entries alone don't show it."""
    accesses = [i for i, e in enumerate(log.entries) if e["type"] == "access.recorded"]
    bad = accesses[::3]
    for number, i in enumerate(bad):
        log.disclose(i, item_number=ITEMS + number)
    file = m.dir / "nonce-2"
    log.sign(size=20)
    server, url = log.serve()
    a.run(url, "--nonce-commit", file, key=log.vkey)
    log.sign()
    report = a.draw(url, file, 30, code=1, key=log.vkey)
    got = report["draw"]
    hit = sorted(set(bad) & set(got["indexes"]))
    found = sorted({f["index"] for f in report["findings"]})
    equal((got["bad"], found), (len(hit), hit), "each bad one drawn is named")
    equal(got["bound"], bound(ITEMS, 30, len(hit)), "and the bound follows")
    report = a.draw(url, file, ITEMS, code=1, key=log.vkey)
    equal((report["draw"]["bad"], report["draw"]["bound"]), (len(bad), len(bad)), "all drawn: each bad one is counted")
    other = log.copy()
    other.disclose(1, name="Somebody else")
    other.append(other.entries[-1], other.shown[-1])
    server.log = other.sign()
    report = a.draw(url, file, 30, code=1, key=log.vkey)
    check("draw" not in report, "another history than the one committed to is not drawn from")
    server.shutdown()


def main():
    with Market(folder("story-draw"), COUNTERFOIL_RATE="0") as m:
        publisher, buyer = m.party("house", "publisher"), m.party("lab", "buyer")
        m.pay(buyer, "50.00")
        m.publish(publisher, "texts", {f"item-{i:02d}": b"text %d" % i for i in range(ITEMS)})
        license = m.buy(buyer, m.offer(publisher, "texts")["id"])["id"]
        buyer.cf("pull", license, m.dir / "pulled")
        a = Auditor(m, m.party("eye", "auditor"))
        cheated(m, a, honest(m, a, buyer))
    done()


main()
