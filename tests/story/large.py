# SPDX-License-Identifier: Apache-2.0
"""
One large file, from its publisher's disk to the buyer's, over a line that breaks: nothing is sent twice that arrived,
its hash is right at the end, and neither API nor worker hold more of it than a few pieces at a time.

256 MiB; 10 GiB with COUNTERFOIL_SOAK, which needs twice that on the disk, and half as much again to spare.
"""
import hashlib
import json
import os
import random
import shutil
import socket
import threading
import time

from harness import clearing
from harness.market import Market
from harness.tap import check, done, equal, note, skip
from harness.tree import folder

SOAK = bool(os.environ.get("COUNTERFOIL_SOAK"))
SIZE = (10 << 30 if SOAK else 256 << 20) + 4321         # no multiple of anything
NOISE = 1 << 20                     # random bytes at so many places of the sparse file
PIECE = 1 << 20
PART = 64 << 20                     # what the tool uploads at a time: a cut costs no more than that
SLACK = 4 << 20                     # headers, and what was on its way when a line was cut
MEMORY_MAX = 64 << 20               # what a program may have held beyond what it held at its start
SECONDS = 3000


class Relay:
    """A line to the API that counts what goes each way and breaks after so many bytes of either."""

    def __init__(self, port):
        self.target, self.lock = port, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.reset()
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self, cuts=()):
        """`cuts`: (direction, bytes that go before the line breaks), each once."""
        with self.lock:
            self.bytes, self.cuts, self.broken = {"up": 0, "down": 0}, list(cuts), 0

    def _accept(self):
        while True:
            here, _ = self.listener.accept()
            there = socket.create_connection(("127.0.0.1", self.target))
            for one, other, way in ((here, there, "up"), (there, here, "down")):
                threading.Thread(target=self._pump, args=(one, other, way), daemon=True).start()

    def _breaks(self, way, n):
        with self.lock:
            self.bytes[way] += n
            due = [c for c in self.cuts if c[0] == way and self.bytes[way] >= c[1]]
            for c in due:
                self.cuts.remove(c)
            self.broken += len(due)
            return bool(due)

    def _pump(self, one, other, way):
        room = bytearray(PIECE)
        try:
            while (n := one.recv_into(room)) and not self._breaks(way, n):
                other.sendall(memoryview(room)[:n])
        except OSError:
            pass
        for s in (one, other):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def make(path):
    """A sparse file with noise here and there, its end included; its hash."""
    rng = random.Random(SIZE)
    with open(path, "wb") as f:
        f.truncate(SIZE)
        for at in [0, SIZE - NOISE] + [rng.randrange(SIZE - NOISE) for _ in range(30)]:
            f.seek(at)
            f.write(rng.randbytes(NOISE))
    return digest(path)


def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while piece := f.read(PIECE):
            h.update(piece)
    return h.hexdigest()


def timed(what, began):
    seconds = time.monotonic() - began
    note(f"{what}: {seconds:.1f} s, {SIZE / seconds / 1e6:.0f} MB/s")


def upload(relay, alice, where):
    relay.reset([("up", SIZE // 3), ("up", SIZE * 3 // 4)])
    began = time.monotonic()
    published = json.loads(alice.cf("publish", where, "alice/large", "--json", timeout=SECONDS,
                                    env={"COUNTERFOIL_URL": relay.url}).out)
    timed("uploaded", began)
    equal(relay.broken, 2, "the line broke twice while it was uploaded")
    check(SIZE < relay.bytes["up"] < SIZE + 2 * PART + SLACK, "and at most a part went again each time") or \
        note(f"{relay.bytes} of {SIZE}")
    equal((published["item_count"], published["bytes"]), (1, SIZE), "published")
    began = time.monotonic()
    alice.cf("publish", where, "alice/large", "--wait", timeout=SECONDS)
    timed("verified, and hashed once more by the tool", began)
    kept = alice.get("/v1/datasets/alice/large/versions/1").json()["verification"]
    equal((kept["verified"], kept["corrupt"]), (1, 0), "a worker has read it")


def download(relay, bob, license, out, sha256):
    relay.reset([("down", SIZE // 4), ("down", SIZE * 2 // 3)])
    began = time.monotonic()
    bob.cf("pull", license, out, timeout=SECONDS, env={"COUNTERFOIL_URL": relay.url})
    timed("pulled", began)
    equal(relay.broken, 2, "the line broke twice while it was pulled")
    check(SIZE < relay.bytes["down"] < SIZE + 2 * SLACK, "and it went on where it was cut") or \
        note(f"{relay.bytes} of {SIZE}")
    equal(digest(out / "large.bin"), sha256, "the bytes are the publisher's")


def ranges(bob, license, path, sha256):
    """What a client that resumes by itself may ask."""
    target, tag = f"/v1/licenses/{license}/items/large.bin", f'"{sha256}"'
    with open(path, "rb") as f:
        for first, last in ((0, 9), (SIZE // 2, SIZE // 2 + NOISE), (SIZE - NOISE, SIZE - 1)):
            got = bob.get(target, headers={"Range": f"bytes={first}-{last}", "If-Range": tag})
            f.seek(first)
            equal((got.status, got.headers["Content-Range"]), (206, f"bytes {first}-{last}/{SIZE}"), f"from {first}")
            check(got.body == f.read(last - first + 1), f"from {first}: those bytes")
        f.seek(SIZE - 77)
        check(bob.get(target, headers={"Range": "bytes=-77", "If-Range": tag}).body == f.read(), "the last bytes")
    equal(bob.get(target, headers={"Range": f"bytes={SIZE}-"}).status, 416, "nothing is behind the end")
    got = bob.call("HEAD", target, headers={"Range": "bytes=5-", "If-Range": '"another"'})
    equal((got.status, got.headers["Content-Length"]), (200, str(SIZE)), "another tag means the whole")


def walk(where):
    small = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=16"       # what is freed is not what is held
    with Market(where, ASAN_OPTIONS=small.lstrip(":")) as market:
        alice, bob = market.party("alice", "publisher"), market.party("bob", "buyer")
        relay = Relay(market.port)
        source = market.dir / "source"
        source.mkdir()
        sha256 = make(source / "large.bin")
        before = {name: market.programs[name].memory("VmRSS") for name in ("api", "worker")}
        upload(relay, alice, source)
        market.pay(bob, "50.00")
        license = market.buy(bob, market.offer(alice, "large")["id"], cleared=False)["id"]
        verdict = clearing.clear(bob, license)
        equal((verdict["state"], verdict["cleared"]), ("cleared", 1), "cleared")
        download(relay, bob, license, market.dir / "pulled", sha256)
        ranges(bob, license, source / "large.bin", sha256)
        equal(market.entries("access.recorded"), 1, "all of it is one access")
        for name, held in before.items():
            most = market.programs[name].memory("VmHWM")
            note(f"{name}: {held >> 20} MiB at its start, {most >> 20} MiB at most")
            check(most - held < MEMORY_MAX, f"{name}: at most {MEMORY_MAX >> 20} MiB more than at its start")


def main():
    where = folder("story-large")
    if shutil.disk_usage(where).free < 3 * SIZE:
        skip("a large file", f"{3 * SIZE >> 30} GiB of free disk are not there")
    else:
        try:
            walk(where)
        finally:
            for name in ("content", "pulled", "source"):
                shutil.rmtree(where / name, ignore_errors=True)
    done()


if __name__ == "__main__":
    main()
