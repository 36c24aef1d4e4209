# SPDX-License-Identifier: Apache-2.0
"""Moving a log from one signer to another: the program, and what is shown to it."""
import re
import subprocess

from harness import tap
from harness.program import Program, listening, wait_for
from harness.reader import checkpoint_parse
from harness.tree import program

LAST_S = 10         # for a signature that was given to be stored and served


def signer(*argv, text=False):
    """(exit code, what it said) of counterfoil-signer; with `text`, standard output alone."""
    done = subprocess.run([program("counterfoil-signer"), *map(str, argv)], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=None if text else subprocess.STDOUT, check=False)
    return done.returncode, done.stdout


def refused(what, want, *argv):
    code, said = signer(*argv)
    tap.check(code == 1 and want in said, f"refused: {what}") or tap.note(said)


def id_of(where):
    """A standby's, as status prints it."""
    return re.search(r"^id (\w{14})$", signer("status", "--dir", where)[1], re.M).group(1)


def left_behind(market, where):
    """
    Waits until the API serves what the dead signer of this folder signed last: whatever one of its clients has yet to
    store would be news after a takeover. A signature that died on its way to them is never served.
    """
    size = int(re.search(r"^size (\d+)$", signer("status", "--dir", where)[1], re.M).group(1))

    def served():
        status, note = market.get("/log/checkpoint")
        return status == 200 and checkpoint_parse(note)[1] == size
    try:
        wait_for(served, LAST_S, f"size {size}")
    except TimeoutError:
        tap.note(f"nobody got the signature of size {size}")


def receipt(market, index):
    """Of an entry, in a file; its path."""
    path = market.dir / f"entry-{index}.receipt"
    path.unlink(missing_ok=True)
    market.cf("receipt", index, "--out", path)
    return path


def serve(market, where, name="signer", path=None):
    """A signer of that folder, where the market's programs look for it."""
    path = path or market.env["COUNTERFOIL_SIGNER"]
    market.programs[name] = Program(["counterfoil-signer", "serve", "--dir", where, "--socket", path], {},
                                    market.dir / f"{name}.log", lambda: listening(path)).start()


def files(market, **texts):
    """Files with these texts; their paths."""
    paths = []
    for name, text in texts.items():
        (market.dir / name).write_text(text, encoding="utf-8")
        paths.append(market.dir / name)
    return paths


def forged(note):
    """The checkpoint with one bit of its signature turned."""
    head, _, coded = note.rstrip("\n").rpartition(" ")
    return f"{head} {coded[:20]}{'A' if coded[20] != 'A' else 'B'}{coded[21:]}\n"
