"""Bookshelf files that are damaged or contradict each other, through `workbench netlist info`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from workbench.cli import main

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "bookshelf"

EDITS = {  # file, old text, new text: sentence
    "unknown node in a net": (
        ".nets", "\trom\tI : 0\t-18", "\tROM\tI : 0\t-18",
        "sample.nets, line 9: found a pin of 'ROM', expected the name of a node; add or remove it.",
    ),
    "duplicate node": (
        ".nodes", "\tb\t8", "\ta\t8",
        "sample.nodes, line 10: found a second node 'a', expected unique names; rename or remove it.",
    ),
    "duplicate net": (
        ".nets", "loop", "bus",
        "sample.nets, line 22: found a second net 'bus', expected unique names; rename or remove it.",
    ),
    "zero size": (
        ".nodes", "\trom\t20", "\trom\t0",
        "sample.nodes, line 7: found movable node 'rom' of size 0 x 36, expected a size above 0; give its "
        "width and height.",
    ),
    "negative size": (
        ".nodes", "\trom\t20", "\trom\t-20",
        "sample.nodes, line 7: found '-20', expected a number of at least 0, at most 1e+09; correct it.",
    ),
    "beyond any chip": (
        ".nodes", "\trom\t20", "\trom\t1e300",
        "sample.nodes, line 7: found '1e300', expected a number of at least 0, at most 1e+09; correct it.",
    ),
    "nan coordinate": (
        ".pl", "rom\t70", "rom\tnan",
        "sample.pl, line 4: found 'nan', expected a finite number, at most 1e+09; correct it.",
    ),
    "infinite offset": (
        ".nets", "0\t-18", "inf\t-18",
        "sample.nets, line 9: found 'inf', expected a finite number, at most 1e+09; correct it.",
    ),
    "NumNodes": (
        ".nodes", "NumNodes : 9", "NumNodes : 10",
        "sample.nodes: found 9 nodes, expected the 10 that NumNodes declares; give a complete file or correct"
        " the count.",
    ),
    "NumTerminals": (
        ".nodes", "NumTerminals : 4", "NumTerminals : 3",
        "sample.nodes: found 4 terminals, expected the 3 that NumTerminals declares; give a complete file or "
        "correct the count.",
    ),
    "NumPins": (
        ".nets", "NumPins : 14", "NumPins : 15",
        "sample.nets: found 14 pins, expected the 15 that NumPins declares; give a complete file or correct "
        "the count.",
    ),
    "NumRows": (
        ".scl", "NumRows : 8", "NumRows : 9",
        "sample.scl: found 8 rows, expected the 9 that NumRows declares; give a complete file or correct the "
        "count.",
    ),
    "too many declared": (
        ".nodes", "NumNodes : 9", "NumNodes : 99999999999",
        "sample.nodes: found 99,999,999,999 nodes, expected at most 5,000,000; raise the limit or use a "
        "smaller input.",
    ),
    "degree": (
        ".nets", "NetDegree : 2   loop", "NetDegree : 3   loop",
        "sample.nets, line 22: found a net of 2 pins, expected the 3 pins that it declares; correct "
        "NetDegree.",
    ),
    "cut net": (
        ".nets", "NetDegree : 3   clock", "NetDegree : 4   clock",
        "sample.nets, line 6: found a net of 3 pins, expected the 4 pins that it declares; correct NetDegree.",
    ),
    "missing file": (
        ".aux", "sample.nets", "other.nets",
        "sample.aux, line 1: found the name of a missing file 'other.nets', expected files that exist; add "
        "it.",
    ),
    "path that leaves": (
        ".aux", "sample.pl", "../sample.pl",
        "sample.aux, line 1: found '../sample.pl', expected a file in the folder of the .aux; copy it there.",
    ),
    "absolute path": (
        ".aux", "sample.pl", "/etc/x.pl",
        "sample.aux, line 1: found '/etc/x.pl', expected a file in the folder of the .aux; copy it there.",
    ),
    "no nets": (
        ".aux", "sample.nets ", "",
        "sample.aux: found no .nets file, expected the names of .nodes, .nets, .pl and .scl; name it.",
    ),
    "placed twice": (
        ".pl", "b\t66", "a\t66",
        "sample.pl, line 7: found node 'a' a second time, expected one line per node; remove one of them.",
    ),
    "another design's": (
        ".pl", "b\t66", "z\t66",
        "sample.pl, line 7: found node 'z', expected the name of a node; correct or remove it.",
    ),
    "turned somehow": (
        ".pl", ": FS", ": Q",
        "sample.pl, line 4: found orientation 'Q', expected one of N FN S FS E FE W FW; correct it.",
    ),
    "fixed nowhere": (
        ".pl", "pll\t90\t20\t: E\t/FIXED\n", "",
        "sample.aux: found fixed node 'pll' without a place, expected its place in the .pl file; add it.",
    ),
    "weight of nothing": (
        ".wts", "bus", "buss",
        "sample.wts, line 2: found a weight of 'buss', expected the name of a net; correct or remove it.",
    ),
    "negative weight": (
        ".wts", "bus\t8", "bus\t-8",
        "sample.wts, line 2: found '-8', expected a number of at least 0, at most 1e+09; correct it.",
    ),
    "row without area": (
        ".scl", "NumSites  :  110", "NumSites  :  0",
        "sample.scl, line 5: found a row of 0 x 12, expected a row with an area; correct it.",
    ),
    "row without its place": (
        ".scl", "  Coordinate    :   20\n", "",
        "sample.scl, line 5: found a row without Coordinate, expected Coordinate, Height and SubrowOrigin; "
        "add it.",
    ),
    "kind of nothing": (
        ".nodes", "# Two", "# kind x macro\n# Two",
        "sample.nodes, line 2: found '# kind x macro', expected `# kind NODE macro|soft_macro|port`; correct "
        "or remove it.",
    ),
}  # fmt: skip


@pytest.fixture
def info(tmp_path: Path, monkeypatch, capsys):
    """Runs `workbench netlist info` on a changed copy of the sample; returns what is on standard error."""

    def call(suffix: str, change) -> str:
        shutil.copytree(SAMPLE, tmp_path / "s")
        file = tmp_path / "s" / f"sample{suffix}"
        file.write_bytes(change(file.read_bytes()))
        monkeypatch.setattr(sys, "argv", ["workbench", "netlist", "info", str(tmp_path / "s" / "sample.aux")])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert (left.value.code, out) == (2, "")
        return err.replace(f"{tmp_path}/s/", "")

    return call


@pytest.mark.parametrize("kind", EDITS)
def test_each_broken_file_has_its_sentence(info, kind: str) -> None:
    suffix, old, new, sentence = EDITS[kind]

    def change(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode())

    assert info(suffix, change) == f"workbench: {sentence}\n"


NONSENSE = {
    "empty": (b"", "found an empty file, expected a file with content; check how it was written."),
    "picture": (b"\x89PNG\r\n\x1a\n", "found byte 0x89 at offset 0, expected UTF-8 text; check the file's kind."),
    "a very long line": (
        b"x " * 6000,
        "line 1: found a line of 12,000 characters, expected short lines; check the file's kind.",
    ),
}


@pytest.mark.parametrize("kind", NONSENSE)
@pytest.mark.parametrize("suffix", [".aux", ".nodes", ".nets", ".wts", ".pl", ".scl"])
def test_nonsense_in_any_file_has_its_sentence(info, suffix: str, kind: str) -> None:
    content, sentence = NONSENSE[kind]
    between = ", " if sentence.startswith("line") else ": "
    assert info(suffix, lambda _: content) == f"workbench: sample{suffix}{between}{sentence}\n"


@pytest.mark.parametrize("name, text", [("sample.pl", "UCLA pl 1.0\nz 1 2 : N\n"), ("sample.plc", "77 1 2 N 0\n")])
def test_the_placement_of_another_netlist_is_refused(tmp_path: Path, monkeypatch, capsys, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    monkeypatch.setattr(sys, "argv", ["workbench", "score", str(SAMPLE), str(tmp_path / name)])
    with pytest.raises(SystemExit) as left:
        main()
    out, err = capsys.readouterr()
    found = (
        "line 2: found node 'z', expected the name" if name == "sample.pl" else "line 1: found node 77, expected the index"
    )
    assert (left.value.code, out) == (2, "")
    assert err == (
        f"workbench: {tmp_path}/{name}, {found} of a port or macro of sample; use the placement file of this netlist.\n"
    )


def test_macros_that_cannot_fit_are_told_before_and_refused_by_place(tmp_path: Path, monkeypatch, capsys) -> None:
    shutil.copytree(SAMPLE, tmp_path / "s")
    nodes = tmp_path / "s" / "sample.nodes"
    nodes.write_text(nodes.read_text().replace("\tram\t30", "\tram\t3000"))
    monkeypatch.setattr(sys, "argv", ["workbench", "netlist", "info", str(tmp_path / "s")])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    out = capsys.readouterr().out
    assert "1 hard macros are larger than the canvas (ram)." in out and "The hard macros cover 692% of the canvas" in out
    arguments = ["place", str(tmp_path / "s"), "--steps", "10", "--agent", "random", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["workbench", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert capsys.readouterr().err.strip().splitlines()[-1] == (
        "workbench: sample: found macro 'ram' of 3000 x 24 µm, expected hard macros that fit on 110 x 96 µm; use a larger "
        "canvas."
    )
