# SPDX-License-Identifier: Apache-2.0
"""A creator who holds her own key: registers it, consents, withdraws."""
from harness import consents
from harness.ed25519 import Key
from harness.program import wait_for
from harness.sale import must


class Creator:
    """Somebody with a key of her own, registered; `key` signs like harness.ed25519.Key, which is the default."""

    def __init__(self, market, party, key=None):
        self.market, self.party, self.key = market, party, key or Key()
        statement = consents.statement(self.key, self.party.id, market.origin)
        must(self.party.post("/v1/me/public-keys", {"statement": statement}), 201)

    def consent(self, hashes, **more):
        """Granted by the ledger."""
        lists = wait_for(lambda: self.market.operator.get("/v1/status-lists").json()["data"], 60, "the status lists")
        signed = self.key.prove(consents.certificate(self.key, hashes, lists, **more), consents.moment())
        made = must(self.party.call("POST", "/v1/consents", consents.body(signed, hashes),
                                    headers={"Content-Type": "application/jsonl"}), 201).json()
        wait_for(lambda: self.show(made)["state"] == "granted", 60, "the consent to be granted")
        return self.show(made)

    def show(self, consent):
        return self.party.get(f"/v1/consents/{consent['id']}").json()

    def withdraw(self, consent, request=None):
        """`request`: signed before, where time counts."""
        request = request or consents.withdrawal(self.key, consent)
        return must(self.party.post(f"/v1/consents/{consent['id']}/revoke", {"request": request}), 200).json()
