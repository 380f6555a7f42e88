"""Verilog text with directives resolved and comments gone, each line knowing its file and number.

pyverilog's own preprocessor needs iverilog, and on raw text its lexer keeps both branches of an `` `ifdef`` and drops an
`` `include`` silently (measured with 1.3.0); so directives are resolved here: define (with arguments), undef, ifdef, ifndef,
elsif, else, endif, include. Those that cannot change a netlist (timescale, celldefine, line, ...) are dropped. An
include stays inside the folder of the design.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from workbench.base.errors import InputError
from workbench.base.files import read_text
from workbench.base.limits import DEFAULT_LIMITS, Limits

_SKIPPED = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/|\(\*(?!\s*\)).*?\*\)', re.DOTALL)
_DIRECTIVE = re.compile(r'"(?:\\.|[^"\\\n])*"|`(\w+)')
_INTEGER_PORT = re.compile(r"\b(input|output)\s+integer\b")
_IGNORED_TO_END_OF_LINE = {"timescale", "line", "pragma", "default_nettype", "unconnected_drive"}
_IGNORED = {"resetall", "celldefine", "endcelldefine", "nounconnected_drive"}
_CONDITIONS = {"ifdef", "ifndef", "elsif", "else", "endif"}

_MOST_EXPANSIONS = 500_000
"""Uses of macros in a design; macros that use each other in a circle would never end."""


@dataclass(frozen=True)
class Macro:
    """A text macro: its body, and its arguments' names or None if it takes none."""

    body: str
    arguments: tuple[str, ...] | None


@dataclass
class VerilogText:
    """Preprocessed source: lines, the (file, line) each came from, and what was said about implicit nets."""

    lines: list[str] = field(default_factory=list)
    origins: list[tuple[str, int]] = field(default_factory=list)
    implicit_nets: bool = True

    @property
    def text(self) -> str:
        """All lines as one text, ended by a newline."""
        return "\n".join(self.lines) + "\n"

    def where(self, line: int) -> str:
        """Place of a line (from 1) of this text, as words for an error."""
        name, number = self.origins[min(max(line, 1), len(self.origins)) - 1]
        return f"{name}, line {number}"


def preprocess(
    paths: list[Path], folder: Path, limits: Limits = DEFAULT_LIMITS, defines: dict[str, str] | None = None
) -> VerilogText:
    """Read and preprocess files in order, as one text in which macros carry over from file to file.

    Raises
    ------
    InputError: unreadable or binary file, unknown directive or macro, unbalanced condition, include outside `folder`.
    """
    worker = _Preprocessor(folder.resolve(), limits, {n: Macro(b, None) for n, b in (defines or {}).items()})
    for path in paths:
        worker.file(path, ())
    return worker.result


class _Preprocessor:
    def __init__(self, folder: Path, limits: Limits, macros: dict[str, Macro]) -> None:
        self.folder, self.limits, self.macros = folder, limits, macros
        self.result = VerilogText()
        self.conditions: list[tuple[bool, bool, str]] = []  # this branch is kept, a branch was kept, where it began
        self.bytes = 0
        self.expansions = 0

    def file(self, path: Path, including: tuple[Path, ...]) -> None:
        text = read_text(path, self.limits)
        self.bytes += len(text)
        self.limits.check(str(path), "file_bytes", self.bytes)
        depth, including = len(self.conditions), (*including, path.resolve())
        lines = _without_comments(text, path.name).split("\n")
        number = 0
        while number < len(lines):
            first, line = number + 1, lines[number]
            while line.endswith("\\") and number + 1 < len(lines):
                number += 1
                line = line[:-1] + " " + lines[number]
            number += 1
            self.line(line, path, first, including)
        if len(self.conditions) > depth:
            raise InputError(self.conditions[-1][2], "a condition without `endif", "one `endif for each", "add it")

    def line(self, line: str, path: Path, number: int, including: tuple[Path, ...]) -> None:
        where, out, rest = f"{path.name}, line {number}", "", line
        while rest and (match := _DIRECTIVE.search(rest)):
            keep, before, after = self.is_kept(), rest[: match.start()], rest[match.end() :]
            name = match.group(1)
            if keep:
                out += before
            if name is None:
                out, rest = out + (match.group() if keep else ""), after
            elif name in _CONDITIONS:
                rest = self.condition(name, after, where)
            elif not keep:
                rest = after
            elif name == "include":
                self.emit(out, path, number)
                out, rest = "", self.include(after, path, where, including)
            else:
                text, rest = self.directive(name, after, where)
                out += text
        if self.is_kept():
            out += rest
        self.emit(out, path, number)

    def emit(self, line: str, path: Path, number: int) -> None:
        self.result.lines.append(_INTEGER_PORT.sub(r"\1 signed [31:0]", line))
        self.result.origins.append((path.name, number))

    def is_kept(self) -> bool:
        return all(kept for kept, _, _ in self.conditions)

    def condition(self, name: str, after: str, where: str) -> str:
        if name in ("ifdef", "ifndef", "elsif"):
            match = re.match(r"\s*(\w+)", after)
            if not match:
                raise InputError(where, f"`{name} without a name", "a macro's name after it", "add the name")
            holds, after = (match.group(1) in self.macros) == (name != "ifndef"), after[match.end() :]
            if name != "elsif":
                self.conditions.append((holds, holds, where))
                return after
        else:
            holds = True
        if not self.conditions:
            raise InputError(where, f"`{name} outside a condition", "an `ifdef before it", "remove it or add the `ifdef")
        _, taken, start = self.conditions.pop()
        if name != "endif":
            self.conditions.append((holds and not taken, taken or holds, start))
        return after

    def include(self, after: str, path: Path, where: str, including: tuple[Path, ...]) -> str:
        match = re.match(r'\s*"([^"]+)"', after)
        if not match:
            raise InputError(where, "`include without a file", 'a "file" after it', "name the file in quotes")
        target = (path.parent / match.group(1)).resolve()
        if not target.exists():
            target = (self.folder / match.group(1)).resolve()
        if not target.is_relative_to(self.folder):
            raise InputError(where, f"`include of {match.group(1)!r}", "a file in the design's folder", "copy it there")
        if target in including:
            raise InputError(where, f"`include of {match.group(1)!r} inside itself", "no cycle", "guard it by `ifndef")
        if not target.exists():
            raise InputError(where, f"`include of {match.group(1)!r}", "an existing file", "check its name")
        self.file(target, including)
        return after[match.end() :]

    def directive(self, name: str, after: str, where: str) -> tuple[str, str]:
        """Text that a directive or macro use leaves, and what of the line is still to do."""
        if name == "define":
            self.define(after, where)
            return "", ""
        if name == "undef":
            self.macros.pop(after.strip().split()[0] if after.strip() else "", None)
            return "", ""
        if name in _IGNORED_TO_END_OF_LINE:
            if name == "default_nettype":
                self.result.implicit_nets = after.strip() != "none"
            return "", ""
        if name in _IGNORED:
            return "", after
        if name not in self.macros:
            raise InputError(where, f"the unknown directive or macro `{name}", "a defined macro", "define it before use")
        return self.expand(name, after, where)

    def define(self, after: str, where: str) -> None:
        match = re.match(r"\s+(\w+)(\(([^)]*)\))?(.*)", after)
        if not match:
            raise InputError(where, "`define without a name", "a macro's name after it", "add the name")
        arguments = None if match.group(2) is None else tuple(a.strip() for a in match.group(3).split(","))
        self.macros[match.group(1)] = Macro(match.group(4).strip(), arguments)

    def expand(self, name: str, after: str, where: str) -> tuple[str, str]:
        """A macro's body in place of its use; the body is looked through again by the caller, within limits."""
        macro, body = self.macros[name], self.macros[name].body
        if macro.arguments is not None:
            values, after = _arguments(after, name, where)
            if len(values) != len(macro.arguments):
                raise InputError(
                    where, f"{len(values)} arguments of `{name}", f"{len(macro.arguments)}", "give all arguments"
                )
            table = dict(zip(macro.arguments, values, strict=True))
            body = re.sub(r"\b\w+\b", lambda word: table.get(word.group(), word.group()), body)
        self.bytes += len(body) + 1
        self.expansions += 1
        too_many = self.expansions > _MOST_EXPANSIONS or self.bytes > self.limits.file_bytes
        if re.search(rf"`{name}\b", body) or too_many or len(body + after) > 1_000_000:
            raise InputError(where, f"the endless expansion of `{name}", "a macro that ends", "break its cycle")
        return "", body + after


def _without_comments(text: str, name: str) -> str:
    """Comments and attributes replaced by as many newlines as they span."""

    def blank(match: re.Match[str]) -> str:
        found = match.group()
        return found if found[0] == '"' else " " + "\n" * found.count("\n")

    result = _SKIPPED.sub(blank, text.replace("\r\n", "\n"))
    if "/*" in result and (left := re.search(r'/\*(?=[^"\n]*(?:"[^"\n]*"[^"\n]*)*$)', result, re.MULTILINE)):
        line = result.count("\n", 0, left.start()) + 1
        raise InputError(f"{name}, line {line}", "a comment without end", "*/ after it", "close the comment")
    return result


def _arguments(after: str, name: str, where: str) -> tuple[list[str], str]:
    text = after.lstrip()
    if not text.startswith("("):
        raise InputError(where, f"`{name} without arguments", "its arguments in parentheses", "give all arguments")
    depth, start, values = 0, 1, []
    for index, letter in enumerate(text):
        depth += letter in "([{"
        depth -= letter in ")]}"
        if (letter == "," and depth == 1) or depth == 0:
            values.append(text[start:index].strip())
            start = index + 1
        if depth == 0:
            return values, text[index + 1 :]
    raise InputError(where, f"`{name} with open parentheses", "a closing parenthesis on the line", "close it there")
