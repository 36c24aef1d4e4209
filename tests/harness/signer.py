# SPDX-License-Identifier: Apache-2.0
"""A caller of our own at the signer's socket (docs/signer.md)."""
import base64
import socket
import struct


class Signer:
    """One question a connection; answers as (word, rest)."""

    def __init__(self, path):
        self.path = str(path)

    def ask(self, body):
        frame = ("counterfoil-signer/v1 " + body).encode()
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.path)
            s.sendall(struct.pack(">I", len(frame)) + frame)
            size, = struct.unpack(">I", self.exactly(s, 4))
            word, rest = self.exactly(s, size).decode().split("\n", 1)
            return word.split(" ", 1)[1], rest

    @staticmethod
    def exactly(s, count):
        data = b""
        while len(data) < count:
            piece = s.recv(count - len(data))
            if not piece:
                raise ConnectionError("the signer closed")
            data += piece
        return data

    def status(self):
        return {line.split()[0]: int(line.split()[1]) for line in self.ask("status\n")[1].splitlines()}

    def sign(self, old, size, root, proof=()):
        hashes = "".join(base64.b64encode(h).decode() + "\n" for h in proof)
        return self.ask(f"sign\nold {old}\nsize {size}\nroot {base64.b64encode(root).decode()}\n{hashes}")
