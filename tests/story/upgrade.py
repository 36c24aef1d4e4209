#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every landing's database is upgraded by today's programs, goes on, and its log is audited."""
import gzip
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.books import books_problems                    # noqa: E402
from harness.market import Market, Party                    # noqa: E402
from harness.reader import checkpoint_parse                 # noqa: E402
from harness.tree import folder                             # noqa: E402

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


def upgrade(landing):
    market = Market(folder(f"upgrade-{landing.name}"))
    try:
        restore(market, landing)
        before = market.sql("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1")[0]
        market.run("counterfoil-schema", "apply")
        tap.check("FAULT" not in market.run("counterfoil-schema", "check"), f"{landing.name}: the schema is today's")
        market.start()
        key = (market.dir / "operator.key").read_text(encoding="ascii").strip()
        market.operator = Party(market, "market", key)
        _, size, _ = checkpoint_parse(market.get("/log/checkpoint")[1])
        tap.check(size >= int(before[0]), f"{landing.name}: it serves all that was signed, {size} entries")
        audit(market, landing.name)
        market.party("newcomer", "buyer")
        _, grown, _ = checkpoint_parse(market.get("/log/checkpoint")[1])
        tap.check(grown > size, f"{landing.name}: the log goes on")
        audit(market, f"{landing.name}, gone on")
        found = books_problems(market.sql)
        tap.check(not found, f"{landing.name}: the books hold {found}")
    finally:
        market.close()


def main():
    landings = sorted(path for path in LANDINGS.iterdir() if path.is_dir())
    tap.check(landings, f"there are landings: {' '.join(path.name for path in landings)}")
    for landing in landings:
        upgrade(landing)
    tap.done()


if __name__ == "__main__":
    main()
