#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Instances beside one another: two of the API under load, a third whose signer's socket is dead, one of them gone; and
whoever reads the log for long while partitions are to be made.
"""
import pathlib
import re
import secrets
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.load import Client                             # noqa: E402
from harness.market import Market                         # noqa: E402
from harness.program import second_api, wait_for            # noqa: E402
from harness.reader import checkpoint_parse                 # noqa: E402
from harness.sale import Sale                               # noqa: E402
from harness.tree import folder                             # noqa: E402
from harness.web import Client as WebClient                 # noqa: E402

CLIENTS = 16
PROMPT = 10         # seconds; a caller that is forgotten waits for its deadline, 15
ITEMS = 400


def signed_size(port):
    return checkpoint_parse(WebClient(port).get("/log/checkpoint").body)[1]


def granted(port):
    text = WebClient(port).get("/metrics").body.decode()
    return int(re.search(r"^counterfoil_ledger_accesses_total (\d+)$", text, re.M).group(1))


class Fetch:
    """Every item of a license once, by clients that take turns at the ports; begun at once, waited for by rows()."""

    def __init__(self, sale, license_id, ports, items=ITEMS):
        self.sale, self.license_id, self.items = sale, license_id, items
        self.lock, self.next, self.answers = threading.Lock(), 0, []
        self.threads = [threading.Thread(target=self.run, args=(ports[i % len(ports)],), daemon=True)
                        for i in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self, port):
        client = Client(port, self.sale.buyer_key)
        while True:
            with self.lock:
                number, self.next = self.next, self.next + 1
            if number >= self.items:
                return
            began = time.monotonic()
            got = client.ask("GET", f"/v1/licenses/{self.license_id}/items/{self.sale.items[number][0]}")
            took = time.monotonic() - began
            good = got is not None and got[0] == 200 and got[2] == self.sale.items[number][2]
            with self.lock:
                self.answers.append((port, good and int(got[1]["Counterfoil-Entry"]), took, got and got[0]))

    def rows(self):
        """(port, index of the entry or False, seconds, status) of each."""
        for thread in self.threads:
            thread.join(180)
        return self.answers


def all_good(rows, name):
    bad = [row for row in rows if row[1] is False]
    tap.check(len(rows) == ITEMS and not bad, name) or tap.note(bad[:5])


def two_at_once(market, sale, second):
    rows = Fetch(sale, sale.licenses[0], [market.port, second]).rows()
    all_good(rows, "two instances under load at once: every access was answered with its item")
    tap.check({row[0] for row in rows} == {market.port, second}, "by both")
    tap.equal(len({row[1] for row in rows}), ITEMS, "each access is an entry of its own")
    newest = max(row[1] for row in rows)
    for port in (market.port, second):
        tap.check(wait_for(lambda: signed_size(port) > newest, PROMPT, "the checkpoint"),     # pylint: disable=W0640
                  "either serves a checkpoint over all of them")
    tap.equal(granted(market.port) + granted(second), ITEMS, "and the counters of both are the accesses")


def dead_signer(market, sale, second):
    """A socket that nobody listens at any more: what is left of a signer that was killed."""
    path = market.socket_folder / "dead.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
    third = second_api(market, "third api", COUNTERFOIL_SIGNER=str(path))
    before = signed_size(third)
    load = Fetch(sale, sale.licenses[1], [market.port, second, third])
    rows = load.rows()
    all_good(rows, "beside an instance without a signer, every access was answered")
    its = [row for row in rows if row[0] == third]
    tap.check(its and max(row[2] for row in its) < PROMPT, "promptly by that one, too") or tap.note(its[:5])
    newest = max(row[1] for row in rows)
    tap.check(newest > before and wait_for(lambda: signed_size(third) > newest, PROMPT, "its checkpoint"),
              "whose checkpoint moves on")
    began = time.monotonic()
    answers = [sale.accept(sale.quote(), client=WebClient(third, sale.buyer_key)) for _ in range(3)]
    took = time.monotonic() - began
    tap.check({a.status for a in answers} == {201} and took < 3 * PROMPT, "and a purchase there is answered promptly") \
        or tap.note((took, answers))
    tap.equal(WebClient(third).get("/readyz").status, 200, "it says that it is ready")
    market.programs["third api"].stop()


def one_gone(market, sale, second):
    """Whoever holds the checkpoint loop is among the two: the other takes it over."""
    for name, left in (("api", second), ("second api", market.port)):
        market.programs[name].kill()
        newest = -1
        for path, _, data in sale.items[:20]:
            got = WebClient(left, sale.buyer_key).get(f"/v1/licenses/{sale.licenses[2]}/items/{path}")
            if got.status != 200 or got.body != data:
                tap.note(got)
                break
            newest = max(newest, int(got.headers["Counterfoil-Entry"]))
        else:
            tap.check(signed_size(left) > newest, f"with the {name} killed, the other goes on alone")
            market.programs[name].start()
            continue
        tap.check(False, f"with the {name} killed, the other goes on alone")


class Reader:
    """A transaction that has read the log and stays open, as a dump's does."""

    def __init__(self, market):
        self.process = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-d", market.cluster.dsn()], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdin.write("BEGIN; LOCK TABLE entry IN ACCESS SHARE MODE; SELECT 'reading';\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def end(self):
        self.process.communicate("COMMIT;\n", timeout=30)


def partitions(market):
    return [row[0] for row in market.sql("SELECT relid FROM pg_partition_tree('entry') WHERE isleaf ORDER BY 1")]


def expire(market):
    """A worker's round of upkeep; the job's id, when it is over."""
    job = f"job_{secrets.token_hex(8)}"
    market.sql("INSERT INTO job (id, kind, key, args) VALUES "
               f"('{job}', 'expire', '{job}', '{{}}'); NOTIFY counterfoil_job")
    wait_for(lambda: market.sql(f"SELECT state FROM job WHERE id = '{job}'") == [["done"]], 60, "the upkeep")


def long_reader(market, sale, second):
    expire(market)
    whole = partitions(market)
    gone = f"entry_{max(int(p[6:]) for p in whole if re.fullmatch(r'entry_[0-9]+', p))}"
    market.sql(f"DROP TABLE {gone}")
    reader = Reader(market)
    load = Fetch(sale, sale.licenses[3], [market.port, second])
    rounds = 0
    while any(thread.is_alive() for thread in load.threads) or rounds < 2:
        expire(market)
        rounds += 1
    rows = load.rows()
    tap.check(gone not in partitions(market), f"while the log is read, {rounds} rounds of upkeep make no partition")
    all_good(rows, "and every access goes on")
    tap.check(max(row[2] for row in rows) < PROMPT, "promptly") or tap.note(max(rows, key=lambda row: row[2]))
    tap.equal(WebClient(second).get("/v1/entries/0").status, 200, "entries are read beside it")
    reader.end()
    expire(market)
    tap.equal(partitions(market), whole, "once the reader has gone, the partition is made")


def main():
    with Market(folder("crash-instances")) as market:
        sale = Sale(market.port, market.operator_key).publish(items=ITEMS).buy(licenses=4).pay(10)
        second = second_api(market)
        two_at_once(market, sale, second)
        dead_signer(market, sale, second)
        one_gone(market, sale, second)
        long_reader(market, sale, second)
        code, report = market.audit()
        tap.check(code == 0 and report["verdict"] == "sound", "the audit is sound") or tap.note(report)
    tap.done()


main()
