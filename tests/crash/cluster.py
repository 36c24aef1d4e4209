#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`schema/cluster start` while the server dies, and while it recovers: it ends with a server that answers."""
import os
import pathlib
import signal
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.postgres import Cluster                        # noqa: E402
from harness.tree import folder                             # noqa: E402

STARTS = 2


def started_while_dying(cluster):
    """A stopped postmaster is still there and answers nobody; then it is killed."""
    before = cluster.postmaster()
    os.kill(before, signal.SIGSTOP)
    thread = threading.Thread(target=cluster.start)
    thread.start()
    thread.join(1)
    tap.check(thread.is_alive(), "a server that is there and does not answer is waited for")
    os.kill(before, signal.SIGKILL)
    thread.join(60)
    tap.check(cluster.postmaster() != before and cluster.sql("SELECT 1") == [["1"]], "once it is gone, another starts")


def started_at_once(cluster):
    """Again and again without a pause, so that some starts find a process that has not quite gone."""
    for _ in range(STARTS):
        os.kill(cluster.postmaster(), signal.SIGKILL)
        cluster.start()
    tap.equal(cluster.sql("SELECT 1"), [["1"]], f"killed and started {STARTS} times at once")


def main():
    cluster = Cluster(folder("crash-cluster") / "postgres")
    try:
        cluster.start()
        started_while_dying(cluster)
        started_at_once(cluster)
    finally:
        cluster.remove()
    tap.done()


if __name__ == "__main__":
    main()
