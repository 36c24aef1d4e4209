# SPDX-License-Identifier: Apache-2.0
"""The published checkpoint of a market that starts again after its quorum was unmet for long: the one it had."""
import json

from harness import tap
from harness.cosigner import Cosigner
from harness.market import Market
from harness.program import wait_for
from harness.reader import checkpoint_parse
from harness.tree import folder

PATIENCE_S = 60
WITNESSES, ROWS = 64, 4096         # POLICY_WITNESSES_MAX, WITNESS_ROWS_MAX


def sizes_of(market):
    return [int(row[0]) for row in market.sql("SELECT size FROM checkpoint ORDER BY size")]


def note_of(market, size):
    return "\n".join(row[0] for row in market.sql(f"SELECT note FROM checkpoint WHERE size = {size}")) + "\n"


def store(market, size, witness, line):
    market.sql(f"INSERT INTO cosignature (size, witness, line, signed) VALUES ({size}, '{witness}', '{line}', now())")


def served(market):
    """Size of the published checkpoint; the status if there is none."""
    status, note = market.get("/log/checkpoint")
    return checkpoint_parse(note)[1] if status == 200 else -status


def restart(market):
    market.stop(only=("api",))
    market.start(only=("api",))


def serves(market, size, what):
    try:
        wait_for(lambda: served(market) == size, PATIENCE_S, what)
    except TimeoutError:
        pass
    tap.equal(served(market), size, what)


def main():
    with Market(folder("cosigned"), without=("worker",)) as market:
        vkey = json.loads(market.get("/v1/log/key")[1])["log_key"]
        good, others = Cosigner("zz.example/w"), [Cosigner(f"a{i}.example/w") for i in range(WITNESSES - 1)]
        policy = market.dir / "policy"
        policy.write_text(f"log {vkey}\n" + "".join(f"witness w{i} {w.vkey}\n" for i, w in enumerate([good, *others])) +
                          "quorum w0\n", encoding="utf-8")
        above = ROWS // len(others)
        n = 0
        while len(sizes_of(market)) < above + 3:
            market.party(f"buyer{n}", "buyer")
            n += 1
        # The rows of `above` sizes fill a page but for one row: the size that meets the policy is cut by its end.
        met, newest = sizes_of(market)[-above - 2], sizes_of(market)[-1]
        market.env["COUNTERFOIL_POLICY"] = str(policy)
        restart(market)
        serves(market, -503, "below the policy none is published")
        store(market, met, good.vkey, good.line(note_of(market, met)))
        serves(market, met, "the one that the quorum has cosigned")
        for witness in others:
            market.sql("INSERT INTO cosignature (size, witness, line, signed) "
                       f"SELECT size, '{witness.vkey}', '—', now() FROM checkpoint "
                       f"WHERE size > {met} AND size < {newest}")
            store(market, met, witness.vkey, witness.line(note_of(market, met)))
        rows = int(market.sql(f"SELECT count(*) FROM cosignature WHERE size > {met}")[0][0])
        tap.check(ROWS - WITNESSES < rows < ROWS, f"then {rows} cosignatures of others, of larger ones")
        serves(market, met, "it goes on with the one that it had")
        restart(market)
        serves(market, met, "and when it starts again, too")
        store(market, newest, good.vkey, good.line(note_of(market, newest)))
        serves(market, newest, "until the quorum cosigns a larger one")
        restart(market)
        serves(market, newest, "which it keeps")
    tap.done()


if __name__ == "__main__":
    main()
