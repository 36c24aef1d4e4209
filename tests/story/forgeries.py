# SPDX-License-Identifier: Apache-2.0
"""Forged licenses and receipts, in a pulled folder and from a market that lies while it is pulled from."""
import hashlib
import http.client
import http.server
import json
import shutil
import threading

from harness.market import Market
from harness.tap import check, done, equal
from harness.tree import folder
from harness.web import free_port

FILES = {"one": b"first", "two": b"second", "three": b"third"}


def canonical(thing):
    """RFC 8785 of what is all ASCII and has no fractions."""
    return json.dumps(thing, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def own(where, name):
    return where / ".counterfoil" / name


def rewrite(path, change):
    thing = json.loads(path.read_bytes())
    change(thing)
    path.write_bytes(canonical(thing))


def widen(license):
    """Another purpose than the one that was bought, in all places, with the hash that belongs to it."""
    license["purpose"] = "voice_cloning"
    license["document"]["credentialSubject"]["use"]["purpose"] = "voice_cloning"
    license["document_sha256"] = hashlib.sha256(canonical(license["document"])).hexdigest()


def swap(where, a, b):
    """Either receipt under the other's name."""
    for end in ("json", "tlog-proof"):
        x, y = (own(where, f"receipts/{n}.{end}") for n in (a, b))
        bytes_x, bytes_y = x.read_bytes(), y.read_bytes()
        x.write_bytes(bytes_y)
        y.write_bytes(bytes_x)


def accesses(where):
    lines = own(where, "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return {line["path"]: line["entry"] for line in map(json.loads, lines)}


def swap_in_manifest(where):
    path, entries = own(where, "manifest.jsonl"), accesses(where)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line["entry"] = entries[{"one": "two", "two": "one"}.get(line["path"], line["path"])]
    path.write_bytes(b"".join(canonical(line) + b"\n" for line in lines))


def in_a_folder(m, buyer, license, key):
    good = m.dir / "good"
    buyer.cf("pull", license, good)
    entries = accesses(good)

    def judged(what, forge, code=1, word=None):
        bad = m.dir / "forged"
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(good, bad)
        forge(bad)
        got = m.cf("verify", bad, "--key", key, code=None)
        if not check(got.code == code and (not word or word in got.err), f"verify: {what}"):
            print("#", got)

    judged("what was pulled is sound", lambda bad: None, code=0)
    judged("a license with another purpose and its hash is not", lambda bad: rewrite(own(bad, "license.json"), widen),
           word="document")
    for name, value in (("purpose", "likeness"), ("territory", "US"), ("until", "2199-01-01T00:00:00.000Z"),
                        ("payment", "pay_" + "0" * 26), ("revision", 7), ("price", {"amount": "0.01",
                                                                                  "currency": "EUR"})):
        judged(f"nor one whose {name} is not the entry's",
               lambda bad, name=name, value=value: rewrite(own(bad, "license.json"),
                                                           lambda x: x.__setitem__(name, value)),
               word="amount" if name == "price" else name)
    judged("nor one without its document", lambda bad: rewrite(own(bad, "license.json"), lambda x: x.pop("document")))
    granted = json.loads(own(good, "license.json").read_bytes())["entry"]["index"]
    judged("nor one whose receipt is gone", lambda bad: own(bad, f"receipts/{granted}.json").unlink(),
           word="pull again")
    judged("nor one whose receipt is an access's", lambda bad: swap(bad, granted, entries["one"]), word="type")
    judged("a receipt under another's name is told", lambda bad: swap(bad, entries["one"], entries["two"]))
    judged("an access of another item is told", swap_in_manifest, word="item_hash")
    judged("a receipt whose item is not disclosed shows nothing",
           lambda bad: rewrite(own(bad, f"receipts/{entries['one']}.json"), lambda x: x.update(disclosures=[])),
           word="disclose")
    judged("a disclosure that was changed is told",
           lambda bad: rewrite(own(bad, f"receipts/{entries['one']}.json"),
                               lambda x: x["disclosures"].__setitem__(0, {**x["disclosures"][0],
                                                                          "disclosure": "WyJhIl0"})))


class Liar(http.server.BaseHTTPRequestHandler):
    """Passes requests on, and forges answers as `server.forge(path, answer as JSON)` likes."""

    def do_GET(self):
        there = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=60)
        there.request("GET", self.path, headers={"Authorization": self.headers.get("Authorization", "")})
        got = there.getresponse()
        body, headers = got.read(), {k: v for k, v in got.getheaders() if k in ("Content-Type", "Counterfoil-Entry")}
        there.close()
        if headers.get("Content-Type", "").startswith("application/json"):
            thing = json.loads(body)
            self.server.forge(self.path, thing)
            body = canonical(thing)
        self.server.headers_too(self.path, headers)
        self.send_response(got.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def by_a_market(m, buyer, license):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Liar)
    server.behind, server.daemon_threads = m.port, True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = {"COUNTERFOIL_URL": f"http://127.0.0.1:{server.server_port}"}

    def pulled(what, forge=lambda *_: None, headers=lambda *_: None, code=1, word=""):
        out = m.dir / "lied"
        shutil.rmtree(out, ignore_errors=True)
        server.forge, server.headers_too = forge, headers
        got = buyer.cf("pull", license, out, code=None, env=url)
        if not check(got.code == code and word in got.err, f"pull: {what}"):
            print("#", got)
        return out

    def widened(path, thing):
        if path == f"/v1/licenses/{license}":
            widen(thing)

    def renamed(path, thing):
        if path == f"/v1/licenses/{license}":
            thing["id"] = "lic_" + "0" * 26

    def shorter(path, thing):
        if path.startswith(f"/v1/licenses/{license}/items?"):
            thing["data"] = thing["data"][:2]

    def other_access(path, headers):
        if path.startswith(f"/v1/licenses/{license}/items/") and "Counterfoil-Entry" in headers:
            headers["Counterfoil-Entry"] = str(seen.setdefault("entry", headers["Counterfoil-Entry"]))

    seen = {}
    out = pulled("an honest market's license is pulled", code=0)
    m.cf("verify", out)
    pulled("a license with another purpose and its hash is refused", forge=widened, word="document")
    pulled("so is another license than the one asked for", forge=renamed)
    pulled("so is a list that leaves items out", forge=shorter, word="root")
    pulled("one entry for all items is told", headers=other_access, word="item_")
    pulled("bytes without an entry are told", headers=lambda path, h: h.pop("Counterfoil-Entry", None), word="entry")
    server.shutdown()


def main():
    with Market(folder("story-forgeries")) as m:
        publisher, buyer = m.party("house", "publisher"), m.party("lab", "buyer")
        m.pay(buyer, "50.00")
        m.publish(publisher, "texts", FILES)
        license = m.buy(buyer, m.offer(publisher, "texts")["id"])["id"]
        key = buyer.get("/v1/log/key").json()["log_key"]
        in_a_folder(m, buyer, license, key)
        by_a_market(m, buyer, license)
        only = m.dir / "unreceipted"
        buyer.cf("pull", license, only, "--no-receipts")
        equal([p.name for p in own(only, "receipts").glob("*.tlog-proof")],
              [f"{json.loads(own(only, 'license.json').read_bytes())['entry']['index']}.tlog-proof"],
              "without receipts, the license's own is kept")
        check("receipts   0 of accesses" in m.cf("verify", only, "--key", key).out, "and what isn't there is said")
    done()


main()
