"""The weights that ship with the agent: readable, of today's network, and better than none on a design they never saw."""

from __future__ import annotations

from workbench.netlist.load import load_design
from workbench.place.agents.policy_shipped import SHIPPED_POLICY, load_policy
from workbench.place.agents.training import Trainer, TrainingConfig
from workbench.place.agents.training_checkpoint import read_checkpoint
from workbench.place.agents.training_report import evaluation_of


def test_the_shipped_policy_places_a_design_it_never_saw_more_cheaply_than_an_untrained_one():
    design = load_design("rvv_npu")
    trainer = Trainer([design], TrainingConfig(environments=8, evaluation_episodes=8))
    untrained = trainer.measure_untrained()
    load_policy(SHIPPED_POLICY, trainer.model.policy)
    shipped = evaluation_of(trainer.evaluate())
    assert shipped.legal_share == 1.0
    assert shipped.mean_cost < untrained.mean_cost - untrained.deviation
    seen = read_checkpoint(SHIPPED_POLICY)["designs"]
    netlist = design.netlist
    assert [design.name, netlist.objects, netlist.nets] not in [identity[:3] for identity in seen]
