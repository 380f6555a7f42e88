"""Initial state of the issue queues, their ports, and the latencies of the timing classes that issue from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.core.config import CoreConfig
from workbench.core.timing import classes as K
from workbench.core.timing.state import ABSENT, CLASSES, HOLDS_PORT, HOLDS_WRITE_PORT, QUEUE_CHOICES
from workbench.isa.code import NO_REGISTER
from workbench.isa.timing_class import TimingClass

_SAME_LATENCY = {"convert_to_int": "fp_convert", "convert_from_int": "fp_convert", "fp_classify": "fp_misc"}


def ports_of_unit(core: CoreConfig) -> dict[str, tuple[int, int]]:
    """Unit -> (queue number, mask of ports); ports with fewer units get the lower numbers, which are tried first."""
    ports = [(len(port), q, port) for q, queue in enumerate(core.issue_queues) for port in queue.ports]
    units: dict[str, tuple[int, int]] = {}
    for number, (_, queue, port) in enumerate(sorted(ports, key=lambda item: item[0])):
        for unit in port:
            first, mask = units.get(unit, (queue, 0))
            units[unit] = (first, mask | 1 << number)
    return units


def _choices_of_unit(core: CoreConfig) -> dict[str, dict[int, int]]:
    """Unit -> {queue number: mask of its ports with the unit}, at most `QUEUE_CHOICES` queues."""
    ports = [(len(port), q, port) for q, queue in enumerate(core.issue_queues) for port in queue.ports]
    choices: dict[str, dict[int, int]] = {}
    for number, (_, queue, port) in enumerate(sorted(ports, key=lambda item: item[0])):
        for unit in port:
            of_unit = choices.setdefault(unit, {})
            if queue in of_unit or len(of_unit) < QUEUE_CHOICES:
                of_unit[queue] = of_unit.get(queue, 0) | 1 << number
    return choices


def set_queues(s: Any, core: CoreConfig) -> None:
    """Enter queues, the choice among them, and what the operations of each timing class take."""
    for q, queue in enumerate(core.issue_queues):
        s["queue_size"][q] = s["queue_free"][q] = queue.size
        limit, s["queue_entry"][q] = queue.entries_per_cycle, queue.entry_cycles
        s["queue_limit"][q], s["queue_counts"][q] = limit or 1, limit > 0
        for k, producer in enumerate(core.issue_queues):
            if producer.wakes is not None and queue.name not in producer.wakes:
                s["queue_late"][q] |= 1 << k
    s["slow_wakeup"], s["register_queue"][[0, NO_REGISTER]] = core.backend.slow_wakeup_cycles, 63
    units, choices = ports_of_unit(core), _choices_of_unit(core)
    latency = core.latency.model_dump()
    latency |= {
        name: latency[other] for name, other in _SAME_LATENCY.items() if latency[name] is None
    }  # fmt: skip
    s["choice_next"] = np.arange(CLASSES) * QUEUE_CHOICES
    s["choice_after"] = np.repeat(s["choice_next"], QUEUE_CHOICES)
    for kind, unit in K.UNIT_OF_CLASS.items():
        if unit not in units:  # a core without vectors has none for vset
            continue
        s["class_queue"][kind], s["class_ports"][kind] = units[unit]
        s["choice_after"][kind * QUEUE_CHOICES : kind * QUEUE_CHOICES + len(choices[unit])] = [
            kind * QUEUE_CHOICES + (k + 1) % len(choices[unit]) for k in range(len(choices[unit]))
        ]
        for k, (queue_number, mask) in enumerate(sorted(choices[unit].items())):
            s["choice_queue"][kind * QUEUE_CHOICES + k], s["choice_ports"][kind * QUEUE_CHOICES + k] = queue_number, mask
    _set_families(s, core, choices)
    for kind, field in K.LATENCY_OF_CLASS.items():
        value = latency[field]
        s["class_latency"][kind * 4 : kind * 4 + 4] = _by_size(value)
        s["class_shift"][kind], s["class_forms"][kind] = _size_field(value)
    for kind in (TimingClass.INT_DIV, TimingClass.FP_DIV, TimingClass.FP_SQRT):
        s["class_holds"][kind] = HOLDS_PORT
    if core.backend.shared_write_ports:
        s["class_at_once"][TimingClass.INT_ALU] = -1
        s["class_holds"][TimingClass.INT_MUL] = s["class_holds"][TimingClass.BIT_OP] = HOLDS_WRITE_PORT


def _set_families(s: Any, core: CoreConfig, choices: dict[str, dict[int, int]]) -> None:
    """Number the units by the queues and ports that they may go to, for dispatch that sorts queues."""
    s["told_cycles"] = core.backend.dispatch_count_cycles
    s["sorts_queues"], s["family_group"][:] = core.backend.dispatch_count_cycles > 0, -1
    families: dict[tuple[tuple[int, int], ...], int] = {}
    for kind, unit in K.UNIT_OF_CLASS.items():
        choice = tuple(sorted(choices.get(unit, {}).items()))
        s["class_family"][kind], s["choice_count"][kind] = families.setdefault(choice, len(families)), len(choice)
        for k in range(QUEUE_CHOICES):
            size = core.issue_queues[choice[k][0]].size if k < len(choice) else ABSENT
            s["choice_rank"][kind * QUEUE_CHOICES + k] = size * QUEUE_CHOICES + QUEUE_CHOICES - 1 - k


def _by_size(value: int | tuple[int, ...]) -> tuple[int, int, int, int]:
    """Latency by the field of the instruction that tells its size: (double, word) or (single, double, half)."""
    if isinstance(value, int):
        return (value,) * 4
    if len(value) == 2:
        word, double = value
        return double, word, word, word
    half, single, double = value
    return single, double, half, double


def _size_field(value: int | tuple[int, ...]) -> tuple[int, int]:
    """Where in an instruction its size stands: lowest bit and mask (bit 3 of the opcode: a word; fmt)."""
    return (0, 0) if isinstance(value, int) else (3, 1) if len(value) == 2 else (25, 3)
