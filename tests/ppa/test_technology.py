"""Technologies: complete, sourced, equal to the libraries they quote."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.netlist.leaf import cell_areas_um2
from workbench.ppa.technology import load_technology, operations, technology_names


@pytest.mark.parametrize("name", technology_names())
def test_every_constant_of_a_technology_has_a_source_and_its_cells_have_areas(name: str) -> None:
    technology = load_technology(name)
    assert not technology.unsourced()
    assert cell_areas_um2(technology.name)["flip_flop"] > cell_areas_um2(technology.name)["nand2"] > 0


def test_names_are_found_in_any_case() -> None:
    assert load_technology("NanGate45") is load_technology("nangate45")


def test_unknown_technology_names_the_known_ones() -> None:
    with pytest.raises(InputError) as error:
        load_technology("tsmc5")
    assert str(error.value) == (
        "technology: found 'tsmc5', expected one of asap7, nangate45; see `workbench list technologies`."
    )


def test_a_technology_file_without_a_source_is_refused(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "workbench/ppa/technologies/asap7.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('"wire.toggle_rate" = ', '"wire.other" = '))
    with pytest.raises(InputError) as error:
        load_technology(str(path))
    assert str(error.value) == (
        f"{path}, table [sources]: found no source for wire.toggle_rate, expected one for every number; "
        'add "wire.toggle_rate" with where it was read, or "estimate: why".'
    )


def _macros(reference: Path, technology: str) -> list[tuple[int, float]]:
    with (reference / "technology/cell_sizes.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["technology"] == technology and "ram" in row["cell"]]
    found = []
    for row in rows:
        words, bits = (int(part) for part in row["cell"].split("_")[1 if technology == "NanGate45" else 2].split("x"))
        found.append((words * bits, float(row["area_um2"])))
    return found


def test_sram_area_is_the_least_squares_fit_of_the_librarys_macros(reference: Path) -> None:
    macros = _macros(reference, "NanGate45")
    assert len(macros) == 5
    bits, area = (np.array(column, float) for column in zip(*macros, strict=True))
    overhead, per_bit = np.linalg.lstsq(np.stack([np.ones_like(bits), bits], 1), area, rcond=None)[0]
    sram = load_technology("nangate45").sram
    assert sram.bit_area_um2 == pytest.approx(per_bit, rel=1e-3)
    assert sram.macro_overhead_um2 == pytest.approx(overhead, rel=1e-3)


def test_sram_area_at_7_nm_is_within_a_quarter_of_another_macro_of_that_library(reference: Path) -> None:
    [(bits, area)] = _macros(reference, "ASAP7")
    assert load_technology("asap7").sram.bit_area_um2 * bits == pytest.approx(area, rel=0.25)


def test_operation_energies_are_horowitzs() -> None:
    values = operations()
    figures = (values.int_add_32_pj, values.int_multiply_32_pj, values.fp_add_32_pj, values.fp_multiply_32_pj)
    assert figures == (0.1, 3.1, 0.9, 3.7)
