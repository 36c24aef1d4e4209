# SPDX-License-Identifier: Apache-2.0
"""What creators sign, made without our own code."""
import base64
import datetime
import gzip
import hashlib
import itertools
import secrets
import uuid

from harness.ed25519 import canonical

PLACES = itertools.count(100000)        # of status lists: none is drawn twice, nor one that a test names
CONTEXT = ["https://www.w3.org/ns/credentials/v2", "https://counterfoil.example/ns/credentials/v1"]


def moment(days=0.0):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def salt():
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")


def tree_root(leaves):
    """RFC 6962."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + tree_root(leaves[:k]) + tree_root(leaves[k:])).digest()


def lines_of(hashes):
    return [canonical({"sha256": h}) for h in sorted(hashes)]


def envelope(kind, key, subject, **more):
    return {"@context": CONTEXT, "id": f"urn:uuid:{uuid.uuid4()}", "type": ["VerifiableCredential", kind],
            "issuer": key.did, "validFrom": moment(-0.001), "credentialSubject": subject, **more}


def statement(key, party, origin, created=None):
    document = envelope("PartyKeyStatement", key, {"id": f"urn:counterfoil:party:{party}", "log": origin,
                                                    "salt": salt()})
    return key.prove(document, created or moment())


def certificate(key, hashes, lists, place=None, role="author", purposes=("pretraining",), territories=("EU",),
                models=("generative",), prohibitions=(), begin=None, until=None):
    """Unsigned; lists as GET /v1/status-lists gives them."""
    newest = [row for row in lists if row["pair"] == lists[0]["pair"]]
    place = next(PLACES) if place is None else place
    subject = {"id": key.did, "role": role, "assurance_level": "L3",
               "grants": [{"purpose": p, "models": list(models), "territory": list(territories)} for p in purposes],
               "prohibitions": sorted(["biometric_identification", *prohibitions]),
               "coverage": {"method": "sha256-merkle-rfc6962", "root": tree_root(lines_of(hashes)).hex(),
                            "item_count": len(hashes)},
               "withdrawal": {"effect": ["no_new_access"], "notice_days": 30},
               "text": {"lang": "en", "sha256": hashlib.sha256(b"I agree").hexdigest()}, "salt": salt()}
    status = [{"type": "BitstringStatusListEntry", "statusPurpose": row["purpose"], "statusListIndex": str(place),
               "statusListCredential": row["url"]} for row in newest]
    more = {"validFrom": begin} if begin else {}
    return envelope("CreatorConsentCertificate", key, subject, validUntil=until or moment(700),
                    credentialStatus=status, **more)


def body(signed, hashes):
    return b"\n".join([canonical(signed), *lines_of(hashes)]) + b"\n"


def withdrawal(key, consent, action="revoke", **changed):
    subject = {"id": consent["credential"], "consent_sha256": consent["document"], "action": action, "salt": salt(),
               **changed}
    return key.prove(envelope("ConsentWithdrawalRequest", key, subject), moment())


def bits(credential):
    """Places that are set in a status list."""
    text = credential["credentialSubject"]["encodedList"][1:]
    raw = gzip.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return {8 * i + b for i, byte in enumerate(raw) if byte for b in range(8) if byte & 128 >> b}
