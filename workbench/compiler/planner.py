"""`Planner`: the schedule of every layer, pinned by the user or the cheapest estimate; `Schedule`: one as people read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace

from workbench.base.errors import InputError
from workbench.compiler.ir.builder import LMULS
from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.kernels.matrix import MatrixProduct
from workbench.compiler.kernels.window import Window
from workbench.compiler.schedule import Choice, MainKernel, cheapest

REGISTERS = 32
_MOST_LOADS = 16


@dataclass(frozen=True)
class Schedule:
    """How a layer is computed.

    Attributes
    ----------
    algorithm: ``direct``, ``im2col``, ``winograd F(m,3)``, ``window``, ``panels``, ``matrix`` or
        ``packed matrix``.
    vectors: what the vectors run over: ``channels``, ``positions``, ``columns`` or ``tiles`` of both.
    lmul: registers of a group (1, 2, 4, 8). block: results kept in registers at a time, each a group.
    loads: vectors loaded together; for matrices tiles of filters, while `block` counts tiles of positions.
    ahead: while those before them are in use; for windows: all of a row together.
    outside: the loop over vectors is outside of those over positions; for windows: all weights stay in registers.
    """

    algorithm: str
    vectors: str
    lmul: int
    block: int
    loads: int = 1
    ahead: bool = False
    outside: bool = False

    def apply(self, kernel: MainKernel) -> MainKernel:
        """The kernel with this schedule."""
        if isinstance(kernel, Window):
            return replace(kernel, lmul=self.lmul, tile=self.block, together=self.ahead, hoisted=self.outside)
        if isinstance(kernel, MatrixProduct):
            return replace(kernel, tile=self.block, group=self.loads, ahead=self.ahead, vector_outside=self.outside)
        return replace(
            kernel, lmul=self.lmul, tile=self.block, group=self.loads, ahead=self.ahead, vector_outside=self.outside
        )  # fmt: skip


def schedule_of(algorithm: str, kernel: MainKernel) -> Schedule:
    """The schedule that a kernel has."""
    if isinstance(kernel, Window):
        return Schedule(algorithm, kernel.role, kernel.lmul, kernel.tile, 1, kernel.together, kernel.hoisted)
    if isinstance(kernel, MatrixProduct):
        return Schedule(algorithm, kernel.role, kernel.lmul, kernel.tile, kernel.group, kernel.ahead, kernel.vector_outside)
    return Schedule(
        algorithm, kernel.role, kernel.lmul, kernel.tile, kernel.group, kernel.ahead, kernel.vector_outside
    )  # fmt: skip


@dataclass
class Planner:
    """Takes a choice for every layer and remembers what was offered.

    Attributes
    ----------
    pins: schedules by name of the layer; `source` says where they come from.
    offered: all choices by layer; none for a layer that is made of several of its kind.
    pinned: layers for which a pin was followed.
    """

    pins: Mapping[str, Schedule] = field(default_factory=dict)
    source: str = "--pin"
    offered: dict[str, list[Choice]] = field(default_factory=dict)
    pinned: set[str] = field(default_factory=set)

    def choose(self, layer: str, choices: Iterable[Choice]) -> Choice:
        """The pinned choice or the cheapest; InputError for a pin that the layer cannot have."""
        known = list(choices)
        self.offered[layer] = [] if layer in self.offered else known
        pin = self.pins.get(layer)
        if pin is None:
            return cheapest(known)
        self.pinned.add(layer)
        alike = [c for c in known if (c.algorithm, c.kernel.role) == (pin.algorithm, pin.vectors)]
        if not alike:
            kinds = " or ".join(dict.fromkeys(f"{c.algorithm} over {c.kernel.role}" for c in known))
            raise self._error(layer, f"{pin.algorithm} over {pin.vectors}", kinds, "pin what the layer can have")
        kernel = pin.apply(alike[0].kernel)
        self._check(layer, pin, kernel)
        return replace(alike[0], kernel=kernel)

    def finish(self) -> None:
        """InputError if a pin is for a layer that has no schedule."""
        for layer in self.pins:
            if layer not in self.pinned:
                raise self._error(
                    layer, "a layer that is not in the network or has no schedule", "one of --schedules", "remove the pin"
                )

    def _check(self, layer: str, pin: Schedule, kernel: MainKernel) -> None:
        if pin.lmul not in LMULS:
            raise self._error(layer, f"lmul {pin.lmul}", "1, 2, 4 or 8", "change it")
        if not 1 <= pin.block <= kernel.block.count:
            raise self._error(layer, f"block {pin.block}", f"1 to {kernel.block.count}", "change it")
        if not 1 <= pin.loads <= _MOST_LOADS:
            raise self._error(layer, f"loads {pin.loads}", f"1 to {_MOST_LOADS}", "change it")
        if isinstance(kernel, MatrixProduct):
            if kernel.filters.count % pin.loads:
                raise self._error(layer, f"loads {pin.loads}", f"a divisor of {kernel.filters.count} tiles", "change it")
            if kernel.registers() > REGISTERS:
                found = f"a schedule of {kernel.registers()} registers"
                raise self._error(layer, found, f"at most {REGISTERS}", "make its block smaller")
            return
        used = pin.lmul * (pin.block + (kernel.loaded_steps if isinstance(kernel, Contraction) else 2))
        if used > REGISTERS:
            raise self._error(layer, f"a schedule of {used} registers", f"at most {REGISTERS}", "make its block smaller")

    def _error(self, layer: str, found: str, expected: str, advice: str) -> InputError:
        return InputError(f"{self.source}, layer {layer}", found, expected, advice)


def as_table(schedules: Mapping[str, Schedule]) -> dict[str, dict[str, object]]:
    """Schedules as JSON has them."""
    return {layer: asdict(schedule) for layer, schedule in schedules.items()}
