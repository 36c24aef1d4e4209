# SPDX-License-Identifier: Apache-2.0
"""How long answers take: nobody waits 30 s, what grows with a list gets its time, and no entry is shown unsigned."""
import threading
import time

from harness import tap, web
from harness.market import Market
from harness.program import wait_for
from harness.sale import Sale, later, must, terms
from harness.tree import folder

ITEMS = 20000           # more than is sealed within a request
SHORT_MS = "1500"


def timed(call):
    began = time.monotonic()
    got = call()
    return got, time.monotonic() - began


def restart_api(market, **env):
    market.stop(only=("api",))
    market.env.update(env)
    market.start(only=("api",))


def in_background(call, into):
    thread = threading.Thread(target=lambda: into.append(timed(call)))
    thread.start()
    return thread


def entries_wait(market, sale, offer):
    """The signer is away while an offer is committed: who shows it waits a moment for its entry, a list doesn't."""
    nobody = web.Client(market.port)
    target = f"/v1/offers/{offer}"
    late, seconds = timed(lambda: nobody.get(target))
    tap.check(late.status == 200 and late.json()["entry"] is None and 2 < seconds < 10,
              f"its page waits a moment, and is shown without the entry ({late})")
    listed, seconds = timed(lambda: sale.publisher.get(f"/v1/offers?dataset={sale.dataset}"))
    row = [o for o in listed.json()["data"] if o["id"] == offer]
    tap.check(len(row) == 1 and row[0]["entry"] is None and seconds < 2, "a list shows it at once, without the entry")
    others = [o for o in listed.json()["data"] if o["id"] != offer]
    tap.check(others and all(o["entry"]["index"] >= 0 for o in others), "and the others with theirs")
    tap.equal(nobody.get(f"/v1/offers/{others[0]['id']}").status, 200, "what was signed before is shown as ever")
    me = sale.publisher.get("/v1/me").json()["party"]
    tap.check(me["entry"]["index"] >= 0, "so is who one is")
    answers = []
    thread = in_background(lambda: nobody.get(target), answers)
    thread.join(0.3)
    tap.check(thread.is_alive(), "a page asked for now waits")
    market.start(only=("signer",))
    thread.join(30)
    got, seconds = answers[0]
    if not got.json()["entry"] and seconds > 2:         # the signer took longer to start than a page waits
        got = wait_for(lambda: (page := nobody.get(target)).json()["entry"] and page, 60, "the page with its entry")
    index = int(market.sql(f"SELECT index FROM offer WHERE id = '{offer}'")[0][0])
    tap.check(got.status == 200 and got.json()["entry"]["index"] == index,
              f"and is answered when the signer is back ({got})")
    listed = sale.publisher.get(f"/v1/offers?dataset={sale.dataset}").json()["data"]
    tap.check(all(o["entry"] for o in listed), "and nothing is left out any more")


def signer_away(market, sale, version):
    wish = {"dataset": sale.dataset, "version": sale.version, "price": {"amount": "3.00", "currency": "EUR"},
            "terms": terms(sale.publisher_id, version, later(100))}
    market.programs["signer"].kill()
    got, seconds = timed(lambda: sale.publisher.post("/v1/offers", wish, idempotency="unsigned"))
    tap.check(got.status == 503 and got.slug == "outcome-unknown", f"an offer's outcome is unknown ({got})")
    tap.check(seconds < 20, f"said long before clients give up ({seconds:.1f} s)")
    restart_api(market, COUNTERFOIL_REQUEST_MS=SHORT_MS)
    entries_wait(market, sale, market.sql("SELECT id FROM offer ORDER BY index DESC LIMIT 1")[0][0])
    repeat = sale.publisher.post("/v1/offers", wish, idempotency="unsigned")
    tap.check(repeat.status == 201 and repeat.headers["Idempotent-Replayed"] == "true", "the repeat settles it")


def long_lists(market, sale):
    """Loading and sealing take longer than a request may wait for the ledger."""
    base = f"/v1/datasets/{sale.dataset}/versions"
    sha256 = sale.put_content(b"the same for all")
    draft = must(sale.publisher.post(base, idempotency=None), 201).json()["id"]
    restart_api(market, COUNTERFOIL_REQUEST_MS="200")
    began = time.monotonic()
    for part in range(2):
        lines = "".join(f'{{"path":"{part}/{i}","sha256":"{sha256}","size":16}}\n' for i in range(ITEMS // 2))
        got = sale.publisher.put(f"{base}/{draft}/items?part={part}", lines.encode(),
                                 headers={"Content-Type": "application/jsonl"})
        tap.check(got.status == 200 and got.json()["items"] == ITEMS // 2, f"a part of {ITEMS // 2} items ({got})")
    tap.check(time.monotonic() - began > 0.2, "loaded in more time than a request has")
    restart_api(market, COUNTERFOIL_REQUEST_MS="15000")
    target = f"{base}/{draft}/publish"
    got = must(sale.publisher.post(target, idempotency=target), 202).json()["version"]
    tap.check(got["state"] == "sealing", f"sealed by a worker, which has its own time ({got})")
    got = sale.sealed(target).json()["version"]
    tap.equal((got["state"], got["item_count"]), ("published", ITEMS), "is published")


def main():
    with Market(folder("http-patience"), COUNTERFOIL_RATE="0") as market:
        sale = Sale(market.port, market.operator_key).publish(items=3, contents=2)
        version = sale.publisher.get(f"/v1/offers/{sale.offer}").json()["version_id"]
        signer_away(market, sale, version)
        long_lists(market, sale)
        tap.equal(market.audit()[0], 0, "the audit is sound")
    tap.done()


main()
