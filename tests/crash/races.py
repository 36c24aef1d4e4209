#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The races that a market must win, each with as many callers at once as it takes: at one API, and spread over two
that share a database and a signer.
"""
import json
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import tap                                     # noqa: E402
from harness.books import books_problems                    # noqa: E402
from harness.load import Client                             # noqa: E402
from harness.market import Market                         # noqa: E402
from harness.program import second_api, wait_for            # noqa: E402
from harness.sale import Sale, must                         # noqa: E402
from harness.tree import folder                             # noqa: E402
from harness.web import Client as WebClient                 # noqa: E402

CLIENTS = 64


def together(count, work):
    """Runs work(i) in `count` threads that begin at once; their results."""
    start, results = threading.Barrier(count), [None] * count

    def run(i):
        start.wait()
        results[i] = work(i)
    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results


class Fetchers:
    """64 clients, spread over these ports, that fetch item after item of one license until they are refused."""

    def __init__(self, sale, license_id, key, ports):
        self.sale, self.license_id, self.key = sale, license_id, key
        self.lock, self.next = threading.Lock(), 0
        self.answered = threading.Condition(self.lock)
        self.ended = threading.Event()      # set when the end was answered
        self.rows = []                      # (status, entry, began after the end was answered)
        self.threads = [threading.Thread(target=self.run, args=(ports[i % len(ports)],), daemon=True)
                        for i in range(CLIENTS)]

    def run(self, port):
        client = Client(port, self.key)
        while True:
            with self.lock:
                number, self.next = self.next, self.next + 1
            if number >= len(self.sale.items):
                return
            late = self.ended.is_set()
            answer = client.ask("GET", f"/v1/licenses/{self.license_id}/items/{self.sale.items[number][0]}")
            status = answer[0] if answer else 0
            with self.answered:
                self.rows.append((status, int(answer[1]["Counterfoil-Entry"]) if status == 200 else None, late))
                self.answered.notify_all()
            if status != 200:
                return

    def around(self, act, after=300):
        """Starts all, acts in the middle, lets them run into the end; what act() gave."""
        for thread in self.threads:
            thread.start()
        with self.answered:
            self.answered.wait_for(lambda: len(self.rows) >= after, 60)
        result = act()
        self.ended.set()
        for thread in self.threads:
            thread.join(60)
        return result


def end_of_license(sale, license_id, ports):
    fetchers = Fetchers(sale, license_id, sale.buyer_key, ports)
    end = fetchers.around(lambda: must(sale.buyer.post(f"/v1/licenses/{license_id}/end", {}), 200)).json()
    granted = [entry for status, entry, _ in fetchers.rows if status == 200]
    refused = [status for status, _, _ in fetchers.rows if status != 200]
    at = [e["index"] for e in entries_of(sale, "license.ended") if e["entry"]["body"]["license"] == license_id]
    where = f"{len(ports)} API"
    tap.check(end["state"] == "ended" and at == [end["entry"]["index"]], f"{where}: the license ended, once")
    tap.check(len(granted) >= 300 and refused,
              f"{where}: {len(granted)} accesses were answered, {len(refused)} refused")
    tap.check(all(entry < at[0] for entry in granted), f"{where}: none was answered after the index of the end")
    tap.check(not any(late and status == 200 for status, _, late in fetchers.rows),
              f"{where}: no request that began after the end was answered got bytes")
    tap.check(set(refused) <= {403}, f"{where}: refusals are 403 ({sorted(set(refused))})")
    for port in ports:
        again = WebClient(port, sale.buyer_key).get(f"/v1/licenses/{license_id}/items/{sale.items[0][0]}")
        tap.equal(again.status, 403, f"{where}: an open window does not outlive its license")


def entries_of(sale, kind):
    found, cursor = [], ""
    while True:
        page = must(sale.operator.get(f"/v1/entries?limit=1000{cursor}"), 200).json()
        found += [row for row in page["data"] if row["entry"]["type"] == kind]
        if not page["next_cursor"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def revoked_key(sale, license_id, ports):
    made = must(sale.buyer.post("/v1/me/keys", {"label": "a crawler"}, idempotency=None), 201).json()
    fetchers = Fetchers(sale, license_id, made["key"], ports)
    fetchers.around(lambda: must(sale.buyer.call("DELETE", f"/v1/me/keys/{made['id']}"), 204))
    granted = [row for row in fetchers.rows if row[0] == 200]
    refused = [row for row in fetchers.rows if row[0] != 200]
    where = f"{len(ports)} API"
    tap.check(len(granted) >= 300 and refused,
              f"{where}: {len(granted)} accesses by the key, then {len(refused)} refusals")
    tap.check(not any(late for _, _, late in granted),
              f"{where}: none whose request began after the revocation was answered")
    tap.check({status for status, _, _ in refused} <= {401}, f"{where}: refusals are 401")


def last_unit(sale, ports, tag):
    poor = Sale(sale.port, sale.operator.key, tag)
    poor.offer, poor.quote_wish = sale.offer, sale.quote_wish
    poor.pay(1)
    quotes = [poor.quote() for _ in range(CLIENTS)]
    buyers = [WebClient(port, poor.buyer_key) for port in ports]
    answers = together(CLIENTS, lambda i: poor.accept(quotes[i], client=buyers[i % len(buyers)]))
    statuses = sorted(a.status for a in answers)
    where = f"{len(ports)} API"
    tap.equal(statuses, [201] + [402] * (CLIENTS - 1),
              f"{where}: the last unit is spent once by {CLIENTS} buyers at once")
    balance = must(poor.buyer.get("/v1/balances"), 200).json()["data"]
    tap.equal([row["amount"]["amount"] for row in balance], ["0.00"], f"{where}: and the balance is zero")
    bought = must(poor.buyer.get("/v1/licenses"), 200).json()["data"]
    tap.equal(len(bought), 1, f"{where}: for one license")


def same_key_at_once(sale, ports):
    quote, key = sale.quote(), f"at-once-{len(ports)}"
    buyers = [WebClient(port, sale.buyer_key) for port in ports]
    answers = together(16, lambda i: sale.accept(quote, idempotency=key, client=buyers[i % len(buyers)]))
    statuses = sorted(a.status for a in answers)
    where = f"{len(ports)} API"
    tap.check(set(statuses) == {201}, f"{where}: one key sent 16 times at once: {statuses}")
    tap.equal(len({a.body for a in answers}), 1, f"{where}: all get the same bytes")
    tap.equal(sum("Idempotent-Replayed" not in a.headers for a in answers), 1, f"{where}: of which one was the first")
    other = sale.accept(sale.quote(), idempotency=key)
    tap.check(other.status == 422 and other.slug == "idempotency-key-reused",
              f"{where}: another request by that key is refused")


def same_key_after_kill(market, sale):
    """The API dies with the request in flight; the repeat settles it, whichever way it went."""
    outcomes = set()
    for number in range(6):
        quote, key = sale.quote(), f"after-kill-{number}"
        client = Client(sale.port, sale.buyer_key)
        first = [None]
        thread = threading.Thread(target=lambda: first.__setitem__(0, client.ask(
            "POST", "/v1/licenses", {"quote": quote}, {"Idempotency-Key": key})))      # noqa: B023
        thread.start()
        threading.Event().wait(0.004 * number)
        market.programs["api"].kill()
        thread.join(60)
        market.start(only=("api",))
        wait_for(market.ready, 60, "the market to be ready")
        repeats = [sale.accept(quote, idempotency=key) for _ in range(2)]
        outcomes.add("answered" if first[0] else "cut")
        ids = {a.json()["id"] for a in repeats}
        if first[0] and first[0][0] == 201:
            ids.add(json.loads(first[0][2])["id"])
        tap.check(len(ids) == 1 and all(a.status == 201 for a in repeats), f"killed in flight {number}: one license")
    tap.note(f"the first request was {' or '.join(sorted(outcomes))}")
    rows = market.sql("SELECT count(*) FROM idempotency WHERE key LIKE 'after-kill-%'")
    tap.equal(rows, [["6"]], "six keys, six stored answers")


def main():
    with Market(folder("crash-races")) as market:
        sale = Sale(market.port, market.operator_key).publish(items=3000).buy(licenses=4)
        sale.pay(100)
        second = second_api(market)
        for number, ports in enumerate(([market.port], [market.port, second])):
            end_of_license(sale, sale.licenses[2 * number], ports)
            revoked_key(sale, sale.licenses[2 * number + 1], ports)
            last_unit(sale, ports, f"-poor-{number}")
            same_key_at_once(sale, ports)
        same_key_after_kill(market, sale)
        found = books_problems(market.sql)
        tap.check(not found, f"the books balance {found}")
        code, report = market.audit()
        if not tap.check(code == 0, "the audit is sound"):
            tap.note(report)
    tap.done()


if __name__ == "__main__":
    main()
