# SPDX-License-Identifier: Apache-2.0
"""That the market holds the same bytes for somebody else shows nowhere; and the counts of what is verified."""
import os

from harness import tap, web
from harness.market import Market
from harness.program import wait_for
from harness.sale import Sale
from harness.tree import folder


def counts(sale, client=None):
    target = f"/v1/datasets/{sale.dataset}/versions/{sale.version}"
    return (client or sale.publisher).get(target).json()["verification"]


def shown(sale):
    items = sale.publisher.get(f"/v1/datasets/{sale.dataset}/versions/{sale.version}/items").json()["data"]
    return {i["state"] for i in items}


def all_in_order(n):
    return {"verified": n, "unverified": 0, "corrupt": 0, "missing": 0}


def second_publisher(market, first):
    """Publishes the very bytes that the first one has published; nothing tells her so."""
    nobody = web.Client(market.port)
    before = market.entries("content.verified")
    market.programs["worker"].stop()
    second = Sale(market.port, market.operator_key, tag="2")
    version = second.publish_version(items=20, contents=8, size=200, name="copy")
    tap.equal({h for _, h, _ in first.items}, {h for _, h, _ in second.items}, "two publishers hold the same contents")
    waiting = {"verified": 0, "unverified": 20, "corrupt": 0, "missing": 0}
    tap.equal(counts(second), waiting, "the second one's are unverified to herself")
    tap.equal(counts(second, nobody), waiting, "and to everybody")
    tap.equal(shown(second), {"unverified"}, "item by item")
    license = second.put_on_offer(version["id"]).buy(cleared=False).licenses[0]
    path, _, body = second.items[3]
    got = second.buyer.get(f"/v1/licenses/{license}/items/{path}")
    tap.check(got.status == 403 and got.slug == "content-not-verified", "nor are they delivered") or tap.note(got)
    got = second.buyer.call("HEAD", f"/v1/licenses/{license}/items/{path}")
    tap.equal(got.status, 403, "not even to HEAD")
    tap.equal(first.publisher.get(f"/v1/datasets/{first.dataset}/versions/1").json()["verification"], all_in_order(20),
              "what the first one sees is as it was")
    market.start(only=("worker",))
    second.wait_verified(f"/v1/datasets/{second.dataset}/versions/{second.version}")
    tap.equal(market.entries("content.verified"), before + 1, "a worker reads and records them, as if they were new")
    tap.equal(shown(second), {"verified"}, "then they are verified")
    second.clear([license])
    got = second.buyer.get(f"/v1/licenses/{license}/items/{path}")
    tap.check(got.status == 200 and got.body == body, "and delivered")
    return second


def own_window(market, second):
    """Her own next version isn't read again within the window: what she had verified is her business."""
    before = market.entries("content.verified")
    second.items.clear()
    second.publish_version(items=30, contents=8, size=200, name="again")
    second.wait_verified(f"/v1/datasets/{second.dataset}/versions/{second.version}")
    tap.equal(market.entries("content.verified"), before, "verified for her a moment ago: not read again")
    tap.equal(counts(second), all_in_order(30), "and counted")


def kept_counts(market, first, second):
    """Kept with the version, brought up to date after what was found."""
    _, _, body = second.items[0]
    at, saved = market.blob(body), market.blob(body).read_bytes()
    at.chmod(0o600)
    at.write_bytes(b"?" + saved[1:])
    market.verify_now(body, "corrupt")
    for sale, n, bad in ((first, 20, 3), (second, 30, 4)):
        wait_for(lambda s=sale, b=bad: counts(s)["corrupt"] == b, 30, "the counts to show what is corrupt")
        tap.equal(counts(sale), {**all_in_order(n - bad), "corrupt": bad}, f"{bad} of {n} items are corrupt")
    os.unlink(at)
    market.verify_now(body, "missing")
    wait_for(lambda: counts(second)["missing"] == 4, 30, "the counts to show what is missing")
    at.write_bytes(saved)
    market.verify_now(body, "verified")
    for sale, n in ((first, 20), (second, 30)):
        wait_for(lambda s=sale, m=n: counts(s) == all_in_order(m), 30, "the counts to heal")
    tap.check(True, "mended, all is in order again")


def counted_in_pages(market):
    """More items than a worker takes at a time, killed on the way: each is counted once."""
    third = Sale(market.port, market.operator_key, tag="3")
    third.publish_version(items=9000, contents=4500, size=40, name="pages")
    target = f"/v1/datasets/{third.dataset}/versions/{third.version}"
    wait_for(lambda: counts(third)["verified"] > 0, 60, "the first items to be counted")
    market.programs["worker"].kill()
    seen = counts(third)
    tap.check(seen["verified"] in (2000, 4000, 6000, 8000, 9000), f"killed on the way, by whole pages: {seen}")
    market.sql("UPDATE job SET leased_until = now() - interval '1 s' WHERE state = 'running'")
    market.start(only=("worker",))
    third.wait_verified(target)
    tap.equal(counts(third), all_in_order(9000), "each item is counted once")


def main():
    with Market(folder("http-secrecy"), COUNTERFOIL_RATE="0") as market:
        first = Sale(market.port, market.operator_key).publish(items=20, contents=8)
        second = second_publisher(market, first)
        own_window(market, second)
        kept_counts(market, first, second)
        counted_in_pages(market)
        tap.equal(market.audit()[0], 0, "the audit is sound")
        log = (market.dir / "api.log").read_text(encoding="utf8")
        tap.check("answer against the contract" not in log, "every answer kept the contract") or tap.note(log[-2000:])
    tap.done()


main()
