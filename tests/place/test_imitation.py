"""Learning from demonstrations: lessons are what the environment shows, labels stay on legal cells, and cloning predicts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.place.agents.demonstrations import collect, demonstrate, nearest_floorplan
from workbench.place.agents.imitation import CloningConfig, blurred, clone, cross_entropy, make_lessons
from workbench.place.agents.policy import NETWORKS, NetworkConfig, make_network
from workbench.place.cost import evaluate
from workbench.place.environment_problem import make_problem
from workbench.place.environment_synthetic import synthetic_design
from workbench.place.vec_env import EpisodeBatch


@pytest.fixture(scope="module")
def demonstration():
    return demonstrate(synthetic_design(5, macros=8, columns=10, rows=9, macro_share=0.3), seed=0, trials_per_object=100)


def test_a_demonstration_is_a_legal_episode_cheaper_than_its_beginning(demonstration):
    design = demonstration.design
    problem = make_problem(design.netlist, design.canvas)
    batch, end = EpisodeBatch(problem, 1), None
    batch.reset()
    for cell in demonstration.cells:
        end = batch.step(np.array([cell]))[0]
    assert end.floorplan is not None
    assert demonstration.cost < evaluate(nearest_floorplan(problem)).proxy


def test_demonstrations_are_kept_and_taken_from_the_file(tmp_path, monkeypatch):
    designs = [synthetic_design(seed, macros=4, columns=8, rows=8, macro_share=0.2) for seed in (1, 2)]
    first = collect(designs[:1], tmp_path / "d.pt", 0)
    both = collect(designs, tmp_path / "d.pt", 0)
    assert [one.design.name for one in both] == ["synthetic_1", "synthetic_2"]
    np.testing.assert_array_equal(both[0].cells, first[0].cells)
    monkeypatch.setattr("workbench.place.agents.demonstrations.demonstrate", None)  # nothing is annealed again
    assert [one.cost for one in collect(designs, tmp_path / "d.pt", 0)] == [one.cost for one in both]


def test_the_undisturbed_lessons_are_the_demonstrated_episode(demonstration):
    config = CloningConfig(replays=0)
    lessons = make_lessons(demonstration, config, np.random.default_rng(0))
    np.testing.assert_array_equal(lessons.target, demonstration.cells)
    batch = EpisodeBatch(lessons.problem, 1)
    batch.reset()
    for step, cell in enumerate(demonstration.cells):
        np.testing.assert_allclose(lessons.observation["images"][step], batch.images[0], atol=2e-3)
        np.testing.assert_array_equal(lessons.mask[step], batch.action_masks()[0])
        batch.step(np.array([cell]))


def test_disturbed_lessons_only_ask_for_legal_cells(demonstration):
    config = CloningConfig(replays=4, stray_share=0.6)
    lessons = make_lessons(demonstration, config, np.random.default_rng(0))
    assert len(demonstration.cells) < len(lessons.target) <= 5 * len(demonstration.cells)
    assert lessons.mask[np.arange(len(lessons.target)), lessons.target].all()


def test_blurred_labels_sum_to_one_on_legal_cells_and_are_highest_at_the_cell():
    mask = torch.ones(2, 5, 6, dtype=torch.bool)
    mask[0, 2, 3] = False
    label = blurred(torch.tensor([2 * 6 + 2, 0]), mask, 0.7)
    torch.testing.assert_close(label.sum(dim=(1, 2)), torch.ones(2))
    assert label[0, 2, 3] == 0 and label[0].argmax() == 14 and label[1].argmax() == 0
    assert label[0, 2, 1] == pytest.approx(float(label[0, 2, 2]) * np.exp(-1 / (2 * 0.7**2)), rel=1e-5)


@pytest.mark.parametrize("kind", sorted(NETWORKS))
def test_cloning_learns_to_predict_the_cells(demonstration, kind):
    config = CloningConfig(epochs=12, replays=1, minibatch=4)
    lessons = make_lessons(demonstration, config, np.random.default_rng(0))
    canvas = demonstration.design.canvas
    torch.manual_seed(0)
    network = make_network(NetworkConfig(kind), [lessons.problem], canvas.rows, canvas.columns)
    every = torch.arange(len(lessons.target))
    before = float(cross_entropy(network, lessons, every, config.blur_cells, None))
    losses = clone(network, [lessons], config, torch.Generator().manual_seed(0))
    after = float(cross_entropy(network, lessons, every, config.blur_cells, None))
    assert after < before - 0.3 and losses[-1] < losses[0]


def test_only_networks_that_may_be_are_mirrored(demonstration):
    lessons = make_lessons(demonstration, CloningConfig(replays=0), np.random.default_rng(0))
    canvas, every = demonstration.design.canvas, torch.arange(len(lessons.target))
    for kind, is_mirrored in (("cells", True), ("circuit_training", False)):
        torch.manual_seed(0)
        network = make_network(NetworkConfig(kind), [lessons.problem], canvas.rows, canvas.columns)
        for parameter in network.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
        plain = float(cross_entropy(network, lessons, every, 0.7, None).detach())
        drawn = {
            round(float(cross_entropy(network, lessons, every, 0.7, torch.Generator().manual_seed(s)).detach()), 6)
            for s in range(8)
        }
        assert (len(drawn) > 1) == is_mirrored and (is_mirrored or drawn == {round(plain, 6)})
