# SPDX-License-Identifier: Apache-2.0
"""The log as an outsider sees it, re-derived from its bundles in Python alone.

A second implementation on purpose: it shares no line with what it judges.
"""

import base64
import hashlib
import json
import struct
import threading

WIDTH = 256


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


class Tree:
    """Roots of every prefix of a list of leaves, by the stack of complete subtrees."""

    def __init__(self):
        self.stack = []         # (leaves, hash), largest first
        self.size = 0

    def add(self, hash_):
        self.stack.append((1, hash_))
        self.size += 1
        while len(self.stack) > 1 and self.stack[-1][0] == self.stack[-2][0]:
            (n, right), (_, left) = self.stack.pop(), self.stack.pop()
            self.stack.append((2 * n, node(left, right)))

    def root(self):
        if not self.stack:
            return hashlib.sha256(b"").digest()
        hash_ = self.stack[-1][1]
        for _, left in reversed(self.stack[:-1]):
            hash_ = node(left, hash_)
        return hash_


def tile_number(n):
    text = f"{n % 1000:03d}"
    while n >= 1000:
        n //= 1000
        text = f"x{n % 1000:03d}/{text}"
    return text


def checkpoint_parse(note):
    """(origin, size, root) of a signed note; its signature is the auditor's business."""
    origin, size, root = note.decode().split("\n")[:3]
    return origin, int(size), base64.b64decode(root, validate=True)


def bundles(get, size):
    """Every entry's bytes, from 0 to size; `get(path)` gives (status, body)."""
    entries = []
    while len(entries) < size:
        n, width = len(entries) // WIDTH, min(WIDTH, size - len(entries))
        path = f"/log/tile/entries/{tile_number(n)}" + (f".p/{width}" if width < WIDTH else "")
        status, body = get(path)
        if status != 200:
            raise AssertionError(f"{path}: status {status}")
        at, count = 0, 0
        while at < len(body):
            length, = struct.unpack_from(">H", body, at)
            entries.append(body[at + 2:at + 2 + length])
            at += 2 + length
            count += 1
        if at != len(body) or count != width:
            raise AssertionError(f"{path}: {count} entries, not {width}")
    return entries


class Seen:
    """Every checkpoint that was ever served to us, and every entry that was ever acknowledged."""

    def __init__(self):
        self.lock = threading.Lock()
        self.checkpoints = {}           # size -> root
        self.largest = 0
        self.problems = []
        self.accesses = []              # (license, item hash, entry index)
        self.purchases = []             # (idempotency key, license id, entry index)

    def problem(self, text):
        with self.lock:
            self.problems.append(text)

    def checkpoint(self, note, asked_at_size):
        """asked_at_size: the largest size seen before this answer was asked for."""
        _, size, root = checkpoint_parse(note)
        with self.lock:
            if self.checkpoints.setdefault(size, root) != root:
                self.problems.append(f"two roots were served at size {size}")
            if size < asked_at_size:
                self.problems.append(f"a checkpoint of {size} was served after one of {asked_at_size}")
            self.largest = max(self.largest, size)

    def access(self, license_id, item_hash, index):
        with self.lock:
            self.accesses.append((license_id, item_hash, index))

    def purchase(self, key, license_id, index):
        with self.lock:
            self.purchases.append((key, license_id, index))


def judge(seen, get):
    """Reads the whole log and returns (problems, entries): what was acknowledged or signed and doesn't hold."""
    problems = list(seen.problems)
    status, note = get("/log/checkpoint")
    if status != 200:
        return problems + [f"/log/checkpoint: status {status}"], []
    _, size, root = checkpoint_parse(note)
    if size < seen.largest:
        problems.append(f"the log has {size} entries, {seen.largest} were signed before")
    entries = bundles(get, size)
    tree = Tree()
    wanted = dict(seen.checkpoints)
    wanted[size] = root
    for i in range(size + 1):
        if i in wanted and tree.root() != wanted[i]:
            problems.append(f"the entries don't hash to the root that was signed at {i}")
        if i < size:
            tree.add(leaf(entries[i]))
    parsed = [json.loads(e) for e in entries]
    problems += acknowledged(seen, parsed, size)
    times = [e["at"] for e in parsed]
    if times != sorted(times):
        problems.append("time runs backward in the log")
    return problems, parsed


def acknowledged(seen, entries, size):
    """What of the acknowledged accesses and purchases is not there."""
    problems, used = [], {}
    for what, rows, kind in (("access", seen.accesses, "access.recorded"),
                             ("purchase", seen.purchases, "license.granted")):
        for first, second, index in rows:
            license_id = first if kind == "access.recorded" else second
            if index >= size:
                problems.append(f"{what} {first} was acknowledged at {index}; the log ends at {size}")
                continue
            entry = entries[index]
            if entry["type"] != kind or entry["body"]["license"] != license_id:
                problems.append(f"entry {index} is {entry['type']}, not the {what} of {license_id}")
            if used.setdefault(index, (first, second)) != (first, second):
                problems.append(f"entry {index} was acknowledged for two things")
    return problems
