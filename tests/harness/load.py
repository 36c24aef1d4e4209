# SPDX-License-Identifier: Apache-2.0
"""Buyers under a market that is being killed: each acknowledged answer is written down.

A buyer does what a careful client does. An access that fails is asked again (it is one
access, whoever answers). A purchase that fails in any way is repeated with the same
idempotency key until its outcome is known. A reader polls the log's checkpoint all the
while, and a prover has the log prove that each one that was served extends the one before.
"""

import base64
import collections
import decimal
import http.client
import json
import random
import threading
import time

from harness.proof import consistent
from harness.reader import checkpoint_parse

RETRY_SECONDS = 0.02
REPEATS_MAX = 4000
ASK_SECONDS = 5


class Client:
    """One keep-alive connection to whichever API is up; `ask` gives (status, headers, body) or None."""

    def __init__(self, port, key=None, timeout=35):
        self.port, self.key, self.timeout, self.http = port, key, timeout, None
        self.sent = False       # whether the last question may have reached anybody

    def ask(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        self.sent = False
        try:
            if self.http is None:
                self.http = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
                self.http.connect()
            self.sent = True
            self.http.request(method, path, body, headers)
            answer = self.http.getresponse()
            data = answer.read()
            return answer.status, answer.headers, data
        except (OSError, http.client.HTTPException):
            self.close()
            return None

    def close(self):
        if self.http is not None:
            self.http.close()
            self.http = None


class Watch:
    """
    Reads /log/checkpoint again and again. None may be smaller than one that came before it, none may leave out
    an entry that was acknowledged before it was asked for, and each extends the one before it, by the log's proof.
    """

    def __init__(self, port, seen):
        self.port, self.seen = port, seen
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.reads, self.proved, self.acknowledged = 0, 0, -1
        self.last = None                        # (size, root) that was read last
        self.pairs = collections.deque()        # what is to be proved
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.poll, self.prove)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(2 * ASK_SECONDS)

    def covers(self, index):
        """This entry was acknowledged: from now on every checkpoint covers it."""
        with self.lock:
            self.acknowledged = max(self.acknowledged, index)

    def read(self, client):
        """One reading; its (size, root), or None."""
        with self.lock:
            largest, acknowledged = self.seen.largest, self.acknowledged
        answer = client.ask("GET", "/log/checkpoint")
        if answer is None or answer[0] != 200:
            return None
        self.seen.checkpoint(answer[2], largest)
        _, size, root = checkpoint_parse(answer[2])
        if size <= acknowledged:
            self.seen.problem(f"a checkpoint of {size} was served after entry {acknowledged} was acknowledged")
        with self.lock:
            self.reads += 1
            if self.last is None or size > self.last[0]:
                if self.last is not None:
                    self.pairs.append((self.last, (size, root)))
                self.last = (size, root)
        return size, root

    def poll(self):
        client = Client(self.port, timeout=ASK_SECONDS)
        while not self.over.is_set():
            self.read(client)
            self.over.wait(0.005)

    def prove(self):
        client = Client(self.port, timeout=ASK_SECONDS)
        while not self.over.is_set():
            if not self.pairs or not self.prove_one(client, *self.pairs[0]):
                self.over.wait(RETRY_SECONDS)

    def prove_one(self, client, first, second):
        """The oldest pair; false if nobody answered, and it stays to be proved."""
        answer = client.ask("GET", f"/v1/log/consistency?from={first[0]}&to={second[0]}")
        if answer is None or answer[0] != 200:
            if answer is not None and answer[0] < 500:
                self.seen.problem(f"no proof from {first[0]} to {second[0]}: {answer[0]} {answer[2][:200]!r}")
            return False
        path = [base64.b64decode(h, validate=True) for h in json.loads(answer[2])["proof"]]
        if not consistent(first[0], second[0], first[1], second[1], path):
            self.seen.problem(f"the checkpoint of {second[0]} does not extend the one of {first[0]}")
        with self.lock:
            self.pairs.popleft()
            self.proved += 1
        return True

    def caught_up(self, seconds):
        """Reads once more; true when that reading and all before it are proved."""
        end, client, got = time.monotonic() + seconds, Client(self.port, timeout=ASK_SECONDS), None
        while time.monotonic() < end:
            got = got or self.read(client)
            if got and not self.pairs:
                return True
            time.sleep(0.005)
        return False


class Load:
    """`accesses` and `purchases` threads against `port` until stop(); `sale` names what to buy and fetch."""

    def __init__(self, sale, seen, seed, accesses=12, purchases=4):
        self.sale, self.seen, self.seed = sale, seen, seed
        self.licenses = list(sale.licenses)         # to fetch by: those to come may end
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.next_item = 0
        self.counts = dict.fromkeys(
            ("accesses", "purchases", "unknown 503", "cut", "not done", "not sent", "repeats"), 0)
        # Purchases whose outcome was once unknown, and what the repeat said: done before, or only now.
        self.unknown, self.done_before, self.done_now = 0, 0, 0
        self.watch = Watch(sale.port, seen)
        self.progress = threading.Condition(self.lock)
        self.done = 0
        self.threads = [threading.Thread(target=self.fetch, args=(i,), daemon=True) for i in range(accesses)]
        self.threads += [threading.Thread(target=self.buy, args=(i,), daemon=True) for i in range(purchases)]

    def start(self):
        self.watch.start()
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(90)
            if thread.is_alive():
                self.seen.problem("a client never got an answer")
        if not self.watch.caught_up(ASK_SECONDS * 4):
            self.seen.problem(f"{len(self.watch.pairs)} checkpoints were never proved to extend the one before")
        self.watch.stop()

    def said(self):
        """The figures, for people."""
        counts = ", ".join(f"{count} {what}" for what, count in self.counts.items())
        return (f"{counts}; of {self.unknown} purchases once unknown {self.done_before} were done before, "
                f"{self.done_now} only by the repeat; {self.watch.reads} checkpoints read, {self.watch.proved} proved "
                "to extend the one before")

    def count(self, what):
        with self.progress:
            self.counts[what] += 1
            if what in ("accesses", "purchases"):
                self.done += 1
                self.progress.notify_all()

    def wait_for(self, more, seconds):
        """Until `more` further answers were acknowledged: the random moments are counted in work, not in time."""
        with self.progress:
            goal = self.done + more
            return self.progress.wait_for(lambda: self.done >= goal, seconds)

    def failed(self, client, answer):
        """Counts an answer that settles nothing and names it; None if it is one that must not happen."""
        kind = None
        if answer is None:
            kind = "cut" if client.sent else "not sent"
        elif answer[0] == 503:
            kind = "unknown 503" if b"outcome-unknown" in answer[2] else "not done"
        if kind:
            self.count(kind)
        return kind

    def item(self):
        with self.lock:
            self.next_item += 1
            return self.next_item - 1

    def fetch(self, _):
        client = Client(self.sale.port, self.sale.buyer_key)
        while not self.over.is_set():
            number = self.item()
            items, licenses = self.sale.items, self.licenses
            if number >= len(items) * len(licenses):
                return
            license_id, (path, sha256, data) = licenses[number // len(items)], items[number % len(items)]
            while True:
                answer = client.ask("GET", f"/v1/licenses/{license_id}/items/{path}")
                if answer is not None and answer[0] == 200:
                    break
                if not self.failed(client, answer):
                    self.seen.problem(f"access: {answer[0]} {answer[2][:200]!r}")
                    return
                if self.over.wait(RETRY_SECONDS):
                    return
            if answer[2] != data:
                self.seen.problem(f"access of {path}: other bytes")
            index = int(answer[1]["Counterfoil-Entry"])
            self.watch.covers(index)
            self.seen.access(license_id, sha256, index)
            self.count("accesses")

    def buy(self, number):
        rng = random.Random(f"{self.seed}-{number}")
        client = Client(self.sale.port, self.sale.buyer_key)
        while not self.over.is_set():
            quote = client.ask("POST", "/v1/quotes", self.sale.quote_wish)
            if quote is None or quote[0] != 201:
                if not self.failed(client, quote):
                    self.seen.problem(f"quote: {quote[0]} {quote[2][:200]!r}")
                    return
                self.over.wait(RETRY_SECONDS)
                continue
            self.purchase(client, json.loads(quote[2])["id"], f"buy-{self.seed}-{number}-{rng.getrandbits(64):x}")

    def purchase(self, client, quote_id, key):
        """Repeats until the outcome is known, even after stop(): an unknown outcome must be settled by a repeat."""
        unknown = False
        for tries in range(REPEATS_MAX):
            answer = client.ask("POST", "/v1/licenses", {"quote": quote_id}, {"Idempotency-Key": key})
            if answer is not None and answer[0] == 201:
                break
            kind = self.failed(client, answer)
            if not kind:
                self.seen.problem(f"purchase after {tries} repeats: {answer[0]} {answer[2][:200]!r}")
                return
            unknown = unknown or kind in ("cut", "unknown 503")
            self.count("repeats")
            threading.Event().wait(RETRY_SECONDS)
        else:
            self.seen.problem(f"purchase {key} was never settled")
            return
        self.bought(key, json.loads(answer[2]), unknown, "Idempotent-Replayed" in answer[1])

    def bought(self, key, license_, unknown, replayed):
        if replayed and not unknown:
            self.seen.problem(f"purchase {key} was done before, though nobody had said that this might be")
        self.watch.covers(license_["entry"]["index"])
        self.seen.purchase(key, license_["id"], license_["entry"]["index"])
        with self.lock:
            self.unknown += unknown
            self.done_before += unknown and replayed
            self.done_now += unknown and not replayed
        self.count("purchases")


def money_problems(sale, seen, entries, price="1.00"):
    """What was paid in, less one price for each acknowledged license, is the balance: no charge is lost or double."""
    licenses = set(sale.licenses) | {license_id for _, license_id, _ in seen.purchases}
    granted = [e["body"]["license"] for e in entries
               if e["type"] == "license.granted" and e["body"]["offer"] == sale.offer]
    problems = []
    if sorted(granted) != sorted(licenses):
        problems.append(f"{len(granted)} licenses were granted, {len(licenses)} acknowledged")
    rows = sale.buyer.get("/v1/balances").json()["data"]
    balance = sum(decimal.Decimal(row["amount"]["amount"]) for row in rows if row["kind"] == "prepaid")
    if balance != sale.paid - len(licenses) * decimal.Decimal(price):
        problems.append(f"{sale.paid} paid in, {len(licenses)} licenses at {price}, and the balance is {balance}")
    return problems
