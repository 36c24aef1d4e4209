# SPDX-License-Identifier: Apache-2.0
"""A throwaway PostgreSQL by schema/cluster, and databases in it."""
import os
import re
import socket
import subprocess
import threading

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


class QueryError(subprocess.CalledProcessError):
    """psql's exit code, and what it said: a scenario that expects it may catch it in silence."""

    def __str__(self):
        return f"{super().__str__()}\n{self.stderr}"


def query(dsn, text):
    argv = ["psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-d", dsn, "-c", text]
    done = subprocess.run(argv, check=False, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=dict(os.environ, PGOPTIONS="-c client_min_messages=warning"))
    if done.returncode:
        raise QueryError(done.returncode, argv, done.stdout, done.stderr)
    return [line.split("\x1f") for line in done.stdout.splitlines()]


class Held:
    """A table that nobody writes to meanwhile; or rows of it alone, those `where`."""

    def __init__(self, cluster, table, where=None):
        self.cluster, self.table = cluster, table
        self.lock = f"LOCK TABLE {table} IN SHARE MODE" if where is None else \
            f"DO $$ BEGIN PERFORM FROM {table} WHERE {where} FOR UPDATE; END $$"

    def __enter__(self):
        self.psql = subprocess.Popen(["psql", "-X", "-q", "-d", self.cluster.dsn()], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        self.psql.stdin.write(f"BEGIN; {self.lock};\n\\echo held\n")
        self.psql.stdin.flush()
        if self.psql.stdout.readline() != "held\n":
            raise RuntimeError(f"{self.table} could not be locked")
        return self

    def waited_for(self):
        return self.cluster.sql("SELECT 1 FROM pg_locks WHERE NOT granted AND relation"
                                f" = '{self.table}'::regclass") != []

    def waited_for_in(self, function):
        """Whether a statement that calls this function waits for somebody's lock."""
        return query(self.cluster.dsn(user="postgres"), "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                     f" AND query LIKE '% {function}(%'") != []

    def __exit__(self, *_):
        self.psql.stdin.close()
        self.psql.stdout.close()
        self.psql.wait()


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


APPENDED, COMMIT, SIGNED = b"log_head_add\0", b"COMMIT\0", b"log_checkpoint_add\0"


class Relay:
    """
    A Unix socket between programs and PostgreSQL that cuts one connection when told to: at the COMMIT of a
    transaction that appended to the log, or at a checkpoint's row. Cut "before", the server never gets it;
    cut "after", the server does it and its answer is lost. It knows nothing of the protocol but those bytes.
    """
    KINDS = ("commit before", "commit after", "checkpoint before", "checkpoint after")

    def __init__(self, dsn, where):
        self.where = str(where)
        self.upstream = self.upstream_of(dsn)
        name = os.path.basename(self.upstream)
        self.lock = threading.Lock()
        self.armed, self.cuts = None, dict.fromkeys(self.KINDS, 0)
        os.chmod(self.where, 0o755)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.where, name))
        os.chmod(os.path.join(self.where, name), 0o777)
        self.listener.listen(1024)              # a full queue refuses at once who doesn't block
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def upstream_of(dsn):
        """The socket of the server that a connection string names."""
        port = re.search(r"port=(\d+)", dsn)
        return os.path.join(re.search(r"host=(\S+)", dsn).group(1).strip("'"),
                            f".s.PGSQL.{port.group(1) if port else 5432}")

    def dsn(self, text):
        """This connection string, through the relay."""
        return re.sub(r"host=\S+", f"host={self.where}", text)

    def arm(self, kind):
        """One of KINDS, or None; the next chance takes it."""
        with self.lock:
            self.armed = kind

    def _taken(self, data, appended):
        """"before" or "after", if these bytes are what to cut at."""
        with self.lock:
            what, _, when = (self.armed or "nothing").partition(" ")
            if not (what == "commit" and appended and COMMIT in data or what == "checkpoint" and SIGNED in data):
                return None
            self.cuts[self.armed] += 1
            self.armed = None
            return when

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self.upstream)
            except OSError:
                near.close()
                continue
            silent = threading.Event()
            threading.Thread(target=self._there, args=(near, far, silent), daemon=True).start()
            threading.Thread(target=self._back, args=(near, far, silent), daemon=True).start()

    def _there(self, near, far, silent):
        appended = False        # in the transaction that is open on this connection
        try:
            while data := near.recv(65536):
                appended = appended or APPENDED in data
                when = self._taken(data, appended)
                if when == "before":
                    break
                if when == "after":
                    silent.set()                # its answer must not come back
                    far.sendall(data)
                    far.shutdown(socket.SHUT_WR)
                    near.shutdown(socket.SHUT_RDWR)
                    return
                appended = appended and COMMIT not in data
                far.sendall(data)
        except OSError:
            pass
        _hang_up(near, far)

    @staticmethod
    def _back(near, far, silent):
        try:
            while data := far.recv(65536):
                if not silent.is_set():
                    near.sendall(data)          # else the server ends what it does undisturbed
        except OSError:
            pass
        _hang_up(near, far)


def _hang_up(*sockets):
    for s in sockets:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
