# SPDX-License-Identifier: Apache-2.0
"""A market whose lists never end: the client sees it and stops, whatever it was asked for."""
import json
import socketserver
import subprocess
import threading
import urllib.parse

from harness import tap
from harness.tree import program

ROW = {"title": "t"}
PAGES_MAX = 25000


class Endless(socketserver.StreamRequestHandler):
    asked = 0

    def handle(self):
        while line := self.rfile.readline().decode():
            while self.rfile.readline().strip():
                pass
            Endless.asked += 1
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(line.split()[1]).query)
            body = json.dumps(self.server.page(query.get("cursor", [None])[0])).encode()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                             % (len(body), body))


def pages(page):
    """What the client says of a market that answers every list so; how often it asked."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Endless) as server:
        server.page, Endless.asked, server.daemon_threads = page, 0, True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        got = subprocess.run([program("counterfoil"), "datasets"], stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=300, check=False,
                             env={"COUNTERFOIL_URL": f"http://127.0.0.1:{server.server_address[1]}", "PATH": "/bin",
                                  "LC_ALL": "C.UTF-8"})
        server.shutdown()
    return got, Endless.asked


def main():
    for what, page, most in (
            ("an empty page that names another", lambda at: {"data": [], "next_cursor": "more" + (at or "")}, 1),
            ("a page that names itself", lambda at: {"data": [ROW], "next_cursor": "again"}, 2),
            ("two pages that name each other", lambda at: {"data": [ROW], "next_cursor": "b" if at == "a" else "a"},
             PAGES_MAX),
            ("ever new pages", lambda at: {"data": [ROW], "next_cursor": str(int(at or 0) + 1)}, PAGES_MAX)):
        got, asked = pages(page)
        tap.check(got.returncode == 1 and "never ends" in got.stderr and asked == most, f"{what}: {asked} asked") or \
            tap.note(f"{got}"[-2000:])
    got, asked = pages(lambda at: {"data": [ROW], "next_cursor": str(int(at or 0) + 1) if at != "4" else None})
    tap.check(got.returncode == 0 and asked == 5 and got.stdout.count("  t\n") == 5, "a list with an end is read") or \
        tap.note(f"{got}")
    tap.done()


main()
