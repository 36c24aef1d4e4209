# SPDX-License-Identifier: Apache-2.0
"""What every benchmark shares: results that must be right, the load generator, where processes stand."""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LOAD = ROOT / "build" / "plain" / "tests" / "bench" / "http_load"
# No machine is expected to record more: what is on sale must last so long, whatever it is that measures.
ACCESSES_A_SECOND = 40000
BYTES_A_SECOND = 40 * 10**9

wrong = []
passed = 0


def right(good, text):
    """A wrong result is what makes a benchmark fail; a slow one doesn't."""
    global passed
    if good:
        passed += 1
    else:
        wrong.append(text)
        print(f"WRONG: {text}", flush=True)


def lines(path, texts):
    path.write_text("\n".join(texts) + "\n", encoding="ascii")
    return path


def copy_in(dsn, table, path):
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", dsn, "-c", f"\\copy {table} FROM '{path}'"],
                   check=True, stdin=subprocess.DEVNULL)


def licenses_for(seconds, items, size=1):
    """How many licenses of `items` items of `size` bytes last for new accesses during so many seconds."""
    return -(-seconds * min(ACCESSES_A_SECOND, BYTES_A_SECOND // size) // items)


def load(port, connections, seconds, items, key="-", licenses="-", first=0, answers=os.devnull):
    """What http_load.c measures, as JSON; `rate` are its right answers a second, `mb` megabytes of bodies a second."""
    done = subprocess.run([str(LOAD), str(port), str(connections), str(seconds), key, licenses, items, str(first),
                           answers], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=seconds + 120)
    right(done.returncode == 0, f"http_load ended with {done.returncode}")
    got = json.loads(done.stdout)
    right(got["wrong"] == 0, f"{got['wrong']} wrong answers, the first with status {got['first_wrong']}")
    right(not got["exhausted"], "the load ran out of items: too few licenses")
    got["rate"] = (got["requests"] - got["wrong"]) / got["seconds"]
    got["mb"] = got["bytes"] / 1e6 / got["seconds"]
    return got
