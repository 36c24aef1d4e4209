# SPDX-License-Identifier: Apache-2.0
"""Downloads under a license and its clearance, against nginx sending the same files from the same disk, alternating.

Three ways each, by one connection and by several: every download an access of its own that is recorded first; the same
ones again, within their window; nginx, which asks nobody. The client throws bodies away in the kernel, so that what is
measured is who sends.
"""
import hashlib

from checks import licenses_for, lines, load, right
from harness.sale import Sale, must
from harness.web import Client, free_port
from nginx import Nginx

SMALL = 8192
WARM_SECONDS = 1
WAYS = ("recorded", "window", "nginx")

# Where it differs from nginx's own: no log, kept connections, a cache of open files.
FILES = """
    sendfile on;
    tcp_nopush on;
    open_file_cache max=10000;
    default_type application/octet-stream;
    server {{ listen 127.0.0.1:{port}; root {root}; }}"""


class Files:
    """Items of one size on sale, and who sends them."""

    def __init__(self, market, nginx, out, tag, size, **more):
        self.size, self.next = size, 0
        self.sale = Sale(market.port, market.operator.key, f"-{tag}")
        self.sale.publish(items=more["items"], contents=more["contents"], size=size).buy(more["licenses"])
        self.ports = {"recorded": market.port, "window": market.port, "nginx": nginx.port}
        out.mkdir()
        self.key = lines(out / "key", [self.sale.buyer_key])
        self.licenses = lines(out / "licenses", self.sale.licenses)
        self.items = lines(out / "items", [path for path, _, _ in self.sale.items])
        hashes = sorted({sha256 for _, sha256, _ in self.sale.items})
        self.plain = lines(out / "plain", [f"/content/{h[:2]}/{h}" for h in hashes])
        self.out = out

    def same_bytes(self):
        """Both send what was published."""
        path, sha256, _ = self.sale.items[0]
        ours = must(self.sale.buyer.get(f"/v1/licenses/{self.sale.licenses[0]}/items/{path}"), 200)
        theirs = must(Client(self.ports["nginx"]).get(f"/content/{sha256[:2]}/{sha256}"), 200)
        for who, got in (("the API", ours), ("nginx", theirs)):
            right(hashlib.sha256(got.body).hexdigest() == sha256, f"{who} sends the published bytes")

    def again(self):
        """Targets of some of the accesses that were recorded."""
        items = len(self.sale.items)
        pairs = range(max(0, self.next - 1000), self.next)
        return lines(self.out / "again", [f"/v1/licenses/{self.sale.licenses[k // items]}/items/"
                                          f"{self.sale.items[k % items][0]}" for k in pairs])

    def measure(self, way, connections, seconds):
        wish = {"recorded": {"items": self.items, "key": self.key, "licenses": self.licenses, "first": self.next},
                "window": {"items": self.again() if way == "window" else None, "key": self.key},
                "nginx": {"items": self.plain}}[way]
        got = load(self.ports[way], connections, seconds, **wish)
        right(got["bytes"] == (got["requests"] - got["wrong"]) * self.size, f"{way}: every body has {self.size} bytes")
        if way == "recorded":
            self.next = got["next"]
        return got


def recorded(market):
    return int(market.sql("SELECT count(*) FROM access")[0][0])


def compare(market, files, crowds, runs, seconds):
    """{(way, connections): [measured, …]}"""
    out = {}
    files.same_bytes()
    files.next = 1
    files.measure("recorded", 1, WARM_SECONDS)
    for _ in range(runs):
        for connections in crowds:
            for way in WAYS:
                before = recorded(market)
                got = files.measure(way, connections, seconds)
                made = got["requests"] if way == "recorded" else 0
                right(recorded(market) == before + made, f"{way}: {made} accesses are recorded")
                out.setdefault((way, connections), []).append(got)
        print("  " + "  ".join(f"{way} {c}: {got[-1]['rate']:,.0f}/s {got[-1]['mb']:,.0f} MB/s"
                               for (way, c), got in out.items()), flush=True)
    return out


def bench_download(market, out, large, short):
    """((crowds, measured) of the small files, the same of the large one)"""
    runs, seconds = (1, 1) if short else (3, 3)
    kinds = (("small", SMALL, (1, 64), {"items": 5000, "contents": 64}),
             ("large", large, (1, 4), {"items": 500, "contents": 1}))
    measured = []
    port = free_port()
    with Nginx(out / "nginx", port, FILES.format(port=port, root=market.content)) as nginx:
        for tag, size, crowds, more in kinds:
            licenses = licenses_for(WARM_SECONDS + runs * len(crowds) * seconds, more["items"], size)
            files = Files(market, nginx, out / tag, tag, size, licenses=licenses, **more)
            measured.append((crowds, compare(market, files, crowds, runs, seconds)))
    return measured
