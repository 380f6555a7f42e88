from __future__ import annotations

import pytest

from workbench.base.errors import InputError
from workbench.base.registry import Registry


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    agents: Registry[int] = Registry("agent")
    agents.register("annealing")(1)
    agents.register("greedy")(2)
    with pytest.raises(InputError) as error:
        agents.get("anealing")
    assert str(error.value) == "agent: found 'anealing', expected one of annealing; see `workbench list agents`."


def test_a_name_is_taken_once() -> None:
    agents: Registry[int] = Registry("agent")
    agents.register("a")(1)
    with pytest.raises(ValueError, match="registered twice"):
        agents.register("a")(2)
