#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of anything, at any moment, while everybody walks the whole path from consent to payout.

At least 20 kills, 300 with COUNTERFOIL_SOAK=yes, or as many as it says. Two instances of the API
and two workers work on one log: each API for a buyer of its own, who buys and fetches as fast as
she can, both for everybody on the path (harness/path.py). Each victim is hit at least twice, the
rest is drawn from the seed, and so is the order. A moment is a number of acknowledged answers and then a
few microseconds to milliseconds more. After each kill the victim is started again while the
load goes on, and the log must prove that what it serves extends what it served before; at
the end everything that was acknowledged or signed is held against the log, the books and the
audit: nothing is lost, nothing is paid or done twice, nobody fetched after a withdrawal.

COUNTERFOIL_SEED=N asks for the same victims and moments again.
"""
import collections
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.books import books_problems                    # noqa: E402
from harness.judged import judged, proofs_hold              # noqa: E402
from harness.load import Load                               # noqa: E402
from harness.market import Market                         # noqa: E402
from harness.path import FEE_PPM, Path                      # noqa: E402
from harness.path_judge import answer_all, drained, judge_path  # noqa: E402
from harness.postgres import Relay, query                   # noqa: E402
from harness.program import second_api, second_worker, wait_for     # noqa: E402
from harness.reader import Seen                             # noqa: E402
from harness.sale import Sale                               # noqa: E402
from harness.tree import folder                             # noqa: E402

SOAK = os.environ.get("COUNTERFOIL_SOAK", "")
PROGRAMS = ("api", "second api", "signer", "worker", "second worker")
VICTIMS = (*PROGRAMS, "both workers", "postmaster", "backend", "session", "commit", "checkpoint", "power")
HITS_MIN = 2
KILLS = max(int(SOAK) if SOAK.isdigit() else 300 if SOAK else 20, HITS_MIN * len(VICTIMS))
ANSWERS_BETWEEN = (1, 120)
PATIENCE_S = 60


def schedule(rng):
    """Every victim often enough, whatever the seed; the rest and the order as it falls."""
    order = list(VICTIMS) * HITS_MIN
    order += rng.choices(VICTIMS, k=KILLS - len(order))
    rng.shuffle(order)
    return order


def all_seeing(market, text):
    """Rows; other people's sessions show themselves to PostgreSQL's superuser only."""
    return query(market.cluster.dsn(user="postgres"), text)


def pick_session(market, rng):
    """The server process of one of our connections; every second time one that commits, if there is one."""
    rows = []

    def look():
        try:
            rows[:] = all_seeing(market, "SELECT pid, query = 'COMMIT' FROM pg_stat_activity"
                                         " WHERE datname = 'counterfoil' AND application_name LIKE 'counterfoil-%'"
                                         " AND backend_type = 'client backend' ORDER BY pid")
        except subprocess.CalledProcessError:
            pass
        return rows
    wait_for(look, PATIENCE_S, "sessions")
    committing = [row for row in rows if row[1] == "t"]
    return int(rng.choice(committing if committing and rng.random() < 0.5 else rows)[0])


def kill_backend(market, rng):
    """kill -9 of one server process: PostgreSQL then restarts all of them, and recovers."""
    def killed():
        try:
            os.kill(pick_session(market, rng), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True
    wait_for(killed, PATIENCE_S, "a backend to kill")
    wait_for(market.database_answers, PATIENCE_S, "PostgreSQL to be back")


def end_session(market, rng):
    wait_for(lambda: all_seeing(market, f"SELECT pg_terminate_backend({pick_session(market, rng)})") == [["t"]],
             PATIENCE_S, "a session to end")


def cut(relay, what):
    """The connection at the next COMMIT of a batch, or at the next checkpoint's row: in turn before and after it."""
    kind = min((k for k in relay.KINDS if k.startswith(what)), key=relay.cuts.get)
    had = relay.cuts[kind]
    relay.arm(kind)
    wait_for(lambda: relay.cuts[kind] > had, PATIENCE_S, f"a chance to cut: {kind}")
    return kind


def as_supervisor(market, name):
    """
    A program that finds no database at its start says so and ends: whoever supervises it starts it again.
    False if it ended in any other way.
    """
    program = market.programs[name]
    if program.running():
        return True
    said = program.tail(1)
    again(market, name)
    if program.process.returncode == 1 and "cannot work error=UNREACHABLE" in said:
        tap.note(f"{name} had found no database at its start")
        return True
    return tap.check(False, f"{name} runs until it is killed; it ended with {program.process.returncode}: {said}")


def again(market, name):
    if name.startswith("second"):
        market.programs[name].start()
    else:
        market.start(only=(name,))


def power_cut(market):
    """Everything at once."""
    for name in PROGRAMS:
        market.programs[name].signal(signal.SIGKILL)
    os.kill(market.cluster.postmaster(), signal.SIGKILL)
    for name in PROGRAMS:
        market.programs[name].kill()
    market.start()
    for name in ("second api", "second worker"):
        again(market, name)


def kill_one(market, relay, victim, rng):
    """What was done, in words."""
    if victim == "postmaster":
        os.kill(market.cluster.postmaster(), signal.SIGKILL)
        market.cluster.start()
    elif victim == "backend":
        kill_backend(market, rng)
    elif victim == "session":
        end_session(market, rng)
    elif victim in ("commit", "checkpoint"):
        return cut(relay, victim)
    elif victim == "power":
        power_cut(market)
    else:
        names = ("worker", "second worker") if victim == "both workers" else (victim,)
        for name in names:
            as_supervisor(market, name)
        for name in names:
            market.programs[name].kill()
        threading.Event().wait(rng.choice((0, 0, 0.5)))      # long enough for a head to lie unsigned
        for name in names:
            again(market, name)
    return victim


def work_through(market, relay, loads, path, rng):
    """Kills one after another; after each of them new answers come and the log goes on from where it was."""
    hits, extended, all_loads = collections.Counter(), 0, [*loads, path]
    began = time.monotonic()
    for number, victim in enumerate(schedule(rng)):
        answers, pause = rng.randint(*ANSWERS_BETWEEN), rng.random() * 0.03
        if not all_loads[number % len(all_loads)].wait_for(answers, PATIENCE_S):
            tap.check(False, f"answers come before kill {number} ({victim})")
            return
        threading.Event().wait(pause)
        what = kill_one(market, relay, victim, rng)
        hits[victim] += 1
        extended += all(load.watch.caught_up(PATIENCE_S) for load in loads)
        tap.note(f"kill {number}: {what} after {answers} answers and {pause * 1000:.1f} ms,"
                 f" {time.monotonic() - began:.0f} s")
    tap.check(all(load.wait_for(20, PATIENCE_S) for load in all_loads), f"the market works after {KILLS} kills")
    tap.check(min(hits[v] for v in VICTIMS) >= HITS_MIN,
              "each victim was hit: " + ", ".join(f"{v} {hits[v]}" for v in VICTIMS))
    tap.equal(extended, KILLS, "after each kill the log was proved to extend what it had served before")


def through_relay(market):
    """APIs and workers reach PostgreSQL by a relay that can cut them off."""
    relay = Relay(market.cluster.dsn(), market.socket_folder)
    market.stop(only=("api", "worker"))
    for role in ("API", "WORKER"):
        market.env[f"COUNTERFOIL_DB_{role}"] = relay.dsn(market.env[f"COUNTERFOIL_DB_{role}"])
    market.start(only=("api", "worker"))
    return relay


def main():
    seed = int(os.environ.get("COUNTERFOIL_SEED") or int.from_bytes(os.urandom(4), "big"))
    tap.note(f"COUNTERFOIL_SEED={seed}")
    rng = random.Random(seed)
    with Market(folder("crash-kills"), COUNTERFOIL_RATE="0", COUNTERFOIL_FEE_PPM=str(FEE_PPM),
                COUNTERFOIL_HOLD_MS="0") as market:
        relay = through_relay(market)
        second_worker(market)
        auditor, loads = market.party("eye", "auditor"), []
        ports = [market.port, second_api(market)]
        for port, tag in zip(ports, ("", "-two")):
            sale = Sale(port, market.operator_key, tag).publish(items=1000).buy(licenses=KILLS // 8 + 5)
            loads.append(Load(sale.pay(500 * KILLS), Seen(), seed, accesses=4, purchases=2).start())
        path = Path(market, {load.sale.port: load.watch for load in loads}, seed).start()
        work_through(market, relay, loads, path, rng)
        path.everything_done(PATIENCE_S)
        for load in [*loads, path]:
            load.stop()
        wait_for(market.ready, PATIENCE_S, "the market to be ready")
        for name in PROGRAMS:
            tap.check(as_supervisor(market, name), f"{name} runs")
        drained(market)
        answer_all(market)
        for load in loads:
            entries = judged(market, load)
            proofs_hold(market, load.seen, rng)
        tap.note(path.said())
        judge_path(path, entries, auditor)
        tap.equal(books_problems(market.sql), [], "the books balance")
        code, report = market.audit()
        tap.check(code == 0, "and so says an audit by nobody in particular") or tap.note(report)
    tap.done()


if __name__ == "__main__":
    main()
