# SPDX-License-Identifier: Apache-2.0
"""A whole market for a test: its own database, signer, API and worker, and the tool of people."""
import concurrent.futures
import hashlib
import http.client
import json
import os
import pathlib
import re
import secrets
import subprocess
import tempfile

from harness import clearing, postgres, tap, web
from harness.program import Program, listening, wait_for
from harness.tree import program

UNTIL = "2099-01-01T00:00:00Z"
# What workers publish, at times of their own.
OF_WORKERS = "'status_list.published', 'balances.snapshot', 'content.verified', 'allocation.posted'"
# All of a test comes from one address: its rates are bounded where they are what is tested.
ONE_ADDRESS = {"COUNTERFOIL_ADDRESS_RATE": "0", "COUNTERFOIL_GUESS_RATE": "0"}


class Party(web.Client):
    """Somebody with a key: calls the API, and runs the tool with that key."""

    def __init__(self, market, handle, key, ident=None):
        super().__init__(market.port, key)
        self.market, self.handle, self.id = market, handle, ident

    def cf(self, *argv, code=0, env=None, timeout=300):
        """Runs `counterfoil`; raises unless it ends with `code` (None: any)."""
        return self.market.cf(*argv, key=self.key, code=code, env=env, timeout=timeout)


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def said(self, label):
        """The word after a label: "license    lic_…, active" -> lic_…"""
        found = re.search(rf"^{re.escape(label)}\s+(\S+?),?(\s|$)", self.out, re.M)
        return found.group(1) if found else None

    def __repr__(self):
        return f"<exit {self.code}\n{self.out}\n{self.err}>"


class Market:
    """
    with Market(folder("x")) as market: …

    A PostgreSQL of its own, so that it can be killed and copied. Programs are started, stopped and killed one by one
    by market.programs["api"]; market.env is what the next start gives them.
    """
    NAMES = ("signer", "api", "worker")

    def __init__(self, where, without=(), **env):
        self.dir = pathlib.Path(where)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.socket_folder = pathlib.Path(tempfile.mkdtemp(prefix="cf-"))       # sockets want short paths
        self.port = web.free_port()
        self.origin = f"counterfoil.example/{secrets.token_hex(4)}"
        self.cluster = postgres.Cluster(self.dir / "postgres")
        self.content = self.dir / "content"
        self.content.mkdir(exist_ok=True)
        self.env = {"COUNTERFOIL_PORT": str(self.port), "COUNTERFOIL_SIGNER": str(self.socket_folder / "signer.sock"),
                    "COUNTERFOIL_CONTENT": str(self.content), "COUNTERFOIL_PEPPER_FILE": str(self.dir / "pepper"),
                    "COUNTERFOIL_CHECK_ANSWERS": "yes",
                    **ONE_ADDRESS, **env}
        self.without = tuple(without)
        self.programs = {}
        self.operator = self.operator_key = None

    def __enter__(self):
        return self.open()

    def __exit__(self, *_):
        self.close()

    def open(self):
        """Makes database, keys and log, and starts everything."""
        self.cluster.start()
        for role in ("owner", "api", "worker"):
            self.env[f"COUNTERFOIL_DB_{role.upper()}"] = self.cluster.dsn(role)
        self.run("counterfoil-schema", "apply")
        self.run("counterfoil-signer", "init", "--origin", self.origin, "--dir", self.dir / "signer")
        self.start(only=("signer",))
        self.run("counterfoil-schema", "open", COUNTERFOIL_OPERATOR_HANDLE="market",
                 COUNTERFOIL_OPERATOR_NAME="The market", COUNTERFOIL_OPERATOR_KEY_FILE=str(self.dir / "operator.key"))
        self.operator_key = (self.dir / "operator.key").read_text(encoding="ascii").strip()
        self.operator = Party(self, "market", self.operator_key)
        self.start(without=("signer", *self.without))
        return self

    def close(self):
        for p in self.programs.values():
            p.kill()
        self.cluster.remove()
        for path in self.socket_folder.iterdir():
            path.unlink()
        self.socket_folder.rmdir()

    def start(self, only=None, without=(), wait=True):
        """Starts what does not run, PostgreSQL first; `only` names programs and leaves PostgreSQL alone."""
        if only is None:
            self.cluster.start()
        commands = {"signer": ["counterfoil-signer", "serve", "--dir", self.dir / "signer", "--socket",
                               self.env["COUNTERFOIL_SIGNER"]],
                    "api": ["counterfoil-api"], "worker": ["counterfoil-worker"]}
        readiness = {"signer": self._signer_ready, "api": self.ready, "worker": None}
        for name in only or self.NAMES:
            if name in without or (name in self.programs and self.programs[name].running()):
                continue
            log = self.dir / f"{name}.log"
            self.programs[name] = Program(commands[name], self.env, log, readiness[name] if wait else None).start()

    def stop(self, only=None):
        """Stops cleanly; without `only`, PostgreSQL as well."""
        for name in reversed(self.NAMES):
            if (only is None or name in only) and name in self.programs and self.programs[name].running():
                self.programs[name].stop()
        if only is None:
            self.cluster.stop()

    def cluster_restart(self):
        """Starts PostgreSQL after its postmaster was killed."""
        self.cluster.start()

    def run(self, name, *argv, **env):
        done = subprocess.run([program(name), *map(str, argv)], env={**os.environ, **self.env, **env}, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise RuntimeError(f"{name} {argv[0]} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def _signer_ready(self):
        return listening(self.env["COUNTERFOIL_SIGNER"])

    def get(self, target):
        """(status, body), as nobody in particular."""
        got = web.Client(self.port).get(target)
        return got.status, got.body

    def _status(self, target):
        try:
            return self.get(target)[0]
        except (OSError, http.client.HTTPException):
            return 0

    def ready(self):
        return self._status("/readyz") == 200

    def alive(self):
        return self._status("/healthz") == 200

    def database_answers(self):
        try:
            return self.sql("SELECT 1") == [["1"]]
        except subprocess.CalledProcessError:
            return False

    def audit(self, *flags, url=None):
        """(exit code, report) of an outsider's audit of the whole log; the report is None if it could not check."""
        state = self.dir / f"audit-{secrets.token_hex(4)}"
        got = self.cf("audit", url or self.url, "--json", "--state", state, *flags, code=None)
        return got.code, json.loads(got.out) if got.out else None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def cf(self, *argv, key=None, code=0, env=None, timeout=300):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERFOIL_")}
        clean.update({"COUNTERFOIL_URL": self.url, "XDG_STATE_HOME": str(self.dir / "state"), **(env or {})})
        if key:
            clean["COUNTERFOIL_KEY"] = key
        done = subprocess.run([program("counterfoil"), *map(str, argv)], env=clean, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=timeout)
        got = Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        if code is not None and got.code != code:
            raise AssertionError(f"counterfoil {' '.join(map(str, argv))}: wanted exit {code}, got {got}")
        return got

    def sql(self, text):
        return self.cluster.sql(text)

    def twice_at_once(self, table, ask):
        """Two answers of ask(), whose rows for `table` wait for the same moment; of one thing they are one answer."""
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            held = pool.submit(self.sql, f"BEGIN; LOCK TABLE {table} IN SHARE MODE; SELECT pg_sleep(3); COMMIT")
            wait_for(lambda: self.sql("SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND granted AND relation"
                                      f" = '{table}'::regclass") != [["0"]], 30, "the lock")
            got = [g.result() for g in [pool.submit(ask) for _ in range(2)]]
            held.result()
        tap.equal((sorted(g.status for g in got), len({g.json().get("id") for g in got})), ([200, 201], 1),
                  f"two posts of one {table} at once have one answer") or tap.note(repr(got))
        return got[0].json()

    # ---- steps of a sale

    def party(self, handle, *roles, granted=True):
        got = self.operator.post("/v1/parties", {"handle": handle, "roles": list(roles), "name": f"The {handle}"})
        if got.status != 201:
            raise AssertionError(got)
        if "auditor" in roles and granted:
            self.grant(handle)
        return Party(self, handle, got.json()["key"], got.json()["party"]["id"])

    def grant(self, handle, **more):
        """Lets an auditor read everybody's private fields."""
        got = self.operator.post("/v1/auditor-grants", {"party": handle, **more})
        if got.status != 201:
            raise AssertionError(got)
        return got.json()

    def pay(self, party, amount, currency="EUR"):
        wish = {"party": party.handle, "amount": {"amount": amount, "currency": currency},
                "reference": f"transfer {secrets.token_hex(4)}"}
        got = self.operator.post("/v1/payments", wish)
        if got.status != 201:
            raise AssertionError(got)
        return got.json()

    def files(self, name, contents):
        """A folder with these files: {path (str or bytes): bytes}."""
        where = self.dir / name
        where.mkdir(exist_ok=True)
        for path, data in contents.items():
            full = os.path.join(os.fsencode(where), os.fsencode(path))
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "wb") as f:
                f.write(data)
        return where

    def publish(self, publisher, name, contents, wait=True):
        """Publishes files as publisher/name; the version as JSON."""
        where = self.files(f"files-{publisher.handle}-{name}", contents)
        done = publisher.cf("publish", where, f"{publisher.handle}/{name}", "--json", *(["--wait"] if wait else []))
        return json.loads(done.out)

    def offer(self, publisher, name, price="12.00", currency="EUR", purposes=("pretraining",), territories=("EU",)):
        flags = [f"--purpose={p}" for p in purposes] + [f"--territory={t}" for t in territories]
        done = publisher.cf("offer", f"{publisher.handle}/{name}", "--price", price, currency, *flags, "--until", UNTIL,
                            "--json")
        return json.loads(done.out)

    def quote(self, buyer, offer, purpose="pretraining", territory="DE"):
        done = buyer.cf("quote", offer, "--purpose", purpose, "--territory", territory, "--until", "2098-01-01",
                        "--json")
        return json.loads(done.out)

    def buy(self, buyer, offer, cleared=True, **more):
        """The license; has a clearance been asked for, it is decided."""
        license = json.loads(buyer.cf("buy", self.quote(buyer, offer, **more)["id"], "--json").out)
        if cleared:
            clearing.clear(buyer, license["id"])
        return license

    def blob(self, data):
        """Where the store keeps these bytes."""
        name = hashlib.sha256(data).hexdigest()
        path = self.content / "content" / name[:2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def verify_now(self, data, state, timeout=60):
        """Has a worker look at one content; waits until it is found in this state."""
        name = hashlib.sha256(data).hexdigest()
        self.sql("INSERT INTO job (id, kind, key, args) VALUES "
                 f"('job_{secrets.token_hex(8)}', 'verify_content', '{name}', '{{\"sha256\":\"{name}\"}}');"
                 " NOTIFY counterfoil_job")
        wait_for(lambda: self.content_state(data) == state, timeout, f"content to be {state}")

    def content_state(self, data):
        return self.sql(f"SELECT state FROM content WHERE sha256 = '\\x{hashlib.sha256(data).hexdigest()}'")[0][0]

    def entries(self, kind=None):
        where = f" WHERE type = '{kind}'" if kind else ""
        return int(self.sql(f"SELECT count(*) FROM entry{where}")[0][0])

    def requested(self):
        """Entries that somebody's request made, which stay as many while nobody asks for anything."""
        return int(self.sql(f"SELECT count(*) FROM entry WHERE type NOT IN ({OF_WORKERS})")[0][0])
