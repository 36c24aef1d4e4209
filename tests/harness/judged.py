# SPDX-License-Identifier: Apache-2.0
"""What a load was answered, held against the log: nothing acknowledged is lost, and there is one history."""
import base64
import json

from harness import tap
from harness.load import money_problems
from harness.proof import consistent
from harness.reader import judge

PROOFS = 30


def proofs_hold(market, seen, rng):
    """Any two checkpoints that were served, before a kill or after, are of one history: by the log's own proofs."""
    sizes = sorted(seen.checkpoints)
    pairs = [sorted(rng.sample(sizes, 2)) for _ in range(PROOFS)] if len(sizes) > 1 else []
    good = 0
    for first, second in pairs:
        status, body = market.get(f"/v1/log/consistency?from={first}&to={second}")
        path = [base64.b64decode(h, validate=True) for h in json.loads(body)["proof"]] if status == 200 else []
        good += status == 200 and consistent(first, second, seen.checkpoints[first], seen.checkpoints[second], path)
    tap.check(pairs and good == len(pairs),
              f"{good} of {len(pairs)} consistency proofs between {len(sizes)} sizes hold")


def judged(market, load):
    sale, seen = load.sale, load.seen
    tap.note(load.said())
    problems, entries = judge(seen, market.get)
    for text in problems[:20]:
        tap.note(text)
    tap.check(not problems and seen.accesses and seen.purchases,
              f"all {len(seen.accesses)} accesses, {len(seen.purchases)} purchases and "
              f"{len(seen.checkpoints)} checkpoints hold in a log of {len(entries)}")
    keys = [key for key, _, _ in seen.purchases]
    tap.check(len({license_id for _, license_id, _ in seen.purchases}) == len(keys),
              "each idempotency key bought one license")
    tap.equal(money_problems(sale, seen, entries), [], "the buyer paid once for each license")
    tap.equal(load.done_before + load.done_now, load.unknown, "each unknown outcome is settled by a repeat")
    return entries
