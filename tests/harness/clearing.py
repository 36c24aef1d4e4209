# SPDX-License-Identifier: Apache-2.0
"""Clearances, as a buyer asks for them: nothing is delivered without one."""
import time


def ask(buyer, license_id, territory="DE", model_class="generative", **more):
    """The clearance that a worker will decide."""
    got = buyer.post(f"/v1/licenses/{license_id}/clearances",
                     {"territory": territory, "model_class": model_class, **more})
    if got.status != 202:
        raise AssertionError(got)
    return got.json()["id"]


def decided(buyer, clearance_id, seconds=120, signed=False):
    """As it was decided; raises if it isn't within the time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        got = buyer.get(f"/v1/clearances/{clearance_id}")
        if got.status == 200 and got.json()["state"] != "pending" and (got.json()["credential"] or not signed):
            return got.json()
        time.sleep(0.05)
    raise AssertionError(f"clearance {clearance_id} is not decided: {got}")


def clear(buyer, license_id, signed=False, **wish):
    return decided(buyer, ask(buyer, license_id, **wish), signed=signed)
