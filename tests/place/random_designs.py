"""Small random designs, as the product's classes and as the plain dictionaries of `slow_cost`."""

from __future__ import annotations

import numpy as np

from workbench.netlist.netlist import ORIENTATIONS, Canvas, Floorplan, Netlist, ObjectKind

KINDS = {"macro": ObjectKind.MACRO, "soft": ObjectKind.SOFT_MACRO, "port": ObjectKind.PORT}


def random_plain(seed, macros=4, soft=5, ports=4, nets=30):
    """(canvas, objects, nets) as `slow_cost` takes them."""
    rng = np.random.default_rng(seed)
    canvas = dict(
        width=float(rng.uniform(50, 300)), height=float(rng.uniform(50, 300)), columns=int(rng.integers(2, 14)),
        rows=int(rng.integers(2, 14)), h=float(rng.uniform(1, 60)), v=float(rng.uniform(1, 60)),
        mh=float(rng.uniform(0, 50)), mv=float(rng.uniform(0, 50)), smooth=int(rng.integers(0, 4)),
    )  # fmt: skip
    objects = []
    for kind, count in (("macro", macros), ("soft", soft), ("port", ports)):
        for _ in range(count):
            w, h = (0.0, 0.0) if kind == "port" else rng.uniform(0.02, 0.4, 2) * (canvas["width"], canvas["height"])
            x = rng.uniform(w / 2, canvas["width"] - w / 2)
            y = rng.uniform(h / 2, canvas["height"] - h / 2)
            turn = ORIENTATIONS[rng.integers(0, 4)] if kind == "macro" else "N"
            objects.append(dict(kind=kind, x=float(x), y=float(y), w=float(w), h=float(h), orientation=turn))
    for port in objects[macros + soft :]:  # some exactly on the edges
        port["x"] = [0.0, canvas["width"], port["x"]][rng.integers(0, 3)]
        port["y"] = [0.0, canvas["height"], port["y"]][rng.integers(0, 3)]
    offsets = [[_offset(rng, item) for _ in range(3)] for item in objects]
    wires = []
    for _ in range(nets):
        members = rng.choice(len(objects), int(rng.integers(2, min(8, len(objects)) + 1)), replace=False)
        pins = [(int(i), *offsets[i][rng.integers(0, 3)]) for i in members]
        wires.append((float(rng.choice([0.5, 1.0, 1.0, 2.0, 7.0])), pins))
    return canvas, objects, wires


def _offset(rng, item):
    if item["kind"] != "macro":
        return 0.0, 0.0
    return float(rng.uniform(-0.5, 0.5) * item["w"]), float(rng.uniform(-0.5, 0.5) * item["h"])


def floorplan_of(canvas, objects, nets):
    """The product's floorplan of a plain design."""
    pins = [pin for _, members in nets for pin in members]
    kinds = np.array([KINDS[item["kind"]] for item in objects], np.int8)
    column = {key: np.array([item[key] for item in objects], np.float64) for key in ("x", "y", "w", "h")}
    turns = np.array([ORIENTATIONS.index(item["orientation"]) for item in objects], np.int8)
    netlist = Netlist(
        name="random", object_names=tuple(f"o{i}" for i in range(len(objects))), kind=kinds,
        width_um=column["w"], height_um=column["h"], x_um=column["x"], y_um=column["y"], orientation=turns,
        is_fixed=kinds == ObjectKind.PORT, file_index=np.arange(len(objects), dtype=np.int32),
        pin_object=np.array([pin[0] for pin in pins], np.int32),
        pin_x_um=np.array([pin[1] for pin in pins]), pin_y_um=np.array([pin[2] for pin in pins]),
        net_start=np.cumsum([0, *(len(members) for _, members in nets)]).astype(np.int32),
        net_pin=np.arange(len(pins), dtype=np.int32), net_weight=np.array([weight for weight, _ in nets]),
    )  # fmt: skip
    area = Canvas(
        canvas["width"], canvas["height"], canvas["columns"], canvas["rows"], canvas["h"], canvas["v"], canvas["mh"],
        canvas["mv"], canvas["smooth"],
    )  # fmt: skip
    return Floorplan(netlist, area, column["x"].copy(), column["y"].copy(), turns.copy())
