# SPDX-License-Identifier: Apache-2.0
"""TAP from Python: check(), skip(), done(). A scenario is a program that prints one line a check."""
import sys
import threading

_lock = threading.Lock()
_count = 0
_failed = 0


def check(good, name):
    """One check; threads may call it."""
    global _count, _failed
    with _lock:
        _count += 1
        _failed += not good
        print(f"{'ok' if good else 'not ok'} {_count} - {name}", flush=True)
    return bool(good)


def equal(got, want, name):
    if not check(got == want, name):
        note(f"got:  {got!r}")
        note(f"want: {want!r}")
    return got == want


def skip(name, why):
    global _count
    with _lock:
        _count += 1
        print(f"ok {_count} - {name} # SKIP {why}", flush=True)


def note(text):
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


def done():
    """Prints the plan and ends the program with its verdict."""
    print(f"1..{_count}", flush=True)
    sys.exit(1 if _failed else 0)
