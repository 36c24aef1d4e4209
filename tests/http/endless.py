# SPDX-License-Identifier: Apache-2.0
"""A market whose lists never end: the client sees it and stops, whatever it was asked for."""
import http.server
import json
import subprocess
import threading
import urllib.parse

from harness import tap
from harness.tree import program

ROW = {"title": "t"}


class Endless(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = []

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        self.asked.append(self.path)
        body = json.dumps(self.server.page(query.get("cursor", [None])[0])).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def pages(page):
    """What the client says of a market that answers every list so; how often it asked."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        server.page, Endless.asked[:] = page, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        got = subprocess.run([program("counterfoil"), "datasets"], stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=60, check=False,
                             env={"COUNTERFOIL_URL": f"http://127.0.0.1:{server.server_address[1]}", "PATH": "/bin",
                                  "LC_ALL": "C.UTF-8"})
        server.shutdown()
    return got, len(Endless.asked)


def main():
    for what, page, most in (
            ("an empty page that names another", lambda at: {"data": [], "next_cursor": "more" + (at or "")}, 1),
            ("a page that names itself", lambda at: {"data": [ROW], "next_cursor": "again"}, 2)):
        got, asked = pages(page)
        tap.check(got.returncode == 1 and "never ends" in got.stderr and asked == most, f"{what}: {asked} asked") or \
            tap.note(f"{got}")
    got, asked = pages(lambda at: {"data": [ROW], "next_cursor": str(int(at or 0) + 1) if at != "4" else None})
    tap.check(got.returncode == 0 and asked == 5 and got.stdout.count("  t\n") == 5, "a list with an end is read") or \
        tap.note(f"{got}")
    tap.done()


main()
