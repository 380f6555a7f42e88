"""Damaged LEF and DEF files are read or refused in one sentence; what we write is read back."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.base.errors import InputError
from workbench.netlist.design import Design
from workbench.netlist.netlist import Canvas, Netlist, ObjectKind
from workbench.netlist.readers.def_entries import parse_def
from workbench.netlist.readers.lef import parse_lef
from workbench.netlist.readers.lefdef import build_design
from workbench.netlist.writers.def_text import format_def
from workbench.netlist.writers.lef import format_lef, layers_of, make_library

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "def"
DEF, LEF = (SAMPLES / "sample.def").read_text(), (SAMPLES / "sample.lef").read_text()
WORDS = [
    "DESIGN x ;", "END DESIGN", "COMPONENTS 1 ;", "END COMPONENTS", "- u1 inv + PLACED ( 1 1 ) N ;", "PINS 1 ;", "END PINS",
    "- n ( u1 a ) ( u1 y ) ;", "NETS 1 ;", "END NETS", "- p + NET n ;", "DIEAREA ( 0 0 ) ( 9 9 ) ;", "( 1 1 )", ";", "-",
    "+",
    "END", "BLOCKAGES 1 ;", "- PLACEMENT POLYGON ( 0 0 ) ( 1 0 ) ( 1 1 ) ;", "END BLOCKAGES", '"', "#", "\n", "MACRO inv",
    "PIN a", "END a", "SIZE 1 BY 2 ;", "PORT", "RECT 0 0 1 1 ;", "END inv", "LAYER m", "END m", "END LIBRARY", "nan", "\x00",
    "PROPERTYDEFINITIONS", "END PROPERTYDEFINITIONS", "BEGINEXT", "ENDEXT", "\u00df",
]  # fmt: skip


def outcome(read) -> str | None:
    """None where it could be read, else the sentence."""
    try:
        read()
    except InputError as error:
        return str(error)
    return None


def is_one_sentence(message: str | None) -> bool:
    return message is None or (": found " in message and message.endswith(".") and "\n" not in message)


def read_both(def_text: str, lef_text: str) -> Design:
    return build_design(parse_def(def_text, "f.def"), parse_lef(lef_text, "f.lef"), None, ["f.lef"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join))
def test_any_sequence_of_words_is_read_or_refused(text):
    assert is_one_sentence(outcome(lambda: parse_lef(text, "f.lef")))
    assert is_one_sentence(outcome(lambda: read_both(text, LEF)))


@pytest.mark.parametrize("seed", range(60))
def test_damaged_files_are_read_or_refused(seed):
    rng = random.Random(seed)
    for good, read in ((DEF, lambda text: read_both(text, LEF)), (LEF, lambda text: read_both(DEF, text))):
        at, length = rng.randrange(len(good)), rng.randrange(1, 40)
        for damaged in (
            good[:at],
            good[:at] + good[at + length :],
            good[:at] + good[at : at + length] * 2 + good[at + length :],
            good[:at] + rng.choice('";()+-#\\\x00 9') + good[at + 1 :],
        ):
            message = outcome(lambda read=read, text=damaged: read(text))
            assert is_one_sentence(message), message


@st.composite
def designs(draw: st.DrawFn) -> Design:
    """Any small design whose lengths are whole database units, with orientations, ports in several nets and inner nets."""
    kinds = draw(st.lists(st.sampled_from(list(ObjectKind)), min_size=2, max_size=8))
    count, unit = len(kinds), 1 / 2000
    steps = st.integers(1, 100_000).map(lambda n: n * unit)
    is_port = np.array(kinds) == ObjectKind.PORT
    width, height = (np.where(is_port, 0, [draw(steps) for _ in kinds]) for _ in "xy")
    x, y = (np.array([draw(steps) for _ in kinds]) for _ in "xy")
    turned = np.where(is_port, 0, [draw(st.integers(0, 7)) for _ in kinds]).astype(np.int8)
    owner = np.array(draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=20)), np.int32)
    hard = np.array(kinds)[owner] == ObjectKind.MACRO
    offsets = [np.where(hard, [draw(st.integers(-50, 50)) * unit for _ in owner], 0.0) for _ in "xy"]
    nets = draw(st.lists(st.lists(st.integers(0, len(owner) - 1), min_size=2, max_size=5, unique=True), max_size=8))
    netlist = Netlist(
        "d", tuple(f"o[{i}]/a" for i in range(count)), np.array(kinds, np.int8), width, height, x, y, turned,
        is_port | np.array([draw(st.booleans()) for _ in kinds]), np.arange(count, dtype=np.int32), owner, *offsets,
        np.cumsum([0, *map(len, nets)]).astype(np.int32), np.array([p for net in nets for p in net], np.int32),
        np.array([draw(st.integers(1, 99)) for _ in nets], float),
    )  # fmt: skip
    canvas = Canvas(
        draw(steps) + 50, draw(steps) + 50, draw(st.integers(1, 128)), draw(st.integers(1, 128)), 10, 12, 4, 5, 3
    )
    return Design("d", netlist, canvas)


@settings(max_examples=60, deadline=None)
@given(designs())
def test_any_design_that_is_written_is_read_back(design):
    library, layers = make_library(design.netlist), layers_of(design.canvas)
    again = read_both(format_def(design, library, layers), format_lef(library, layers))
    old, new = design.netlist, again.netlist
    index = np.array([new.object_names.index(name) for name in old.object_names])
    for field in ("kind", "orientation", "is_fixed"):
        assert np.array_equal(getattr(old, field), getattr(new, field)[index]), field
    for field in ("width_um", "height_um", "x_um", "y_um"):
        tolerance = 2.5e-4 + 1e-9 if field in ("x_um", "y_um") else 1e-9  # half sizes may lie between database units
        assert np.abs(getattr(old, field) - getattr(new, field)[index]).max() <= tolerance, field
    assert old.nets == new.nets and np.array_equal(old.net_weight, new.net_weight)
    assert np.array_equal(old.net_start, new.net_start)
    old_pins, new_pins = old.net_pin, new.net_pin
    assert [old.object_names[i] for i in old.pin_object[old_pins]] == [new.object_names[i] for i in new.pin_object[new_pins]]
    assert new.pin_x_um[new_pins] == pytest.approx(old.pin_x_um[old_pins], abs=1e-6)
    assert new.pin_y_um[new_pins] == pytest.approx(old.pin_y_um[old_pins], abs=1e-6)
    read, canvas = again.canvas, design.canvas
    fields = [
        "columns",
        "rows",
        "horizontal_routes_per_um",
        "vertical_routes_per_um",
        "smooth_range",
        "left_um",
        "bottom_um",
    ]
    if len(old.indices(ObjectKind.MACRO)):
        fields += ["macro_horizontal_routes_per_um", "macro_vertical_routes_per_um"]
    for field in fields:
        assert getattr(read, field) == pytest.approx(getattr(canvas, field), rel=1e-7), field
