"""Training: a resumed run equals one never stopped, checkpoints are safe, and a policy learns."""

from __future__ import annotations

import dataclasses
import json
import pickle

import numpy as np
import pytest
import torch

from workbench.base.errors import InputError
from workbench.place.agents.policy import NETWORKS, NetworkConfig
from workbench.place.agents.training import Stop, Trainer, TrainingConfig
from workbench.place.agents.training_checkpoint import read_checkpoint, write_checkpoint
from workbench.place.agents.training_run import TrainingOptions, run_training
from workbench.place.environment_synthetic import synthetic_design

SMALL = TrainingConfig(seed=4, environments=3, evaluation_episodes=3)


@pytest.fixture(scope="module")
def designs():
    """Two designs with different grids and numbers of macros, one so full that some episodes end early."""
    return [
        synthetic_design(1, macros=4, columns=8, rows=7, macro_share=0.6),
        synthetic_design(2, macros=6, columns=9, rows=10, macro_share=0.3),
    ]


def _weights(trainer):
    return {name: value.clone() for name, value in trainer.model.policy.state_dict().items()}


@pytest.mark.parametrize("kind", sorted(NETWORKS))
def test_a_resumed_run_equals_one_never_stopped(designs, tmp_path, kind):
    config = dataclasses.replace(SMALL, network=NetworkConfig(kind))
    whole = Trainer(designs, config)
    whole.train(Stop(steps=4 * 36))
    first = Trainer(designs, config)
    first.train(Stop(steps=2 * 36))
    path = write_checkpoint(tmp_path / "checkpoint.pt", first.state())
    np.random.seed(99)  # whatever happened to the global generators in between
    torch.manual_seed(99)
    state = read_checkpoint(path)
    second = Trainer(designs, TrainingConfig.from_state(state["config"]))
    second.restore(state, path)
    second.train(Stop(steps=4 * 36))
    assert [row.mean_cost for row in second.curve] == [row.mean_cost for row in whole.curve]
    assert second.log.episodes == whole.log.episodes
    for name, value in _weights(whole).items():
        assert torch.equal(value, second.model.policy.state_dict()[name]), name
    assert any(row.legal_share < 1 for row in whole.curve)  # episodes of different lengths were in flight at the boundary
    assert [best[1].proxy for best in second.log.best if best] == [best[1].proxy for best in whole.log.best if best]


def test_training_leaves_the_global_generators_alone(designs):
    np.random.seed(5)
    torch.manual_seed(5)
    expected = np.random.random(), torch.rand(1).item()
    np.random.seed(5)
    torch.manual_seed(5)
    Trainer(designs[1:], SMALL).measure_untrained()
    assert (np.random.random(), torch.rand(1).item()) == expected


def test_an_interrupted_update_is_dropped_and_the_last_boundary_kept(designs, monkeypatch):
    trainer = Trainer(designs[1:], SMALL)
    trainer.train(Stop(steps=18))
    before = _weights(trainer)
    monkeypatch.setattr(trainer.model, "train", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    assert trainer.train(Stop(steps=100)) is True
    assert trainer.model.num_timesteps == 18
    for name, value in before.items():
        assert torch.equal(value, trainer.model.policy.state_dict()[name])


@pytest.mark.slow
def test_a_policy_learns_to_place_more_cheaply():
    design = synthetic_design(7, macros=10, columns=10, rows=10, macro_share=0.35)
    trainer = Trainer([design], TrainingConfig(seed=1, environments=16, evaluation_episodes=48, learning_rate=5e-3))
    untrained = trainer.measure_untrained()
    trainer.train(Stop(steps=25 * 160))
    costs = [end.cost for end in trainer.evaluate()[0] if end.costs is not None]
    error = untrained.deviation / np.sqrt(24)
    assert np.mean(costs) < untrained.mean_cost - 4 * error


def test_a_run_folder_holds_checkpoint_curve_summary_and_placement_and_goes_on(designs, tmp_path):
    options = TrainingOptions(tmp_path / "run", steps=36, environments=2)
    report = run_training(designs[1:], options, quiet=True)
    files = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert files == ["checkpoint.pt", "curve.csv", "curve.png", "synthetic_2.plc", "training.json"]
    assert report["untrained_policy"]["episodes"] == 16 and report["steps"] == 36
    again = run_training(designs[1:], TrainingOptions(tmp_path / "run", steps=60, resume=True), quiet=True)
    assert again["steps"] == 60 and again["config"]["environments"] == 2
    assert again["untrained_policy"] == report["untrained_policy"]
    saved = json.loads((tmp_path / "run" / "training.json").read_text())
    assert [row["steps"] for row in saved["curve"]] == [12, 24, 36, 48, 60]
    assert len((tmp_path / "run" / "curve.csv").read_text().splitlines()) == 6
    assert (tmp_path / "run" / "curve.png").read_bytes()[:4] == b"\x89PNG"


def test_tensorboard_gets_costs_components_entropy_rate_and_a_histogram(designs, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    options = TrainingOptions(tmp_path / "run", steps=36, environments=2, tensorboard=True)
    run_training(designs[1:], options, quiet=True)
    folder = next((tmp_path / "run" / "tensorboard").iterdir())
    events = EventAccumulator(str(folder), size_guidance={"histograms": 0})
    events.Reload()
    names = {"mean_cost", "wirelength", "density", "congestion", "best_cost", "entropy"}
    assert {f"placement/{name}" for name in names} | {"train/learning_rate"} <= set(events.Tags()["scalars"])
    assert events.Tags()["histograms"] == ["placement/episode_costs"]
    assert len(events.Histograms("placement/episode_costs")) == 3


def test_weights_of_the_other_network_are_refused(designs, tmp_path):
    path = tmp_path / "run" / "checkpoint.pt"
    run_training(designs[1:], TrainingOptions(tmp_path / "run", steps=12, environments=2), quiet=True)
    with pytest.raises(InputError) as error:
        run_training(designs[1:], TrainingOptions(tmp_path / "b", steps=1, policy=path, network="circuit_training"))
    assert str(error.value) == (
        f"{path}: found weights of the network 'cells', expected 'circuit_training'; leave --network out."
    )


def test_an_earlier_run_is_not_overwritten(designs, tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"precious")
    with pytest.raises(InputError) as error:
        run_training(designs, TrainingOptions(tmp_path, steps=1))
    assert str(error.value) == (
        f"{tmp_path}: found an earlier training run, expected a new folder; give another --out, or --resume."
    )


class _Trap:
    def __reduce__(self):
        return (print, ("a checkpoint ran code",))


@pytest.mark.parametrize(
    "content", [b"not a checkpoint", pickle.dumps({"format": "x"}), pickle.dumps(_Trap()), b"PK\x03\x04cut"]
)
def test_a_foreign_or_damaged_checkpoint_is_refused_and_runs_no_code(tmp_path, content, capsys):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_checkpoint(path)
    assert str(error.value) == (
        f"{path}: found no checkpoint of this version, expected one that `workbench train` wrote; train anew."
    )
    assert "ran code" not in capsys.readouterr().out


def test_a_checkpoint_of_other_netlists_or_another_network_is_refused(designs, tmp_path):
    trainer = Trainer(designs[:1], SMALL)
    trainer.measure_untrained()
    state, path = trainer.state(), tmp_path / "checkpoint.pt"
    with pytest.raises(InputError) as error:
        Trainer(designs[1:], SMALL).restore(state, path)
    assert str(error.value) == (
        f"{path}: found training on other netlists, expected the netlists of this run; name the same ones in order."
    )
    state["weights"] = {"network.logit.bias": torch.zeros(3)}
    with pytest.raises(InputError) as error:
        trainer.restore(state, path)
    assert str(error.value) == (
        f"{path}: found weights of another network, expected weights of this version's network; train anew."
    )
