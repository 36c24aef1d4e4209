# SPDX-License-Identifier: Apache-2.0
"""A witness that a policy names; its word is C2SP cosignature/v1."""
import base64
import hashlib
import struct
import time

from harness.ed25519 import Key


class Cosigner:
    TYPE = b"\x04"

    def __init__(self, name="witness.example/w1"):
        self.name, self.key = name, Key()
        self.id = hashlib.sha256(self.name.encode() + b"\n" + self.TYPE + self.key.public).digest()[:4]
        self.vkey = f"{self.name}+{self.id.hex()}+{base64.b64encode(self.TYPE + self.key.public).decode()}"

    def policy(self, log):
        """A policy of the log's verifier key that wants this witness."""
        return f"log {log}\nwitness w1 {self.vkey}\nquorum w1\n"

    def line(self, note, at=None):
        """Its cosignature of the note's text, as of now or that time."""
        at, text = int(time.time() if at is None else at), note.split("\n\n")[0] + "\n"
        sig = self.key.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
        return f"\u2014 {self.name} {base64.b64encode(self.id + struct.pack('>Q', at) + sig).decode()}\n"

    def cosign(self, note, at=None):
        """The note with one line more."""
        return note + self.line(note, at)
