"""Circuit Training's observation: names, shapes and values against a plain computation from the netlist."""

from __future__ import annotations

from dataclasses import replace

import gymnasium
import numpy as np
import pytest

import workbench.place
from workbench.base.errors import InputError
from workbench.netlist.netlist import ObjectKind
from workbench.place.environment_synthetic import synthetic_design
from workbench.place.observation_circuit_training import ObservationSize

SIZE = ObservationSize(nodes=200, edges=2000, grid=16, heatmaps=True)


@pytest.fixture(scope="module")
def design():
    return synthetic_design(4, macros=6, columns=11, rows=8, macro_share=0.3)


@pytest.fixture
def environment(design):
    return gymnasium.make(workbench.place.ENVIRONMENT_ID, design=design, observation="circuit_training", size=SIZE).unwrapped


def _play(environment, steps):
    rng = np.random.default_rng(1)
    for _ in range(steps):
        observation, *_ = environment.step(int(rng.choice(np.flatnonzero(environment.action_masks()))))
    return observation


def test_it_has_the_published_entries_in_the_published_default_sizes(design):
    environment = gymnasium.make(workbench.place.ENVIRONMENT_ID, design=design, observation="circuit_training").unwrapped
    space = environment.observation_space
    for name in ("macros_w", "macros_h", "node_types", "locations_x", "locations_y", "is_node_placed", "edge_counts"):
        assert space[name].shape == (5000,)
    for name in ("sparse_adj_i", "sparse_adj_j", "sparse_adj_weight"):
        assert space[name].shape == (70_000,)
    assert space["mask"].shape == (128 * 128,)
    assert environment.action_space.n == 128 * 128


def test_both_environment_checkers_accept_it(environment):
    from gymnasium.utils.env_checker import check_env
    from stable_baselines3.common.env_checker import check_env as check_for_sb3

    check_env(environment, skip_render_check=True)
    check_for_sb3(environment, warn=False)


def test_edges_carry_the_weights_of_all_driver_sink_pairs_between_two_nodes(design, environment):
    observation, _ = environment.reset()
    netlist, canvas = design.netlist, design.canvas
    macros = [i for i in range(netlist.objects) if netlist.kind[i] != ObjectKind.PORT]
    cells = {}
    for i in netlist.indices(ObjectKind.PORT):
        row, column = int(netlist.y_um[i] / canvas.cell_height_um), int(netlist.x_um[i] / canvas.cell_width_um)
        cells.setdefault(min(row, 7) * 11 + min(column, 10), []).append(i)
    node = {i: number for number, i in enumerate(macros)}
    for number, cell in enumerate(sorted(cells)):
        node.update(dict.fromkeys(cells[cell], len(macros) + number))
    weights = {}
    for net in range(netlist.nets):
        driver, *sinks = netlist.pin_object[netlist.net_pin[netlist.net_start[net] : netlist.net_start[net + 1]]]
        for sink in sinks:
            pair = tuple(sorted((node[int(driver)], node[int(sink)])))
            if pair[0] != pair[1]:
                weights[pair] = weights.get(pair, 0.0) + netlist.net_weight[net]
    count = len(weights)
    mean = sum(weights.values()) / count
    pairs = zip(observation["sparse_adj_i"][:count], observation["sparse_adj_j"][:count], strict=True)
    seen = {(int(i), int(j)): float(w) for (i, j), w in zip(pairs, observation["sparse_adj_weight"], strict=False)}
    assert seen == pytest.approx({pair: weight / mean for pair, weight in weights.items()}, rel=1e-5)
    assert not observation["sparse_adj_weight"][count:].any()
    assert observation["normalized_num_edges"][0] == pytest.approx(sum(weights.values()) / SIZE.edges, rel=1e-5)
    degree = np.bincount(np.array(list(weights)).ravel(), minlength=SIZE.nodes)
    np.testing.assert_array_equal(observation["edge_counts"], degree)


def test_sizes_types_and_locations_are_relative_to_width_plus_height(design, environment):
    environment.reset()
    observation = _play(environment, 3)
    netlist, canvas, problem = design.netlist, design.canvas, environment.problem
    side = canvas.width_um + canvas.height_um
    macros = np.flatnonzero(netlist.kind != ObjectKind.PORT)
    for number, i in enumerate(macros):
        is_hard = netlist.kind[i] == ObjectKind.MACRO
        assert observation["node_types"][number] == (1 if is_hard else 2)
        assert observation["macros_w"][number] == pytest.approx(problem.width_um[i] / side if is_hard else 0.0)
        assert observation["is_node_placed"][number] == (i in problem.order[:3])
        assert observation["locations_x"][number] == pytest.approx(
            np.clip(environment.episode.x_um[0, i] / side, 0, 1), abs=1e-6
        )
    assert macros[observation["current_node"][0]] == problem.order[3]
    ports = observation["node_types"] == 3
    assert observation["is_node_placed"][ports].all()
    on_edge = np.isclose(observation["locations_x"][ports] % (canvas.width_um / side), 0, atol=1e-6) | np.isclose(
        observation["locations_y"][ports] % (canvas.height_um / side), 0, atol=1e-6
    )
    assert on_edge.all(), "the synthetic ports lie on the border"


def test_the_mask_lies_in_the_middle_of_the_padded_grid_and_its_actions_place_where_it_says(environment):
    observation, _ = environment.reset()
    mask = observation["mask"].reshape(16, 16)
    assert not mask[:4].any()
    assert not mask[12:].any()
    assert not mask[:, :2].any()
    assert not mask[:, 13:].any()
    np.testing.assert_array_equal(mask[4:12, 2:13], environment.episode.mask[0])
    action = int(np.flatnonzero(observation["mask"])[5])
    macro, canvas = environment.problem.order[0], environment.problem.canvas
    environment.step(action)
    row, column = action // 16 - 4, action % 16 - 2
    assert environment.episode.x_um[0, macro] == pytest.approx((column + 0.5) * canvas.cell_width_um)
    assert environment.episode.y_um[0, macro] == pytest.approx((row + 0.5) * canvas.cell_height_um)


def test_fake_net_heat_is_highest_nearest_to_the_macros_tied_to_the_current_one(environment):
    observation, _ = environment.reset()
    assert not observation["fake_net_heatmap"].any(), "nothing is placed yet"
    heat = _play(environment, 4)["fake_net_heatmap"].reshape(16, 16)[4:12, 2:13]
    problem, affinity = environment.problem, environment._as_published._affinity
    expected = np.zeros((8, 11))
    for row in range(8):
        for column in range(11):
            x, y = (column + 0.5) * problem.canvas.cell_width_um, (row + 0.5) * problem.canvas.cell_height_um
            for k in range(4):
                other = problem.order[k]
                away = np.hypot(x - environment.episode.x_um[0, other], y - environment.episode.y_um[0, other])
                expected[row, column] -= affinity[4, k] * away
    expected = (expected - expected.min()) / (expected.max() - expected.min())
    np.testing.assert_allclose(heat, expected, atol=1e-5)


def test_packing_heat_marks_places_in_line_with_equal_macros():
    design = synthetic_design(4, macros=6, columns=11, rows=8, macro_share=0.2)
    size = design.netlist.width_um.copy(), design.netlist.height_um.copy()
    for of in size:
        of[design.netlist.kind == ObjectKind.MACRO] = 2 * design.canvas.cell_width_um
    equal = replace(design, netlist=replace(design.netlist, width_um=size[0], height_um=size[1]))
    environment = gymnasium.make(
        workbench.place.ENVIRONMENT_ID, design=equal, observation="circuit_training", size=SIZE
    ).unwrapped
    environment.reset()
    as_published = environment._as_published
    observation, *_ = environment.step(as_published.action_of(4 * 11 + 5))
    heat = observation["packing_heatmap"].reshape(16, 16)[4:12, 2:13]
    assert heat[4, 7] == heat[4, 3] == 1.0, "one pitch (two cells) to the right and to the left"
    assert heat[4, 9] == heat[4, 1] == pytest.approx(0.5)
    assert heat[3, 3] == 0.0


def test_a_design_that_does_not_fit_is_refused(design):
    for size, message in (
        (ObservationSize(nodes=10), "raise ObservationSize.nodes"),
        (ObservationSize(edges=3), "raise ObservationSize.edges"),
        (ObservationSize(grid=8), "raise ObservationSize.grid"),
    ):
        with pytest.raises(InputError, match=message):
            gymnasium.make(workbench.place.ENVIRONMENT_ID, design=design, observation="circuit_training", size=size)
