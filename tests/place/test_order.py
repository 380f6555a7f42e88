"""Placing orders: each does what its name says, and a wrong one ends in one sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.place.environment_problem import make_problem
from workbench.place.environment_synthetic import synthetic_design
from workbench.place.order import macro_affinity, macro_order
from workbench.place.vec_env import EpisodeBatch


@pytest.fixture(scope="module")
def design():
    return synthetic_design(3, macros=9, columns=12, rows=10, macro_share=0.3)


def _order(design, order, seed=0, floorplan=None):
    return make_problem(design.netlist, design.canvas, floorplan, order, seed).order.tolist()


def test_the_default_places_the_largest_first(design):
    area = (design.netlist.width_um * design.netlist.height_um)[_order(design, "descending_area")]
    assert (np.diff(area) <= 0).all()


def test_random_is_a_shuffle_that_the_seed_decides(design):
    first, again, other = (_order(design, "random", seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert sorted(first) == sorted(_order(design, "descending_area"))


def test_legalization_begins_at_the_canvas_edge(design):
    rng = np.random.default_rng(0)
    canvas, netlist = design.canvas, design.netlist
    x, y = rng.uniform(0, canvas.width_um, netlist.objects), rng.uniform(0, canvas.height_um, netlist.objects)
    placed = replace(netlist, x_um=x, y_um=y)
    distances = []
    for i in make_problem(placed, canvas, None, "legalization").order:
        wide, high = netlist.width_um[i], netlist.height_um[i]
        if netlist.orientation[i] >= 4:
            wide, high = high, wide
        gaps = (x[i] - wide / 2, canvas.width_um - x[i] - wide / 2, y[i] - high / 2, canvas.height_um - y[i] - high / 2)
        distances.append(min(gaps))
    assert distances == sorted(distances)


def test_topological_goes_on_with_the_macro_most_tied_to_those_placed(design):
    problem = make_problem(design.netlist, design.canvas, None, "topological")
    affinity = macro_affinity(design.netlist, problem.order, problem.edge_a, problem.edge_b, problem.edge_weight)
    assert problem.order[0] == macro_order(design.netlist)[0]
    for k in range(1, problem.steps):
        ties = affinity[k:, :k].sum(axis=1)
        assert ties[0] == pytest.approx(ties.max())


def test_affinity_through_a_soft_macro_is_what_remains_when_it_is_eliminated(design):
    problem = make_problem(design.netlist, design.canvas)
    n, macros = design.netlist.objects, problem.order
    adjacency = np.zeros((n, n))
    adjacency[problem.edge_a, problem.edge_b] = problem.edge_weight
    adjacency += adjacency.T
    expected = adjacency[np.ix_(macros, macros)].copy()
    for soft in np.flatnonzero(design.netlist.kind == 1):
        laplacian = np.diag(adjacency.sum(axis=0)) - adjacency
        reduced = laplacian - np.outer(laplacian[:, soft], laplacian[soft]) / laplacian[soft, soft]  # Schur complement
        rest = -reduced[np.ix_(macros, macros)] - adjacency[np.ix_(macros, macros)]
        expected += rest
    np.fill_diagonal(expected, 0.0)
    found = macro_affinity(design.netlist, macros, problem.edge_a, problem.edge_b, problem.edge_weight)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("order", ["random", "legalization", "topological"])
def test_an_episode_in_any_order_places_every_macro_legally(design, order):
    from workbench.place.legality import check

    batch = EpisodeBatch(make_problem(design.netlist, design.canvas, None, order, 5), 1)
    batch.reset()
    rng, end = np.random.default_rng(0), None
    while end is None:
        (end,) = batch.step(np.array([rng.choice(np.flatnonzero(batch.action_masks()[0]))]))
    assert end.floorplan is not None
    assert check(end.floorplan) == []


def test_a_file_gives_the_order_by_name(design, tmp_path):
    names = [design.netlist.object_names[i] for i in macro_order(design.netlist)][::-1]
    path = tmp_path / "order.txt"
    path.write_text("# smallest first\n\n" + "\n".join(names) + "\n")
    assert _order(design, path) == macro_order(design.netlist)[::-1].tolist()


def test_a_wrong_file_ends_in_one_sentence(design, tmp_path):
    names = [design.netlist.object_names[i] for i in macro_order(design.netlist)]
    path = tmp_path / "order.txt"
    twice = f"{names[0]}\n{names[0]}\n"
    for text, place, found in (
        ("nothing\n", ", line 1", "'nothing', expected the name of a movable hard macro; correct the name"),
        (twice, ", line 2", f"'{names[0]}' a second time, expected every macro once; remove the line"),
        (f"{names[0]}\n", "", f"1 of 9 macros, expected all, also '{names[1]}'; add what is missing"),
    ):
        path.write_text(text)
        with pytest.raises(InputError) as error:
            _order(design, path)
        assert str(error.value) == f"{path}{place}: found {found}."


def test_unknown_orders_and_wrong_indices_are_refused(design):
    with pytest.raises(InputError, match="topological"):
        _order(design, "topologic")
    with pytest.raises(InputError, match="each of the 9 movable hard macros once"):
        _order(design, [0, 0, 1])
