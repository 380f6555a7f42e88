"""Syntax trees of Verilog-2001 modules, by pyverilog's grammar on preprocessed text.

pyverilog is used with what was measured of 1.3.0 in mind: one parser per process, its LALR tables kept in the cache folder
(making them takes 0.6 s, and by default they land in the working directory), module items gathered in lists (its
tuples make a module of n items O(n²)), and errors that carry file and line. Two things of Verilog-2005 are added:
generate loops and conditions without the `generate` keyword.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import ply.yacc
from pyverilog.vparser import ast
from pyverilog.vparser.lexer import VerilogLexer
from pyverilog.vparser.parser import ParseError, VerilogParser

from workbench.base.errors import InputError
from workbench.base.files import write_bytes
from workbench.base.places import cache_folder
from workbench.netlist.readers.verilog_preprocess import VerilogText

_MODULE = re.compile(r"\b(endmodule|module)\b(?:\s+(\w+))?")
_UNSUPPORTED = re.compile(r"^\s*(defparam|specify|primitive|config)\b", re.MULTILINE)
_ANSI = re.compile(r"\b(?:input|output|inout)\b")


class _SyntaxError(Exception):
    """Line (0: at the end) and text of what the parser did not expect."""


class _Parser(VerilogParser):
    """pyverilog's parser with cached tables, linear item lists and typed errors."""

    start = "source_text"

    def __init__(self) -> None:
        self.lexer = VerilogLexer(error_func=self._lexer_error_func)
        self.lexer.build(errorlog=ply.yacc.NullLogger())
        self.tokens = self.lexer.tokens
        quiet = ply.yacc.NullLogger()
        path = _tables_path()
        if (tables := _load_tables(path)) is not None:
            self.parser = ply.yacc.yacc(
                module=self, tabmodule=tables, optimize=True, debug=False, write_tables=False, errorlog=quiet
            )
            return
        with tempfile.TemporaryDirectory() as folder:
            self.parser = ply.yacc.yacc(module=self, tabmodule=path.stem, outputdir=folder, debug=False, errorlog=quiet)
            _keep_tables(Path(folder) / path.name, path)

    def parse_text(self, text: str) -> Any:
        self.lexer.reset_lineno()
        self.lexer.directives = []
        return self.parser.parse(text, lexer=self.lexer, tracking=False)

    def _raise_error(self, token: Any) -> None:
        raise _SyntaxError(token.lineno, repr(token.value)) if token else _SyntaxError(0, "the end of the text")

    def _lexer_error_func(self, message: str, line: int, column: int) -> None:
        raise _SyntaxError(line, message.removeprefix("Illegal ").replace("character", "the character"))

    def p_items(self, p: Any) -> None:
        "items : items item"
        p[1].append(p[2])
        p[0] = p[1]

    def p_items_one(self, p: Any) -> None:
        "items : item"
        p[0] = [p[1]]

    def p_items_empty(self, p: Any) -> None:
        "items : empty"
        p[0] = []

    def p_item_generate_without_keyword(self, p: Any) -> None:
        """item : generate_for
        | generate_if
        """
        p[0] = p[1]


def _tables_path() -> Path:
    """Where the tables of this grammar, with these tools, are kept."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for module in (ply.yacc, importlib.import_module(VerilogParser.__module__)):
        digest.update(Path(str(module.__file__)).read_bytes())
    return cache_folder() / "verilog" / f"tables_{digest.hexdigest()[:16]}.py"


def _load_tables(path: Path) -> ModuleType | None:
    """The tables as a module, None if they are not there or damaged."""
    if not path.exists():
        return None
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None:
        return None
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    except (SyntaxError, ValueError, OSError):
        return None
    return module if hasattr(module, "_lr_productions") else None


def _keep_tables(made: Path, path: Path) -> None:
    """Move new tables to the cache; a cache that cannot be written only costs time."""
    try:
        write_bytes(path, made.read_bytes())
    except (OSError, InputError):
        return


@cache
def _parser() -> _Parser:
    return _Parser()


def parse_modules(source: VerilogText, leaves: frozenset[str] = frozenset()) -> dict[str, ast.ModuleDef]:
    """Syntax trees of all modules by name; of `leaves` with an ANSI port list only the header is looked at.

    Raises
    ------
    InputError: a syntax error, a module defined twice, nothing but directives in the text.
    """
    text = without_bodies(source, leaves)
    if not text.strip():
        raise InputError(source.origins[0][0], "no module", "at least one module", "check what the file holds")
    if found := _UNSUPPORTED.search(text):
        where = source.where(text.count("\n", 0, found.start(1)) + 1)
        raise InputError(where, found.group(1), "modules, instances and assigns", "remove it or make its module a leaf")
    try:
        tree = _parser().parse_text(text)
    except _SyntaxError as error:
        line, found = error.args
        where = source.where(line or len(source.lines))
        raise InputError(where, f"{found} where Verilog-2001 allows none", "a module's text", "correct the syntax") from None
    except ParseError:
        line = _parser().lexer.lexer.lineno
        raise InputError(source.where(line), "contradictory types", "one direction and type", "correct the syntax") from None
    modules: dict[str, ast.ModuleDef] = {}
    for definition in tree.description.definitions:
        if not isinstance(definition, ast.ModuleDef):
            continue
        if definition.name in modules:
            first = source.where(modules[definition.name].lineno)
            raise InputError(
                source.where(definition.lineno), f"module {definition.name} again (first in {first})", "one definition",
                "remove or rename one",
            )  # fmt: skip
        modules[definition.name] = definition
    return modules


def without_bodies(source: VerilogText, leaves: frozenset[str]) -> str:
    """The text with the bodies of leaf modules blanked, where their ports are declared in the header."""
    text, parts, done = source.text, [], 0
    if not leaves:
        return text
    for match in _MODULE.finditer(text):
        if match.group(1) != "module" or match.group(2) not in leaves:
            continue
        head = text.find(";", match.end())
        end = _MODULE.search(text, head) if head > 0 else None
        if end is None or end.group(1) != "endmodule" or not _ANSI.search(text, match.end(), head):
            continue
        parts += [text[done : head + 1], "\n" * text.count("\n", head, end.start()), " "]
        done = end.start()
    return "".join([*parts, text[done:]])
