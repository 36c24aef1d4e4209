# SPDX-License-Identifier: Apache-2.0
"""Something to buy and fetch, made by the API alone: for load, crash, interop and bench runs.

    sale = Sale(port, operator_key).publish(items=200).buy(licenses=3)

Items share a few contents, since what is measured or killed is the ledger, not the upload.
"""
import datetime
import hashlib
import json
import os
import time
import urllib.parse

from harness import clearing
from harness.program import wait_for
from harness.web import Client

PART_ITEMS = 20000


def later(days):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def must(answer, *statuses):
    if answer.status not in statuses:
        raise AssertionError(f"{answer} instead of {statuses}")
    return answer


def terms(publisher, version, until):
    """Party and version by their ids."""
    return {
        "@context": ["http://www.w3.org/ns/odrl.jsonld"], "@type": "Offer", "conflict": "prohibit",
        "permission": [{
            "action": ["odrl:gen-ai"], "assigner": f"urn:counterfoil:party:{publisher}",
            "constraint": [
                {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": ["pretraining"]},
                {"leftOperand": "spatial", "operator": "isAnyOf", "rightOperand": ["WORLD"]},
                {"leftOperand": "dateTime", "operator": "lt",
                 "rightOperand": {"@type": "xsd:dateTime", "@value": until}}],
            "target": f"urn:counterfoil:version:{version}"}],
        "profile": "https://w3c.github.io/odrl/ai-vocab/",
        "uid": f"urn:counterfoil:terms:{os.urandom(16).hex()}"}


def published(house, name, items, bodies=()):
    """The first version of a new dataset, of few items, once what is there of their content is verified."""
    for body in bodies:
        must(house.put(f"/v1/content/{hashlib.sha256(body).hexdigest()}", body,
                       headers={"Content-Type": "application/octet-stream"}), 201, 204)
    must(house.post("/v1/datasets", {"name": name, "title": name.title(), "modality": "text"}, idempotency=None), 201)
    base = f"/v1/datasets/{house.handle}/{name}/versions"
    draft = must(house.post(base, idempotency=None), 201).json()["id"]
    must(house.put(f"{base}/{draft}/items?part=0", "".join(json.dumps(i) + "\n" for i in items).encode(),
                   headers={"Content-Type": "application/jsonl"}), 200)
    version = must(house.post(f"{base}/{draft}/publish"), 200).json()["version"]
    wait_for(lambda: house.get(f"{base}/1").json()["verification"]["unverified"] == 0, 60, "verification")
    return version


def offered(house, version, price, **more):
    """The offer as JSON; `price` as the API takes it."""
    wish = {"dataset": version["dataset"], "version": version["number"], "price": price,
            "terms": terms(house.id, version["id"], later(300)), **more}
    return must(house.post("/v1/offers", wish), 201).json()


class Sale:
    """A publisher, a buyer, a dataset, an offer and licenses at the API on `port`."""

    def __init__(self, port, operator_key, tag=""):
        self.port = port
        self.operator = Client(port, operator_key)
        self.publisher_handle, self.buyer_handle = f"house{tag}", f"lab{tag}"
        self.publisher_id, self.publisher_key = self.register(self.publisher_handle, "publisher")
        self.buyer_id, self.buyer_key = self.register(self.buyer_handle, "buyer")
        self.publisher, self.buyer = Client(port, self.publisher_key), Client(port, self.buyer_key)
        self.items, self.licenses = [], []        # (percent-encoded path, sha256, bytes); ids
        self.offer = self.quote_wish = self.dataset = self.version = None
        self.paid = 0

    def register(self, handle, *roles):
        """The new party's id and first key."""
        wish = {"handle": handle, "roles": list(roles), "name": f"{handle} Ltd"}
        made = must(self.operator.post("/v1/parties", wish), 201).json()
        return made["party"]["id"], made["key"]

    def put_content(self, data):
        sha256 = hashlib.sha256(data).hexdigest()
        must(self.publisher.put(f"/v1/content/{sha256}", data, headers={"Content-Type": "application/octet-stream"}),
             201, 204)
        return sha256

    def publish(self, items=200, contents=8, size=200, price="1.00", name="texts"):
        """A version of `items` items over `contents` contents of `size` bytes, verified and on offer."""
        version = self.publish_version(items, contents, size, name)
        self.wait_verified(f"/v1/datasets/{self.dataset}/versions/{self.version}")
        return self.put_on_offer(version["id"], price)

    def put_on_offer(self, version, price="1.00"):
        """The version, by its id, for a month and more."""
        wish = {"dataset": self.dataset, "version": self.version, "price": {"amount": price, "currency": "EUR"},
                "terms": terms(self.publisher_id, version, later(300))}
        self.offer = must(self.publisher.post("/v1/offers", wish), 201).json()["id"]
        self.quote_wish = {"offer": self.offer, "purpose": "pretraining", "territory": "DE", "until": later(30)}
        return self

    def publish_version(self, items, contents, size, name="texts"):
        """The version as JSON, as yet unverified."""
        self.dataset = f"{self.publisher_handle}/{name}"
        bodies = [(f"{i:04d}" * (size // 4 + 1))[:size].encode() for i in range(contents)]
        hashes = [self.put_content(body) for body in bodies]
        must(self.publisher.post("/v1/datasets", {"name": name, "title": "Texts", "modality": "text"},
                                 idempotency=None), 201)
        base = f"/v1/datasets/{self.dataset}/versions"
        draft = must(self.publisher.post(base, idempotency=None), 201).json()["id"]
        for first in range(0, items, PART_ITEMS):
            lines = []
            for i in range(first, min(items, first + PART_ITEMS)):
                path, which = f"part {i // 1000:03d}/text-{i:07d}.txt", i % contents
                lines.append(json.dumps({"path": path, "sha256": hashes[which], "size": size}))
                self.items.append((urllib.parse.quote(path), hashes[which], bodies[which]))
            must(self.publisher.put(f"{base}/{draft}/items?part={first // PART_ITEMS}",
                                    ("\n".join(lines) + "\n").encode(),
                                    headers={"Content-Type": "application/jsonl"}), 200)
        version = self.sealed(f"{base}/{draft}/publish").json()["version"]
        self.version = version["number"]
        return version

    def sealed(self, target, timeout=900):
        """Wishes a draft published until it is: a large one is sealed by a worker first."""
        def ask():
            got = must(self.publisher.post(target, idempotency=target[-100:]), 200, 202)
            return got if got.status == 200 else time.sleep(0.2)
        return wait_for(ask, timeout, f"{target} to be sealed")

    def wait_verified(self, target, timeout=300):
        def verified():
            counts = must(self.publisher.get(target), 200).json().get("verification", {})
            return counts and set(k for k, n in counts.items() if n) == {"verified"}
        wait_for(verified, timeout, f"{target} to be verified")

    def pay(self, amount):
        """Tops up the buyer's prepaid balance by whole euros."""
        self.paid += amount
        wish = {"party": self.buyer_handle, "amount": {"amount": f"{amount}.00", "currency": "EUR"},
                "reference": f"transfer-{self.buyer_handle}-{self.paid}"}
        must(self.operator.post("/v1/payments", wish), 201)
        return self

    def quote(self, client=None):
        return must((client or self.buyer).post("/v1/quotes", self.quote_wish, idempotency=None), 201).json()["id"]

    def accept(self, quote, idempotency=True, client=None):
        return (client or self.buyer).post("/v1/licenses", {"quote": quote}, idempotency=idempotency)

    def buy(self, licenses=1, cleared=True):
        self.pay(licenses * 2)
        bought = [must(self.accept(self.quote()), 201).json()["id"] for _ in range(licenses)]
        self.licenses += bought
        return self.clear(bought) if cleared else self

    def clear(self, licenses):
        """Has a worker clear these licenses, all of whose items must pass."""
        for asked in [clearing.ask(self.buyer, license_id) for license_id in licenses]:
            got = clearing.decided(self.buyer, asked)
            if got["state"] != "cleared":
                raise AssertionError(got)
        return self
