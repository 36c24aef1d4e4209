# SPDX-License-Identifier: Apache-2.0
"""Where things are: the checkout, the build under test, a folder for what a test leaves behind."""
import os
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("COUNTERFOIL_BUILD", ROOT / "build" / "address-undefined"))


def program(name):
    path = BUILD / name
    if not path.exists():
        sys.exit(f"{path} is not built")
    return str(path)


def folder(name):
    """build/test/<name>, empty."""
    path = ROOT / "build" / "test" / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path
