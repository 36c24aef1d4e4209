# SPDX-License-Identifier: Apache-2.0
"""Programs under test: started with a log of their own, waited for, killed, started again."""
import atexit
import os
import signal
import socket
import subprocess
import time

from harness import web
from harness.tree import program

_running = []


@atexit.register
def _leave_none():
    for p in list(_running):
        p.kill()


class Program:
    """argv[0] is a program's name in the build; `ready` is called until it returns true."""

    def __init__(self, argv, env, log, ready=None):
        self.argv = [program(argv[0])] + [str(a) for a in argv[1:]]
        self.env = {**os.environ, **env}
        self.log = str(log)
        self.ready = ready
        self.process = None

    def start(self, timeout=60):
        out = open(self.log, "ab")
        self.process = subprocess.Popen(self.argv, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        out.close()
        _running.append(self)
        if self.ready:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=60):
        wait_for(lambda: self.ready() or self._alive(), timeout, f"{self.argv[0]} to be ready (see {self.log})")

    def _alive(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.argv[0]} ended with {self.process.returncode}:\n{self.tail()}")
        return False

    def running(self):
        return self.process is not None and self.process.poll() is None

    def memory(self, what="VmHWM"):
        """Bytes that the kernel says it holds: VmRSS now, VmHWM at most so far."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith(f"{what}:"))

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def _gone(self):
        if self in _running:
            _running.remove(self)

    def stop(self, timeout=60):
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self._gone()
        return code

    def kill(self):
        """SIGKILL, as a power cut would."""
        self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()
        self._gone()

    def tail(self, lines=20):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-lines:])


def wait_for(what, timeout, name):
    """Polls until what() is true; time is bounded, nothing is slept away blindly."""
    end = time.monotonic() + timeout
    while True:
        got = what()
        if got:
            return got
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout} s for {name}")
        time.sleep(0.01)


def listening(path):
    """Whether somebody answers at a Unix socket: a signer that was killed leaves its own behind."""
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(str(path)) == 0


def second_api(market, name="second api", **env):
    """Another instance of the API on the same database and signer, as market.programs[name]; its port."""
    port = web.free_port()

    def ready():
        try:
            return web.Client(port).get("/readyz").status == 200
        except OSError:
            return False
    market.programs[name] = Program(["counterfoil-api"], {**market.env, "COUNTERFOIL_PORT": str(port), **env},
                                    market.dir / f"{name.replace(' ', '-')}.log", ready).start()
    return port


def second_worker(market, name="second worker"):
    """Another worker on the same database, as market.programs[name]."""
    market.programs[name] = Program(["counterfoil-worker"], market.env,
                                    market.dir / f"{name.replace(' ', '-')}.log").start()
    return market.programs[name]
