# SPDX-License-Identifier: Apache-2.0
"""
Credentials of a running market and Digital Bazaar's libraries, each judging the other's.

    served.py FOLDER      where served.mjs is, with its modules

One creator signs with our tool, one with theirs; both are posted, cleared, withdrawn. What the market then serves is
judged by theirs, with its status fetched from where it says; what theirs signed, by `counterfoil verify`.
"""
import hashlib
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from harness import clearing, consents, sourcing, tap       # noqa: E402
from harness.creator import Creator             # noqa: E402
from harness.market import Market               # noqa: E402
from harness.program import wait_for            # noqa: E402
from harness.sale import later, must, terms     # noqa: E402
from harness.tree import folder                 # noqa: E402

BEN, CERTIFIER = 7, 8          # seeds of the keys in their hands
JSONL = {"Content-Type": "application/jsonl"}


def theirs(**wish):
    """What their libraries answer."""
    done = subprocess.run(["node", str(pathlib.Path(sys.argv[1]) / "served.mjs")], input=json.dumps([wish]), text=True,
                          stdout=subprocess.PIPE, check=True, timeout=120)
    return json.loads(done.stdout)[0]


class TheirKey:
    """A key in their hands: signs as harness.ed25519.Key does."""

    def __init__(self, seed):
        self.seed = seed
        got = theirs(do="did", seed=seed)
        self.did, self.multibase = got["did"], got["multibase"]

    def prove(self, document, _):
        return theirs(do="issue", seed=self.seed, document=document)["document"]


def publish(house, creators):
    """An item by each creator and one by both; (their hashes, the offer)."""
    made, hashes = [creators[:1], creators[1:], creators], []
    for i in range(len(made)):
        body = b"work %d" % i
        hashes.append(hashlib.sha256(body).hexdigest())
        must(house.put(f"/v1/content/{hashes[-1]}", body, headers={"Content-Type": "application/octet-stream"}), 201,
             204)
    must(house.post("/v1/datasets", {"name": "works", "title": "Works", "modality": "text"}, idempotency=None), 201)
    base = "/v1/datasets/house/works/versions"
    draft = must(house.post(base, idempotency=None), 201).json()["id"]
    lines = "".join(json.dumps({"path": f"{i}.txt", "sha256": hashes[i], "size": 6, "contributors": [
        {"party": p.id, "role": "author", "weight": 1} for p in who]}) + "\n" for i, who in enumerate(made))
    must(house.put(f"{base}/{draft}/items?part=0", lines.encode(), headers=JSONL), 200)
    version = must(house.post(f"{base}/{draft}/publish"), 200).json()["version"]
    wait_for(lambda: house.get(f"{base}/1").json()["verification"]["unverified"] == 0, 60, "verification")
    wish = {"dataset": "house/works", "version": 1, "price": {"amount": "0.00", "currency": "EUR"},
            "terms": terms(house.id, version["id"], later(300))}
    return hashes, must(house.post("/v1/offers", wish), 201).json()["id"]


def license_of(bob, offer):
    wish = {"offer": offer, "purpose": "pretraining", "territory": "EU", "until": later(30)}
    quote = must(bob.post("/v1/quotes", wish, idempotency=None), 201).json()["id"]
    return must(bob.post("/v1/licenses", {"quote": quote}), 201).json()["id"]


def signed_by_tool(market, ann, hashes):
    """Her consent, signed and posted by our tool; its id and its file."""
    key, listed, words, out = (market.dir / name for name in ("ann.key", "ann.list", "words.txt", "ann.jsonl"))
    listed.write_text("".join(h + "\n" for h in hashes), encoding="ascii")
    words.write_text("I agree\n", encoding="ascii")
    ann.cf("key", "new", key, "--plain")
    ann.cf("key", "register", key)
    ann.cf("consent", "sign", "--key", key, "--role=author", "--purpose=pretraining", "--territory=EU", "--text", words,
           "--list", listed, "--out", out)
    ident = ann.cf("consent", "post", out).said("consent")
    wait_for(lambda: ann.get(f"/v1/consents/{ident}").json()["state"] == "granted", 60, "the grant")
    return ident, out


def judged_by_theirs(name, document, status=None, tamper=True):
    """status: whether it must be seen as withdrawn; None: it has none."""
    got = theirs(do="verify", document=document, tamper=tamper)
    tap.check(got["verified"], f"{name}: as served verifies in theirs{got['why']}")
    if status is not None:
        tap.equal(got["set"], status, f"{name}: and is seen {'withdrawn' if status else 'standing'} there")
    if tamper:
        tap.equal(got["changed"], [], f"{name}: no value of it may be another")


def lists_saved(market, name):
    """The served status lists, in files, as flags of `counterfoil verify`."""
    flags = []
    for row in market.operator.get("/v1/status-lists").json()["data"]:
        path = market.dir / f"{name}-{row['of']}-{row['purpose']}-{row['pair']}.json"
        path.write_bytes(must(market.operator.get(f"/v1/status-lists/{row['id']}"), 200).body)
        flags += ["--status", path]
    return flags


def verified(market, name, data, *flags, code=0, word=""):
    """By our tool."""
    path = market.dir / "judged.json"
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    got = market.cf("verify", path, *flags, code=None)
    return tap.check(got.code == code and word in got.out + got.err, name) or tap.note(repr(got))


def judged_by_ours(market, ben, signed, hashes, issuer):
    """A consent that theirs signed, and every change of it; at the market as well."""
    flags = [*lists_saved(market, "before"), "--issuer", ben.key.did]
    verified(market, "theirs verifies in ours, with its coverage and its status", consents.body(signed, hashes), *flags,
             word="not revoked")
    verified(market, "but not with another coverage", consents.body(signed, hashes[:1]), *flags, code=1,
             word="coverage_invalid")
    verified(market, "nor as another's", signed, *flags[:-1], issuer, code=1)
    others, taken, posted = theirs(do="changed", document=signed)["documents"], 0, 0
    for other in others:
        (market.dir / "bent.json").write_text(json.dumps(other), encoding="utf8")
        taken += market.cf("verify", market.dir / "bent.json", code=None).code != 1
        got = ben.party.call("POST", "/v1/consents", consents.body(other, hashes), headers=JSONL)
        posted += got.status != 422
    tap.check(others and not taken, f"of {len(others)} changed ones none verifies in ours")
    tap.equal(posted, 0, "nor does the market take any")


def withdrawn(market, both, before):
    """Seen on both sides: in the list that is served now, not in the one of before."""
    entries = [c["certificate"]["credentialStatus"] for c in both.values()]
    url, = {e["statusListCredential"] for of in entries for e in of if e["statusPurpose"] == "revocation"}
    where = url.removeprefix(market.url)
    places = {c["status_index"] for c in both.values()}
    wait_for(lambda: places <= consents.bits(market.operator.get(where).json()), 60, "the list to show them")
    flags = lists_saved(market, "after")
    for name, consent in both.items():
        judged_by_theirs(f"{name}, withdrawn", consent["certificate"], True, tamper=False)
        verified(market, f"{name}, withdrawn: ours sees it", consent["certificate"], *flags, code=1, word="revoked")
        verified(market, f"{name}: not by the list of before", consent["certificate"], *before)
    judged_by_theirs("the list with both in it", market.operator.get(where).json())
    verified(market, "which verifies in ours", market.operator.get(where).body)


def certified(market, house):
    """A certificate of sourcing that theirs signed: valid, and revoked, on both sides."""
    version = must(house.get("/v1/datasets/house/works/versions/1"), 200).json()
    certifier = sourcing.Certifier(market, key=TheirKey(CERTIFIER))
    shown = certifier.issue(version)
    name, place = "a certificate of sourcing that theirs signed", shown["status_index"]
    flags = ["--issuer", certifier.key.did, *lists_saved(market, "certified")]
    judged_by_theirs(name, shown["certificate"], False)
    verified(market, f"{name} verifies in ours", shown["certificate"], *flags, word="not revoked")
    others, posted = theirs(do="changed", document=shown["certificate"])["documents"], 0
    for other in others:
        posted += certifier.post(other).status != 422
    tap.check(others and not posted, f"of {len(others)} changed ones the market takes none")
    must(certifier.revoke(shown), 200)
    where = sourcing.list_of(market)["url"].removeprefix(market.url)
    wait_for(lambda: place in consents.bits(market.operator.get(where).json()), 60, "the list to show it")
    judged_by_theirs(f"{name}, revoked", shown["certificate"], True, tamper=False)
    verified(market, f"{name}, revoked: ours sees it", shown["certificate"], *lists_saved(market, "revoked"), code=1,
             word="revoked")


def main():
    market = Market(folder("interop-served"), COUNTERFOIL_RATE="0")
    market.env["COUNTERFOIL_PUBLIC_URL"] = market.url
    with market:
        house, bob = market.party("house", "publisher"), market.party("bob", "buyer")
        ann, ben = market.party("ann", "creator"), Creator(market, market.party("ben", "creator"), TheirKey(BEN))
        hashes, offer = publish(house, [ann, ben.party])
        wait_for(lambda: market.operator.get("/v1/status-lists").json()["data"], 60, "the status lists")
        ident, out = signed_by_tool(market, ann, [hashes[0], hashes[2]])
        certified(market, house)
        own = sorted([hashes[1], hashes[2]])
        both = {"signed by our tool": ann.get(f"/v1/consents/{ident}").json(), "signed by theirs": ben.consent(own)}
        tap.check(True, "a key and a consent that theirs signed are registered and granted")
        for name, consent in both.items():
            judged_by_theirs(name, consent["certificate"], False)
        license_id = license_of(bob, offer)
        judged_by_theirs("the license", must(bob.get(f"/v1/licenses/{license_id}"), 200).json()["credential"])
        c = clearing.clear(bob, license_id, signed=True)
        tap.equal(c["cleared"], 3, "all is cleared, what rests on theirs too")
        judged_by_theirs("the clearance", c["credential"])
        issuer = c["credential"]["issuer"]
        verified(market, "which verifies in ours", c["credential"], "--issuer", issuer, word="cleared")
        before = lists_saved(market, "before")
        for path in before[1::2]:
            judged_by_theirs(path.stem, json.loads(path.read_text()))
        tap.equal(market.cf("verify", out, *before, code=None).code, 0, "our own file verifies in ours")
        judged_by_ours(market, ben, both["signed by theirs"]["certificate"], own, issuer)
        ann.cf("consent", "revoke", ident, "--key", market.dir / "ann.key")
        tap.equal(ben.withdraw(both["signed by theirs"])["state"], "revoked", "withdrawn by a request of theirs")
        withdrawn(market, both, before)
        later_ = clearing.clear(bob, license_id, signed=True)
        tap.check(later_["state"] == "refused" or later_["cleared"] == 0, "nothing is cleared any more")
        judged_by_theirs("the refusal", later_["credential"]) if later_["credential"] else None
    tap.done()


main()
