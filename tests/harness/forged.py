# SPDX-License-Identifier: Apache-2.0
"""A log of a test's own making, in the place of a market's: its entries under a key of the test's, then bent."""
import base64
import copy
import hashlib
import http.client
import http.server
import json
import re
import struct
import threading
import urllib.parse

from harness.ed25519 import Key, canonical
from harness.reader import WIDTH, Tree, leaf, tile_number
from harness.tap import check, note

MEMBERS = ("at", "body", "sd", "type", "v")


def root_of(hashes):
    tree = Tree()
    for h in hashes:
        tree.add(h)
    return tree.root()


def digest(disclosure):
    return base64.urlsafe_b64encode(hashlib.sha256(disclosure.encode()).digest()).rstrip(b"=").decode()


class Log:
    """
    entries: the entries as objects; shown: the disclosures of each, as texts; answers: what the market is made to say
    at a path, by path, instead of what it says. sign() after bending makes tree and checkpoint anew.
    """

    def __init__(self, market, auditor):
        self.market, self.auditor, self.key = market, auditor, Key()
        self.origin, self.answers = market.origin, {}
        self.entries, self.shown = [], []
        while True:
            page = auditor.get(f"/v1/entries?from={len(self.entries)}&limit=200").json()["data"]
            if not page:
                break
            for x in page:
                self.entries.append({name: x["entry"][name] for name in MEMBERS} if isinstance(x["entry"], dict)
                                    else json.loads(x["entry"]))
                self.shown.append([d["disclosure"] for d in x["disclosures"]])
        self.was = list(range(len(self.entries)))          # the index that each has in the market
        self.entries[0]["body"]["log_key"] = self.vkey
        self.sign()

    @property
    def vkey(self):
        public = b"\x01" + self.key.public
        name = hashlib.sha256(self.origin.encode() + b"\n" + public).digest()[:4]
        return f"{self.origin}+{name.hex()}+{base64.b64encode(public).decode()}"

    def copy(self):
        other = copy.copy(self)
        for name in ("entries", "shown", "was", "answers", "bytes", "leaves", "files"):
            setattr(other, name, copy.deepcopy(getattr(self, name)))
        return other

    def sign(self, size=None, key=None):
        """Everything follows from the entries again; `size`: the checkpoint is of so many."""
        self.bytes = [canonical(e) for e in self.entries]
        self.leaves = [leaf(b) for b in self.bytes]
        self.size = len(self.bytes) if size is None else size
        text = f"{self.origin}\n{self.size}\n{base64.b64encode(root_of(self.leaves[:self.size])).decode()}\n"
        key = key or self.key
        public = b"\x01" + key.public
        name = hashlib.sha256(self.origin.encode() + b"\n" + public).digest()[:4]
        line = base64.b64encode(name + key.sign(text.encode())).decode()
        self.note = f"{text}\n\u2014 {self.origin} {line}\n".encode()
        self.tiles()
        return self

    def tiles(self):
        self.files = {}
        level, hashes = 0, self.leaves[:self.size]
        while hashes:
            for first in range(0, len(hashes), WIDTH):
                part = hashes[first:first + WIDTH]
                end = "" if len(part) == WIDTH else f".p/{len(part)}"
                self.files[f"tile/{level}/{tile_number(first // WIDTH)}{end}"] = b"".join(part)
                if level == 0:
                    entries = self.bytes[first:first + len(part)]
                    self.files[f"tile/entries/{tile_number(first // WIDTH)}{end}"] = b"".join(
                        struct.pack(">H", len(b)) + b for b in entries)
            hashes = [root_of(hashes[i:i + WIDTH]) for i in range(0, len(hashes) - WIDTH + 1, WIDTH)]
            level += 1

    def find(self, kind, nth=0):
        return [i for i, e in enumerate(self.entries) if e["type"] == kind][nth]

    def append(self, entry, shown=(), at=None):
        """At the end, or before entry `at`."""
        at = len(self.entries) if at is None else at
        entry = {**copy.deepcopy(entry), "at": self.entries[at - 1]["at"]}
        self.entries.insert(at, entry)
        self.shown.insert(at, list(shown))
        self.was.insert(at, at)

    def disclose(self, index, **values):
        """Other private values of an entry, with the digests that belong to them."""
        out = []
        for text in self.shown[index]:
            salt, name, value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if name in values:
                data = canonical([salt, name, values[name]])
                text = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
            out.append(text)
        self.shown[index] = out
        self.entries[index]["sd"] = sorted(digest(text) for text in out)

    def serve(self):
        """(server, URL): the log and its disclosures from here, everything else from the market."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.log, server.daemon_threads = self, True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server, f"http://127.0.0.1:{server.server_address[1]}"

    def answer(self, target, headers):
        path, query = urllib.parse.urlsplit(target).path, urllib.parse.urlsplit(target).query
        if path == "/log/checkpoint":
            return 200, self.note
        if path.startswith("/log/"):
            found = self.files.get(path[len("/log/"):])
            return (404, b"") if found is None else (200, found)
        if path == "/v1/entries":
            first, last = int(urllib.parse.parse_qs(query)["from"][0]), len(self.entries)
            rows = [{"index": i, "entry": self.entries[i], "disclosures": [{"disclosure": d} for d in self.shown[i]]}
                    for i in range(first, min(last, first + 200))]
            return 200, json.dumps({"data": rows, "next_cursor": None}).encode()
        if path in self.answers:
            return 200, json.dumps(self.answers[path]).encode()
        named = re.match(r"/v1/snapshots/(\d+)/", target)         # the market has it where it was before others came
        if named and int(named[1]) < len(self.was):
            target = target.replace(named[1], str(self.was[int(named[1])]), 1)
        there = http.client.HTTPConnection("127.0.0.1", self.market.port, timeout=60)
        there.request("GET", target, headers=headers)
        got = there.getresponse()
        body = got.read()
        there.close()
        return got.status, body


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        key = self.headers.get("Authorization")
        status, body = self.server.log.answer(self.path, {"Authorization": key} if key else {})
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if self.path.startswith("/v1") else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def list_root(rows):
    """Of a list as it is shown: whose account an allocation's line is, no leaf says."""
    return root_of([leaf(canonical({k: v for k, v in r.items() if k != "party"})) for r in rows]).hex()


class Judge:
    """An auditor who knows the test's key, asks a log that the test serves, and has seen what she has seen."""

    def __init__(self, market, auditor):
        self.market, self.auditor, self.runs = market, auditor, 0

    def audit(self, log, *flags, state=None):
        server, url = log.serve()
        self.runs += 1
        state = state or self.market.dir / f"judge-{self.runs}"
        got = self.auditor.cf("audit", url, "--json", "--key", log.vkey, "--state", state, *flags, code=None,
                              env={"COUNTERFOIL_URL": url})
        server.shutdown()
        return got.code, json.loads(got.out) if got.out else {"error": got.err, "findings": []}

    def names(self, what, log, *rules, flags=(), state=None):
        """The rules that are found broken, and no other ones."""
        code, report = self.audit(log, *flags, state=state)
        found = sorted({f["rule"] for f in report["findings"]})
        if not check(code == 1 and found == sorted(rules), f"{what}: {', '.join(rules)}"):
            note(f"exit {code}, found {found}: {report}"[:1500])
        return report
