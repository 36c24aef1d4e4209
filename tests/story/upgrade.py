#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every landing's database is upgraded by today's programs, changes its rules once a version, goes on, is audited."""
import concurrent.futures
import gzip
import json
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.books import books_problems                    # noqa: E402
from harness.market import Market, Party                    # noqa: E402
from harness.path_judge import drained                      # noqa: E402
from harness.program import wait_for                        # noqa: E402
from harness.reader import checkpoint_parse                 # noqa: E402
from harness.tree import folder                             # noqa: E402

RULES = 3
LANDINGS = pathlib.Path(__file__).resolve().parent / "landings"


def restore(market, landing):
    """The database as it was dumped, the signer's folder and the secrets as they were kept."""
    market.cluster.start()
    for role in ("owner", "api", "worker"):
        market.env[f"COUNTERFOIL_DB_{role.upper()}"] = market.cluster.dsn(role)
    for role in ("counterfoil_api", "counterfoil_worker"):
        if not market.sql(f"SELECT rolname FROM pg_roles WHERE rolname = '{role}'"):
            market.sql(f"CREATE ROLE {role} LOGIN")
    text = gzip.decompress((landing / "database.sql.gz").read_bytes())
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", market.cluster.dsn()],
                   input=text, check=True, stdout=subprocess.DEVNULL)
    shutil.copytree(landing / "signer", market.dir / "signer")
    for name in ("pepper", "operator.key"):
        shutil.copy(landing / name, market.dir / name)
    for path in [market.dir / "signer", *(market.dir / "signer").iterdir(), market.dir / "pepper",
                 market.dir / "operator.key"]:
        path.chmod(0o700 if path.is_dir() else 0o600)


def audit(market, what):
    code, report = market.audit()
    if not tap.check(code == 0, f"{what}: the audit is sound"):
        tap.note(report)


def apply_once(market):
    """Said to have changed the rules, or not."""
    return ["under rules version" in market.run("counterfoil-schema", "apply")]


def apply_twice(market):
    return apply_once(market) + apply_once(market)


def apply_at_once(market, n=3):
    """
    All of them come through the migrations and are held where they ask which rules are in force: from there they run
    side by side, and the ledger's lock decides who changes them.
    """
    gate = subprocess.Popen(["psql", "-X", "-q", "-d", market.cluster.dsn()], stdin=subprocess.PIPE, text=True)
    gate.stdin.write("BEGIN; LOCK TABLE checkpoint;\n")
    gate.stdin.flush()
    wait_for(lambda: market.sql("SELECT 1 FROM pg_locks WHERE relation = 'checkpoint'::regclass AND granted"
                                " AND mode = 'AccessExclusiveLock'"), 20, "the gate to be closed")
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        runs = [pool.submit(apply_once, market) for _ in range(n)]
        wait_for(lambda: int(market.sql("SELECT count(*) FROM pg_locks WHERE NOT granted")[0][0]) == n, 60,
                 "all of them to stand at the gate")
        gate.communicate("COMMIT;\n")
        return [said for run in runs for said in run.result()]


def rules_of(market):
    """(versions in the order of the log, entries that say so)"""
    versions = [json.loads(bytes.fromhex(text[2:]))["v"]
                for text, in market.sql("SELECT bytes::text FROM entry ORDER BY index")]
    return versions, market.entries("rules.changed")


def rules_changed(market, landing, how, before, said):
    """From the version in force before to today's; how many entries say so."""
    versions, changes = rules_of(market)
    newest = max(versions)
    tap.check(newest == RULES and versions == sorted(versions),
              f"{landing.name}: the newest entries are of rules {RULES}")
    tap.check(changes == newest - versions[0], f"{landing.name}, {how}: the rules changed once a version ({changes})")
    tap.check(sum(said) == (1 if newest > before else 0), f"{landing.name}, {how}: and one said so, if at all {said}")
    return changes


def goes_on(market, landing, signed):
    market.start()
    key = (market.dir / "operator.key").read_text(encoding="ascii").strip()
    market.operator = Party(market, "market", key)
    wait_for(lambda: checkpoint_parse(market.get("/log/checkpoint")[1])[1] == market.entries(), 30,
             "what apply appended to be signed")
    _, size, _ = checkpoint_parse(market.get("/log/checkpoint")[1])
    tap.check(size >= signed, f"{landing.name}: it serves all that was signed, and what apply appended, {size} entries")
    audit(market, landing.name)
    market.party("newcomer", "buyer")
    _, grown, _ = checkpoint_parse(market.get("/log/checkpoint")[1])
    tap.check(grown > size, f"{landing.name}: the log goes on")
    drained(market)
    audit(market, f"{landing.name}, gone on")
    tap.check(rules_of(market)[0][-1] == RULES, f"{landing.name}: under the newest rules")
    found = books_problems(market.sql)
    tap.check(not found, f"{landing.name}: the books hold {found}")


def upgrade(landing, how, apply):
    market = Market(folder(f"upgrade-{landing.name}-{how}"), COUNTERFOIL_HOLD_MS="0")      # as it was kept
    try:
        restore(market, landing)
        signed, before = int(market.sql("SELECT max(size) FROM checkpoint")[0][0]), max(rules_of(market)[0])
        said = apply(market)
        tap.check("FAULT" not in market.run("counterfoil-schema", "check"), f"{landing.name}: the schema is today's")
        changes = rules_changed(market, landing, how, before, said)
        goes_on(market, landing, signed + RULES - before)
        tap.check(apply_once(market) == [False] and rules_of(market)[1] == changes,
                  f"{landing.name}: applied again while it runs, nothing changes")
        audit(market, f"{landing.name}, applied again")
    finally:
        market.close()


def main():
    landings = sorted(path for path in LANDINGS.iterdir() if path.is_dir())
    tap.check(landings, f"there are landings: {' '.join(path.name for path in landings)}")
    for landing in landings:
        upgrade(landing, "twice", apply_twice)
        upgrade(landing, "at-once", apply_at_once)
    tap.done()


if __name__ == "__main__":
    main()
