# SPDX-License-Identifier: Apache-2.0
"""
Ed25519 as RFC 8032 has it, and credentials signed with it: a second opinion, written after the standards alone.

Slow, and not safe against anybody who can measure time: for tests.
"""
import hashlib
import json
import secrets

P = 2 ** 255 - 19
L = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _x_of(y, sign):
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return P - x if x % 2 != sign else x


_BY = 4 * pow(5, P - 2, P) % P
_BX = _x_of(_BY, 0)
BASE = (_BX, _BY, 1, _BX * _BY % P)


def _add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    s, t, u, v = f - e, h - g, h + g, f + e
    return s * t % P, u * v % P, t * u % P, s * v % P


def _times(n, point):
    out = (0, 1, 1, 0)
    while n:
        if n & 1:
            out = _add(out, point)
        point = _add(point, point)
        n >>= 1
    return out


def _bytes(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def base58(data):
    n, text = int.from_bytes(data, "big"), ""
    while n:
        n, digit = divmod(n, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def canonical(value):
    """RFC 8785 of values with ASCII keys and whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Key:
    def __init__(self, seed=None):
        digest = hashlib.sha512(seed or secrets.token_bytes(32)).digest()
        self.scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
        self.prefix = digest[32:]
        self.public = _bytes(_times(self.scalar, BASE))
        self.multibase = "z" + base58(b"\xed\x01" + self.public)
        self.did = "did:key:" + self.multibase

    def sign(self, data):
        r = int.from_bytes(hashlib.sha512(self.prefix + data).digest(), "little") % L
        point = _bytes(_times(r, BASE))
        k = int.from_bytes(hashlib.sha512(point + self.public + data).digest(), "little") % L
        return point + ((r + k * self.scalar) % L).to_bytes(32, "little")

    def prove(self, document, created):
        """The document with a proof of eddsa-jcs-2022."""
        proof = {"@context": document["@context"], "created": created, "cryptosuite": "eddsa-jcs-2022",
                 "proofPurpose": "assertionMethod", "type": "DataIntegrityProof",
                 "verificationMethod": f"{self.did}#{self.multibase}"}
        data = hashlib.sha256(canonical(proof)).digest() + hashlib.sha256(canonical(document)).digest()
        return {**document, "proof": {**proof, "proofValue": "z" + base58(self.sign(data))}}
