"""The hybrid: legal, exact, repeatable, and honest about what each source and phase reached."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.netlist.netlist import ObjectKind
from workbench.place.agents.annealing import Annealing
from workbench.place.agents.base import PlacementOptions, make_agent
from workbench.place.agents.hybrid import field_size, stages, work
from workbench.place.cost import evaluate
from workbench.place.environment_synthetic import synthetic_design
from workbench.place.legality import check

SMALL = {"episodes": 2.0, "policy": 1.0, "analytical": 1.0, "sketches": 2.0}


@pytest.fixture(scope="module")
def design():
    return synthetic_design(5, macros=5, columns=9, rows=9, macro_share=0.3)


def place(design, seconds=60.0, seed=1, **options):
    with Progress("hybrid", quiet=True) as progress:
        return make_agent("hybrid").place(
            design, seconds=seconds, seed=seed, progress=progress, options=PlacementOptions(**options)
        )


@pytest.fixture(scope="module")
def result(design):
    return place(design, steps=4000, params=SMALL)


def test_the_history_runs_forward_and_ends_at_the_result(result):
    seconds, evaluations, costs = zip(*result.history, strict=True)
    assert list(seconds) == sorted(seconds) and list(evaluations) == sorted(evaluations)
    assert list(costs) == sorted(costs, reverse=True)
    assert costs[-1] == pytest.approx(result.costs.proxy, abs=1e-6)


def test_the_notes_say_what_each_source_and_run_reached(result):
    text = "\n".join(result.notes)
    seeds = {source: values for source, values in re.findall(r"Seeds from (.*): ([\d., ]+) in", text)}
    assert list(seeds) == ["the policy, smoothed", "the analytical placer", "a sketch"]
    source, before, level = re.search(r"After 100% .*: (.*) ([\d.]+) at ([\d.]+)\.", text).groups()
    assert before in seeds[source] and float(level) >= result.costs.proxy - 1e-5
    assert text.endswith(f"became {result.costs.proxy:.5f}.")


def test_the_worse_half_of_the_runs_is_dropped_again_and_again(design):
    found = place(design, steps=4000, params={**SMALL, "afford": 1.0, "field": 4.0})
    fields = [re.findall(r"\S [\d.]+ at ([\d.]+)", note) for note in found.notes if note.startswith("After ")]
    assert [len(levels) for levels in fields] == [4, 2, 1]
    assert [note.split()[1] for note in found.notes if note.startswith("After ")] == ["42%", "50%", "100%"]


def test_late_and_hot_runs_are_compared_at_the_same_temperatures(design, monkeypatch):
    """The later half of a hot run's part was hotter than that of the one that began late, which so stayed in the field."""
    compared, level = [], Annealing.level

    def spy(run, since):
        compared.append((run.levels[0][0], [share for share, _ in run.levels if share >= since]))
        return level(run, since)

    monkeypatch.setattr(Annealing, "level", spy)
    place(design, steps=200_000, params={**SMALL, "afford": 1.0, "field": 4.0})
    (late, at_late), *others = compared[:4]
    for hot, at_hot in others:
        assert hot < late
        assert at_hot and min(at_hot) == pytest.approx(min(at_late), abs=0.03)


@pytest.mark.parametrize("moves, size", [(0.0, 1), (13_000.0, 1), (50_000.0, 2), (150_000.0, 8), (1e9, 16)])
def test_a_large_design_has_one_run_and_a_small_one_many(moves, size):
    assert field_size(moves, 25_000.0, 16) == size


def test_what_a_field_costs_is_counted_in_whole_coolings():
    assert work([0.3], stages(1)) == pytest.approx([0.7])
    assert work([0.3, 0.0, 0.0, 0.0], stages(4)) == pytest.approx([0.125 + 3 * 0.425, 2 * 0.075, 0.5])


def test_no_more_moves_are_made_than_asked_for(design):
    found = place(design, steps=4000, params={**SMALL, "afford": 1.0, "field": 8.0})
    assert 0.3 * 4000 < found.evaluations <= 4000 + 10


def test_a_source_can_be_switched_off(design):
    notes = place(design, steps=100, params={**SMALL, "policy": 0.0}).notes
    assert not any("policy" in note for note in notes)


def test_the_same_seed_and_work_give_the_same_floorplan(design, result):
    again, other = (place(design, seed=seed, steps=4000, params=SMALL) for seed in (1, 2))
    assert np.array_equal(again.floorplan.x_um, result.floorplan.x_um)
    assert not np.array_equal(other.floorplan.x_um, result.floorplan.x_um)


def test_a_given_placement_takes_part_and_the_grid_is_kept(design, result):
    sketched = place(design, steps=1000, on_grid=True, params={**SMALL, "policy": 0.0, "analytical": 0.0})
    found = place(design, steps=1000, init=sketched.floorplan, on_grid=True, params=SMALL)
    assert found.notes[0].startswith("Seeds from the given placement: ")
    assert found.costs.proxy <= sketched.costs.proxy
    hard = design.netlist.indices(ObjectKind.MACRO)
    cells = found.floorplan.x_um[hard] / design.canvas.cell_width_um - 0.5
    assert np.allclose(cells, np.round(cells), atol=1e-6) and check(found.floorplan) == []


def test_macros_that_fit_nowhere_are_refused_by_name(design):
    small = dataclasses.replace(design.canvas, width_um=design.canvas.width_um / 3, height_um=design.canvas.height_um / 3)
    with pytest.raises(InputError, match="no room left for macro"):
        place(dataclasses.replace(design, canvas=small), steps=10, params={**SMALL, "policy": 0.0, "analytical": 0.0})


def test_a_placement_that_cannot_be_improved_is_returned(design, result):
    better = place(design, steps=30_000, params=SMALL)
    found = place(design, steps=10, init=better.floorplan, params=SMALL)
    assert found.costs.proxy <= better.costs.proxy and found.costs == evaluate(found.floorplan)


class Impatient(Progress):
    """Presses Ctrl-C after some updates."""

    def __init__(self, updates):
        super().__init__("hybrid", quiet=True)
        self.left = updates

    def update(self, done, note=""):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("updates", [1, 3, 12])
def test_stopping_early_keeps_the_best_so_far(design, updates):
    options = PlacementOptions(steps=200_000, params={**SMALL, "policy": 0.0})
    found = make_agent("hybrid").place(design, seconds=60.0, seed=1, progress=Impatient(updates), options=options)
    assert found.interrupted and check(found.floorplan) == [] and found.costs == evaluate(found.floorplan)
    assert found.evaluations < 150_000


@pytest.mark.parametrize(
    "params, message",
    [
        ({"late": 0.5},
         "--param: found a setting out of range, expected 0 <= late <= 0.35, afford >= 1 and field >= 1; correct it."),
        ({"policy": 0.0, "analytical": 0.0, "sketches": 0.0},
         "--param: found no source of seeds, expected policy, analytical or sketches above 0; correct it."),
    ],
)  # fmt: skip
def test_settings_are_checked(design, params, message):
    with pytest.raises(InputError) as caught:
        place(design, steps=1, params=params)
    assert str(caught.value) == message


def test_a_design_with_nothing_but_fixed_macros_has_a_result(design):
    start = place(design, steps=50, params={**SMALL, "policy": 0.0}).floorplan
    fixed = start.netlist.fixed_at(np.ones(start.netlist.objects, bool), start.x_um, start.y_um, start.orientation)
    found = place(dataclasses.replace(design, netlist=fixed), steps=50)
    assert np.array_equal(found.floorplan.x_um, start.x_um) and check(found.floorplan) == []


def test_without_a_legal_seed_there_is_a_sentence(design, monkeypatch):
    monkeypatch.setattr("workbench.place.agents.hybrid.check", lambda floorplan: ["overlap"])
    with pytest.raises(InputError) as caught:
        place(design, steps=50, params={**SMALL, "policy": 0.0})
    assert str(caught.value) == (
        f"{design.name}: found no legal floorplan to begin with, expected one; "
        "give more time, or use annealing without --grid."
    )
