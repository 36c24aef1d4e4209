# SPDX-License-Identifier: Apache-2.0
"""Rules over the tree as a whole: each takes {path: Source} and yields (path, line, why)."""

import json
import os
import re
import subprocess
import tempfile

TOP = {"Makefile", "README.md", "LICENSE", "api", "ledger", "schema", "worker", "tests", "docs"}
IGNORED = {"build", "var"}


class Skipped(Exception):
    """A rule could not be checked here; under CI that is a failure."""


def top_level(tree, root):
    """The top level is as prescribed; dot-files aside, nothing joins it."""
    seen = {path.split("/")[0] for path in tree}
    for name in sorted(seen):
        if name not in TOP and name not in IGNORED and not name.startswith("."):
            yield name, 1, "does not belong to the top level"
    for name in sorted(TOP - seen):
        yield name, 1, "is missing"


def limits(tree, root):
    """Every limit of limits.h limits something."""
    header = tree.get("schema/base/limits.h")
    if not header:
        return
    code = "\n".join(s.code for s in tree.values() if s.is_c and s is not header and not s.path.startswith("tests/"))
    within = header.code
    for n, line in enumerate(header.lines, 1):
        match = re.match(r"#define (\w+)", line)
        if match and not re.search(rf"\b{match.group(1)}\b", code) and \
                len(re.findall(rf"\b{match.group(1)}\b", within)) < 2:
            yield header.path, n, f"{match.group(1)} limits nothing"
        if match and "/*" not in line:
            yield header.path, n, f"{match.group(1)} has no sentence"


def migrations(tree, root):
    """Migrations are numbered from 0001 on, each number once."""
    paths = sorted(p for p in tree if p.startswith("schema/sql/") and p.endswith(".sql"))
    for number, path in enumerate(paths, 1):
        if path.split("/")[-1][:5] != f"{number:04d}_":
            yield path, 1, f"is not number {number:04d}"


def errors(tree, root):
    """Every error of err.def can happen, and slugs are words."""
    table = tree.get("schema/base/err.def")
    if not table:
        return
    code = "\n".join(s.code for s in tree.values() if s.is_c and s is not table and not s.path.startswith("tests/"))
    for n, line in enumerate(table.lines, 1):
        match = re.match(r'ERR\((\w+),\s*(\w+),\s*(\d+),\s*"([^"]*)"\)', line)
        if not match:
            continue
        if not re.search(rf"\bERR_{match.group(1)}\b", code):
            yield table.path, n, f"ERR_{match.group(1)} never happens"
        if not re.fullmatch(r"[a-z]+(-[a-z]+)*", match.group(4)):
            yield table.path, n, f"slug {match.group(4)!r}"


def executable(tree, root):
    """What begins with #! is executable, and the other way round."""
    for path, source in tree.items():
        full = os.path.join(root, path)
        if not os.path.exists(full):
            continue
        can = os.access(full, os.X_OK) and bool(os.stat(full).st_mode & 0o100)
        if source.text.startswith("#!") != can:
            yield path, 1, "is executable without #!" if can else "has #! and is not executable"


def strays(tree, root):
    """No backup, editor or binary files, nothing large."""
    for path in tree:
        if re.search(r"(\.orig|\.rej|\.swp|~|\.bak|\.o|\.pyc)$", path):
            yield path, 1, "does not belong into the tree"
        full = os.path.join(root, path)
        if os.path.exists(full) and os.path.getsize(full) > (1 << 20):
            yield path, 1, f"{os.path.getsize(full)} bytes"


def mirrored(tree, root):
    """A unit test has the path of what it tests, or lies beside it in the folder of its room."""
    for path in tree:
        match = re.fullmatch(r"tests/unit/(.+)/[^/]+\.c", path)
        if match and not any(p.startswith(match.group(1) + "/") for p in tree):
            yield path, 1, f"{match.group(1)} does not exist"


def generated(tree, root):
    """Generated pages are what docs/generate makes of the code today."""
    script = os.path.join(root, "docs/generate")
    if not os.path.exists(script):
        return
    with tempfile.TemporaryDirectory() as out:
        run = subprocess.run([script, out], cwd=root, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if run.returncode != 0:
            raise Skipped("docs/generate: " + (run.stderr.strip().split("\n") or ["?"])[-1])
        for name in sorted(os.listdir(out)):
            with open(os.path.join(out, name), encoding="utf-8") as f:
                want = f.read()
            have = tree["docs/" + name].text if "docs/" + name in tree else ""
            if want != have:
                pairs = list(zip(want.split("\n") + [""], have.split("\n") + [""]))
                line = next((i for i, (a, b) in enumerate(pairs, 1) if a != b), 1)
                yield "docs/" + name, line, "out of date: make docs"


# ---- the contract

METHODS = ("get", "put", "post", "delete", "head", "patch")
ROLES = {"", "any", "operator", "publisher", "buyer", "auditor", "creator", "certifier"}


def contract(tree, root):
    """api/openapi.json is complete: each operation has summary, role, responses; references lead somewhere."""
    source = tree.get("api/openapi.json")
    if not source:
        return
    path = source.path

    def line_of(word):
        at = source.text.find(f'"{word}"')
        return source.text.count("\n", 0, at) + 1 if at >= 0 else 1

    try:
        doc = json.loads(source.text, object_pairs_hook=no_duplicates)
    except ValueError as problem:
        yield path, getattr(problem, "lineno", 1), str(problem)
        return
    if not str(doc.get("openapi", "")).startswith("3.1"):
        yield path, 1, "is not OpenAPI 3.1"
    seen = {}
    for url, item in doc.get("paths", {}).items():
        for method, op in item.items():
            if method not in METHODS:
                continue
            where, line = f"{method.upper()} {url}", line_of(op.get("operationId", url))
            for problem in operation(op, url, method):
                yield path, line, f"{where}: {problem}"
            if op.get("operationId") in seen:
                yield path, line, f"{where}: operationId of {seen[op['operationId']]}"
            seen[op.get("operationId")] = where
    yield from ((path, line, why) for line, why in references(doc, line_of))


def no_duplicates(pairs):
    keys = [k for k, _ in pairs]
    for k in keys:
        if keys.count(k) > 1:
            raise ValueError(f"duplicate key {k!r}")
    return dict(pairs)


def operation(op, url, method):
    for key in ("operationId", "summary", "tags", "responses"):
        if not op.get(key):
            yield f"has no {key}"
    if op.get("x-role") not in ROLES:
        yield f"x-role {op.get('x-role')!r}"
    if bool(op.get("x-role")) != any(op.get("security", [])):
        yield "x-role and security disagree"
    if "default" not in op.get("responses", {}):
        yield "has no default response (the problem document)"
    declared = {p.get("name") for p in op.get("parameters", []) if p.get("in") == "path"}
    referred = any("$ref" in p for p in op.get("parameters", []))
    wanted = set(re.findall(r"\{(\w+)\+?\}", url))
    if declared - wanted or wanted - declared and not referred:
        yield f"path parameters {sorted(declared ^ wanted)}"
    if op.get("x-idempotency-key") and method != "post":
        yield "an Idempotency-Key on something that is not a POST"


def references(doc, line_of):
    schemas = doc.get("components", {}).get("schemas", {})
    used = set()
    stack = [doc]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            stack.extend(node.values())
            ref = node.get("$ref")
            if isinstance(ref, str):
                used.add(ref)
                target = doc
                for part in ref.lstrip("#/").split("/"):
                    target = target.get(part) if isinstance(target, dict) else None
                if target is None:
                    yield line_of(ref), f"{ref} leads nowhere"
    for name in schemas:
        if f"#/components/schemas/{name}" not in used:
            yield line_of(name), f"schema {name} is used by nothing"
        if schemas[name].get("type") == "object" and "properties" not in schemas[name] and \
                "additionalProperties" not in schemas[name]:
            yield line_of(name), f"schema {name} has no properties"


# ---- what the programs link

MUST_NOT_LINK = {
    "counterfoil-api": ["libcurl"],
    "counterfoil-worker": ["libmicrohttpd"],
    "counterfoil-signer": ["libpq", "libmicrohttpd", "libcurl"],
    "counterfoil-schema": ["libmicrohttpd", "libcurl"],
    "counterfoil": ["libpq"],
}


def links(tree, root):
    """Least privilege can be read off the link line: no program links what it must not."""
    mains = {"counterfoil-schema": "schema/main.c", "counterfoil-signer": "ledger/signer/main.c",
             "counterfoil-worker": "worker/main.c", "counterfoil-api": "api/main.c", "counterfoil": "api/client/main.c"}
    missing = []
    for program, banned in MUST_NOT_LINK.items():
        full = os.path.join(root, "build/plain", program)
        if mains[program] not in tree:
            yield mains[program], 1, f"{program} has no main"
            continue
        if not os.path.exists(full):
            missing.append(program)
            continue
        run = subprocess.run(["ldd", full], capture_output=True, text=True)
        for found in banned_links(run.stdout, banned):
            yield mains[program], 1, f"{program} links {found}"
        if "not found" in run.stdout or run.returncode != 0:
            yield mains[program], 1, f"ldd: {run.stdout}{run.stderr}"
    if missing:
        raise Skipped("not built (make all): " + " ".join(missing))


def banned_links(ldd, banned):
    """Library names in ldd's output that are of the banned kinds."""
    names = re.findall(r"^\s*(\S+)", ldd, flags=re.M)
    return sorted({n for n in names for b in banned if n.startswith((b + ".", b + "-"))})
