#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A market whose signer is away, and a signer that is told lies."""
import hashlib
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.market import Market                         # noqa: E402
from harness.program import wait_for                        # noqa: E402
from harness.reader import Tree, bundles, checkpoint_parse, leaf    # noqa: E402
from harness.sale import Sale, must                         # noqa: E402
from harness.signer import Signer                           # noqa: E402
from harness.tree import folder                             # noqa: E402


def purchases_at_once(sale, quotes, prefix):
    answers = [None] * len(quotes)

    def buy(i):
        answers[i] = sale.accept(quotes[i], idempotency=f"{prefix}-{i}")
    threads = [threading.Thread(target=buy, args=(i,)) for i in range(len(quotes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    return answers


def signer_away(market, sale):
    """At most one batch answers "outcome unknown"; later ones are not done; each unknown is settled by a repeat."""
    market.stop(only=("worker",))           # lest what it writes be the unsigned head
    licenses = int(market.sql("SELECT count(*) FROM license")[0][0])
    quotes = [[sale.quote() for _ in range(8)] for _ in range(4)]
    market.programs["signer"].kill()
    waves = [purchases_at_once(sale, wave, f"away-{n}") for n, wave in enumerate(quotes)]
    slugs = [[a.slug if a.status == 503 else a.status for a in wave] for wave in waves]
    flat = [slug for wave in slugs for slug in wave]
    kinds = sorted(set(map(str, flat)))
    tap.check(set(kinds) <= {"outcome-unknown", "try-again", "unavailable"}, f"nothing was acknowledged: {kinds}")
    heads = market.sql("SELECT count(*) FROM tree_head h WHERE h.size > (SELECT max(size) FROM checkpoint)")
    tap.check(int(heads[0][0]) <= 1, "at most one head is unsigned")
    unknown = flat.count("outcome-unknown")
    committed = int(market.sql("SELECT count(*) FROM license")[0][0]) - licenses
    tap.check(1 <= unknown and committed <= unknown,
              f"what was committed ({committed}) is among what was unknown ({unknown})")
    tap.check("outcome-unknown" not in slugs[-1], "the last callers were told at once that nothing was done")
    tap.equal(market.get("/log/checkpoint")[0], 200, "reads go on")
    market.start(only=("signer", "worker"))
    wait_for(market.ready, 60, "the market to be ready again")
    repeats = [sale.accept(q, idempotency=f"away-{n}-{i}") for n, wave in enumerate(quotes) for i, q in enumerate(wave)]
    tap.check({a.status for a in repeats} == {201}, "every repeat is settled")
    got = int(market.sql("SELECT count(*) FROM license")[0][0]) - licenses
    tap.equal(got, len(repeats), "and each bought one license")


def deliveries_without_signer(market, sale):
    path = sale.items[-1][0]
    market.programs["signer"].kill()
    answer = sale.buyer.get(f"/v1/licenses/{sale.licenses[0]}/items/{path}")
    tap.check(answer.status == 503 and answer.body != sale.items[-1][2], f"no byte leaves unsigned: {answer.status}")
    market.start(only=("signer",))
    wait_for(market.ready, 60, "the market to be ready again")
    answer = sale.buyer.get(f"/v1/licenses/{sale.licenses[0]}/items/{path}")
    tap.check(answer.status == 200 and answer.body == sale.items[-1][2], "and it is when the signer is back")


def log_tree(market):
    """(size, root, all leaf hashes) of what is served now."""
    _, size, root = checkpoint_parse(market.get("/log/checkpoint")[1])
    return size, root, [leaf(e) for e in bundles(market.get, size)]


def root_of(leaves):
    tree = Tree()
    for hash_ in leaves:
        tree.add(hash_)
    return tree.root()


def told_lies(market, sale):
    signer = Signer(market.env["COUNTERFOIL_SIGNER"])
    market.stop(only=("worker",))           # nobody else signs meanwhile
    wait_for(lambda: str(log_tree(market)[0]) == market.sql("SELECT max(size) FROM tree_head")[0][0], 60,
             "all of it to be signed")
    size, root, leaves = log_tree(market)
    before = signer.status()
    tap.equal(before["size"], size, "the signer's size is the log's")
    word, note = signer.sign(size - 2, size - 1, root_of(leaves[:size - 1]), [bytes(32)])
    tap.check(word == "late" and checkpoint_parse(note.encode())[1] == size, "a late caller gets its last checkpoint")
    word, _ = signer.sign(size, size, root)
    tap.equal(word, "signed", "the same question again gets the same checkpoint")
    word, note = signer.sign(size - 1, size + 1, bytes(32), [bytes(32)])
    tap.check(word == "other-size" and checkpoint_parse(note.encode())[1] == size, "another old size gets its last")
    tap.equal(signer.status()["alarms"], before["alarms"], "none of these is an alarm")
    tap.equal(signer.sign(size, size, bytes(32))[0], "alarm", "another root at its size is an alarm")
    forged = leaves[:size - 1] + [hashlib.sha256(b"forged").digest()] + [bytes(32)]
    tap.equal(signer.sign(size, size + 1, root_of(forged), [bytes(32)])[0], "alarm", "a proof that fails is an alarm")
    tap.equal(signer.status()["alarms"], before["alarms"] + 2, "both are counted")
    tap.equal(sale.accept(sale.quote()).status, 201, "and nobody else is stopped")
    new_size, new_root, new_leaves = log_tree(market)
    tap.check(new_size > size and root_of(new_leaves[:size]) == root and root_of(new_leaves) == new_root,
              "the log went on from where it was")


def counts_of_syncs(market, sale):
    """The signer syncs once a checkpoint."""
    signer = Signer(market.env["COUNTERFOIL_SIGNER"])
    before = signer.status()
    for path, _, _ in sale.items[:100]:
        must(sale.buyer.get(f"/v1/licenses/{sale.licenses[1]}/items/{path}"), 200)
    after = signer.status()
    signed = after["signatures"] - before["signatures"]
    tap.check(signed > 0 and after["syncs"] - before["syncs"] == signed, f"{signed} signatures, as many syncs")


def main():
    with Market(folder("crash-signer")) as market:
        sale = Sale(market.port, market.operator_key).publish(items=300).buy(licenses=2)
        sale.pay(200)
        signer_away(market, sale)
        deliveries_without_signer(market, sale)
        told_lies(market, sale)
        counts_of_syncs(market, sale)
        code, report = market.audit()
        if not tap.check(code == 0, "the audit is sound"):
            tap.note(report)
    tap.done()


if __name__ == "__main__":
    main()
