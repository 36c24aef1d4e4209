# SPDX-License-Identifier: Apache-2.0
"""C source as the rules of tidy see it: comments and strings taken out, line numbers kept."""

import re

TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
KEYWORDS = {"if", "for", "while", "switch", "do", "else", "return", "sizeof"}


def blank(text):
    """The same length and the same lines, nothing in them."""
    return re.sub(r"[^\n]", " ", text)


class Source:
    """One file: `path`, `text`, and for C also `code` (no comments, strings emptied) and `strings`."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        self.is_c = path.endswith((".c", ".h", ".def"))
        self.strings = []       # (line, contents of adjacent literals joined)
        self.comments = []      # (line, text)
        self.code = self._strip() if self.is_c else ""

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def _strip(self):
        last_end = None

        def replace(match):
            nonlocal last_end
            token = match.group(0)
            if token[0] == "/":
                self.comments.append((self.line_of(match.start()), token))
                return blank(token)
            if token[0] == '"':
                body = token[1:-1]
                between = self.text[last_end:match.start()] if last_end is not None else "x"
                if not between.strip() and self.strings:
                    line, joined = self.strings[-1]
                    self.strings[-1] = (line, joined + body)
                else:
                    self.strings.append((self.line_of(match.start()), body))
                last_end = match.end()
                return '"' + blank(body) + '"'
            return "'" + blank(token[1:-1]) + "'"

        # An #include's quotes are no string literal.
        masked = re.sub(r'^([ \t]*#[ \t]*include[ \t]+)"([^"\n]*)"', r"\1<\2>", self.text, flags=re.M)
        return TOKEN.sub(replace, masked)

    def includes(self):
        for n, line in enumerate(self.lines, 1):
            match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
            if match:
                yield n, match.group(1), match.group(2)

    def _no_directives(self):
        """Code without preprocessor lines and their continuations."""
        out, inside = [], False
        for line in self.code.split("\n"):
            if inside or line.lstrip().startswith("#"):
                inside = line.endswith("\\")
                out.append("")
            else:
                out.append(line)
        return "\n".join(out)

    def top_level(self):
        """Yields (kind, line, head, body_lines): kind is "function" or "declaration"."""
        code = self._no_directives()
        depth, start, opened, parts = 0, 0, 0, []
        i = 0
        while i < len(code):
            c = code[i]
            if c == "{":
                if depth == 0:
                    opened = i
                    parts.append(code[start:i])
                depth += 1
            elif c == "}":
                depth -= 1
                if depth == 0:
                    head = "".join(parts)
                    if is_function(head):
                        first = code.count("\n", 0, start + len(head) - len(head.lstrip())) + 1
                        length = code.count("\n", opened, i) - 1
                        yield "function", first, head, max(length, 0)
                        parts, start = [], i + 1
                    else:
                        parts.append("{}")
                        start = i + 1
            elif c == ";" and depth == 0:
                parts.append(code[start:i])
                head = "".join(parts)
                if head.strip():
                    line = code.count("\n", 0, i) + 1
                    yield "declaration", line, " ".join(head.split()), 0
                parts, start = [], i + 1
            i += 1

    def functions(self):
        for kind, line, head, length in self.top_level():
            if kind == "function":
                name = re.search(r"(\w+)\s*\(", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head, flags=re.S))
                yield line, name.group(1) if name else "?", length


def is_function(head):
    plain = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head, flags=re.S)
    return "(" in plain and "=" not in plain and plain.rstrip().endswith(")")
