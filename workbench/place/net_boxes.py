"""For every object and net of its own, the box around the net's *other* pins: then a place's wirelength is one short loop.

The weighted half-perimeters of an object's nets, were it at (x, y), follow from these boxes alone: a vector loop over data
that lie side by side, some forty times quicker than gathering the pins. The boxes change only when a move is kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.place.cost_model import CostModel, CostState
from workbench.place.routing_kernels import BORROWED, lean

_VECTOR = {"reassoc", "nsz", "contract"}
"""Freedom given to the sum: its order, nothing else."""


class NetBoxes(NamedTuple):
    """Boxes by incidence, the i pairs of an object and a net of its own, in the order of `CostModel.object_net`."""

    left: np.ndarray  # of the net's pins on other objects, µm (i); inf where there are none
    right: np.ndarray  # -inf where there are none
    bottom: np.ndarray
    top: np.ndarray
    weight: np.ndarray  # of the net (i)
    own_left: np.ndarray  # of the net's pins on the object, offsets for orientation N, µm (i)
    own_right: np.ndarray
    own_bottom: np.ndarray
    own_top: np.ndarray
    owner: np.ndarray  # object, int32 (i)
    partner: np.ndarray  # the other incidence of a net with two objects, -1 for other nets: int32 (i)
    net_start: np.ndarray  # incidences of each net: int32 (m + 1)
    net_incidence: np.ndarray  # int32 (i)


def make_net_boxes(model: CostModel) -> NetBoxes:
    """Boxes of a model's nets; `rebuild_boxes` fills in where the others are."""
    incidences = len(model.object_net)
    owner = np.repeat(np.arange(len(model.width), dtype=np.int32), np.diff(model.object_start))
    order = np.argsort(model.object_net, kind="stable").astype(np.int32)
    counts = np.bincount(model.object_net, minlength=len(model.net_weight))
    own = [np.full(incidences, fill) for fill in (np.inf, -np.inf, np.inf, -np.inf)]
    net = np.repeat(np.arange(len(model.net_weight)), np.diff(model.net_start))
    point_owner = np.repeat(np.arange(len(model.width)), np.diff(model.point_start))[model.net_point]
    wide = max(1, len(model.net_weight))
    of_pin = np.searchsorted(owner.astype(np.int64) * wide + model.object_net, point_owner * wide + net)
    for bound, offset, extreme in zip(
        own, (model.point_dx,) * 2 + (model.point_dy,) * 2, (np.minimum, np.maximum) * 2, strict=True
    ):
        extreme.at(bound, of_pin, offset[model.net_point])
    return NetBoxes(
        np.zeros(incidences), np.zeros(incidences), np.zeros(incidences), np.zeros(incidences),
        model.net_weight[model.object_net], own[0], own[1], own[2], own[3], owner, _partners(order, counts),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32), order,
    )  # fmt: skip


def _partners(incidence: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Each incidence's partner from the incidences in the order of their nets and how many each net has."""
    partner = np.full(len(incidence), -1, np.int32)
    first = (np.cumsum(counts) - counts)[counts == 2]
    one, other = incidence[first], incidence[first + 1]
    partner[one], partner[other] = other, one
    return partner


@lean
def rebuild_boxes(model: CostModel, state: CostState, boxes: NetBoxes) -> None:
    """All boxes from the coordinates."""
    for net in range(len(model.net_weight)):
        _update_net(model, state, boxes, net)


@lean
def update_boxes(model: CostModel, state: CostState, boxes: NetBoxes, item: int) -> None:
    """Boxes of the nets of an object that has moved. Of a net with two objects, that is the other one's."""
    x, y, turn = state.x[item], state.y[item], model.turn[state.orientation[item]]
    for i in range(model.object_start[item], model.object_start[item + 1]):
        other = boxes.partner[i]
        if other < 0:
            _update_net(model, state, boxes, model.object_net[i])
            continue
        dx, dy = (boxes.own_left[i], boxes.own_right[i]), (boxes.own_bottom[i], boxes.own_top[i])
        low_x, high_x = _own_range(turn[0], turn[1], dx[0], dx[1], dy[0], dy[1])
        low_y, high_y = _own_range(turn[2], turn[3], dx[0], dx[1], dy[0], dy[1])
        boxes.left[other], boxes.right[other] = x + low_x, x + high_x
        boxes.bottom[other], boxes.top[other] = y + low_y, y + high_y


@lean
def _own_range(
    turn_0: float, turn_1: float, low_x: float, high_x: float, low_y: float, high_y: float
) -> tuple[float, float]:
    """Range of one coordinate of an offset box as it is turned (one of the two factors is 0)."""
    first, second = turn_0 * low_x + turn_1 * low_y, turn_0 * high_x + turn_1 * high_y
    return min(first, second), max(first, second)


@lean
def _update_net(model: CostModel, state: CostState, boxes: NetBoxes, net: int) -> None:
    """Boxes of one net: for all its objects the extremes, for the object that has an extreme the second one."""
    start, end = boxes.net_start[net], boxes.net_start[net + 1]
    left = bottom = second_left = second_bottom = np.inf
    right = top = second_right = second_top = -np.inf
    at_left = at_right = at_bottom = at_top = -1
    for k in range(start, end):
        i = boxes.net_incidence[k]
        item = boxes.owner[i]
        turn = model.turn[state.orientation[item]]
        dx, dy = (boxes.own_left[i], boxes.own_right[i]), (boxes.own_bottom[i], boxes.own_top[i])
        low_x, high_x = _own_range(turn[0], turn[1], dx[0], dx[1], dy[0], dy[1])
        low_y, high_y = _own_range(turn[2], turn[3], dx[0], dx[1], dy[0], dy[1])
        low_x, high_x = state.x[item] + low_x, state.x[item] + high_x
        low_y, high_y = state.y[item] + low_y, state.y[item] + high_y
        if low_x < left:
            left, second_left, at_left = low_x, left, i
        else:
            second_left = min(second_left, low_x)
        if high_x > right:
            right, second_right, at_right = high_x, right, i
        else:
            second_right = max(second_right, high_x)
        if low_y < bottom:
            bottom, second_bottom, at_bottom = low_y, bottom, i
        else:
            second_bottom = min(second_bottom, low_y)
        if high_y > top:
            top, second_top, at_top = high_y, top, i
        else:
            second_top = max(second_top, high_y)
    for k in range(start, end):
        i = boxes.net_incidence[k]
        boxes.left[i] = second_left if i == at_left else left
        boxes.right[i] = second_right if i == at_right else right
        boxes.bottom[i] = second_bottom if i == at_bottom else bottom
        boxes.top[i] = second_top if i == at_top else top


@lean
def length_at(model: CostModel, boxes: NetBoxes, item: int, x: float, y: float, orientation: int) -> float:
    """Weighted half-perimeters of an object's nets, were it at (x, y) and turned so, µm."""
    start, end, turn = model.object_start[item], model.object_start[item + 1], model.turn[orientation]
    first, points = model.point_start[item], model.point_start[item + 1] - model.point_start[item]
    if points == 1:
        return _length_of_point(
            boxes.left[start:end], boxes.right[start:end], boxes.bottom[start:end], boxes.top[start:end],
            boxes.weight[start:end], x + turn[0] * model.point_dx[first] + turn[1] * model.point_dy[first],
            y + turn[2] * model.point_dx[first] + turn[3] * model.point_dy[first],
        )  # fmt: skip
    return _length_of_box(
        boxes.left[start:end], boxes.right[start:end], boxes.bottom[start:end], boxes.top[start:end],
        boxes.weight[start:end], boxes.own_left[start:end], boxes.own_right[start:end], boxes.own_bottom[start:end],
        boxes.own_top[start:end], x, y, turn[0], turn[1], turn[2], turn[3],
    )  # fmt: skip


@inner_kernel(fastmath=_VECTOR, **BORROWED)
def _length_of_point(
    left: np.ndarray, right: np.ndarray, bottom: np.ndarray, top: np.ndarray, weight: np.ndarray, x: float, y: float
) -> float:
    total = 0.0
    for i in range(len(left)):
        wide = max(right[i], x) - min(left[i], x)
        high = max(top[i], y) - min(bottom[i], y)
        total += weight[i] * (wide + high)
    return total


@inner_kernel(fastmath=_VECTOR, **BORROWED)
def _length_of_box(
    left: np.ndarray, right: np.ndarray, bottom: np.ndarray, top: np.ndarray, weight: np.ndarray,
    own_left: np.ndarray, own_right: np.ndarray, own_bottom: np.ndarray, own_top: np.ndarray,
    x: float, y: float, turn_0: float, turn_1: float, turn_2: float, turn_3: float,
) -> float:  # fmt: skip
    total = 0.0
    for i in range(len(left)):
        x_1 = x + turn_0 * own_left[i] + turn_1 * own_bottom[i]
        x_2 = x + turn_0 * own_right[i] + turn_1 * own_top[i]
        y_1 = y + turn_2 * own_left[i] + turn_3 * own_bottom[i]
        y_2 = y + turn_2 * own_right[i] + turn_3 * own_top[i]
        wide = max(right[i], max(x_1, x_2)) - min(left[i], min(x_1, x_2))
        high = max(top[i], max(y_1, y_2)) - min(bottom[i], min(y_1, y_2))
        total += weight[i] * (wide + high)
    return total
