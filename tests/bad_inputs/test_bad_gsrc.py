"""Damaged or contradictory .blocks, .nets and .pl files, through `workbench place`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workbench.cli import main

BLOCKS = """UCSC blocks 1.0
NumSoftRectangularBlocks : 0
NumHardRectilinearBlocks : 2
NumTerminals : 1
a hardrectilinear 4 (0, 0) (0, 4) (5, 4) (5, 0)
b hardrectilinear 4 (0, 0) (0, 4) (5, 4) (5, 0)
p terminal
"""
NETS = """UCLA nets 1.0
NumNets : 1
NumPins : 3
NetDegree : 3
a B
b B
p B
"""
PLACES = "UCLA pl 1.0\na 0 0\nb 5 0\np 9 9\n"
NAMES = "expected a block or terminal of the .blocks file; correct the name."

CASES = {
    "wrong number of blocks": (
        "blocks", "Blocks : 2", "Blocks : 3",
        "t.blocks: found 2 where NumHardRectilinearBlocks says 3, expected the same number; complete or correct the file.",
    ),
    "wrong number of nets": (
        "nets", "NumNets : 1", "NumNets : 7",
        "t.nets: found 1 where NumNets says 7, expected the same number; complete or correct the file.",
    ),
    "wrong number of pins": (
        "nets", "NumPins : 3", "NumPins : 4",
        "t.nets: found 3 where NumPins says 4, expected the same number; complete or correct the file.",
    ),
    "a million million pins": (
        "nets", "NumPins : 3", "NumPins : 999999999",
        "t.nets, line 3: found 999,999,999 pins, expected at most 50,000,000; raise the limit or use a smaller input.",
    ),
    "no count": (
        "blocks", "NumTerminals : 1\n", "",
        "t.blocks: found no NumTerminals, expected `NumTerminals : 1`; check the file's kind.",
    ),
    "no number": (
        "nets", "NumNets : 1", "NumNets : -1", "t.nets, line 2: found NumNets '-1', expected a whole number; correct it.",
    ),
    "unknown block in a net": ("nets", "b B", "z B", f"t.nets, line 6: found 'z' in a net, {NAMES}"),
    "duplicate block": (
        "blocks", "b hard", "a hard",
        "t.blocks, line 6: found a second block or terminal 'a', expected unique names; rename or remove it.",
    ),
    "zero size": (
        "blocks", "(0, 4) (5, 4) (5, 0)\nb", "(0, 0) (5, 0) (5, 0)\nb",
        "t.blocks, line 5: found block 'a', which is no rectangle, expected the 4 corners of one; correct its corners.",
    ),
    "not a number": (
        "blocks", "(0, 4) (5, 4) (5, 0)\nb", "(0, nan) (5, 4) (5, 0)\nb",
        "t.blocks, line 5: found 'nan', expected a number up to 1e+09; correct it.",
    ),
    "six corners": (
        "blocks", "a hardrectilinear 4", "a hardrectilinear 6",
        "t.blocks, line 5: found block 'a' of 6 corners, expected 4 corners; use rectangles only.",
    ),
    "negative area": (
        "blocks", "a hardrectilinear 4 (0, 0) (0, 4) (5, 4) (5, 0)", "a softrectangular -3 1 2",
        "t.blocks, line 5: found block 'a' of area -3 and aspect ratios 1 to 2, expected an area and a range above 0; "
        "correct it.",
    ),
    "cut blocks": (
        "blocks", " (5, 4) (5, 0)\np terminal\n", " (5",
        "t.blocks, line 6: found block 'b' with 2 corners, expected 4 corners `(x, y)`; complete it.",
    ),
    "cut nets": (
        "nets", "b B\np B\n", "b B",
        "t.nets, line 4: found a net of 2 pins, expected the 3 that its NetDegree says; complete the file.",
    ),
    "one pin too many": (
        "nets", "p B\n", "p B\na B\n",
        "t.nets, line 8: found pin 4 of a net of 3, expected as many pins as NetDegree says; correct it.",
    ),
    "half an offset": (
        "nets", "b B", "b B : %3", "t.nets, line 6: found 'b B : %3', expected `name B` or `name B : %x %y`; correct it.",
    ),
    "prose": (
        "nets", NETS, "hello you", "t.nets, line 1: found 'hello you', expected `NetDegree : n` first; give a .nets file.",
    ),
    "no place": (
        "pl", "p 9 9\n", "", "t.pl: found no place for terminal 'p', expected one line for every terminal; add it.",
    ),
    "place of nothing": ("pl", "b 5 0", "z 5 0", f"t.pl, line 3: found a place for 'z', {NAMES}"),
    "two places": (
        "pl", "b 5 0", "a 5 0",
        "t.pl, line 3: found a second place for 'a', expected one line per name; remove one of them.",
    ),
    "terminals on a line": (
        "pl", "p 9 9", "p 0 9",
        "t.pl: found terminals on one line, expected terminals around the outline; use TERMINALS_STRETCHED=0.",
    ),
    "longer than the outline": (
        "blocks", "(0, 4) (5, 4) (5, 0)\np", "(0, 1) (99, 1) (99, 0)\np",
        "t.blocks: found block 'b' of 99 x 1 µm, expected blocks that fit on 11.4412 x 11.4412 µm; raise WHITE_SPACE.",
    ),
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch, capsys):
    """Runs `workbench place` on three files; returns exit code, standard output, standard error."""

    def call(files: dict[str, str], *more: str) -> tuple[int, str, str]:
        for ending, text in files.items():
            (tmp_path / f"t.{ending}").write_text(text)
        words = ["workbench", "place", str(tmp_path / "t.blocks"), "--out", str(tmp_path / "out"), *more]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return left.value.code, out, err.replace(f"{tmp_path}/", "")

    return call


@pytest.mark.parametrize("case", CASES)
def test_each_broken_file_has_its_sentence(place, case: str) -> None:
    ending, old, new, sentence = CASES[case]
    files = {"blocks": BLOCKS, "nets": NETS, "pl": PLACES}
    assert old in files[ending]
    files[ending] = files[ending].replace(old, new, 1)
    assert place(files) == (2, "", f"workbench: {sentence}\n")


def test_a_file_that_is_not_there_is_named(place) -> None:
    sentence = "t.nets: found no such file, expected an existing file; check the path."
    assert place({"blocks": BLOCKS}) == (2, "", f"workbench: {sentence}\n")


def test_unknown_parameters_are_refused(place) -> None:
    files = {"blocks": BLOCKS, "nets": NETS, "pl": PLACES}
    sentence = "--param: found 'SPACE', expected WHITE_SPACE or TERMINALS_STRETCHED; correct the name."
    assert place(files, "--param", "SPACE=3") == (2, "", f"workbench: {sentence}\n")
