# SPDX-License-Identifier: Apache-2.0
"""What C gives to each statement, and takes from it, is of the types that the database infers for it.

A mismatch fails only when the statement first runs, which may be in a rare path: here every call in schema/store
is read from its source and laid against what the server says of the prepared statement.
"""
import collections
import re

from harness import tap
from harness.market import Market
from harness.tree import ROOT, folder

BOOL, BYTEA, NAME, INT8, INT4, TEXT, JSON = 16, 17, 19, 20, 23, 25, 114
BPCHAR, VARCHAR, TIME, JSONB = 1042, 1043, 1184, 3802
TEXTS = {TEXT, VARCHAR, BPCHAR, NAME}
GIVEN = {"BOOL": {BOOL}, "INT4": {INT4}, "INT8": {INT8}, "TEXT": TEXTS, "ID": TEXTS, "BYTES": {BYTEA}, "HASH": {BYTEA},
         "TIME": {TIME}, "JSON": {JSON, JSONB}, "INT4S": {1007}, "INT8S": {1016}, "TEXTS": {1009, 1015, 3807},
         "BYTESS": {1001}, "TIMES": {1185}, "BOOLS": {1000}}
TAKEN = {name: GIVEN[name] for name in ("BOOL", "INT4", "INT8", "TEXT", "ID", "BYTES", "HASH", "TIME", "JSON")}
# `struct shape x_shape = SHAPE(row, columns)`, or by hand where a row is one plain value.
SHAPE = re.compile(r"struct shape (\w+) = (?:SHAPE\(\w+, (?=\w+\))|\{ sizeof\([^)]*\), \d+, (?=\w+ \}))(\w+)")
# Called by way of a function that is given the statement, with the parameters of that call.
PASSED_ON = {("job", "TAKE_DUE"), ("job", "TAKE_LOST")}
# Called with an array of parameters; http/search asks each.
IN_ARRAYS = "dataset"


def split(text):
    """The arguments of a call, whose opening parenthesis is before text: (arguments, length)."""
    out, depth, at = [""], 0, 0
    while depth >= 0:
        c = text[at]
        depth += (c in "({[") - (c in ")}]")
        if c == "," and depth == 0:
            out.append("")
        elif depth >= 0:
            out[-1] += c
        at += 1
    return [word.strip() for word in out if word.strip()], at


class Source:
    """Statements, shapes and calls of one file of schema/store."""

    def __init__(self, text):
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        for name, body in re.findall(r"#define (\w+) \\\n((?: +COL\(.*\\\n)* +COL\(.*\n)", text):
            text = re.sub(rf"\{{ {name}\b", "{ " + body.replace("\\\n", "\n"), text)
        text = re.sub(r"\bPART\((\w+), (\"\w+\")\)", r"[PARTS + \1] = { \2 }", text)
        text = re.sub(r"\bSOURCE\((\w+), \"(\w+)\"", r'[LISTS + \1] = { "erasure_list_\2"', text)
        self.names = {}
        for table, body in re.findall(r"const struct sql (\w+)_sql\[\w*\] = \{(.*?)\n\};", text, re.S):
            for key, name in re.findall(r'\[([\w +]+)\]\s*=\s*\{\s*"(\w+)"', body):
                self.names[table, key] = name
        columns = {}
        for name, body in re.findall(r"struct column (\w+)\[\w*\] = \{(.*?)\};", text, re.S):
            columns[name] = self._columns(body)
        self.shapes = {shape: columns[name]
                       for shape, name in SHAPE.findall(text)}
        self.calls = list(self._calls(text))

    @staticmethod
    def _columns(body):
        return re.findall(r"COL\(\w+,\s*(\w+),\s*T_(\w+)\)", body) + re.findall(r'\{ "(\w+)", T_(\w+),', body)

    def _calls(self, text):
        for found in re.finditer(r"&(\w+)_sql\[([\w ?:=+]+)\],\s*(NO_PARAMS|PARAMS\()", text):
            rest = text[found.end():]
            given, used = split(rest) if found[3] == "PARAMS(" else ([], 0)
            shape = re.match(r"\s*,\s*&(\w+_shape|shape)\b", rest[used:])
            shape = shape and shape[1]
            if shape == "shape":                                  # the function's own
                shape = f"shape before {found.start()}"
                own = re.findall(r"struct column column\w*\[\w*\] = \{(.*?)\};", text[:found.start()], re.S)
                self.shapes[shape] = self._columns(own[-1])
            for key in self._keys(found[1], found[2], text):
                yield (found[1], key), given, shape

    def _keys(self, table, chosen, text):
        """[KEY], [which ? ONE : OTHER], or [KIND_FIRST + which]: each KIND_… that no call names itself."""
        first, plus, _ = chosen.partition(" + ")
        if not plus:
            return re.split(r" [?:] ", chosen)[-2:]
        if any(key.startswith(f"{first} + ") for of, key in self.names if of == table):
            return [key for of, key in self.names if of == table and key.startswith(f"{first} + ")]
        kind = first.partition("_")[0] + "_"
        return [key for of, key in self.names if of == table and key.startswith(kind)
                and f"&{table}_sql[{key}]" not in text]


def locals_of(text):
    """Parameters that are variables: `struct sql_param from = after ? P_HASH(after) : P_NULL();`."""
    return {name: set(re.findall(r"P_(\w+)\(", value))
            for name, value in re.findall(r"struct sql_param (\w+) = ([^;]+);", text)}


def said(market):
    """{statement: (types of its parameters, types of its columns)}; COPY: None."""
    out = {}
    for line in market.run("counterfoil-schema", "statements").splitlines():
        name, params, *columns = line.split(" ")
        out[name] = None if params == "COPY" else (
            [int(oid) for oid in params.split(",") if oid],
            {c.split(":")[0]: int(c.split(":")[1]) for c in (columns[0].split(",") if columns else [])})
    return out


def faults(statement, given, shape, variables):
    params, columns = statement
    if len(given) != len(params):
        yield f"{len(given)} parameters are given, {len(params)} taken"
    for number, (word, oid) in enumerate(zip(given, params), 1):
        kinds = set(re.findall(r"^P_(\w+)\(", word)) or variables.get(word, set())
        if not kinds:
            yield f"parameter {number}: {word} is not understood"
        for kind in kinds - {"NULL"}:
            if oid not in GIVEN[kind]:
                yield f"parameter {number} is {kind}, the server wants type {oid}"
    for name, kind in shape or []:
        if name not in columns:
            yield f"there is no column {name}"
        elif columns[name] not in TAKEN[kind]:
            yield f"column {name} is taken as {kind}, the server gives type {columns[name]}"


def main():
    sources, calls = {}, collections.Counter()
    for path in sorted((ROOT / "schema" / "store").glob("*.c")):
        text = path.read_text(encoding="utf-8")
        sources[path.name] = (Source(text), text)
    shapes = {name: shape for source, _ in sources.values() for name, shape in source.shapes.items()}
    with Market(folder("story-statements"), without=("api", "worker")) as market:
        statements = said(market)
    names = {key: name for source, _ in sources.values() for key, name in source.names.items() if name in statements}
    tap.equal(sorted(names.values()), sorted(statements), "every statement is read from its source")
    for file, (source, text) in sources.items():
        wrong = []
        for key, given, shape in source.calls:
            name = names.get(key)
            if not name or statements[name] is None:
                continue
            calls[key] += 1
            if shape and shape not in shapes:
                wrong.append(f"{name}: no such shape: {shape}")
            columns = source.shapes[shape] if shape in source.shapes else shapes.get(shape)
            wrong += [f"{name}: {why}" for why in faults(statements[name], given, columns, locals_of(text))]
        tap.check(not wrong, f"{file}: what is given and taken fits {wrong or ''}")
    bare = {key for key, name in names.items() if statements[name] and not calls[key]}
    bare = {key for key in bare if statements[names[key]][0]} - PASSED_ON
    bare = {key for key in bare if not (key[0] == IN_ARRAYS and " + " in key[1])}
    tap.check(not bare, f"no statement with parameters is called where this doesn't see it {bare or ''}")
    tap.check(sum(calls.values()) > 100, f"{sum(calls.values())} calls were read")
    bent = (statements["job_renew"], ["P_TEXT(x)", "P_INT8(y)", "P_INT8(z)"], None, {})
    tap.equal(list(faults(*bent)), ["parameter 2 is INT8, the server wants type 23"], "a wrong kind would be seen")
    tap.done()


main()
