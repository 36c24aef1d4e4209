# SPDX-License-Identifier: Apache-2.0
"""What certifiers sign, made without our own code."""
import hashlib

from harness import consents
from harness.ed25519 import Key
from harness.program import wait_for
from harness.sale import must


def list_of(market):
    """The certificates' status list, once it is published."""
    def have():
        rows = [r for r in market.operator.get("/v1/status-lists").json()["data"] if r["of"] == "certificate"]
        return rows and market.operator.get(f"/v1/status-lists/{rows[0]['id']}").status == 200 and rows[0]
    return wait_for(have, 60, "the certificates' status list")


def certificate(key, version, place_in, place=None, until=None, criteria=("due_diligence", "training_records"), **more):
    """Unsigned; `version` as GET …/versions/{version} gives it, `place_in` as GET /v1/status-lists does."""
    place = next(consents.PLACES) if place is None else place
    subject = {"id": f"urn:counterfoil:version:{version['id']}", "dataset": version["dataset"],
               "version": version["number"], "version_root": version["root"], "item_count": version["item_count"],
               "scheme": "Fair Sourcing 2026", "criteria": [
                   {"criterion": c, "evidence_sha256": hashlib.sha256(c.encode()).hexdigest()} for c in criteria],
               "salt": consents.salt(), **more}
    status = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation", "statusListIndex": str(place),
              "statusListCredential": place_in["url"]}
    return consents.envelope("EthicalSourcingCertificate", key, subject, validUntil=until or consents.moment(300),
                             credentialStatus=[status])


def withdrawal(key, shown, **changed):
    subject = {"id": shown["credential"], "certificate_sha256": shown["document"], "action": "revoke",
               "salt": consents.salt(), **changed}
    return key.prove(consents.envelope("CertificateWithdrawalRequest", key, subject), consents.moment())


class Certifier:
    """A certifier with a key of its own, which the operator trusts (or not yet)."""

    def __init__(self, market, handle="proof-house", trusted=True, key=None):
        self.market, self.party, self.key = market, market.party(handle, "certifier"), key or Key()
        self.register(self.key)
        if trusted:
            must(self.trust(True, self.key.did), 201)

    def register(self, key):
        statement = consents.statement(key, self.party.id, self.market.origin)
        return must(self.party.post("/v1/me/public-keys", {"statement": statement}), 201).json()

    def trust(self, trusted, did=None, who=None):
        wish = {"party": self.party.handle, "trusted": trusted, **({"public_key": did} if did else {})}
        return (who or self.market.operator).post("/v1/certifiers", wish)

    def sign(self, version, change=lambda d: None, **more):
        document = certificate(self.key, version, list_of(self.market), **more)
        change(document)
        return self.key.prove(document, consents.moment())

    def post(self, signed, who=None):
        return (who or self.party).post("/v1/certificates", {"certificate": signed}, idempotency=None)

    def decided(self, ident):
        wait_for(lambda: self.show(ident)["state"] != "received", 60, "the certificate to be verified")
        return self.show(ident)

    def show(self, ident):
        return self.party.get(f"/v1/certificates/{ident}").json()

    def issue(self, version, **more):
        made = must(self.post(self.sign(version, **more)), 201).json()
        got = self.decided(made["id"])
        if got["state"] not in ("valid", "not_begun", "expired"):
            raise AssertionError(got)
        return got

    def revoke(self, shown, request=None, who=None, **more):
        request = request or withdrawal(self.key, shown)
        return (who or self.party).post(f"/v1/certificates/{shown['id']}/revoke", {"request": request}, **more)
