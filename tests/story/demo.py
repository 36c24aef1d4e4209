# SPDX-License-Identifier: Apache-2.0
"""
`make run`'s market walks the whole way, from consent to payout: killed in the middle and started again it goes on where
it was, does nothing twice, and ends with every party's check; a later start finds it as it was.
"""
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

from harness import web
from harness.program import wait_for
from harness.tap import check, done, equal, note
from harness.tree import BUILD, ROOT, folder, program
from harness.witness import Log

WALK_SECONDS = 240                      # on a machine that does other things as well
NAMES = ["OPERATOR_KEY", "PUBLISHER_KEY", "BUYER_KEY", "AUDITOR_KEY", "CERTIFIER_KEY", "CREATOR_KEY", "LOG_VKEY",
         "DATASET", "OFFER", "LICENSE", "CLEARANCE", "STATEMENT"]
CUTS = [("4. Each creator", signal.SIGTERM), ("consent post", signal.SIGKILL), ("\n9. The buyer", signal.SIGKILL),
        ("payout settle", signal.SIGTERM)]
ONCE = {"license.granted": 1, "payment.received": 2, "consent.granted": 5, "consent.revoked": 1, "refund.posted": 1,
        "allocation.posted": 1, "payout.instructed": 3, "payout.settled": 1, "payout.failed": 1, "party.registered": 8,
        "certificate.issued": 1}


class Demo:
    """One start of the demo, its output in a file."""

    def __init__(self, var, port, log):
        env = {**os.environ, "COUNTERFOIL_PORT": str(port), "COUNTERFOIL_VAR": str(var),
               "COUNTERFOIL_BUILD": str(BUILD)}
        self.log, self.began = log, time.monotonic()
        with open(log, "wb") as out:
            self.process = subprocess.Popen([ROOT / "api" / "demo" / "run"], env=env, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True)

    def said(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def until(self, words):
        """False: it ended before it said so."""
        return wait_for(lambda: words in self.said() or self.process.poll() is not None and "ended", WALK_SECONDS,
                        words) is True

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(60)


def counterfoil(port, key, *argv):
    env = {**os.environ, "COUNTERFOIL_URL": f"http://127.0.0.1:{port}", "COUNTERFOIL_KEY": key}
    return subprocess.run([program("counterfoil"), *argv], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


def cut_off(var, port, logs):
    for number, (words, how) in enumerate(CUTS):
        run = Demo(var, port, logs / f"cut-{number}.log")
        if not run.until(words):
            sys.exit(f"the walk ended before '{words}':\n{run.said()[-2000:]}")
        code = run.end(how)
        wanted = 0 if how == signal.SIGTERM else -how
        check(code == wanted, f"cut off at '{words.strip()}'") or note(run.said()[-500:])


def walked(run):
    if not run.until("The market is up at"):
        sys.exit(f"the walk ended:\n{run.said()[-3000:]}")
    text = run.said()
    note(f"the rest of the walk took {time.monotonic() - run.began:.1f} s")
    check("NOT SOUND" not in text and len(re.findall(r"^ +(?:verdict +)?sound$", text, re.M)) == 5,
          "clearance, folder, statement and two audits are sound")
    whole = "".join(log.read_text(encoding="utf-8") for log in sorted(run.log.parent.glob("*.log")))
    for why in ("consent_missing", "purpose_not_granted", "consent_revoked"):
        check(re.search(rf"excluded +\d+: {why}", whole), f"what was excluded says why: {why}")


def values(var):
    path = var / "demo.env"
    equal(path.stat().st_mode & 0o777, 0o600, "the keys are their owner's alone")
    words = shlex.split(path.read_text(encoding="utf-8"))
    return dict(word.split("=", 1) for word in words)


def used(port, env):
    equal(list(env), NAMES, "demo.env has its names")
    other = Log(env["LOG_VKEY"].partition("+")[0]).vkey
    for name in ("CLEARANCE", "STATEMENT"):
        got = counterfoil(port, "", "verify", env[name], "--key", env["LOG_VKEY"])
        check(got.returncode == 0 and got.stdout.endswith("sound\n"), f"{name} verifies") or note(got.stdout)
        got = counterfoil(port, "", "verify", env[name], "--key", other)
        check(got.returncode == 1, "by another log's key it does not")
    for name, word in (("CREATOR_KEY", "available"), ("BUYER_KEY", "prepaid")):
        check(word in counterfoil(port, env[name], "balance").stdout, f"{name} opens its balance")
    check(env["LICENSE"] in counterfoil(port, env["BUYER_KEY"], "license").stdout, "LICENSE is the buyer's")
    audit = counterfoil(port, env["AUDITOR_KEY"], "audit", f"http://127.0.0.1:{port}", "--key", env["LOG_VKEY"],
                        "--json", "--from-start")
    report = json.loads(audit.stdout)
    equal({name: report["entries"].get(name, 0) for name in ONCE}, ONCE, "nothing was done twice")
    equal(report["verdict"], "sound", "and the auditor finds all of it sound")


def main():
    where = folder("story-demo")
    var, port = where / "var", web.free_port()
    cut_off(var, port, where)
    run = Demo(var, port, where / "rest.log")
    try:
        walked(run)
        used(port, values(var))
        equal(run.end(signal.SIGINT), 0, "it stops when it is told to")
        run = Demo(var, port, where / "again.log")
        check(run.until("The market is up at") and "as it was" in run.said() and "verdict    sound" in run.said(),
              "a later start finds it as it was")
        seconds = time.monotonic() - run.began
        check(seconds < 60, f"within {seconds:.1f} s")
    finally:
        if run.process.poll() is None:
            run.end(signal.SIGTERM)
    done()


main()
