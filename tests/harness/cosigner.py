# SPDX-License-Identifier: Apache-2.0
"""A witness that a policy names; its word is C2SP cosignature/v1."""
import base64
import hashlib
import struct
import time

from harness.ed25519 import Key


class Cosigner:
    NAME, TYPE = "witness.example/w1", b"\x04"

    def __init__(self):
        self.key = Key()
        self.id = hashlib.sha256(self.NAME.encode() + b"\n" + self.TYPE + self.key.public).digest()[:4]
        self.vkey = f"{self.NAME}+{self.id.hex()}+{base64.b64encode(self.TYPE + self.key.public).decode()}"

    def policy(self, log):
        """A policy of the log's verifier key that wants this witness."""
        return f"log {log}\nwitness w1 {self.vkey}\nquorum w1\n"

    def cosign(self, note):
        """The note with one line more."""
        at, text = int(time.time()), note.split("\n\n")[0] + "\n"
        sig = self.key.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
        return f"{note}\u2014 {self.NAME} {base64.b64encode(self.id + struct.pack('>Q', at) + sig).decode()}\n"
