# SPDX-License-Identifier: Apache-2.0
"""House style, file by file (docs/style.md)."""

import ast
import re

FUNCTION_MAX, FUNCTION_AIM = 70, 60
FILE_MAX, FILE_AIM = 700, 500
LINE_MAX = 120

CODE = (".c", ".h", ".def", ".py", ".sql", ".go", ".sh", ".js", ".css", ".html")
MARKS = ("TO" + "DO", "FIX" + "ME", "X" * 3)

BANNED = {
    "strcpy": "snprintf or scope_printf", "strcat": "struct buf", "strncat": "struct buf", "stpcpy": "struct buf",
    "sprintf": "snprintf or scope_printf", "vsprintf": "vsnprintf", "gets": "a bounded read", "strtok": "strchr",
    "strtok_r": "strchr", "atoi": "decimal_read", "atol": "decimal_read", "atoll": "decimal_read",
    "atof": "no floating point", "system": "posix_spawn", "popen": "posix_spawn", "alloca": "a scope",
    "tmpnam": "mkdtemp", "tempnam": "mkdtemp", "mktemp": "mkstemp", "asctime": "time_format", "ctime": "time_format",
    "gmtime": "gmtime_r", "localtime": "UTC", "rand": "random_bytes", "srand": "random_bytes", "random": "random_bytes",
    "setjmp": "err", "longjmp": "err", "scanf": "a strict parser", "sscanf": "a strict parser",
    "memcmp_secret": "sodium_memcmp", "assert_perror": "err",
}
BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")


def is_code(path):
    return path.endswith(CODE) or path.rsplit("/", 1)[-1] in ("Makefile", "run", "generate", "debian")


def length(source, tree):
    """Functions of at most 70 lines between the braces, files of at most 700."""
    if not is_code(source.path):
        return
    lines = len(source.lines) - 1
    if lines > FILE_MAX:
        yield lines, f"{lines} lines; {FILE_MAX} is the limit"
    for line, name, n in functions(source):
        if n > FUNCTION_MAX:
            yield line, f"{name}() has {n} lines; {FUNCTION_MAX} is the limit"


def functions(source):
    if source.is_c:
        yield from source.functions()
    elif python(source):
        try:
            parsed = ast.parse(source.text)
        except SyntaxError:
            return
        for node in ast.walk(parsed):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node.lineno, node.name, node.end_lineno - node.lineno


def python(source):
    return source.path.endswith(".py") or source.lines[0].startswith("#!") and "python" in source.lines[0]


def syntax(source, tree):
    """Python files are Python of the stdlib alone."""
    if not python(source):
        return
    try:
        parsed = ast.parse(source.text)
    except SyntaxError as problem:
        yield problem.lineno or 1, f"does not parse: {problem.msg}"
        return
    import sys
    for node in ast.walk(parsed):
        names = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        for name in names:
            top = name.split(".")[0]
            local = any(p == f"tests/{top}" or p.startswith(f"tests/{top}/") or p.endswith(f"/{top}.py") for p in tree)
            if top not in sys.stdlib_module_names and not local and top not in ("tests", "docs"):
                yield node.lineno, f"{name} is not in Python's standard library"


def layout(source, tree):
    """Lines of at most 120 characters, no tabs in C, no trailing space, LF to the end, the SPDX line first."""
    if not is_code(source.path):
        return
    generated = source.path.endswith((".html", ".css", ".js"))
    for n, line in enumerate(source.lines, 1):
        if len(line) > LINE_MAX and not generated:
            yield n, f"{len(line)} characters; {LINE_MAX} is the limit"
        if "\t" in line and (source.is_c or source.path.endswith((".py", ".sql"))):
            yield n, "a tab"
        if line != line.rstrip():
            yield n, "trailing space" if "\r" not in line else "CR at the end of the line"
    if source.text and not source.text.endswith("\n"):
        yield len(source.lines), "no newline at the end"
    first = source.lines[0] if not source.lines[0].startswith(("#!", "<!doctype", "<!DOCTYPE")) else \
        (source.lines + [""])[1]
    if "SPDX-License-Identifier: Apache-2.0" not in first:
        yield 1, "the first line must be SPDX-License-Identifier: Apache-2.0"
    if source.path.endswith(".h") and "#pragma once" not in source.text:
        yield 1, "a header needs #pragma once"


def calls(source, tree):
    """Calls that can't be bounded, that aren't thread-safe, or that start a shell."""
    if source.is_c:
        lines = source.code.split("\n")
        for n, line in enumerate(lines, 1):
            for match in BANNED_CALL.finditer(line):
                yield n, f"{match.group(1)}() is banned; use {BANNED[match.group(1)]}"
            polls = n > 1 and re.match(r"\s*(for|while) \(.*\)$", lines[n - 2])      # its bound is in that line
            if source.path.startswith("tests/") and not polls and \
                    re.search(r"(?<![\w.])(sleep|usleep|nanosleep)\s*\(", line):
                yield n, "a sleep in a test: wait for what is awaited"
    elif python(source) and source.path.startswith("tests/") and not source.path.startswith("tests/harness/"):
        for n, line in enumerate(source.lines, 1):
            if re.search(r"\btime\.sleep\(|\bsleep\(\s*[\d.]", line.split("#")[0]):
                yield n, "a sleep in a test: wait for what is awaited (tests/harness polls with a deadline)"


def state(source, tree):
    """No global state: what is at file scope is const."""
    if not source.is_c or source.path.startswith("tests/"):
        return
    for kind, line, head, _ in source.top_level():
        if kind != "declaration":
            continue
        name = variable(head)
        if name:
            yield line, f"{name}: file-scope variable that is not const"


def variable(head):
    """The name, if `head` (braces emptied) declares a file-scope variable that is not const."""
    head = re.sub(r"__attribute__\s*\(\(.*?\)\)|\[\[.*?\]\]", "", head).strip()
    if head.startswith(("typedef", "_Static_assert", "static_assert", "ERR(")):
        return None
    left = head.split("=")[0].strip()
    if "=" not in head:
        if re.fullmatch(r"(static\s+|const\s+)*(struct|union|enum)(\s+\w+)*\s*(\{\})?", left):
            return None                                     # a type
        if re.search(r"\(", left) and not re.match(r"[^(]*\(\s*\*", left):
            return None                                     # a prototype
    left = re.sub(r"\{\}", "", left)
    pointer = re.search(r"\(\s*\*\s*(const)?\s*(\w+)", left)
    if pointer:
        return None if pointer.group(1) else pointer.group(2)
    bare = re.sub(r"\[[^\]]*\]", "", left).strip()
    name = re.search(r"(\w+)$", bare)
    if not name or bare.startswith("extern \""):
        return None
    kind = bare[:name.start()]
    if "*" in kind:
        kind = kind[kind.rindex("*"):]
    return None if re.search(r"\bconst\b", kind) else name.group(1)


def marks(source, tree):
    """Nothing is left for later in a comment."""
    for n, line in enumerate(source.lines, 1):
        for mark in MARKS:
            if re.search(rf"\b{mark}\b", line):
                yield n, f"{mark}: do it, or open an issue"


def names(source, tree):
    """No file or folder named after nothing in particular."""
    for part in source.path.split("/"):
        if re.fullmatch(r"(utils?|common|misc|helpers?)", part.split(".")[0]):
            yield 1, f"{part} says nothing about what is inside"


def places(source, tree):
    """No path of somebody's machine."""
    for n, line in enumerate(source.lines, 1):
        match = re.search(r"(?<![\w.$}])/(home/\w+|work/\w+|Users/\w+)", line)
        if not match and source.path.endswith(".md"):
            match = re.search(r"(?<![\w.$}])/tmp/\w+", line)
        if match:
            yield n, f"{match.group(0)}: a path of one machine"


BRITISH = re.compile(
    r"\b(licen[c]e[sd]?|colou[r]s?|behaviou[r]s?|organi[s]e[sd]?|organi[s]ations?|seriali[s]e[sd]?|"
    r"recogni[s]e[sd]?|"
    r"favou[r]s?|cent[r]e[sd]?|honou[r](s|ed)?|neighbou[r]s?|cancel[l]ed|label[l]ed|model[l]ed|signal[l]ed|"
    r"normali[s]e[sd]?|initiali[s]e[sd]?|synchroni[s]e[sd]?|optimi[s]e[sd]?|catalogu[e]s?|gr[e]y|"
    r"analys[e][sd]?)\b", re.I)


def spelling(source, tree):
    """US spelling."""
    for n, line in enumerate(source.lines, 1):
        match = BRITISH.search(line)
        if match:
            yield n, f"{match.group(0)}: US spelling"
