"""Broken LEF and DEF files, each with its exact message."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from workbench.base.errors import InputError
from workbench.base.limits import Limits
from workbench.netlist.load import load_design
from workbench.netlist.readers.def_entries import parse_def
from workbench.netlist.readers.lef import parse_lef

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "def"


def complaint(folder: Path, name: str = "", old: str = "", new: str = "") -> str:
    """The message that the sample ends in once a piece of one of its files is replaced, the folder cut off."""
    for file in SAMPLES.iterdir():
        shutil.copy(file, folder)
    if name:
        text = (SAMPLES / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        load_design(folder / "sample.def")
    return str(caught.value).replace(f"{folder}/", "")


DEF_MISTAKES = {  # what is replaced in sample.def: by what, and the message
    ("- u1 inv +", "- u1 inv2 +"): "sample.def, line 30: found component u1 of macro inv2, which no LEF file has, "
    "expected its size in sample.lef; add the LEF file to the folder.",
    ("- u2 inv", "- u1 inv"): "sample.def, line 31: found component u1 again, expected unique names; rename or remove one.",
    ("( u1 y )", "( u1 z )"): "sample.def, line 63: found no pin z on macro inv (component u1), expected one of a, y; "
    "correct the net or the LEF file.",
    ("( u1 y )", "( u9 y )"): "sample.def, line 63: found component u9 in net mid, expected one of the section COMPONENTS; "
    "add it.",
    ("( PIN in[0] )", "( PIN in[1] )"): "sample.def, line 60: found pin in[1] in net in[0], expected a pin of the section "
    "PINS; add it.",
    ("- clk + NET clk", "- out + NET clk"): "sample.def, line 43: found pin out again, expected one pin of a name; "
    "remove one.",
    ("( 10000 60000 ) FS", "( 10000 60000 ) R0"): "sample.def, line 31: found orientation 'R0', "
    "expected one of N FN S FS E FE W FW; correct it.",
    ("( 10000 60000 ) FS", "( nan 60000 ) FS"): "sample.def, line 31: found '+ PLACED ( nan 60000', "
    "expected `+ PLACED ( x y ) orientation`; correct it.",
    ("( 10000 60000 ) FS", "( 9999999999999 0 ) FS"): "sample.def, line 31: found a coordinate beyond 2^40, "
    "expected a place on a chip; correct it.",
    ("MICRONS 1000", "MICRONS 0"): "sample.def, line 6: found 'UNITS DISTANCE MICRONS 0', "
    "expected `UNITS DISTANCE MICRONS n ;`; correct it.",
    ("END COMPONENTS", ""): "sample.def, line 35: found PINS in COMPONENTS, expected - name ...; "
    "end the section with END COMPONENTS.",
    ("END COMPONENTS", "END PINS"): "sample.def, line 34: found END PINS in COMPONENTS, "
    "expected END COMPONENTS; correct it.",
    ("COMPONENTS 12 ;", ""): "sample.def, line 21: found an entry outside a section, expected a section before it; "
    "name the section.",
    ("END DESIGN", ""): "sample.def: found no END DESIGN, expected a complete DEF file; fetch or write it again.",
    ("DESIGN sample ;", ""): "sample.def: found no DESIGN, expected `DESIGN name ;`; give a DEF file.",
    ("- u1 inv + PLACED ( 0 60000 ) N", "- u1"): "sample.def, line 30: found '- u1', expected `- component macro ...`; "
    "correct it.",
    ("( PIN out ) ", "( PIN "): "sample.def, line 64: found '- out ( bank\\\\[0\\\\]/fn a[0] ) ( PIN ( u2 y', "
    "expected `- net ( component pin ) ... + options`; correct it.",
    ("WEIGHT 3", "WEIGHT many"): "sample.def, line 63: found WEIGHT many, expected a whole number; correct it.",
    ("PARTIAL 40.0", "PARTIAL 400"): "sample.def, line 52: found PARTIAL 400, expected a density from 0 to 100; correct it.",
    ("PLACEMENT RECT ( 100000 60000 )", "PLACEMENT RECT"): "sample.def, line 51: found a blockage without corners, "
    "expected two corners or more; correct it.",
    ("VERSION 5.8 ;", "<html> ;"): "sample.def, line 2: found '<html>', expected a DEF statement; give a DEF file.",
}  # fmt: skip


@pytest.mark.parametrize("old, new", DEF_MISTAKES)
def test_each_mistake_in_a_def_file_has_its_sentence(tmp_path, old, new):
    assert complaint(tmp_path, "sample.def", old, new) == DEF_MISTAKES[old, new]


LEF_MISTAKES = {
    ("SIZE 20 BY 12", "SIZE 20"): "sample.lef, line 65: found the size of macro ram '20', expected width BY height; "
    "correct it.",
    ("SIZE 20 BY 12", "SIZE 0 BY 12"): "sample.lef, line 65: found the size of macro ram 0, expected a size above 0; "
    "correct it.",
    ("SIZE 20 BY 12", "SIZE nan BY 12"): "sample.lef, line 65: found the size of macro ram 'nan', "
    "expected a number of at least 0; correct it.",
    ("SIZE 20 BY 12 ;", ""): "sample.lef, line 116: found macro ram without SIZE, expected its width and height; add SIZE.",
    ("PIN q\n", "PIN a[0]\n"): "sample.lef, line 80: found pin a[0] of ram again, expected one pin of a name; remove one.",
    ("RECT 2 -1 3 0", "RECT 2 -1 3"): "sample.lef, line 99: found RECT of 3 numbers, "
    "expected pairs of x and y; correct it.",
    ("RECT 2 -1 3 0", "RECT 2 -1 3 x"): "sample.lef, line 99: found a coordinate 'x', expected a number; correct it.",
    ("END ram", "END rom"): "sample.lef, line 116: found END rom in ram, expected END ram; close the blocks in their order.",
    ("END cut", ""): "sample.lef, line 52: found cut without its end, expected END cut; add it.",
    ("END LIBRARY", "} ;"): "sample.lef, line 150: found '}', expected a LEF statement; give a LEF file.",
    ("END fill1\nEND LIBRARY", ""): "sample.lef: found the end of the file inside a block, expected its END; "
    "fetch the file again.",
}  # fmt: skip


@pytest.mark.parametrize("old, new", LEF_MISTAKES)
def test_each_mistake_in_a_lef_file_has_its_sentence(tmp_path, old, new):
    assert complaint(tmp_path, "sample.lef", old, new) == LEF_MISTAKES[old, new]


def test_no_lef_file_beside(tmp_path):
    shutil.copy(SAMPLES / "sample.def", tmp_path)
    with pytest.raises(InputError) as caught:
        load_design(tmp_path)
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        "sample.def, line 21: found component bank[0]/n of macro ram, which no LEF file has, "
        "expected LEF files beside the DEF file; add the LEF file to the folder."
    )


def test_more_than_the_limits_allow():
    text = (SAMPLES / "sample.def").read_text()
    with pytest.raises(InputError, match="found 11 nodes, expected at most 10; raise the limit"):
        parse_def(text, "sample.def", Limits(nodes=10))


def test_nonsense_is_refused_quickly():
    for text in (
        "(" * 1_000_000,
        "- x " * 300_000,
        "\x00" * 1_000_000,
        '"' + "a " * 500_000,
        "# \n" * 300_000,
        "END " * 300_000,
    ):
        with pytest.raises(InputError):
            parse_def(text, "x.def")
        with pytest.raises(InputError):
            parse_lef(text, "x.lef")
