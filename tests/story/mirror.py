# SPDX-License-Identifier: Apache-2.0
"""A copy of a log that any web server can serve: made by an audit, gone on with, mended, never of another history."""
import functools
import http.server
import itertools
import json
import pathlib
import shutil
import threading

from harness.market import Market
from harness.tap import check, done, equal, note
from harness.tree import folder


numbers = itertools.count()


class Files(http.server.SimpleHTTPRequestHandler):
    """A plain web server, which knows nothing of logs."""
    served = []

    def do_GET(self):
        self.served.append(self.path)
        super().do_GET()

    def log_message(self, *_):
        pass


def serve(where):
    """`where`/log as http://…/log."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(where)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"


def audit(m, where, *flags, code=0, state=None):
    if "--mirror" in flags:
        flags[flags.index("--mirror") + 1].parent.mkdir(parents=True, exist_ok=True)
    got = m.cf("audit", where, "--json", "--state", state or m.dir / f"state-{next(numbers)}", *flags,
               code=None)
    equal(got.code, code, f"audit {' '.join(map(str, flags))[:60]}: exit code") or note(repr(got)[:2000])
    return json.loads(got.out) if got.out else {}


def files(where):
    return {str(p.relative_to(where)): p.read_bytes() for p in sorted(where.rglob("*")) if p.is_file()}


def same_log(m, where, key, report):
    """By the folder, and by a web server that serves it."""
    own = audit(m, where, "--dir", "--key", key)
    equal(own["checkpoint"], report["checkpoint"], "the copy is audited as the log is")
    server, url = serve(where.parent)
    equal(audit(m, url, "--key", key)["checkpoint"], report["checkpoint"], "and served by any web server")
    server.shutdown()



def damaged(m, log, key, state):
    """What a disk does to the copy is not the log's fault."""
    victim = next(p for p in (log / "tile" / "entries").rglob("*") if p.is_file())
    good = victim.read_bytes()
    victim.write_bytes(good[:40] + bytes([good[40] ^ 1]) + good[41:])
    equal(audit(m, log, "--dir", "--key", key, code=1)["verdict"], "findings", "a damaged copy is told")
    report = audit(m, m.url, "--mirror", log, state=m.dir / "fresh-state")
    check(report["verdict"] == "sound" and report["mirror"]["complete"], "copied once more, the log is not blamed")
    equal(victim.read_bytes(), good, "and the copy is whole again")


def gone_back(m, log, key):
    """The log loses its end, or grows another one: the copy remembers, and stays what it was."""
    before = files(log)
    shorter = m.dir / "shorter" / "log"
    shutil.copytree(m.dir / "early" / "log", shorter)
    report = audit(m, shorter, "--dir", "--key", key, "--mirror", log, code=1)
    equal([f["rule"] for f in report["findings"]], ["rollback"], "a log that has gone back is found by the copy alone")
    notes = pathlib.Path(report["evidence"]).read_text(encoding="utf-8")
    equal(notes.count("\u2014 "), 2, "both checkpoints are kept as evidence")
    check(before["checkpoint"].decode() in notes and (shorter / "checkpoint").read_text(encoding="utf-8") in notes,
          "the copy's own, and the one that contradicts it")
    equal(files(log), before, "the copy is left as it was")


def main():
    with Market(folder("story-mirror"), without=("worker",)) as m:
        key = m.operator.get("/v1/log/key").json()["log_key"]
        for i in range(300):
            m.party(f"party-{i}", "buyer")
        state, log = m.dir / "state-of-mirror", m.dir / "copy" / "log"
        first = audit(m, m.url, "--mirror", log, state=state)
        check(first["mirror"]["complete"] and first["mirror"]["written"] >= 5, "a log is copied")
        same_log(m, log, key, first)
        shutil.copytree(log, m.dir / "early" / "log")
        equal(audit(m, m.url, "--mirror", log, state=state)["mirror"]["written"], 0, "nothing new, nothing written")
        for i in range(300):
            m.party(f"more-{i}", "buyer")
        second = audit(m, m.url, "--mirror", log, state=state)
        check(second["from"] == first["to"] and second["mirror"]["complete"], "it goes on where it ended")
        same_log(m, log, key, second)
        late = m.dir / "late" / "log"
        third = audit(m, m.url, "--mirror", late, state=state)
        check(third["from"] == second["to"] and third["mirror"]["complete"], "a copy begun late has all of it")
        same_log(m, late, key, third)
        half = m.dir / "half" / "log"
        shutil.copytree(late, half)
        (half / "checkpoint").unlink()
        for path in sorted(p for p in half.rglob("*") if p.is_file())[::2]:
            path.unlink()
        left = len(files(half))
        report = audit(m, m.url, "--mirror", half)
        check(report["mirror"]["complete"] and 0 < report["mirror"]["written"] < len(files(half)) and left,
              "an interrupted copy is gone on with, not begun anew")
        same_log(m, half, key, report)
        damaged(m, log, key, state)
        gone_back(m, log, key)
        other = Market(folder("story-mirror-other"), without=("worker",))
        with other:
            got = other.cf("audit", other.url, "--mirror", log, code=None)
            if not check(got.code == 2 and "not this log's" in got.err, "another log does not replace a copy"):
                note(repr(got))
    done()


main()
