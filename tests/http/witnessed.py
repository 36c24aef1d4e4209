# SPDX-License-Identifier: Apache-2.0
"""A worker and its witnesses: what each answer of tlog-witness does to it, and that only what verifies is stored."""
import base64
import functools
import http.server
import json
import threading
import time

from harness import tap
from harness.market import Market
from harness.program import wait_for
from harness.tree import folder
from harness.witness import COSIGNATURE, Witness, key_id

PATIENCE_S = 60
REST_S = 59             # what a witness is left alone for, less a second: the worker's clock is of milliseconds
SIZE = ("Content-Type", "text/x.tlog.size")


class Answering(http.server.BaseHTTPRequestHandler):
    """A witness that answers as the test says; a list of (status, headers, body), the last one for ever.

    A body may be a function of what was asked."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, asked))
        self.server.times.append(time.monotonic())
        script = self.server.script
        status, headers, body = script.pop(0) if len(script) > 1 else script[0]
        body = body(asked) if callable(body) else body
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Fake:
    """A server in a witness's place."""

    def __init__(self, where, name, *script):
        self.witness = Witness(where, f"{name}.example/w")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.server.handle_error = lambda *_: None        # a worker that has heard enough hangs up
        self.server.script, self.server.asked, self.server.times, self.name = list(script), [], [], name
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def cosign(self, asked, at):
        """A cosignature line over the checkpoint that was asked about, as of that time."""
        witness, text = self.witness, asked.split(b"\n\n")[1] + b"\n"
        signature = witness.twin.sign(f"cosignature/v1\ntime {at}\n".encode() + text)
        line = base64.b64encode(key_id(witness.name, COSIGNATURE, witness.public) + at.to_bytes(8, "big") + signature)
        return f"— {witness.name} ".encode() + line + b"\n"

    def line(self):
        return f"witness {self.name} {self.witness.vkey} http://127.0.0.1:{self.server.server_address[1]}/{self.name}\n"


def fakes(where):
    forged = "— forged.example/w ".encode() + b"A" * 104 + b"\n"
    out = [Fake(where / name, name, *script) for name, script in {
        "alarm": [(422, (), b"no\n")],
        "sizeless": [(409, (), b"7\n")],
        "beyond": [(409, (SIZE,), b"1000000\n")],
        "unknown": [(404, (), b"")],
        "keyless": [(403, (), b"")],
        "bad": [(400, (), b"")],
        "pushy": [(429, (("Retry-After", "3600"),), b"")],
        "forged": [(200, (), forged)],
        "empty": [(200, (), b"")],
        "endless": [(200, (), b"x" * 200000)],
        "moved": [(302, (("Location", "http://127.0.0.1:1/"),), b"")],
        "malformed": [(409, (SIZE,), b"007\n")],
        "back": [(409, (SIZE,), b"1\n"), (500, (), b"")],
    }.items()]
    for name, at in {"never": 2 ** 63 - 1, "early": int(time.time()) + 1000, "late": int(time.time()) - 1000,
                     "zero": 0}.items():
        fake = Fake(where / name, name)
        fake.server.script.append((200, (), functools.partial(fake.cosign, at=at)))
        out.append(fake)
    return out


def main():
    where = folder("witnessed")
    with Market(where / "market", without=("worker",)) as market:
        vkey = json.loads(market.get("/v1/log/key")[1])["log_key"]
        good = Witness(where / "good", "good.example/w").start([vkey])
        bad = fakes(where)
        policy = where / "policy"
        policy.write_text(f"log {vkey}\nwitness good {good.vkey} {good.url}\n" + "".join(f.line() for f in bad) +
                          "quorum good\n", encoding="utf-8")
        market.env["COUNTERFOIL_POLICY"] = str(policy)
        market.start(only=("worker",))
        log = market.dir / "worker.log"

        def said(*words):
            return any(all(w in line for w in words) for line in log.read_text(encoding="utf-8").splitlines())

        wait_for(lambda: said("private address"), PATIENCE_S, "the refusal to go to private addresses")
        tap.check(not any(f.server.asked for f in bad), "witnesses at private addresses are not asked unless allowed")
        market.stop(only=("worker",))
        market.env["COUNTERFOIL_WITNESS_PRIVATE"] = "yes"
        market.start(only=("worker",))
        wait_for(lambda: all(f.server.asked for f in bad), PATIENCE_S, "every witness to be asked")
        for name, words in {"alarm": ("alarm", "422"), "sizeless": ("alarm", "409 without a size"),
                            "beyond": ("alarm", "more than was ever signed"), "malformed": ("alarm", "409 without"),
                            "unknown": ("refuses", "status=404"), "keyless": ("refuses", "status=403"),
                            "bad": ("refuses", "status=400"), "moved": ("refuses", "status=302"),
                            "back": ("refuses", "status=500"), "pushy": ("pushes back",),
                            "forged": ("without a good cosignature",), "empty": ("without a good cosignature",),
                            "endless": ("not reached",),
                            **dict.fromkeys(("never", "early", "late", "zero"), ("another time than ours",))}.items():
            wait_for(functools.partial(said, f"witness={name}", *words), PATIENCE_S, f"{name} to be told of")
            tap.check(said(f"witness={name}", *words), f"{name}: {' '.join(words)}")
        market.party("one", "buyer")
        size = int(market.sql("SELECT max(size) FROM checkpoint")[0][0])
        wait_for(lambda: int(market.sql("SELECT coalesce(max(size), 0) FROM cosignature")[0][0]) >= size, PATIENCE_S,
                 "the good one to go on")
        tap.check(market.sql("SELECT DISTINCT witness FROM cosignature") == [[good.vkey]],
                  "the good one goes on beside all these, and only its cosignatures are stored")
        asked = {f.name: f.server.asked for f in bad}
        tap.check(asked["back"][0][0] == "/back/add-checkpoint" and asked["back"][1][1].startswith(b"old 1\n"),
                  "asked again from the size that a 409 says")
        tap.check(all(body.count("— ".encode()) == 1 for calls in asked.values() for _, body in calls),
                  "only the log's own signature is sent")
        soon = [name for name, times in ((f.name, f.server.times) for f in bad if f.name in ("alarm", "pushy"))
                if any(b - a < REST_S for a, b in zip(times, times[1:]))]
        tap.equal(soon, [], "after an alarm or 429 it is left alone")
        good.program.stop()
    tap.done()


if __name__ == "__main__":
    main()
