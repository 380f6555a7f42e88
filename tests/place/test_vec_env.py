"""The batch of episodes: independent of each other, masks and features equal to slow plain versions, always legal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.netlist.netlist import Floorplan
from workbench.place.environment_problem import make_problem
from workbench.place.environment_synthetic import synthetic_design
from workbench.place.legality import check
from workbench.place.vec_env import DEAD_END_PENALTY, EpisodeBatch


@pytest.fixture(scope="module")
def problem():
    design = synthetic_design(11, macros=10, columns=12, rows=9, macro_share=0.45)
    blockage = np.array([[0.0, 0.0, design.canvas.width_um / 7, design.canvas.height_um / 5, 1.0]])
    return make_problem(design.netlist, replace(design.canvas, blockages=blockage))


def _random_actions(batch, rng):
    return np.array([rng.choice(np.flatnonzero(mask)) if mask.any() else 0 for mask in batch.action_masks()])


def _slow_mask(problem, x_um, y_um, step):
    """Legal cells by the judge: put the macro there and ask `legality.check` for violations of placed macros."""
    canvas, netlist = problem.canvas, problem.netlist
    order = problem.order
    shown = np.concatenate([order[: step + 1], np.flatnonzero(netlist.kind == 2)])
    part = replace(
        netlist, object_names=tuple(netlist.object_names[i] for i in shown), kind=netlist.kind[shown],
        width_um=netlist.width_um[shown], height_um=netlist.height_um[shown],
    )  # fmt: skip
    mask = np.zeros((canvas.rows, canvas.columns), dtype=bool)
    x, y = x_um[shown].copy(), y_um[shown].copy()
    for row in range(canvas.rows):
        for column in range(canvas.columns):
            x[step], y[step] = (column + 0.5) * canvas.cell_width_um, (row + 0.5) * canvas.cell_height_um
            mask[row, column] = not check(Floorplan(part, canvas, x, y, netlist.orientation[shown]))
    return mask


def test_masks_are_exactly_what_the_independent_judge_of_legality_allows(problem):
    rng = np.random.default_rng(0)
    batch = EpisodeBatch(problem, 2)
    batch.reset()
    for _ in range(problem.steps):
        step = batch.step_index.copy()
        for episode in range(2):
            slow = _slow_mask(problem, batch.x_um[episode], batch.y_um[episode], step[episode])
            np.testing.assert_array_equal(batch.mask[episode], slow)
        ends = batch.step(_random_actions(batch, rng))
        if any(ends):
            break


def _half_perimeter(problem, macro, x_um, y_um):
    netlist, total = problem.netlist, 0.0
    for net in range(netlist.nets):
        pins = netlist.net_pin[netlist.net_start[net] : netlist.net_start[net + 1]]
        owners = netlist.pin_object[pins]
        if macro in owners and not (owners == macro).all():
            x, y = x_um[owners] + problem.pin_x_um[pins], y_um[owners] + problem.pin_y_um[pins]
            total += netlist.net_weight[net] * (np.ptp(x) + np.ptp(y))
    return total


def test_wire_channel_is_the_rise_of_the_macros_half_perimeters_scaled_over_the_legal_cells(problem):
    batch = EpisodeBatch(problem, 1)
    batch.reset()
    rng = np.random.default_rng(4)
    for _ in range(4):
        batch.step(_random_actions(batch, rng))
    macro, canvas = problem.order[4], problem.canvas
    rise = np.zeros((canvas.rows, canvas.columns))
    for row in range(canvas.rows):
        for column in range(canvas.columns):
            x, y = batch.x_um[0].copy(), batch.y_um[0].copy()
            x[macro], y[macro] = (column + 0.5) * canvas.cell_width_um, (row + 0.5) * canvas.cell_height_um
            rise[row, column] = _half_perimeter(problem, macro, x, y)
    legal = batch.mask[0]
    low, high = rise[legal].min(), rise[legal].max()
    np.testing.assert_allclose(batch.images[0, 1], np.clip((rise - low) / (high - low), 0, 1), atol=1e-5)
    assert batch.spans[0, 0] == pytest.approx(high - low, rel=1e-9)


def test_occupancy_and_contact_are_areas_of_placed_macros(problem):
    batch = EpisodeBatch(problem, 1)
    batch.reset()
    rng = np.random.default_rng(4)
    for _ in range(3):
        batch.step(_random_actions(batch, rng))
    canvas, fine = problem.canvas, 60
    x = (np.arange(canvas.columns * fine) + 0.5) * canvas.width_um / (canvas.columns * fine)
    y = (np.arange(canvas.rows * fine) + 0.5) * canvas.height_um / (canvas.rows * fine)
    covered = np.zeros((len(y), len(x)), dtype=bool)
    for left, bottom, right, top in batch.placed[0, : len(problem.obstacles) + 3]:
        covered |= ((y > bottom) & (y < top))[:, None] & ((x > left) & (x < right))[None, :]
    share = covered.reshape(canvas.rows, fine, canvas.columns, fine).mean(axis=(1, 3))
    np.testing.assert_allclose(batch.occupancy[0], share, atol=0.04)
    macro, row, column = problem.order[3], canvas.rows - 2, 2
    half_w, half_h = problem.width_um[macro] / canvas.cell_width_um / 2, problem.height_um[macro] / canvas.cell_height_um / 2
    cell_x, cell_y = x / canvas.cell_width_um, y / canvas.cell_height_um
    in_x, in_y = np.abs(cell_x - column - 0.5) < half_w + 1, np.abs(cell_y - row - 0.5) < half_h + 1
    cell_area = 1 / fine**2
    margin_area = 4 * (half_w + 1) * (half_h + 1)
    taken = covered[np.ix_(in_y, in_x)].sum() * cell_area + margin_area - in_x.sum() * in_y.sum() * cell_area
    expected = min(taken / (margin_area - 4 * half_w * half_h), 1.0)
    assert batch.images[0, 6, row, column] == pytest.approx(expected, abs=0.05)


def test_a_batch_does_what_single_episodes_do_step_by_step_through_ends_and_resets(problem):
    rng = np.random.default_rng(7)
    batch, singles = EpisodeBatch(problem, 3), [EpisodeBatch(problem, 1) for _ in range(3)]
    for part in (batch, *singles):
        part.reset()
    for turn in range(2 * problem.steps + 3):
        if turn == 2:  # let them run at different steps
            batch.reset(np.array([1]))
            singles[1].reset()
        actions = _random_actions(batch, rng)
        ends = batch.step(actions)
        for i, single in enumerate(singles):
            (end,) = single.step(actions[i : i + 1])
            assert (end is None) == (ends[i] is None)
            if end is not None:
                assert end.cost == ends[i].cost
                single.reset()
        if (over := np.flatnonzero([end is not None for end in ends])).size:
            batch.reset(over)
        seen = batch.observation()
        for i, single in enumerate(singles):
            for name, value in single.observation().items():
                np.testing.assert_array_equal(seen[name][i], value[0], err_msg=name)


def test_finished_floorplans_are_legal_and_scored_by_the_exact_cost(problem):
    from workbench.place.cost import evaluate

    rng = np.random.default_rng(2)
    batch = EpisodeBatch(problem, 4)
    batch.reset()
    finished = []
    for _ in range(3 * problem.steps):
        ends = batch.step(_random_actions(batch, rng))
        finished += [end for end in ends if end is not None]
        if (over := np.flatnonzero([end is not None for end in ends])).size:
            batch.reset(over)
    complete = [end for end in finished if end.floorplan is not None]
    assert complete
    for end in complete:
        assert check(end.floorplan) == []
        assert end.cost == pytest.approx(evaluate(end.floorplan).proxy, abs=1e-12)
        assert end.costs.overlap_um2 == 0.0


def test_a_macro_without_room_ends_the_episode_with_the_penalty():
    design = synthetic_design(1, macros=4, columns=8, rows=8, macro_share=0.9)
    problem = make_problem(design.netlist, design.canvas)
    batch = EpisodeBatch(problem, 1)
    batch.reset()
    for _ in range(4):
        legal = np.flatnonzero(batch.action_masks()[0])
        (end,) = batch.step(legal[[len(legal) // 2]])
        if end is not None:
            break
    assert (end.cost, end.floorplan) == (DEAD_END_PENALTY, None)
    assert end.placed < problem.steps


def test_an_action_that_the_mask_forbids_is_refused(problem):
    batch = EpisodeBatch(problem, 1)
    batch.reset()
    forbidden = int(np.flatnonzero(~batch.action_masks()[0])[0])
    with pytest.raises(ValueError, match=f"action {forbidden} is not legal: choose one that the action mask allows"):
        batch.step(np.array([forbidden]))


def test_a_restored_state_goes_on_as_if_never_left(problem):
    rng = np.random.default_rng(9)
    batch = EpisodeBatch(problem, 2)
    batch.reset()
    for _ in range(3):
        batch.step(_random_actions(batch, rng))
    state, actions = batch.state(), _random_actions(batch, rng)
    batch.step(actions)
    other = EpisodeBatch(problem, 2)
    other.reset()
    other.restore(state)
    other.step(actions)
    for name, value in batch.observation().items():
        np.testing.assert_array_equal(other.observation()[name], value, err_msg=name)


def test_a_padded_grid_shows_the_same_episode_in_its_lower_left_corner(problem):
    rng = np.random.default_rng(3)
    rows, columns = problem.canvas.rows, problem.canvas.columns
    native, padded = EpisodeBatch(problem, 1), EpisodeBatch(problem, 1, (rows + 3, columns + 5))
    native.reset()
    padded.reset()
    for _ in range(3):
        action = int(_random_actions(native, rng)[0])
        native.step(np.array([action]))
        padded.step(np.array([action // columns * (columns + 5) + action % columns]))
        np.testing.assert_array_equal(padded.images[0, :, :rows, :columns], native.images[0])
        assert not padded.mask[0, rows:].any()
        assert not padded.mask[0, :, columns:].any()
