# SPDX-License-Identifier: Apache-2.0
"""Readers of the log, by the nginx of docs/operating.md in front of the API and without it, alternating."""
import re

from checks import ROOT, lines, load, right
from harness.reader import tile_number
from harness.sale import must
from harness.web import Client, free_port
from nginx import Nginx

CONNECTIONS = 64
WARM_SECONDS = 1
TILES_MAX = 200             # bundles, and as many tiles of hashes


def recipe(port, api, where):
    """The page's own lines, with the ports and the folder of here."""
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    text = re.search(r"<!-- nginx -->\n+```nginx\n(.*?)```", page, re.S).group(1)
    for old, new in (("127.0.0.1:8080", f"127.0.0.1:{api}"), ("127.0.0.1:8443", f"127.0.0.1:{port}"),
                     ("proxy_cache_path cache ", f"proxy_cache_path {where}/cache ")):
        right(old in text, f"the recipe has {old}")
        text = text.replace(old, new)
    return text


def asked(market):
    """Tiles that reached the API."""
    text = must(Client(market.port).get("/metrics"), 200).body.decode()
    found = re.findall(r'^counterfoil_http_requests_total\{operation="show_tile",status="2xx"\} (\d+)', text, re.M)
    return sum(map(int, found))


def same(market, front, targets):
    for target in targets[:3] + targets[-3:]:
        for accepted in ("identity", "gzip"):
            wish = {"Accept-Encoding": accepted}
            got = [Client(port).get(target, headers=wish) for port in (market.port, front.port)]
            right(got[0].body == got[1].body and got[0].status == got[1].status == 200 and
                  got[0].headers["Content-Encoding"] == got[1].headers["Content-Encoding"],
                  f"{target} as {accepted} is the same through the cache")
    note = [must(Client(port).get("/log/checkpoint"), 200) for port in (market.port, front.port)]
    right(note[0].body == note[1].body and "X-Cache" not in note[1].headers, "the checkpoint isn't cached")


def bench_readers(market, out, runs, seconds):
    """[(direct, through the cache, tiles that reached the API meanwhile)]"""
    size = int(must(market.operator.get("/log/checkpoint"), 200).body.split(b"\n")[1])
    count, port, rows = min(TILES_MAX, size // 256), free_port(), []
    right(count > 0, f"a log of {size} entries has a full tile")
    targets = [f"/log/tile/{kind}/{tile_number(n)}" for kind in ("entries", "0") for n in range(count)]
    items = lines(out / "tiles", targets)
    with Nginx(out / "front", port, recipe(port, market.port, out / "front")) as front:
        same(market, front, targets)
        load(front.port, CONNECTIONS, WARM_SECONDS, items)
        for number in range(runs):
            direct = load(market.port, CONNECTIONS, seconds, items)
            before = asked(market)
            cached = load(front.port, CONNECTIONS, seconds, items)
            rows.append((direct, cached, asked(market) - before))
            print(f"  run {number + 1}: {direct['rate']:8.0f} tiles/s direct  {cached['rate']:8.0f}/s by the cache,"
                  f" {rows[-1][2]} of them asked the API", flush=True)
        right(rows[-1][2] == 0, "a warm cache asks the API for no tile")
        code, report = market.audit(url=f"http://127.0.0.1:{front.port}")
        right(code == 0, f"the audit through the cache is not sound: {report}")
    return rows
