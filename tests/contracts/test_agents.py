"""What every registered agent must do; a new agent arrives tested."""

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.netlist.load import load_design
from workbench.netlist.netlist import ObjectKind
from workbench.place.agents.base import AGENTS, PlacementOptions, describe_agents, make_agent
from workbench.place.cost import evaluate
from workbench.place.legality import check

LEARNING = {"ppo"}
"""Agents that train for minutes: their own tests check the same (tests/place)."""


@pytest.fixture(scope="module")
def design(reference):
    return load_design(reference / "placement" / "formats" / "toy_macro_stdcell")


@pytest.mark.parametrize("name", sorted(set(AGENTS) - LEARNING))
def test_an_agent_returns_a_legal_floorplan_with_its_costs_and_history(design, name):
    with Progress(name, quiet=True) as progress:
        result = make_agent(name).place(design, seconds=0.5, seed=3, progress=progress, options=PlacementOptions())
    assert check(result.floorplan) == []
    assert result.costs == evaluate(result.floorplan)
    assert result.floorplan.netlist.object_names == design.netlist.object_names
    ports = design.netlist.indices(ObjectKind.PORT)
    assert np.array_equal(result.floorplan.x_um[ports], design.netlist.x_um[ports])
    times = [seconds for seconds, _, _ in result.history]
    assert times == sorted(times) and result.history[-1][2] == pytest.approx(result.costs.proxy, abs=1e-6)
    assert result.evaluations > 0 and not result.interrupted


@pytest.mark.parametrize("name", sorted(set(AGENTS) - LEARNING))
def test_an_agent_in_no_time_returns_what_it_begins_with(design, name):
    with Progress(name, quiet=True) as progress:
        result = make_agent(name).place(design, seconds=0.0, seed=3, progress=progress, options=PlacementOptions())
    assert check(result.floorplan) == [] and result.costs == evaluate(result.floorplan)


@pytest.mark.parametrize("name", sorted(set(AGENTS) - LEARNING))
def test_an_agent_repeats_itself_for_the_same_seed_and_work(design, name):
    with Progress(name, quiet=True) as progress:
        first, second = (
            make_agent(name).place(design, seconds=60, seed=5, progress=progress, options=PlacementOptions(steps=3))
            for _ in range(2)
        )
    assert np.array_equal(first.floorplan.x_um, second.floorplan.x_um) and first.costs == second.costs


@pytest.mark.parametrize("name", sorted(AGENTS))
def test_an_agent_refuses_unknown_settings(design, name):
    options = PlacementOptions(steps=1, params={"no_such": 1.0})
    with Progress(name, quiet=True) as progress, pytest.raises(InputError, match="'no_such'"):
        make_agent(name).place(design, seconds=1, seed=0, progress=progress, options=options)


def test_every_agent_says_in_one_line_what_it_is():
    described = describe_agents()
    assert list(described) == list(AGENTS)
    assert described["random"] == "Random legal placements: what no method at all gives."
    assert all(len(line) > 20 and line.endswith(".") for line in described.values())


def test_an_unknown_agent_says_which_are_near():
    with pytest.raises(InputError) as caught:
        make_agent("anealing")
    assert str(caught.value) == "agent: found 'anealing', expected one of annealing; see `workbench list agents`."
