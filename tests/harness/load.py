# SPDX-License-Identifier: Apache-2.0
"""Buyers under a market that is being killed: each acknowledged answer is written down.

A buyer does what a careful client does. An access that fails is asked again (it is one
access, whoever answers). A purchase that fails in any way is repeated with the same
idempotency key until its outcome is known.
"""

import http.client
import json
import random
import threading

RETRY_SECONDS = 0.02


class Client:
    """One keep-alive connection to whichever API is up; `ask` gives (status, headers, body) or None."""

    def __init__(self, port, key=None, timeout=35):
        self.port, self.key, self.timeout, self.http = port, key, timeout, None

    def ask(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if body is not None:
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            if self.http is None:
                self.http = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
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


class Load:
    """`accesses` and `purchases` threads against `port` until stop(); `sale` names what to buy and fetch."""

    def __init__(self, sale, seen, seed, accesses=12, purchases=4):
        self.sale, self.seen, self.seed = sale, seen, seed
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.next_item = 0
        self.counts = {"accesses": 0, "purchases": 0, "repeats": 0, "replays": 0, "unknown": 0, "not done": 0, "cut": 0}
        self.progress = threading.Condition(self.lock)
        self.done = 0
        self.threads = [threading.Thread(target=self.fetch, args=(i,), daemon=True) for i in range(accesses)]
        self.threads += [threading.Thread(target=self.buy, args=(i,), daemon=True) for i in range(purchases)]
        self.threads.append(threading.Thread(target=self.watch, daemon=True))

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(90)
            if thread.is_alive():
                self.seen.problem("a client never got an answer")

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

    def failed(self, answer):
        """Counts an answer that settles nothing; False if it is one that must not happen."""
        if answer is None:
            self.count("cut")
            return True
        status, _, body = answer
        if status == 503:
            self.count("unknown" if b"outcome-unknown" in body else "not done")
            return True
        return False

    def item(self):
        with self.lock:
            self.next_item += 1
            return self.next_item - 1

    def fetch(self, _):
        client = Client(self.sale.port, self.sale.buyer_key)
        while not self.over.is_set():
            number = self.item()
            items, licenses = self.sale.items, self.sale.licenses
            if number >= len(items) * len(licenses):
                return
            license_id, (path, sha256, data) = licenses[number // len(items)], items[number % len(items)]
            while True:
                answer = client.ask("GET", f"/v1/licenses/{license_id}/items/{path}")
                if answer is not None and answer[0] == 200:
                    break
                if not self.failed(answer):
                    self.seen.problem(f"access: {answer[0]} {answer[2][:200]!r}")
                    return
                if self.over.wait(RETRY_SECONDS):
                    return
            if answer[2] != data:
                self.seen.problem(f"access of {path}: other bytes")
            self.seen.access(license_id, sha256, int(answer[1]["Counterfoil-Entry"]))
            self.count("accesses")

    def buy(self, number):
        rng = random.Random(f"{self.seed}-{number}")
        client = Client(self.sale.port, self.sale.buyer_key)
        while not self.over.is_set():
            quote = client.ask("POST", "/v1/quotes", self.sale.quote_wish)
            if quote is None or quote[0] != 201:
                if not self.failed(quote):
                    self.seen.problem(f"quote: {quote[0]} {quote[2][:200]!r}")
                    return
                self.over.wait(RETRY_SECONDS)
                continue
            self.purchase(client, json.loads(quote[2])["id"], f"buy-{self.seed}-{number}-{rng.getrandbits(64):x}")

    def purchase(self, client, quote_id, key):
        """Repeats until the outcome is known, even after stop(): an unknown outcome must be settled by a repeat."""
        tries = 0
        for tries in range(2000):
            answer = client.ask("POST", "/v1/licenses", {"quote": quote_id}, {"Idempotency-Key": key})
            if answer is not None and answer[0] == 201:
                break
            if not self.failed(answer):
                self.seen.problem(f"purchase after {tries} repeats: {answer[0]} {answer[2][:200]!r}")
                return
            self.count("repeats")
            threading.Event().wait(RETRY_SECONDS)
        else:
            self.seen.problem(f"purchase {key} was never settled")
            return
        license_ = json.loads(answer[2])
        self.seen.purchase(key, license_["id"], license_["entry"]["index"])
        self.count("purchases")

    def watch(self):
        client = Client(self.sale.port, timeout=5)
        while not self.over.is_set():
            before = self.seen.largest
            answer = client.ask("GET", "/log/checkpoint")
            if answer is not None and answer[0] == 200:
                self.seen.checkpoint(answer[2], before)
            self.over.wait(0.01)
