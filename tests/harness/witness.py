# SPDX-License-Identifier: Apache-2.0
"""Witnesses of ours under test, and a log of the test's own that asks them: written after the C2SP texts alone."""
import base64
import hashlib
import re
import subprocess

from harness import web
from harness.ed25519 import Key
from harness.program import Program
from harness.reader import leaf, node
from harness.tree import program

LOG, COSIGNATURE = 1, 4


def root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return node(root(leaves[:k]), root(leaves[k:]))


def extension(old, leaves, whole=True):
    """RFC 6962, 2.1.2: the consistency proof from the first `old` of these leaves to all of them."""
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= k:
        return extension(old, leaves[:k], whole) + [root(leaves[k:])]
    return extension(old - k, leaves[k:], False) + [root(leaves[:k])]


def key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def b64(data):
    return base64.b64encode(data).decode()


class Log:
    """A log whose every tree the test can sign, the impossible ones too."""

    def __init__(self, origin, entries=()):
        self.origin, self.key = origin, Key()
        self.leaves = [leaf(e) for e in entries]
        self.id = key_id(origin, LOG, self.key.public)
        self.vkey = f"{origin}+{self.id.hex()}+{b64(bytes([LOG]) + self.key.public)}"

    def body(self, size, of=None):
        return f"{self.origin}\n{size}\n{b64(root(self.leaves[:size]) if of is None else of)}\n"

    def sign(self, body, key=None):
        return f"{body}\n— {self.origin} {b64(self.id + (key or self.key).sign(body.encode()))}\n"

    def note(self, size, of=None):
        return self.sign(self.body(size, of))

    def ask(self, old, size, proof=None, note=None):
        """The body of add-checkpoint."""
        if proof is None:
            proof = extension(old, self.leaves[:size]) if 0 < old < size else []
        hashes = "".join(b64(h) + "\n" for h in proof)
        return f"old {old}\n{hashes}\n{note or self.note(size)}".encode()


class Witness:
    """`counterfoil witness` with a key of its own."""

    def __init__(self, where, name, port=None):
        self.dir, self.name, self.port = where, name, port or web.free_port()
        self.dir.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([program("counterfoil"), "key", "new", "--plain", "--witness", name, self.dir / "key"],
                              capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
        self.vkey = re.search(r"^witness (\S+)$", done.stdout, re.M).group(1)
        self.public = base64.b64decode(self.vkey.split("+", 2)[2])[1:]
        self.twin = Key(base64.b64decode((self.dir / "key").read_text(encoding="ascii").split()[-1]))
        self.program, self.known = None, set()

    def argv(self, logs, port=None):
        """Its command line: a log that it was never started with is a new one."""
        argv = ["counterfoil", "witness", "--key", self.dir / "key", "--name", self.name, "--dir", self.dir / "state",
                "--listen", f"127.0.0.1:{self.port if port is None else port}"]
        return argv + [x for vkey in logs for x in ("--log" if vkey in self.known else "--new", vkey)]

    def start(self, logs):
        self.program = Program(self.argv(logs), {}, self.dir / "log", self._answers).start()
        self.known.update(logs)
        return self

    def _answers(self):
        try:
            return self.add(b"") is not None
        except OSError:
            return False

    def add(self, body, **more):
        return web.Client(self.port).call("POST", "/add-checkpoint", body, **more)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"


def cosigned(answer, witness, body):
    """The time of an answer that is one good cosignature line over this body; None of any other."""
    lines = answer.body.decode().splitlines()
    if len(lines) != 1 or not lines[0].startswith(f"— {witness.name} "):
        return None
    raw = base64.b64decode(lines[0].rsplit(" ", 1)[1], validate=True)
    at = int.from_bytes(raw[4:12], "big")
    signature = witness.twin.sign(f"cosignature/v1\ntime {at}\n{body}".encode())      # Ed25519 has one for each message
    return at if raw[:4] == key_id(witness.name, COSIGNATURE, witness.public) and raw[12:] == signature else None
