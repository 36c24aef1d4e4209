# SPDX-License-Identifier: Apache-2.0
"""Money as somebody without our code recomputes it: tariffs, fees, splits, lists; and a dataset that many made."""
import fractions
import hashlib
import json
import secrets

from harness.program import wait_for
from harness.sale import later, must, offered, published

MICRO = 10 ** 6
DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3}


def micro(amount):
    """Micro-units of a Money's text."""
    sign = -1 if amount.startswith("-") else 1
    whole, _, rest = amount.lstrip("-").partition(".")
    return sign * (int(whole) * MICRO + int((rest + "000000")[:6]))


def text(value, currency="EUR"):
    """The one decimal text of micro-units."""
    whole, rest = divmod(abs(value), MICRO)
    rest = f"{rest:06d}"
    while len(rest) > DIGITS[currency] and rest.endswith("0"):
        rest = rest[:-1]
    return ("-" if value < 0 else "") + str(whole) + ("." + rest if rest else "")


def half_up(exact, currency):
    """To the minor unit."""
    minor = MICRO // 10 ** DIGITS[currency]
    return (2 * exact + minor) // (2 * minor) * minor if isinstance(exact, int) \
        else int(fractions.Fraction(exact, minor) + fractions.Fraction(1, 2)) * minor


def price(tariff, items):
    if tariff.get("kind", "flat") == "flat":
        return half_up(micro(tariff["amount"]), tariff["currency"])
    return half_up(max(micro(tariff["amount"]) * items, micro(tariff.get("minimum", "0"))), tariff["currency"])


def owed(tariff, paid, items, cleared):
    if cleared in (0, items):
        return paid if cleared else 0
    if tariff.get("kind", "flat") == "flat":
        return half_up(fractions.Fraction(paid * cleared, items), tariff["currency"])
    return min(paid, price(tariff, cleared))


def largest_remainder(total, weights):
    """{creator: amount}: whole parts of the exact shares, the rest one by one to whoever lost most, then by id."""
    whole = sum(weights.values())
    exact = {c: fractions.Fraction(total * w, whole) for c, w in weights.items()}
    parts = {c: int(e) for c, e in exact.items()}
    losers = sorted(weights, key=lambda c: (parts[c] - exact[c], c.encode()))
    for creator in losers[:total - sum(parts.values())]:
        parts[creator] += 1
    return parts


def weights(items, rule, publisher):
    """What each contributor weighs in items as they were published."""
    out = {}
    for item in items:
        for c in item["contributors"] or [{"party": publisher, "weight": 1}]:
            out[c["party"]] = out.get(c["party"], 0) + c["weight"] * (item["size"] if rule == "per_byte" else 1)
    return out


def leaf(row):
    """Of a list beside the log: a row in canonical form."""
    return hashlib.sha256(b"\0" + json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
                          ).digest()


def climb(node, place, size, path):
    """The root that a Merkle path leads to, RFC 9162 section 2.1.3.2; None if it is too short or too long."""
    last = size - 1
    for step in path:
        if last == 0:
            return None
        if place % 2 or place == last:
            node = hashlib.sha256(b"\1" + step + node).digest()
            while place % 2 == 0 and place:
                place, last = place // 2, last // 2
        else:
            node = hashlib.sha256(b"\1" + node + step).digest()
        place, last = place // 2, last // 2
    return node if last == 0 else None


class Studio:
    """A publisher whose dataset others made, a buyer with money, licenses of slices, and their clearances."""

    def __init__(self, market, creators=3, currency="EUR"):
        self.market, self.currency = market, currency
        self.publisher = market.party("house", "publisher", "creator")
        self.creators = [market.party(f"maker-{i}", "creator") for i in range(creators)]
        self.buyer = market.party("lab", "buyer")
        self.items = self.version = None
        self.paid = 0

    def party(self, ident):
        return next(p for p in [self.publisher, *self.creators] if p.id == ident)

    def publish(self, rng, count):
        """Items by up to three contributors each, with weights; some by nobody who is named; one of each alone."""
        bodies = [(f"text {i} " * (i % 17 + 1)).encode() for i in range(min(count, 20))]
        self.items = []
        for i in range(count):
            body = bodies[rng.randrange(len(bodies))]
            made_by = rng.sample(self.creators, rng.randrange(0, min(4, len(self.creators) + 1)))
            made_by = self.creators[i:i + 1] or made_by
            self.items.append({"path": f"t/{i:06d}.txt", "sha256": hashlib.sha256(body).hexdigest(), "size": len(body),
                               "media_type": "text/plain", "attributes": {"n": i},
                               "contributors": [{"party": p.id, "role": "author", "weight": rng.randrange(1, 8)}
                                                for p in made_by]})
        self.version = published(self.publisher, "set", self.items, bodies)
        return self

    def offer(self, tariff, split="per_item"):
        return offered(self.publisher, self.version, tariff, split=split)

    def buy(self, offer, slice_=None):
        """The license as JSON."""
        wish = {"offer": offer["id"], "purpose": "pretraining", "territory": "DE", "until": later(30)}
        if slice_:
            wish["slice"] = slice_
        quote = must(self.buyer.post("/v1/quotes", wish, idempotency=None), 201).json()
        amount = quote["price"]["amount"]
        if micro(amount):
            self.market.pay(self.buyer, amount, self.currency)
        return must(self.buyer.post("/v1/licenses", {"quote": quote["id"]}), 201).json()

    def clear(self, license_, excluded=()):
        """A clearance's effect on the books: what it excludes, by numbers of items, and that it was issued."""
        clearance = f"clr_{ident()}"
        self.market.sql(
            "INSERT INTO clearance (id, license, territory, model_class, requested_at, seed, state, as_of,"
            " evaluated_at, valid_until, cleared, counts, rows_root, document, index)"
            f" SELECT '{clearance}', no, 'DE', 'generative',"
            " now(), sha256('seed'), 'cleared_with_exclusions', index, now(), now() + '1 day', 1, '{}', sha256(''),"
            f" sha256('{clearance}'), index FROM license WHERE id = '{license_['id']}';"
            f"INSERT INTO clearance_exclusion SELECT no, unnest('{{{','.join(map(str, excluded))}}}'::integer[]),"
            f" 'consent_missing' FROM clearance WHERE id = '{clearance}';"
            f"INSERT INTO allocation (id, license, clearance, due_at) SELECT 'alc_{ident()}', no, '{clearance}',"
            f" now() FROM license WHERE id = '{license_['id']}';"
            "INSERT INTO job (id, kind, key, args) VALUES"
            f" ('job_{secrets.token_hex(8)}', 'allocate', 'due', '{{}}') ON CONFLICT DO NOTHING;"
            " NOTIFY counterfoil_job")

    def wait_allocated(self, license_, timeout=60):
        def done():
            rows = self.market.sql("SELECT a.state, a.release_transaction IS NOT NULL FROM allocation a JOIN license l"
                                   f" ON l.no = a.license WHERE l.id = '{license_['id']}'")
            return rows and rows[0][0] in ("posted", "nothing")
        wait_for(done, timeout, f"{license_['id']} to be allocated")


def ident():
    """The random part of an id."""
    return "0" + "".join(secrets.choice("0123456789abcdefghjkmnpqrstvwxyz") for _ in range(25))
