# SPDX-License-Identifier: Apache-2.0
"""A throwaway PostgreSQL by schema/cluster, and databases in it."""
import os
import re
import subprocess

from harness.tree import ROOT

SUPERUSER_ENV = "COUNTERFOIL_TEST_CLUSTER"      # tests/run starts one and names it here


class Cluster:
    """One cluster in a folder; the folder's name is its identity."""

    def __init__(self, where):
        self.where = str(where)

    def _call(self, verb, *more):
        return subprocess.run([str(ROOT / "schema" / "cluster"), verb, self.where, *more], check=True, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout

    def start(self):
        self._call("start")
        return self

    def stop(self):
        self._call("stop")

    def remove(self):
        self._call("remove")

    def dsn(self, role="owner", database=None, user=None):
        text = self._call("dsn", role).strip()
        if database:
            text = re.sub(r"dbname=\S+", f"dbname={database}", text)
        if user:
            text = re.sub(r"user=\S+", f"user={user}", text)
        return text

    def postmaster(self):
        """Process id of the server."""
        with open(os.path.join(self.where, "data", "postmaster.pid"), encoding="ascii") as f:
            return int(f.readline())

    def create(self, database, template=None):
        """An empty database of the owner, or a copy of another one."""
        text = f'CREATE DATABASE "{database}"' + (f' TEMPLATE "{template}"' if template else "")
        self.drop(database)
        self.sql(text)
        return self.dsn(database=database)

    def drop(self, database):
        self.sql(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def sql(self, text, database=None):
        """Rows as lists of texts, run as the owner."""
        return query(self.dsn(database=database), text)


def query(dsn, text):
    out = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-d", dsn, "-c", text],
                         check=True, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         env=dict(os.environ, PGOPTIONS="-c client_min_messages=warning")).stdout
    return [line.split("\x1f") for line in out.splitlines()]


def shared():
    """The cluster that tests/run started; a scenario that is run by hand gets its own under build/test."""
    where = os.environ.get(SUPERUSER_ENV)
    return Cluster(where or ROOT / "build" / "test" / "cluster").start()


def assignments(cluster, database):
    """COUNTERFOIL_DB_… for programs, with roles named after the database."""
    return {
        "COUNTERFOIL_DB_OWNER": cluster.dsn(database=database),
        "COUNTERFOIL_DB_API": cluster.dsn(database=database, user=f"{database}_api"),
        "COUNTERFOIL_DB_WORKER": cluster.dsn(database=database, user=f"{database}_worker"),
    }
