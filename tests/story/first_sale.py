# SPDX-License-Identifier: Apache-2.0
"""The story of a first sale, by the tool that people use, with every refusal on the way."""
import base64
import filecmp
import hashlib
import json
import os
import pathlib
import secrets
import shutil

from harness.market import UNTIL, Market, Party
from harness.tap import check, done, equal
from harness.tree import folder
from harness.web import Client

BIG = secrets.token_bytes(3_000_000)
ODD = {
    "readme.md": b"# hello\n", "empty": b"", "also empty": b"", "-dash": b"-", "--help": b"help",
    "with space.txt": b"space", "new\nline": b"line", "tab\tand \"quotes\"": b"quotes", "percent%2Fslash": b"%",
    "quest?ion#mark&=": b"?", "ünïcödé/Ω.txt": "Ω".encode(), "a/b/c/d/e/f": b"deep", "a/b.txt": b"beside",
    "same-1": b"the same bytes", "same-2": b"the same bytes", "back\\slash": b"\\", ".hidden": b".", "...": b"dots",
    "big.bin": BIG,
}


def tree(where):
    where = pathlib.Path(where)
    return sorted(str(p.relative_to(where)) for p in where.rglob("*")
                  if p.is_file() and p.relative_to(where).parts[0] != ".counterfoil")


def same(a, b):
    paths = tree(a)
    return paths == tree(b) and all(filecmp.cmp(pathlib.Path(a, p), pathlib.Path(b, p), shallow=False) for p in paths)


def audit(m, party=None, code=0, **more):
    run = party.cf if party else m.cf
    return json.loads(run("audit", m.url, "--json", code=code, **more).out)


def key_files(m):
    path = m.dir / "my.key"
    words = m.dir / "words"
    words.write_text("correct horse battery\n", encoding="ascii")
    words.chmod(0o600)
    made = m.cf("key", "new", path, "--passphrase-file", words)
    shown = m.cf("key", "show", path, "--passphrase-file", words)
    equal(shown.out, made.out, "a sealed key file opens with its passphrase")
    words.write_text("another passphrase\n", encoding="ascii")
    m.cf("key", "show", path, "--passphrase-file", words, code=1)
    m.cf("key", "new", path, "--plain", code=1)
    check(path.stat().st_mode & 0o777 == 0o600, "a key file is its owner's alone, and never overwritten")


def parties(m):
    path = m.dir / "acme.key"
    got = m.operator.cf("party", "acme", "--role", "publisher", "--name", "Acme", "--key-out", path)
    check(got.said("party").startswith("pty_"), "the operator registers a party")
    equal(path.stat().st_mode & 0o777, 0o600, "its key is in a file of its owner's alone")
    again = m.operator.cf("party", "acme", "--role", "publisher", "--name", "Acme", "--key-out", m.dir / "x.key",
                          code=1)
    check("409" in again.err and not (m.dir / "x.key").exists(), "a handle is given once")
    acme = Party(m, "acme", path.read_text(encoding="ascii").strip())
    acme.cf("party", "mine", "--role", "buyer", "--name", "Mine", code=1)
    check(True, "nobody but the operator registers parties")
    return acme


def publication(m, acme):
    where = m.files("odd", ODD)
    os.symlink("/etc/passwd", where / "leak")
    os.symlink("readme.md", where / "inside")
    with open(os.fsencode(where) + b"/bad\xff", "wb") as f:
        f.write(b"x")
    got = acme.cf("publish", where, "acme/odd", "--title", "Odd things", "--wait")
    check("leak" in got.err and "bad\\xff" in got.err, "what is skipped is named")
    check(f"{len(ODD) + 1} items" in got.out, "every other file is an item, the link inside the folder too")
    before = m.requested()
    check("unchanged" in acme.cf("publish", where, "acme/odd").out and m.requested() == before,
          "the same folder makes no new version")
    acme.cf("publish", where, "other/odd", code=1)
    check(m.requested() == before, "nobody publishes under another's handle")
    for name in ("leak", b"bad\xff"):
        os.unlink(os.path.join(os.fsencode(where), os.fsencode(name)))
    check("odd" in m.cf("datasets").out and "verified" in m.cf("datasets", "acme/odd").out, "it is in the catalog")
    return where


def foreign_content(m, acme, other):
    name = hashlib.sha256(BIG).hexdigest()
    equal(acme.call("HEAD", f"/v1/content/{name}").status, 200, "an uploader sees its own content")
    equal(other.call("HEAD", f"/v1/content/{name}").status, 404, "nobody else does")
    handle = other.handle
    other.post("/v1/datasets", {"name": "theft", "title": "t", "modality": "text"}, idempotency=None)
    draft = other.post(f"/v1/datasets/{handle}/theft/versions", idempotency=None).json()["id"]
    line = json.dumps({"path": "x", "sha256": name, "size": len(BIG)}).encode() + b"\n"
    put = other.put(f"/v1/datasets/{handle}/theft/versions/{draft}/items?part=0", line,
                    headers={"Content-Type": "application/jsonl"})
    published = other.post(f"/v1/datasets/{handle}/theft/versions/{draft}/publish")
    check(put.status in (200, 403, 404, 409, 422) and published.status in (403, 404, 409, 422),
          "nobody gets at bytes by naming their hash")


def refused_terms(m, buyer, offer):
    before = m.requested()
    for what, purpose, where, until in (("a purpose", "voice_cloning", "DE", "2098-01-01"),
                                        ("a territory", "pretraining", "US", "2098-01-01"),
                                        ("a term", "pretraining", "DE", "2199-01-01")):
        got = buyer.cf("quote", offer, "--purpose", purpose, "--territory", where, "--until", until, code=1)
        check("[403" in got.err, f"{what} that the terms don't grant is refused")
    equal(m.requested(), before, "and leaves nothing in the ledger")


def purchase(m, buyer, offer):
    poor = m.quote(buyer, offer)["id"]
    check("[402" in buyer.cf("buy", poor, code=1).err, "an exhausted balance is told")
    m.operator.cf("pay", buyer.handle, "20.00", "EUR", "--reference", "transfer 1")
    m.operator.cf("pay", buyer.handle, "20.00", "EUR", "--reference", "transfer 1")
    check("20.00 EUR" in buyer.cf("balance").out, "one reference is one payment")
    license = buyer.cf("buy", poor).said("license")
    equal(buyer.cf("buy", poor).said("license"), license, "a quote bought again is the same license")
    check("8.00 EUR" in buyer.cf("balance").out, "paid once")
    second = m.quote(buyer, offer)["id"]
    check("[402" in buyer.cf("buy", second, code=1).err, "8.00 EUR don't pay 12.00 EUR")
    buyer.cf("offer", "acme/odd", "--price", "1.00", "EUR", "--purpose", "evaluation", "--territory", "EU",
             "--until", UNTIL, code=1)
    return license


def policies(m, key):
    """A reader's policy is kept or refused, never passed over."""
    public = b"\x04" + secrets.token_bytes(32)
    name = hashlib.sha256(b"witness.example\n" + public).digest()[:4].hex()
    witness = f"witness w1 witness.example+{name}+{base64.b64encode(public).decode()}\n"
    for quorum, code in (("none", 0), ("w1", 1)):
        policy = m.dir / f"policy-{quorum}"
        policy.write_text(f"log {key}\n{witness}quorum {quorum}\n", encoding="ascii")
        got = m.cf("verify", m.dir / "clearance.json", "--key", key, "--policy", policy, code=code)
        check(code == 0 or "below the policy" in got.err, f"a clearance's checkpoint under a quorum of {quorum}")
        got = m.cf("verify", m.dir / "clearance.json", "--policy", policy, code=2)
        check("with --key" in got.err, "of which nothing is said without the log's key")


def delivery(m, buyer, license, where):
    out = m.dir / "pulled"
    got = buyer.cf("pull", license, out, code=1)
    check("no clearance yet" in got.err and not tree(out), "a pull without a clearance says what lacks, at once")
    got = buyer.cf("clear", license, "--project", "moon", "--out", m.dir / "clearance.json")
    check(f"cleared    {len(ODD) + 1} of" in got.out, "the items are cleared")
    check("cleared" in m.cf("verify", m.dir / "clearance.json").out, "which verifies offline")
    text = (m.dir / "clearance.json").read_text(encoding="utf8")
    (m.dir / "bent.json").write_text(text.replace("moon", "mars"), encoding="utf8")
    m.cf("verify", m.dir / "bent.json", code=1)
    m.cf("verify", m.dir / "clearance.json", "--issuer", "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
         code=1)
    got = buyer.cf("pull", license, out)
    check(same(where, out), "every item is in its path, byte for byte")
    equal(m.entries("access.recorded"), len(ODD) + 1, "each access is in the log")
    check(not any((out / ".counterfoil" / "parts").iterdir()), "no part is left over")
    got = buyer.cf("pull", license, out)
    check("fetched    0 items" in got.out and m.entries("access.recorded") == len(ODD) + 1, "again, it fetches nothing")
    key = (out / ".counterfoil" / "log.vkey").read_text(encoding="ascii").strip()
    check("sound" in m.cf("verify", out, "--key", key).out, "folder and receipts verify offline")
    policies(m, key)
    receipt = sorted((out / ".counterfoil" / "receipts").glob("*.tlog-proof"))[-1]
    check("access.recorded" in m.cf("verify", receipt, "--key", key).out, "so does a receipt by itself")
    wrong = key.replace(key.rsplit("+", 1)[1][-8:-4], "AAAA")
    m.cf("verify", receipt, "--key", wrong, code=2)
    (out / "readme.md").write_bytes(b"# hullo\n")
    m.cf("verify", out, "--key", key, code=1)
    buyer.cf("pull", license, out)
    check(same(where, out), "what was changed is fetched again")
    return out, key


def resumed(m, buyer, license, where, out):
    lines = [json.loads(x) for x in (out / ".counterfoil" / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    n = next(x["n"] for x in lines if x["path"] == "big.bin")
    part = out / ".counterfoil" / "parts" / f"{n}-{hashlib.sha256(BIG).hexdigest()[:16]}"
    before = m.entries("access.recorded")
    (out / "big.bin").unlink()
    part.write_bytes(BIG[:2_000_000])
    got = buyer.cf("pull", license, out)
    check("1.0 MB" in got.out and same(where, out), "a pull goes on where it was cut off")
    (out / "big.bin").unlink()
    part.write_bytes(b"x" * 2_000_000)
    buyer.cf("pull", license, out)
    check(same(where, out), "a part of other bytes is thrown away")
    equal(m.entries("access.recorded"), before, "within the window it is one access")
    shutil.rmtree(out / "a")
    os.symlink("/tmp", out / "a")
    got = buyer.cf("pull", license, out, code=1)
    check(not os.path.exists("/tmp/b.txt") and "a/b.txt" in got.err, "a link in the way is not followed")
    (out / "a").unlink()
    buyer.cf("pull", license, out)
    check(same(where, out), "and once it is gone, all is there")


def strangers(m, license, acme, other):
    out = m.dir / "stolen"
    for who, name in ((other, "another publisher"), (m.party("rival", "buyer"), "another buyer")):
        check("[404" in who.cf("pull", license, out, code=1).err, f"{name} gets nothing of a foreign license")
    wrong = acme.key[:-4] + ("aaaa" if acme.key[-4:] != "aaaa" else "bbbb")
    check("[401" in m.cf("pull", license, out, key=wrong, code=1).err, "a key that isn't one opens nothing")
    equal(Client(m.port).get(f"/v1/licenses/{license}/items/readme.md").status, 401, "nor does none")
    check(not out.exists() or not tree(out), "not a byte was written")


def unverified(m, acme, buyer):
    m.stop(only=("worker",))
    m.publish(acme, "fresh", {"one": b"nobody has looked at this"}, wait=False)
    offer = m.offer(acme, "fresh", price="1.00")["id"]
    license = m.buy(buyer, offer, cleared=False)["id"]
    got = buyer.cf("pull", license, m.dir / "fresh", code=1)
    check("[403" in got.err and not tree(m.dir / "fresh"), "unverified content is not delivered")
    m.start(only=("worker",))
    acme.cf("publish", m.dir / "files-acme-fresh", "acme/fresh", "--wait")
    buyer.cf("clear", license)
    buyer.cf("pull", license, m.dir / "fresh")
    equal(tree(m.dir / "fresh"), ["one"], "once a worker has verified it, it is")


def corrupted(m, buyer, license, where, offer):
    data, path = ODD["with space.txt"], m.blob(ODD["with space.txt"])
    path.chmod(0o600)
    path.write_bytes(b"S" + data[1:])
    before = m.entries("content.verified")
    m.verify_now(data, "corrupt")
    equal(m.entries("content.verified"), before + 1, "what a worker finds is an entry")
    out = m.dir / "damaged"
    got = buyer.cf("pull", license, out, code=1)
    check("with space.txt" in got.err and "[403" in got.err, "a corrupted file is refused by name")
    equal(tree(out), sorted(set(tree(where)) - {"with space.txt"}), "the others are delivered")
    buyer.cf("quote", offer, "--purpose", "pretraining", "--territory", "DE", "--until", "2098-01-01", code=1)
    check(True, "an offer that holds it is paused")
    path.unlink()
    m.verify_now(data, "missing")
    buyer.cf("pull", license, out, code=1)
    path.write_bytes(data)
    m.verify_now(data, "verified")
    buyer.cf("pull", license, out)
    check(same(where, out), "mended and verified, it is delivered again")
    m.quote(buyer, offer)
    check(True, "and offered again")


def ended(m, buyer, license, acme, offer):
    got = buyer.cf("license", "end", license)
    check("ended" in got.out, "a buyer ends a license")
    before = m.requested()
    out = m.dir / "late"
    got = buyer.cf("pull", license, out, code=1)
    check("[403" in got.err and not tree(out) and m.requested() == before, "an ended license delivers nothing")
    acme.cf("offer", "withdraw", offer)
    buyer.cf("quote", offer, "--purpose", "pretraining", "--territory", "DE", "--until", "2098-01-01", code=1)
    check(True, "a withdrawn offer quotes nothing")


def audits(m, watcher):
    before = m.entries()
    report = audit(m)
    check(report["verdict"] == "sound" and report["to"] >= before and report["from"] > 0,
          "the outsider's audit goes on where it was, and finds the log sound")
    full = audit(m, watcher, env={"XDG_STATE_HOME": str(m.dir / "state-auditor")})
    check(full["verdict"] == "sound" and full["disclosed"] > 0 and full["undisclosed"] == 0,
          "the auditor's, with what is disclosed to it, too")
    check(sum(full["entries"].values()) == full["to"] >= report["to"], "it has read every entry")
    key = full["key"]
    mirror = m.dir / "mirror"
    copy_log(m, mirror)
    m.cf("audit", mirror, "--dir", "--key", key, "--state", m.dir / "dir.state")
    check(True, "so is a copy of it in a folder")
    m.cf("audit", m.dir / "old", "--dir", "--key", key, "--state", m.dir / "dir.state", code=1)
    kept = list(m.dir.glob("dir.state.evidence.*"))
    check(len(kept) == 1 and kept[0].read_text(encoding="utf-8").count(m.origin) >= 2,
          "a log that has become smaller is a finding, and both its checkpoints are kept as evidence")
    bundle = next(p for p in sorted((mirror / "tile" / "entries").rglob("*")) if p.is_file())
    raw = bytearray(bundle.read_bytes())
    raw[60] ^= 1
    bundle.write_bytes(raw)
    m.cf("audit", mirror, "--dir", "--key", key, "--state", m.dir / "dir2.state", code=1)
    check(True, "a copy with one bit changed is not")
    m.cf("audit", "http://127.0.0.1:1", "--key", key, "--state", m.dir / "none.state", code=2)
    check(True, "a market that doesn't answer is not called sound")


def copy_log(m, where):
    """checkpoint, tiles and bundles as served, by their paths."""
    client = Client(m.port)

    def keep(path):
        got = client.get(f"/log/{path}")
        if got.status != 200:
            raise AssertionError((path, got))
        (where / path).parent.mkdir(parents=True, exist_ok=True)
        (where / path).write_bytes(got.body)
        return got.body

    size = int(keep("checkpoint").split(b"\n")[1])
    level, n = 0, size
    while n:
        for tile in range((n + 255) // 256):
            width = min(256, n - tile * 256)
            name = f"{tile:03d}" + ("" if width == 256 else f".p/{width}")
            keep(f"tile/{level}/{name}")
            if level == 0:
                keep(f"tile/entries/{name}")
        level, n = level + 1, n // 256


def main():
    with Market(folder("story-first-sale")) as m:
        key_files(m)
        equal(audit(m)["verdict"], "sound", "a market that has just opened is sound")
        copy_log(m, m.dir / "old")
        acme, other = parties(m), m.party("other", "publisher")
        buyer, watcher = m.party("lab", "buyer"), m.party("watchful", "auditor")
        where = publication(m, acme)
        foreign_content(m, acme, m.party("thief", "publisher"))
        offer = m.offer(acme, "odd", purposes=("pretraining", "evaluation"), territories=("EU", "GB"))["id"]
        refused_terms(m, buyer, offer)
        license = purchase(m, buyer, offer)
        out, _ = delivery(m, buyer, license, where)
        resumed(m, buyer, license, where, out)
        strangers(m, license, acme, other)
        unverified(m, acme, buyer)
        corrupted(m, buyer, license, where, offer)
        ended(m, buyer, license, acme, offer)
        audits(m, watcher)
    done()


main()
