# SPDX-License-Identifier: Apache-2.0
"""counterfoil witness, as the text of C2SP tlog-witness has it: every status, and what survives a kill."""
import hashlib
import os
import shutil
import socket
import subprocess
import time

from harness import tap, web
from harness.tree import folder, program
from harness.witness import Key, Log, Witness, cosigned, root

ENTRIES = [f"entry {i}\n".encode() for i in range(40)]


def status(got, want, name):
    tap.check(got.status == want, name) or tap.note(got)


def conflict(got, size, name):
    tap.check(got.status == 409 and got.headers["Content-Type"] == "text/x.tlog.size" and
              got.body == f"{size}\n".encode(), name) or tap.note(got)


def accepted(witness, got, body, name):
    """200 with one good cosignature line, of now."""
    at = cosigned(got, witness, body) if got.status == 200 else None
    tap.check(at is not None and abs(time.time() - at) < 60, name) or tap.note(got)


def grow(witness, log):
    conflict(witness.add(log.ask(3, 5)), 0, "409 with size 0 before anything was cosigned")
    accepted(witness, witness.add(log.ask(0, 3)), log.body(3), "200 for the first, without a proof")
    accepted(witness, witness.add(log.ask(3, 3)), log.body(3), "200 for the same again")
    accepted(witness, witness.add(log.ask(3, 5)), log.body(5), "200 for what extends it")
    conflict(witness.add(log.ask(0, 5)), 5, "409 with its size for an old size of 0")
    conflict(witness.add(log.ask(3, 5)), 5, "409 with its size for another old size")
    conflict(witness.add(log.ask(3, 4)), 5, "409 for a smaller checkpoint: no way back")


def refuse(witness, log, stranger):
    other = Log(log.origin, [b"other " + e for e in ENTRIES])
    other.key, other.id = log.key, log.id
    status(witness.add(log.ask(5, 9, proof=[])), 422, "422 without a proof")
    status(witness.add(log.ask(5, 9, proof=[b"\0" * 32] * 3)), 422, "422 for a wrong proof")
    status(witness.add(other.ask(5, 9)), 422, "422 for a proof of another history")
    status(witness.add(other.ask(5, 5)), 422, "422 for another root of the same size")
    status(witness.add(log.ask(5, 5, proof=[root(log.leaves[:5])])), 422, "422 for a proof where none belongs")
    status(witness.add(log.ask(6, 5)), 400, "400 for an old size beyond the checkpoint's")
    status(witness.add(stranger.ask(0, 3)), 404, "404 for a log it doesn't know")
    status(witness.add(log.ask(5, 9, note=log.sign(log.body(9), Key()))), 403, "403 for another key's signature")
    status(witness.add(log.ask(5, 9, note=log.body(9) + "\n")), 403, "403 for none at all")
    for name, body in (("nothing", b""), ("no old size", log.ask(5, 9)[6:]), ("a leading zero", b"old 0" + b"5\n\n"),
                       ("64 hashes", log.ask(5, 9, proof=[b"\0" * 32] * 64)), ("NUL", b"old 5\n\n\0\n\n"),
                       ("no blank line", b"old 5\n" + log.note(9).encode()),
                       ("an extension line", log.ask(5, 9, note=log.sign(log.body(9) + "more\n"))),
                       ("not UTF-8", log.ask(5, 9) + b"\xff\n")):
        got = witness.add(body)
        tap.check(got.status == 400 or (not body and got.status == 422), f"400 for {name}") or tap.note(got)
    status(witness.add(log.ask(5, 9) + b"x" * 20000), 413, "413 for more bytes than a request has")
    status(web.Client(witness.port).get("/add-checkpoint"), 405, "405 for GET")
    status(web.Client(witness.port).get("/"), 404, "404 elsewhere")
    accepted(witness, witness.add(log.ask(5, 9)), log.body(9), "after all that it goes on from 5")


def empty(witness, log):
    status(witness.add(log.ask(0, 0, note=log.note(0, of=b"\1" * 32))), 422, "422: an empty tree of another root")
    accepted(witness, witness.add(log.ask(0, 0)), log.body(0), "200 for the empty tree")
    conflict(witness.add(log.ask(1, 2)), 0, "whose size is 0")


def grease(witness, log):
    """Unknown signatures beside the log's own are ignored."""
    note = log.note(12) + f"— unknown.example/x {'A' * 88}\n" + f"— {log.origin} {'B' * 92}\n"
    accepted(witness, witness.add(log.ask(9, 12, note=note)), log.body(12), "200 with lines of unknown keys")


def killed(witness, log):
    """kill -9 in the middle of asking; what was answered with 200 is still known."""
    size = 12
    for to in range(13, 33, 4):
        accepted(witness, witness.add(log.ask(size, to)), log.body(to), f"200 for {to}")
        size = to
        witness.program.kill()
        witness.start([log.vkey])
        conflict(witness.add(log.ask(0, to)), size, f"after kill -9 it knows {size}")


def forked(witness, log, size):
    """The log's two notes of that size, of which the witness has cosigned the one, are kept."""
    other = Log(log.origin, [b"other " + e for e in ENTRIES])
    other.key, other.id = log.key, log.id
    status(witness.add(other.ask(size, size)), 422, f"422 for another root of size {size}")
    kept = witness.dir / "state" / (hashlib.sha256(log.origin.encode()).hexdigest() + ".evidence")
    both = (log.note(size) + other.note(size)).encode()
    tap.check(kept.exists() and kept.read_bytes() == both, "and both notes are kept") or tap.note(
        sorted(p.name for p in kept.parent.iterdir()))


def torn(where):
    """What was to be cosigned and is not, for its state can't be stored, costs no proof of what was."""
    logs = [Log(f"{n}.example/log", ENTRIES) for n in ("first", "second", "third")]
    witness = Witness(where / "torn", "witness.example/torn").start([log.vkey for log in logs])
    for log, sizes in zip(logs, ((3,), (3, 5), (3, 5, 9))):
        for old, size in zip((0, *sizes), sizes):
            accepted(witness, witness.add(log.ask(old, size)), log.body(size), f"200 for {size}")
        last = sizes[-1]
        aside = witness.dir / "state" / (hashlib.sha256(log.origin.encode()).hexdigest() + ".new")
        aside.mkdir()
        status(witness.add(log.ask(last, 11)), 500, "500 where the state can't be stored")
        status(witness.add(log.ask(last, 12)), 500, "and again")
        aside.rmdir()
        forked(witness, log, last)
        accepted(witness, witness.add(log.ask(last, 13)), log.body(13), "then it goes on from what it had cosigned")
    witness.program.stop()


def unheard(where):
    """A start with a new log that comes to nothing, for it can't listen, is made again by the same command."""
    log = Log("late.example/log", ENTRIES)
    witness = Witness(where / "late", "witness.example/late")
    with socket.create_server(("127.0.0.1", witness.port)):
        refuses(witness, [log.vkey], "can't listen", "it doesn't start where another listens", port=witness.port)
    witness.start([log.vkey])
    accepted(witness, witness.add(log.ask(0, 3)), log.body(3), "and starts by the same command")
    witness.program.stop()


def refuses(witness, logs, words, name, port=0):
    """It doesn't start, and says why."""
    argv = [program("counterfoil")] + [str(a) for a in witness.argv(logs, port=port)[1:]]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    try:
        out, said = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:                    # it serves
        process.kill()
        out, said = process.communicate()
    tap.check(process.returncode == 1 and words in said, name) or tap.note((process.returncode, out, said))


def one_process(witness, log):
    refuses(witness, [log.vkey], "another process is this witness", "a second process on the same folder is refused")


def first_start(witness, log, stranger):
    """What was cosigned is never forgotten because a file is gone: only a log that is said to be new begins at 0."""
    where = witness.dir / "state"
    witness.program.stop()
    tap.equal(where.stat().st_mode & 0o777, 0o700, "its folder is its own")
    witness.known.add(stranger.vkey)
    refuses(witness, [log.vkey, stranger.vkey], "--new", "a log that it knows nothing of is refused unless it is new")
    witness.known.clear()
    refuses(witness, [log.vkey], "is witnessed here already", "and one that it knows is not new")
    witness.known.add(log.vkey)
    os.chmod(where, 0o770)
    refuses(witness, [log.vkey], "others can write", "a folder that others can write to is refused")
    os.chmod(where, 0o700)
    for path in where.iterdir():
        path.rename(witness.dir / path.name)
    refuses(witness, [log.vkey], "--new", "files that vanished don't make it begin again")
    shutil.rmtree(where)
    refuses(witness, [log.vkey], "state", "nor does a folder that vanished")
    tap.check(not where.exists(), "which is not made again")
    where.mkdir(0o700)
    for path in [p for p in witness.dir.iterdir() if len(p.name) == 64]:
        path.rename(where / path.name)
    witness.start([log.vkey, stranger.vkey])
    conflict(witness.add(log.ask(0, 3)), 29, "with its files it knows what it knew")
    accepted(witness, witness.add(stranger.ask(0, 3)), stranger.body(3), "and begins with the new one")
    witness.program.stop()
    witness.start([log.vkey, stranger.vkey])
    conflict(witness.add(stranger.ask(0, 3)), 3, "which it knows from then on")


def damaged(witness, log):
    witness.program.stop()
    files = [p for p in (witness.dir / "state").iterdir() if p.suffix not in (".new", ".note")]
    for path in files:
        text = bytearray(path.read_bytes())
        text[len(text) // 2] ^= 1
        path.write_bytes(text)
    tap.equal(len(files), 3, "a file for each log")
    refuses(witness, [log.vkey], "is damaged", "a damaged state stops it: it never forgets by itself")


def main():
    where = folder("witness")
    log, void, stranger = (Log(f"{n}.example/log", ENTRIES) for n in ("known", "void", "stranger"))
    witness = Witness(where / "w", "witness.example/w").start([log.vkey, void.vkey])
    grow(witness, log)
    refuse(witness, log, stranger)
    empty(witness, void)
    grease(witness, log)
    killed(witness, log)
    one_process(witness, log)
    first_start(witness, log, stranger)
    damaged(witness, log)
    torn(where)
    unheard(where)
    tap.done()


if __name__ == "__main__":
    main()
