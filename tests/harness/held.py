# SPDX-License-Identifier: Apache-2.0
"""Snapshots as somebody without our code recomputes them: sum trees over what is owed to creators."""
import hashlib
import json

from harness import money


def sha(data):
    return hashlib.sha256(data).digest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def salted(account, as_of):
    return sha(canonical({"account": account, "as_of": as_of}))


def node(total, *parts):
    return total, sha(b"".join(parts))


def leaf_of(amount, ident, commitment):
    return node(amount, b"\0", amount.to_bytes(16, "big"), ident, commitment)


def leaf(row, as_of):
    return leaf_of(money.micro(row["balance"]), salted(row["account"], as_of), sha(canonical(row)))


def join(left, right):
    return node(left[0] + right[0], b"\1", left[0].to_bytes(16, "big"), left[1], right[0].to_bytes(16, "big"), right[1])


def root(nodes):
    """(sum, hash) of the tree of RFC 9162's shape."""
    if len(nodes) == 1:
        return nodes[0]
    k = 1
    while 2 * k < len(nodes):
        k *= 2
    return join(root(nodes[:k]), root(nodes[k:]))


def follow(place, size, at, path):
    """The root that a path leads to; None if it is longer or shorter."""
    last, rest = size - 1, list(path)
    while last:
        if place % 2 or place != last:
            if not rest:
                return None
            other = money.micro(rest[0]["sum"]), bytes.fromhex(rest.pop(0)["hash"])
            at = join(other, at) if place % 2 else join(at, other)
        place, last = place // 2, last // 2
    return None if rest else at


def ordered(rows, as_of):
    return sorted(rows, key=lambda row: salted(row["account"], as_of))


def sums(rows, as_of, currency="EUR"):
    """What a snapshot's entry says of a currency, whose leaves are these."""
    total, top = root([leaf(row, as_of) for row in ordered(rows, as_of)])
    return {"accounts": len(rows), "root": top.hex(), "total": money.text(total, currency)}
