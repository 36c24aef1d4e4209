# SPDX-License-Identifier: Apache-2.0
"""A synchronous standby of a throwaway PostgreSQL, and its promotion."""
import os
import pwd
import shutil
import signal
import subprocess
import time

from harness.postgres import Cluster, query
from harness.program import wait_for

NAME, PATIENCE_S = "standby", 60


def binary(name):
    folders = sorted(os.listdir("/usr/lib/postgresql"), key=lambda v: [int(n) for n in v.split(".") if n.isdigit()])
    return f"/usr/lib/postgresql/{folders[-1]}/bin/{name}"


def admin(cluster, text):
    """As the superuser, whom only tests call on."""
    return query(cluster.dsn(database="postgres", user="postgres"), text)


def standby_of(primary, where):
    """Another cluster that follows this one; when it returns, commits wait for its disk."""
    new = Cluster(where).start()            # for its place and its user
    data = os.path.join(os.path.realpath(where), "data")
    user = pwd.getpwuid(os.stat(data).st_uid)
    new.stop()
    shutil.rmtree(data)
    source = f"{primary.dsn(database='postgres', user='postgres')} application_name={NAME}"
    subprocess.run([binary("pg_basebackup"), "-D", data, "-d", source, "-R", "-c", "fast", "-X", "stream"], check=True,
                   user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/", stdin=subprocess.DEVNULL,
                   env={**os.environ, "HOME": "/"})
    new.start()
    admin(primary, f"ALTER SYSTEM SET synchronous_standby_names = '{NAME}'")
    admin(primary, "SELECT pg_reload_conf()")
    wait_for(lambda: admin(primary, "SELECT sync_state FROM pg_stat_replication") == [["sync"]], PATIENCE_S,
             "the standby to be synchronous")
    return new


def fail_over(primary, standby):
    """Kills the primary, which never comes back, and promotes the standby. Seconds until it takes writes."""
    began = time.monotonic()
    os.kill(primary.postmaster(), signal.SIGKILL)
    admin(standby, "SELECT pg_promote()")
    wait_for(lambda: admin(standby, "SELECT pg_is_in_recovery()") == [["f"]], PATIENCE_S, "the promotion")
    admin(standby, "ALTER SYSTEM RESET synchronous_standby_names")
    admin(standby, "SELECT pg_reload_conf()")
    return time.monotonic() - began
