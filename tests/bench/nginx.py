# SPDX-License-Identifier: Apache-2.0
"""nginx as it is packaged, with what it is to do as its whole configuration."""
import os
import pathlib
import shutil
import subprocess

from harness.program import wait_for
from harness.web import Client

CONFIG = """
{user}daemon off;
worker_processes auto;
pid {where}/pid;
error_log {where}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {where}/body;
    proxy_temp_path {where}/proxy;
    fastcgi_temp_path {where}/fastcgi;
    uwsgi_temp_path {where}/uwsgi;
    scgi_temp_path {where}/scgi;
    {inside}
}}
"""


class Nginx:
    """with Nginx(folder, port, lines of its http block that listen there): …"""

    def __init__(self, where, port, inside):
        self.where, self.port = pathlib.Path(where), port
        self.where.mkdir(parents=True)
        self.config = self.where / "nginx.conf"
        user = "user root;\n" if os.getuid() == 0 else ""       # the files are the user's of the market
        self.config.write_text(CONFIG.format(where=self.where, user=user, inside=inside), encoding="utf-8")
        self.process = None

    def __enter__(self):
        program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        self.process = subprocess.Popen([program, "-p", self.where, "-c", self.config, "-e", self.where / "error.log"],
                                        stdin=subprocess.DEVNULL)
        wait_for(self._answers, 20, "nginx")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def _answers(self):
        try:
            return Client(self.port).get("/").status
        except OSError:
            return None
