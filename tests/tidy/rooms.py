# SPDX-License-Identifier: Apache-2.0
"""Who may include whom, and which foreign library lives where (docs/architecture.md)."""

import re

BASE = ["schema/base"]
GROUND = BASE + ["schema/json", "schema/model"]
KEPT = GROUND + ["schema/store", "schema/blob"]
PURE = ["ledger/keys", "ledger/tree", "ledger/note", "ledger/entry", "ledger/rules", "ledger/cert"]

# A room, and the rooms whose headers it may include besides its own. The longest matching path decides.
ROOMS = {
    "schema/base": [],
    "schema/json": BASE,
    "schema/model": BASE + ["schema/json"],
    "schema/store": GROUND,
    "schema/blob": GROUND,
    "schema/main.c": KEPT + PURE + ["ledger/append"],
    "ledger/keys": GROUND,
    "ledger/tree": GROUND + PURE[:1],
    "ledger/note": GROUND + PURE[:2],
    "ledger/entry": GROUND + PURE[:3],
    "ledger/rules": GROUND + PURE[:4],
    "ledger/cert": GROUND + PURE[:5],
    "ledger/append": KEPT + PURE,
    "ledger/signer": GROUND + PURE,
    "ledger/audit": GROUND + PURE,
    "worker/fetch": GROUND + PURE,
    "worker/rails": KEPT + PURE + ["worker/fetch"],
    "worker/jobs": KEPT + PURE + ["ledger/append", "worker/fetch", "worker/rails"],
    "worker": KEPT + PURE + ["ledger/append", "worker/fetch", "worker/jobs", "worker/rails"],
    "api/http": BASE + ["schema/json"],
    "api/pages": BASE,
    "api/client": GROUND + ["schema/blob"] + PURE + ["ledger/audit", "worker/fetch", "api/http"],
    "api": KEPT + PURE + ["ledger/append", "api/http", "api/pages"],
}
ALL_ROOMS = sorted(set(ROOMS) | {"tests"})

# Which files may include a library's headers.
LIBRARIES = {
    r"libpq|postgres|pg_config|catalog/": ("libpq", r"schema/store/db\w*\.[ch]"),
    r"microhttpd\.h": ("libmicrohttpd", r"api/http/.*"),
    r"sodium": ("libsodium", r"ledger/keys/.*"),
    r"openssl/": ("libcrypto", r"ledger/keys/.*"),
    r"curl/": ("libcurl", r"worker/fetch/.*"),
    r"zlib\.h": ("zlib", r"ledger/cert/gzip\.c"),
    r"jansson\.h": ("jansson", r".*"),
}
# Tests and tools judge from outside: they may use a library where the product may not.
SYSTEM = set("""assert ctype dirent
    endian errno fcntl fnmatch ftw getopt grp inttypes limits locale math netdb poll
    pthread pwd regex sched semaphore signal stdarg stdatomic stdbool stddef stdint stdio stdlib string strings
    termios threads time unistd wchar iconv langinfo spawn libgen stdnoreturn stdalign float execinfo syslog
    byteswap""".split())
SYSTEM_DIRS = ("sys/", "netinet/", "arpa/", "linux/", "net/")

# Pure rooms take time and randomness as parameters and touch nothing outside.
PURE_ROOMS = ("ledger/tree/", "ledger/note/", "ledger/entry/", "ledger/rules/", "ledger/cert/", "ledger/audit/")
IMPURE_CALLS = re.compile(
    r"\b(clock_monotonic_ms|clock_monotonic_us|clock_wall_ms|clock_gettime|gettimeofday|time|random_bytes|getrandom|"
    r"rand|random|socket|connect|open|openat|fopen|read|write|send|recv|getenv)\s*\(")
IMPURE_HEADERS = re.compile(r"sys/socket\.h|netdb\.h|netinet/|arpa/|poll\.h|unistd\.h|fcntl\.h|sys/stat\.h|pthread\.h")


def room_of(path):
    best = ""
    for room in ALL_ROOMS:
        if (path == room or path.startswith(room + "/")) and len(room) > len(best):
            best = room
    return best


def includes(source, tree):
    """Quoted includes spell a full path that exists and stay within the rooms; see ROOMS."""
    room = room_of(source.path)
    for line, mark, name in source.includes():
        if mark != '"':
            continue
        if not name.startswith(("schema/", "ledger/", "worker/", "api/", "tests/")):
            yield line, f'"{name}" does not spell the full path'
            continue
        if name not in tree:
            yield line, f'"{name}" does not exist'
            continue
        if room == "tests":
            continue
        if not room:
            yield line, f"{source.path} is in no room"
            return
        target = room_of(name)
        if target == "tests":
            yield line, f'"{name}": what we ship never includes tests'
        elif target != room and target not in ROOMS[room]:
            yield line, f'"{name}": {room} may not include {target}'


def libraries(source, tree):
    """Each foreign library is included in one room only; other angle-bracket headers are the system's."""
    for line, mark, name in source.includes():
        if mark != "<":
            continue
        for pattern, (library, where) in LIBRARIES.items():
            if re.match(pattern, name):
                if not source.path.startswith("tests/") and not re.fullmatch(where, source.path):
                    yield line, f"<{name}>: {library} belongs to {where} alone"
                break
        else:
            if not name.startswith(SYSTEM_DIRS) and name.removesuffix(".h") not in SYSTEM:
                yield line, f"<{name}> is neither the system's nor one of our libraries"


def pure(source, tree):
    """Pure rooms: no clock, randomness, file, socket or environment (audit and fuzzer run the same code)."""
    if not source.path.startswith(PURE_ROOMS):
        return
    for line, mark, name in source.includes():
        if name == "schema/base/random.h" or mark == "<" and IMPURE_HEADERS.match(name):
            yield line, f"{name} in a pure room"
    for n, text in enumerate(source.code.split("\n"), 1):
        match = IMPURE_CALLS.search(text)
        if match and not re.search(r"(->|\.)\s*$", text[:match.start()]):
            yield n, f"{match.group(1)}() in a pure room"


def dumping(source, tree):
    """What is hashed is dumped by schema/json alone; jansson's own dump is for answers (api/)."""
    if source.path.startswith(("schema/json/", "api/", "tests/")):
        return
    for n, text in enumerate(source.code.split("\n"), 1):
        if re.search(r"\bjson_dump\w*\s*\(", text):
            yield n, "json_dump outside schema/json and api: canonical form comes from canon()"


SQL = re.compile(
    r"^\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\S+\s+SET\s|DELETE\s+FROM\s|"
    r"WITH\s+(RECURSIVE\s+)?\w+\s*(\([^)]*\)\s*)?AS\s|"
    r"COPY\s+\w+|BEGIN\b|COMMIT\b|ROLLBACK\b|LISTEN\s|NOTIFY\s|CREATE\s+(TABLE|ROLE|DATABASE|INDEX)\s|TRUNCATE\s|"
    r"ALTER\s+(TABLE|ROLE|DATABASE)\s|GRANT\s|LOCK\s+TABLE)|\bSELECT\b.{1,400}\bFROM\b")


def sql(source, tree):
    """SQL text stands beside its typed function in schema/store, or in schema/sql."""
    if source.path.startswith(("schema/store/", "schema/sql/", "tests/")):
        return
    for line, text in source.strings:
        if SQL.search(text.replace("\\n", " ")):
            yield line, f"SQL outside schema/store: {text.strip()[:40]!r}"
