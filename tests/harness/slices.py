# SPDX-License-Identifier: Apache-2.0
"""Slices once more, from what the contract says alone: which items, which root, what it costs, who gets what."""
import hashlib
import json
import re


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def tree_root(leaves):
    """RFC 6962."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + tree_root(leaves[:k]) + tree_root(leaves[k:])).digest()


def root(items):
    return tree_root([canonical({k: i[k] for k in ("path", "sha256", "size")}) for i in items]).hex()


def kind(value):
    return "bool" if isinstance(value, bool) else "number" if isinstance(value, (int, float)) else \
        "text" if isinstance(value, str) else None


def like(text, pattern):
    out, i = "", 0
    while i < len(pattern):
        if pattern[i] == "\\" and i + 1 < len(pattern):
            i += 1
            out += re.escape(pattern[i])
        else:
            out += {"%": ".*", "_": "."}.get(pattern[i], re.escape(pattern[i]))
        i += 1
    return re.fullmatch(out, text, re.S) is not None


def ordered(value):
    return value.encode() if isinstance(value, str) else value


def matches(item, f):
    op, args = f["op"], f["args"]
    if op in ("and", "or"):
        return (all if op == "and" else any)(matches(item, a) for a in args)
    if op == "not":
        return not matches(item, args[0])
    name = args[0]["property"]
    value = item[name] if name in ("path", "size", "media_type") else item["attributes"].get(name)
    if op == "isNull":
        return value is None
    wanted = args[1] if op == "in" else args[1:]
    if kind(value) is None or kind(value) != kind(wanted[0]):
        return False
    if op == "like":
        return like(value, wanted[0])
    v, w = ordered(value), [ordered(x) for x in wanted]
    return {"=": lambda: v == w[0], "<>": lambda: v != w[0], "<": lambda: v < w[0], "<=": lambda: v <= w[0],
            ">": lambda: v > w[0], ">=": lambda: v >= w[0], "in": lambda: v in w,
            "between": lambda: w[0] <= v <= w[1]}[op]()


def pick(items, request):
    """The slice's items, in order."""
    chosen = sorted((i for i in items if "filter" not in request or matches(i, request["filter"])),
                    key=lambda i: i["path"].encode())
    if request.get("distinct") == "sha256":
        seen = set()
        chosen = [i for i in chosen if not (i["sha256"] in seen or seen.add(i["sha256"]))]
    if "sample" in request:
        def score(i):
            return hashlib.sha256(request["sample"]["seed"].encode() + bytes.fromhex(i["sha256"])).digest()
        kept = sorted(chosen, key=lambda i: (score(i), i["path"].encode()))[:request["sample"]["count"]]
        chosen = sorted(kept, key=lambda i: i["path"].encode())
    return chosen


def weights(items, rule, publisher):
    """{party: weight}; who declares nobody has its publisher."""
    sums = {}
    for i in items:
        for c in i.get("contributors") or [{"party": publisher, "weight": 1}]:
            sums[c["party"]] = sums.get(c["party"], 0) + c["weight"] * (i["size"] if rule == "per_byte" else 1)
    return sums


def split(total, sums):
    """Largest remainder in micro-units: {party: amount}."""
    whole = sum(sums.values())
    parts = {p: total * w // whole for p, w in sums.items()}
    left = total - sum(parts.values())
    for p in sorted(sums, key=lambda p: (-(total * sums[p] % whole), p.encode()))[:left]:
        parts[p] += 1
    return parts


def micro(amount):
    whole, _, decimals = amount.partition(".")
    return int(whole) * 1_000_000 + int(decimals.ljust(6, "0"))
