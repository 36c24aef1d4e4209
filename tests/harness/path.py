# SPDX-License-Identifier: Apache-2.0
"""The whole path of a licensed dataset, walked by everybody at once under a market that is being killed.

Creators consent and withdraw, buyers have slices quoted, license them, have them cleared and fetch, the operator pays
out and tells what became of it, creators read their statements. Each asks as a careful client does: until the outcome
is known, each time at any instance of the API. What was acknowledged is written down for path_judge.py.
"""
import collections
import hashlib
import itertools
import json
import random
import threading

from harness import consents, money, slices
from harness.creator import Creator
from harness.load import REPEATS_MAX, RETRY_SECONDS, Client
from harness.program import wait_for
from harness.sale import later, must, offered, published

FEE_PPM = 50000
TARIFF = {"amount": "0.137", "currency": "EUR", "kind": "per_item"}
CREATORS, CONTENTS, ITEMS = 6, 24, 120
FETCHES = 8                 # items that a buyer fetches before she buys again
# What there must be of everything, for the rest to mean something.
EACH = ("consents granted", "consents withdrawn", "slices quoted", "licenses", "cleared with exclusions", "accesses",
        "payout runs", "payouts settled", "payouts failed", "statements")
LIVE = 2                    # consents of a creator that she may withdraw


class Over(Exception):
    """The load is stopped and nothing is half done."""


class Unexpected(Exception):
    """An answer that must not come."""


class Patient:
    """Somebody who asks again until she knows; one connection to each instance."""

    def __init__(self, path, key, rng):
        self.path, self.rng, self.port = path, rng, None        # the instance that answered last
        self.clients = [Client(port, key) for port in path.watches]

    def ask(self, method, target, body=None, idempotency=None, good=(200,), write=False, headers=None):
        """(status, JSON) of an answer whose status is good; a write is settled even after stop()."""
        headers, unknown = dict(headers or {}), False
        if idempotency:
            headers["Idempotency-Key"] = idempotency
        for tries in range(REPEATS_MAX):
            if self.path.over.is_set() and not (write and tries):
                raise Over
            client = self.rng.choice(self.clients)
            answer = client.ask(method, target, body, headers)
            if answer is not None and answer[0] in good:
                self.port = client.port
                return self.answered(target, answer, idempotency, unknown)
            if answer is not None and answer[0] != 503:
                raise Unexpected(f"{method} {target} after {tries} repeats: {answer[0]} {answer[2][:300]!r}")
            unknown |= client.sent if answer is None else b"outcome-unknown" in answer[2]
            self.path.count("repeats")
            threading.Event().wait(RETRY_SECONDS)
        raise Unexpected(f"{method} {target} was never answered")

    def answered(self, target, answer, idempotency, unknown):
        status, headers, data = answer
        replayed = "Idempotent-Replayed" in headers
        if replayed and not unknown:
            raise Unexpected(f"{target} was done before, though nobody had said that this might be")
        if idempotency and unknown:
            self.path.count("done before" if replayed else "done now")
        if "Counterfoil-Entry" in headers:
            return status, (int(headers["Counterfoil-Entry"]), data)
        return status, json.loads(data)

    def get(self, target, good=(200,)):
        return self.ask("GET", target, good=good)

    def post(self, target, body, idempotency=None, good=(200, 201, 202)):
        return self.ask("POST", target, body, idempotency, good, write=True)


class Path:
    """
    Walkers until stop(), at every port that a load's watch reads the checkpoints of: {port: watch}. Made before the
    first kill, since setting up is not patient.
    """

    def __init__(self, market, watches, seed):
        self.market, self.watches, self.seed = market, watches, seed
        self.over, self.lock = threading.Event(), threading.Lock()
        self.progress = threading.Condition(self.lock)
        self.counts, self.done = collections.Counter(), 0
        self.problems = []
        self.numbers, self.places = itertools.count(), itertools.count()
        # What was acknowledged: (entry index, its type, {field of its body: value}); and more about some of it.
        self.facts, self.accesses, self.withdrawn, self.roots = [], [], {}, {}
        self.requests = {}          # license -> its slice's request
        self.set_up(random.Random(f"{seed}-path"))
        self.threads = [threading.Thread(target=self.walk, args=(work, i), daemon=True) for i, work in enumerate(
            [self.consent] * 3 + [self.buy] * 4 + [self.pay_out, self.read_statements])]

    # ---- before the first kill

    def set_up(self, rng):
        market = self.market
        self.house, self.buyer = market.party("atelier", "publisher"), market.party("trainer", "buyer")
        self.creators = [Creator(market, market.party(f"maker-{i}", "creator")) for i in range(CREATORS)]
        bodies = [(f"work {i} " * (i + 1)).encode() for i in range(CONTENTS)]
        self.bodies = {hashlib.sha256(body).hexdigest(): body for body in bodies}
        hashes = list(self.bodies)
        for sha256, body in self.bodies.items():
            must(self.house.put(f"/v1/content/{sha256}", body, headers={"Content-Type": "application/octet-stream"}),
                 201, 204)
        self.items = [self.item(i, hashes, rng) for i in range(ITEMS)]
        self.publish()
        self.lists = wait_for(lambda: market.operator.get("/v1/status-lists").json()["data"], 60, "the status lists")
        for number, creator in enumerate(self.creators):
            mine = [h for i, h in enumerate(hashes) if i % CREATORS == number]
            creator.fleeting, lasting = mine[1::2], mine[0::2]
            for role, covered in (("author", lasting), ("performer", self.performed(number, hashes))):
                creator.consent(covered, role=role, place=next(self.places))
        market.pay(self.buyer, "100000.00")

    @staticmethod
    def performed(number, hashes):
        """What the next one wrote, of every other content."""
        return [h for i, h in enumerate(hashes) if i % CREATORS == (number + 1) % CREATORS and i // CREATORS % 2 == 0]

    def item(self, i, hashes, rng):
        place = rng.randrange(CONTENTS)
        author = place % CREATORS
        made = [(author, "author")] + ([((author - 1) % CREATORS, "performer")] if place // CREATORS % 2 == 0 else [])
        return {"path": f"w/{i:03d}.txt", "sha256": hashes[place], "size": len(self.bodies[hashes[place]]),
                "media_type": "text/plain", "attributes": {"n": i, "language": rng.choice(["en", "de"])},
                "contributors": [{"party": self.creators[who].party.id, "role": role, "weight": rng.randrange(1, 8)}
                                 for who, role in made]}

    def publish(self):
        version = published(self.house, "works", self.items)
        self.offer = offered(self.house, version, TARIFF)["id"]

    # ---- as a load among others (harness/load.py)

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(120)
            if thread.is_alive():
                self.problems.append("a walker doesn't end")

    def everything_done(self, seconds):
        """Goes on until each thing was done at least once."""
        return wait_for(lambda: self.problems or all(self.counts[what] for what in EACH), seconds, f"each of {EACH}")

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def wait_for(self, more, seconds):
        with self.progress:
            goal = self.done + more
            return self.progress.wait_for(lambda: self.done >= goal, seconds)

    def acknowledged(self, me, what, index=None, kind=None, **body):
        """
        An answer that settles something; with an index, an entry that must be in the log for ever, and in each
        checkpoint that the instance serves from now on.
        """
        if index is not None:
            self.watches[me.port].covers(index)
        with self.progress:
            if index is not None:
                self.facts.append((index, kind, body))
            self.counts[what] += 1
            self.done += 1
            self.progress.notify_all()

    def said(self):
        return ", ".join(f"{n} {what}" for what, n in sorted(self.counts.items()))

    def key(self, what):
        """For one wish, however often it is repeated."""
        return f"{what}-{self.seed}-{next(self.numbers)}"

    def walk(self, work, number):
        rng = random.Random(f"{self.seed}-walker-{number}")
        try:
            work(number, rng)
        except Over:
            pass
        except Exception as e:                  # pylint: disable=W0718; none may pass unseen
            self.problems.append(f"{work.__name__}: {e!r}")

    # ---- what each of them does

    def consent(self, number, rng):
        """Consents for some of what isn't covered otherwise, and withdraws them again."""
        mine = self.creators[number::3]
        me = {c: Patient(self, c.party.key, rng) for c in mine}
        live = []
        while True:
            if len(live) < LIVE or rng.random() < 0.4:
                creator = rng.choice(mine)
                live.append((creator, self.grant(me[creator], creator, rng)))
            else:
                creator, consent = live.pop(rng.randrange(len(live)))
                self.withdraw(me[creator], creator, consent)
            self.over.wait(rng.random() * 0.3)

    def grant(self, me, creator, rng):
        hashes = rng.sample(creator.fleeting, rng.randrange(1, len(creator.fleeting) + 1))
        signed = creator.key.prove(consents.certificate(creator.key, hashes, self.lists, place=next(self.places)),
                                   consents.moment())
        made = me.ask("POST", "/v1/consents", consents.body(signed, hashes), good=(200, 201), write=True,
                      headers={"Content-Type": "application/jsonl"})[1]
        self.acknowledged(me, "consents posted")
        while made["state"] == "received" or made["state"] == "granted" and not made["entry"]:
            self.over.wait(RETRY_SECONDS)           # what is granted is acknowledged with its entry
            made = me.get(f"/v1/consents/{made['id']}")[1]
        if made["state"] != "granted":
            raise Unexpected(f"{made['id']} is {made['state']}: {made['reason']}")
        self.acknowledged(me, "consents granted", made["entry"]["index"], "consent.granted", consent=made["id"],
                          document=hashlib.sha256(consents.canonical(signed)).hexdigest())
        return made

    def withdraw(self, me, creator, consent):
        request = consents.withdrawal(creator.key, consent)
        got = me.post(f"/v1/consents/{consent['id']}/revoke", {"request": request}, self.key("withdraw"))[1]
        with self.lock:
            self.withdrawn[consent["id"]] = len(self.withdrawn)
        self.acknowledged(me, "consents withdrawn", got["entry"]["index"], "consent.revoked", consent=consent["id"],
                          document=hashlib.sha256(consents.canonical(request)).hexdigest())

    def wish(self, rng):
        """One of few slices, so that each is cut again and again."""
        request = {"filter": {"op": "between", "args": [{"property": "n"}, *rng.choice(((0, 39), (30, 90), (0, 119)))]}}
        if rng.random() < 0.5:
            request["sample"] = {"count": 20, "seed": str(rng.randrange(3))}
        if rng.random() < 0.3:
            request["distinct"] = "sha256"
        return request

    def quote(self, me, rng):
        request = self.wish(rng)
        quote = me.post("/v1/quotes", {"offer": self.offer, "purpose": "pretraining", "territory": "DE",
                                       "until": later(30), "slice": request})[1]
        chosen = slices.pick(self.items, request)
        wanted = (slices.root(chosen), money.text(money.price(TARIFF, len(chosen))))
        if (quote["slice_root"], quote["price"]["amount"]) != wanted:
            raise Unexpected(f"the quote of {request} is {quote}, not {wanted}")
        self.acknowledged(me, "slices quoted")
        return quote, request, chosen

    def buy(self, _, rng):
        me = Patient(self, self.buyer.key, rng)
        while True:
            quote, request, chosen = self.quote(me, rng)
            bought = me.post("/v1/licenses", {"quote": quote["id"]}, self.key("buy"))[1]
            with self.lock:
                self.requests[bought["id"]] = request
            self.acknowledged(me, "licenses", bought["entry"]["index"], "license.granted", license=bought["id"],
                              slice_root=quote["slice_root"])
            for _ in range(rng.choice((1, 1, 2))):
                if self.clear(me, bought["id"], rng):
                    for item in rng.sample(chosen, min(FETCHES, len(chosen))):
                        self.fetch(me, bought["id"], item)

    def clear(self, me, license_id, rng):
        """Asks and waits for the verdict; whether anything is cleared."""
        wish = {"territory": "DE", "model_class": "generative", "project": f"p{rng.randrange(3)}"}
        made = me.post(f"/v1/licenses/{license_id}/clearances", wish, self.key("clear"))[1]
        self.acknowledged(me, "clearances asked")
        while made["state"] == "pending" or not made["entry"]:
            self.over.wait(RETRY_SECONDS)
            made = me.get(f"/v1/clearances/{made['id']}")[1]
        kind = "clearance.denied" if made["state"] == "refused" else "clearance.issued"
        self.acknowledged(me, made["state"].replace("_", " "), made["entry"]["index"], kind, clearance=made["id"],
                          license=license_id)
        return made["state"] != "refused"

    def fetch(self, me, license_id, item):
        with self.lock:
            known = len(self.withdrawn)         # answered before this is asked
        status, got = me.get(f"/v1/licenses/{license_id}/items/{item['path']}", good=(200, 403))
        if status == 403:
            if got["type"].rsplit("/", 1)[-1] not in ("item-excluded", "consent-withdrawn"):
                raise Unexpected(f"{item['path']}: {got}")
            self.acknowledged(me, "accesses refused")
            return
        index, data = got
        if data != self.bodies[item["sha256"]]:
            self.problems.append(f"access of {item['path']}: other bytes")
        with self.lock:
            self.accesses.append((license_id, item["path"], index, known))
        self.acknowledged(me, "accesses", index, "access.recorded", license=license_id)

    def pay_out(self, _, rng):
        me = Patient(self, self.market.operator.key, rng)
        while True:
            self.over.wait(rng.random())
            wish = {"rail": "csv", "minimum": {"amount": "0.01", "currency": "EUR"}}
            status, run = me.post("/v1/payout-runs", wish, f"run-{next(self.numbers)}", good=(202, 409))
            if status == 409:
                continue            # another one is under way
            self.acknowledged(me, "payout runs")
            while run["state"] == "running":
                self.over.wait(RETRY_SECONDS)
                run = me.get(f"/v1/payout-runs/{run['id']}")[1]
            for n, payout in enumerate(me.get(f"/v1/payouts?run={run['id']}&limit=1000")[1]["data"]):
                self.answer(me, payout, n % 3 == 1)

    def answer(self, me, payout, failed):
        """The rail's word on a payout, said twice: another key finds that it is over."""
        verb, word = ("fail", "failed") if failed else ("settle", "settled")
        where, wish = f"/v1/payouts/{payout['id']}/{verb}", {"reference": f"bank {next(self.numbers)}"}
        got = me.post(where, wish, self.key(verb))[1]
        self.acknowledged(me, f"payouts {word}", got["answered_index"], f"payout.{word}", payout=payout["id"])
        if me.post(where, wish, self.key(verb), good=(200, 409))[0] != 409:
            raise Unexpected(f"{where} was done twice")

    def read_statements(self, _, rng):
        """
        No line that was shown is ever another, none is left out, and the sums hold; nor is one ever gone at the same
        instance: another may learn a little later that it is signed for.
        """
        readers = {c.party.id: Patient(self, c.party.key, rng) for c in self.creators}
        had = {(party, port): [] for party in readers for port in self.watches}
        while True:
            self.over.wait(rng.random() * 0.2)
            party = rng.choice(list(readers))
            for account in readers[party].get("/v1/statements")[1]["accounts"]:
                lines = [(x["n"], x["license"], x["net"]["amount"], x["entry"]["index"]) for x in account["lines"]]
                balance = sum(money.micro(x[2]) for x in lines)
                balance += sum({"instructed": -1, "settled": 0, "failed": 1}[p["event"]]
                               * money.micro(p["amount"]["amount"]) for p in account["payouts"])
                here = party, readers[party].port
                before = [had[party, port] for port in self.watches]
                if len(lines) < len(had[here]) or any(a != b for x in before for a, b in zip(x, lines)) or \
                        [x[0] for x in lines] != [*range(1, len(lines) + 1)]:
                    raise Unexpected(f"a statement of {party} lost or changed lines: {before} {lines}")
                if balance != money.micro(account["closing"]["amount"]):
                    raise Unexpected(f"a statement of {party} doesn't add up")
                had[here] = lines
            self.acknowledged(readers[party], "statements")
