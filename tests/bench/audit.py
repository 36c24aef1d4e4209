# SPDX-License-Identifier: Apache-2.0
"""What an audit costs, on a mirror of a log that append.py made: its hash check, its replay, its memory."""
import json
import statistics
import subprocess
import sys
import time

from checks import ROOT, right
from harness.sale import must

BUILD = ROOT / "build" / "plain"
MEMORY_MAX = 256 << 20


# What a process is started from counts as its own peak of memory: so it is started from a small one.
STARTER = ("import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]);"
           " used = resource.getrusage(resource.RUSAGE_CHILDREN);"
           " print('used', used.ru_utime + used.ru_stime, used.ru_maxrss << 10); sys.exit(code)")


def measured(argv, env=None):
    """(what it prints, as JSON; seconds of the processor, peak bytes of memory)"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", STARTER, *map(str, argv)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, env=env, text=True, check=False)
    right(done.returncode == 0, f"{argv[0].name} ended with {done.returncode}")
    text, _, used = done.stdout.rpartition("used ")
    cpu, memory = used.split()
    return json.loads(text), float(cpu), int(memory)


def replayed(mirror, key, state):
    began = time.monotonic()
    report, cpu, memory = measured([BUILD / "counterfoil", "audit", mirror, "--dir", "--key", key, "--state", state,
                                    "--json"])
    right(report["verdict"] == "sound", f"the mirror is not sound: {report['findings'][:3]}")
    return {"entries": report["to"], "seconds": time.monotonic() - began, "cpu": cpu, "memory": memory}


def hashed(mirror, runs):
    """[(ours, the bound: entries a second)], and on how many threads."""
    got, _, _ = measured([BUILD / "tests" / "bench" / "audit_hash", mirror, runs])
    return [(got["entries"] / ours, got["entries"] / bound) for ours, bound in got["runs"]], got["threads"]


def opened(market, where, mirror, key):
    """An audit that has the newest accesses' disclosures, as their buyer is shown them."""
    path, first = where / "opened", market.entries() - market.disclosed
    with open(path, "w", encoding="ascii") as f:
        subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", market.cluster.dsn(), "-c",
                        "COPY (SELECT index, convert_from(disclosures, 'UTF8') FROM disclosure"
                        f" WHERE index >= {first} ORDER BY index) TO STDOUT"],
                       check=True, stdin=subprocess.DEVNULL, stdout=f)
    got, _, memory = measured([BUILD / "tests" / "bench" / "audit_disclosed", mirror, key, path])
    path.unlink()
    right(got["disclosed"] >= min(market.disclosed, market.size) * 0.99,
          f"{got['disclosed']} entries were opened of {market.disclosed}")
    right(memory <= MEMORY_MAX, f"{memory >> 20} MiB of memory for {got['entries']} entries")
    return got, memory


def shown(market, where):
    """Entries a second over HTTP, to a buyer who is shown the private fields of his accesses."""
    env = {"COUNTERFOIL_URL": market.url, "COUNTERFOIL_KEY": market.reader, "XDG_STATE_HOME": str(where)}
    began = time.monotonic()
    report, cpu, _ = measured([BUILD / "counterfoil", "audit", market.url, "--state", where / "shown", "--json"], env)
    right(report["disclosed"] > 0, "the buyer is shown private fields")
    return report["to"] / (time.monotonic() - began), report["to"] / cpu


def bench_audits(small, large, out, runs):
    """The rows of the table, of the log in `large`; over HTTP with a key, of the one in `small`."""
    where, mirror = out / "audits", out / "audits" / "mirror"
    where.mkdir()
    key = must(large.operator.get("/v1/log/key"), 200).json()["log_key"]
    code, report = large.audit("--mirror", mirror)
    right(code == 0 and report["mirror"]["complete"], f"the mirror is not whole: {report}")
    large.stop(only=("api", "worker"))
    full = [replayed(mirror, key, where / f"state-{n}") for n in range(runs)]
    hashes, threads = hashed(mirror, 3 * runs)
    for number, run in enumerate(full):
        print(f"  run {number + 1}: {run['entries'] / run['cpu']:8.0f} entries/s a core replayed", flush=True)
    for number, (ours, bound) in enumerate(hashes):
        print(f"  run {number + 1}: {ours:8.0f} entries/s hashed and compared  bound {bound:8.0f}/s"
              f"  ratio {ours / bound:.2f}", flush=True)
    got, memory = opened(large, where, mirror, key)
    large.start(only=("api", "worker"))
    wall, core = shown(small, where)
    return rows(hashes, threads, full, got, memory, (small.entries(), wall, core))


def median(values):
    return statistics.median(list(values))


def rows(hashes, threads, full, got, memory, over_http):
    size = f"{full[0]['entries']:,}"
    return [f"| an audit's hash check of a mirror in the page cache, {size} entries, {threads} threads, median of"
            f" {len(hashes)} | {median(o for o, _ in hashes):,.0f}/s | SHA-256 of the same leaves and nodes from"
            f" memory: {median(b for _, b in hashes):,.0f}/s | {median(o / b for o, b in hashes):.2f} |",
            f"| the same mirror audited in full, entries a second of processor time, median of {len(full)} "
            f"| {median(r['entries'] / r['cpu'] for r in full):,.0f}/s | by the clock:"
            f" {median(r['entries'] / r['seconds'] for r in full):,.0f}/s | |",
            f"| its peak of memory | {median(r['memory'] for r in full) / 2**20:,.0f} MiB | with"
            f" {got['disclosed']:,} live access windows: {memory / 2**20:,.0f} MiB,"
            f" {got['entries'] / got['seconds']:,.0f} entries/s by the clock | |",
            f"| entries audited over HTTP by a buyer who is shown their private fields | {over_http[1]:,.0f}/s "
            f"| a log of {over_http[0]:,} entries; a second of the client's processor: {over_http[2]:,.0f} | |"]
