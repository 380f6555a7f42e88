"""Every line of the format tables: its function exists, and its sample design loads, scores and can be written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.netlist.formats import PLACEMENTS, READERS, WRITERS
from workbench.netlist.load import format_at, load_design

SAMPLES = Path(__file__).resolve().parents[1] / "samples"


@pytest.mark.parametrize("kind", [*READERS, *PLACEMENTS, *WRITERS], ids=lambda kind: f"{kind.name} {kind.function}")
def test_each_line_names_a_function_and_lower_case_endings(kind):
    assert callable(kind.load()) and kind.title and kind.endings
    assert all(ending == ending.lower() and ending.startswith(".") for ending in kind.endings)


@pytest.mark.parametrize("table", [READERS, PLACEMENTS, WRITERS])
def test_names_and_endings_are_unique_in_their_table(table):
    names, endings = [kind.name for kind in table], [ending for kind in table for ending in kind.endings]
    assert len(set(names)) == len(names) and len(set(endings)) == len(endings)


@pytest.mark.parametrize("kind", READERS, ids=lambda kind: kind.name)
def test_each_reader_has_a_sample_that_its_folder_is_recognised_by(kind):
    folder = SAMPLES / kind.name
    assert format_at(folder) == kind
    design = load_design(folder)
    netlist = design.netlist
    assert netlist.objects and netlist.nets
    assert len(netlist.net_pin) == netlist.net_start[-1] and int(netlist.net_pin.max()) < len(netlist.pin_object)
    assert int(netlist.pin_object.max()) < netlist.objects and len(np.unique(netlist.file_index)) == netlist.objects
    assert np.all(np.isfinite(netlist.pin_x_um)) and design.canvas.columns >= 1


@pytest.mark.parametrize("writer", WRITERS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("reader", READERS, ids=lambda kind: kind.name)
def test_each_sample_can_be_written_in_each_format(reader, writer, tmp_path):
    written = writer.load()(tmp_path / f"out{writer.endings[0]}", load_design(SAMPLES / reader.name))
    assert written.files[0] == tmp_path / f"out{writer.endings[0]}" and all(file.is_file() for file in written.files)
