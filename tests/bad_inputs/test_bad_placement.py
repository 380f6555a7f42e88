"""Netlists (text protobuf) and placements (.plc) that are damaged or do not belong together, through `workbench score`."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

from workbench.cli import main


def node(name: str, kind: str, **numbers: float | str) -> str:
    values = "".join(f'  attr {{ key: "{key}" value {{ f: {value} }} }}\n' for key, value in numbers.items())
    return f'node {{\n  name: "{name}"\n  attr {{ key: "type" value {{ placeholder: "{kind}" }} }}\n{values}}}\n'


MACRO, PORT = node("m", "MACRO", width=10, height=10), node("p", "PORT", x=0, y=5)
NETLIST = MACRO + PORT
PLC = """# Columns : 4  Rows : 4
# Width : 100.0  Height : 100.0
# Routes per micron, hor : 70.33  ver : 74.51
0 50.0 50.0 N 0
1 0 5 - 1
"""
NOT_TEXT = "found byte 0x89 at offset 0, expected UTF-8 text; check the file's kind."
PNG = b"\x89PNG\r\n\x1a\n"

NETLISTS = {
    "empty": (b"", "n.pb.txt: found an empty file, expected a file with content; check how it was written."),
    "picture": (PNG, f"n.pb.txt: {NOT_TEXT}"),
    "prose": (b"hello", "n.pb.txt, line 1: found 'hello', expected `node { ... }`; give a netlist in text-protobuf form."),
    "cut off": (
        NETLIST[: len(NETLIST) - 20].encode(),
        "n.pb.txt, line 7: found node 'p' without its end, expected a closing brace; fetch the file again.",
    ),
    "cut gzip": (
        gzip.compress(NETLIST.encode())[:60],
        "n.pb.txt: found a damaged gzip file, expected a complete gzip file; fetch or write it again.",
    ),
    "deep": (
        b"a {" * 200,
        "n.pb.txt: found 101 hierarchy depth, expected at most 100; raise the limit or use a smaller input.",
    ),
    "nan": (
        node("m", "MACRO", width="nan", height=1).encode(),
        "n.pb.txt, line 1, node 'm': found width nan, expected a finite number of at least 0; correct it.",
    ),
    "beyond any chip": (
        node("m", "MACRO", width="1e300", height=1).encode(),
        "n.pb.txt, line 1, node 'm': found width 1e300, expected at most 1e+09; correct it.",
    ),
    "twice": (
        (MACRO + MACRO).encode(),
        "n.pb.txt, line 7: found a second node 'm', expected unique names; rename or remove it.",
    ),
}

PLACEMENTS = {
    "empty": ("", "p.plc: found an empty file, expected a file with content; check how it was written."),
    "another netlist": (
        PLC.replace("0 50.0", "7 50.0"),
        "p.plc, line 4: found node 7, expected the index of a port or macro of n; use the placement file of this netlist.",
    ),
    "beyond any chip": (
        PLC.replace("50.0 50.0", "1e300 50.0"),
        "p.plc, line 4: found 1e+300, expected coordinates from -1e+09 to 1e+09 µm; correct them.",
    ),
    "blockage from right to left": (
        PLC.replace("0 50.0", "# Blockage : 20 0 10 100 0.5\n0 50.0"),
        "p.plc, line 4: found a blockage 20 0 10 100 0.5, expected minx <= maxx, miny <= maxy and a rate of at least 0; "
        "correct it.",
    ),
    "nan": (PLC.replace("50.0 50.0", "nan 50.0"), "p.plc, line 4: found 'nan', expected a finite number; correct it."),
    "cut off": (
        PLC[: PLC.index(" N 0")],
        "p.plc, line 4: found '0 50.0 50.0', expected `node_index x y orientation fixed`; give a complete .plc file.",
    ),
    "turned somehow": (
        PLC.replace(" N 0", " Q 0"),
        "p.plc, line 4: found orientation 'Q', expected - or one of N FN S FS E FE W FW; correct it.",
    ),
    "twice": (
        PLC.replace("1 0 5", "0 0 5"),
        "p.plc, line 5: found node 0 a second time, expected one line per object; remove one of them.",
    ),
    "huge grid": (
        PLC.replace("Columns : 4", "Columns : 1000000000"),
        "p.plc, line 1: found Columns 1e+09, expected a value from 1 to 4096; correct the header.",
    ),
    "no width": (
        PLC.replace("Width : 100.0", "Width : 0"),
        "p.plc, line 2: found Width 0, expected a value from 1e-06 to 1e+09; correct the header.",
    ),
}


@pytest.fixture
def score(tmp_path: Path, monkeypatch, capsys):
    """Runs `workbench score` on a netlist and a placement; returns exit code, standard output, standard error."""

    def call(netlist: bytes, placement: bytes) -> tuple[int, str, str]:
        (tmp_path / "n.pb.txt").write_bytes(netlist)
        (tmp_path / "p.plc").write_bytes(placement)
        monkeypatch.setattr(sys, "argv", ["workbench", "score", str(tmp_path / "n.pb.txt"), str(tmp_path / "p.plc")])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return left.value.code, out, err.replace(f"{tmp_path}/", "")

    return call


@pytest.mark.parametrize("kind", NETLISTS)
def test_each_broken_netlist_has_its_sentence(score, kind: str) -> None:
    content, sentence = NETLISTS[kind]
    assert score(content, PLC.encode()) == (2, "", f"workbench: {sentence}\n")


@pytest.mark.parametrize("kind", PLACEMENTS)
def test_each_broken_placement_has_its_sentence(score, kind: str) -> None:
    content, sentence = PLACEMENTS[kind]
    assert score(NETLIST.encode(), content.encode()) == (2, "", f"workbench: {sentence}\n")


def test_a_byte_order_mark_is_no_error(score) -> None:
    plain, marked = score(NETLIST.encode(), PLC.encode()), score(b"\xef\xbb\xbf" + NETLIST.encode(), PLC.encode("utf-8-sig"))
    assert marked == plain and plain[0] == 0


def test_a_placement_outside_of_the_canvas_is_scored_but_called_illegal(score) -> None:
    code, out, err = score(NETLIST.encode(), PLC.replace("50.0 50.0", "5000 50.0").encode())
    assert code == 0 and "proxy_cost" in out
    assert err == "workbench: this placement is not legal: m (outside).\n"
