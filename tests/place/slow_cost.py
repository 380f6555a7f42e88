"""The proxy cost in plain Python, written from the formulas of the specification and not from the product's code."""

from __future__ import annotations

import math


def turned(dx, dy, orientation):
    return {"N": (dx, dy), "FN": (-dx, dy), "S": (-dx, -dy), "FS": (dx, -dy)}[orientation]


def slow_costs(canvas, objects, nets):
    """(wirelength_um, wirelength, density, congestion).

    canvas: dict(width, height, columns, rows, h, v, mh, mv, smooth); objects: list of dict(kind, x, y, w, h, orientation);
    nets: list of (weight, [(object, dx, dy), ...]) with the driver first.
    """
    length, weights = 0.0, 0.0
    for weight, pins in nets:
        places = [_pin(objects, pin) for pin in pins]
        xs, ys = [p[0] for p in places], [p[1] for p in places]
        length += weight * (max(xs) - min(xs) + max(ys) - min(ys))
        weights += weight
    wirelength = length / ((canvas["width"] + canvas["height"]) * weights)
    return length, wirelength, _density(canvas, objects), _congestion(canvas, objects, nets)


def _pin(objects, pin):
    item, dx, dy = pin
    dx, dy = turned(dx, dy, objects[item]["orientation"])
    return objects[item]["x"] + dx, objects[item]["y"] + dy


def _cells(canvas):
    return canvas["width"] / canvas["columns"], canvas["height"] / canvas["rows"]


def _cell(canvas, x, y):
    gw, gh = _cells(canvas)
    column = min(max(math.floor(x / gw), 0), canvas["columns"] - 1)
    row = min(max(math.floor(y / gh), 0), canvas["rows"] - 1)
    return row, column


def _overlap(canvas, item, row, column):
    gw, gh = _cells(canvas)
    ox = min(item["x"] + item["w"] / 2, (column + 1) * gw) - max(item["x"] - item["w"] / 2, column * gw)
    oy = min(item["y"] + item["h"] / 2, (row + 1) * gh) - max(item["y"] - item["h"] / 2, row * gh)
    return (ox, oy) if ox > 0 and oy > 0 else (0.0, 0.0)


def _density(canvas, objects):
    gw, gh = _cells(canvas)
    shares = []
    for row in range(canvas["rows"]):
        for column in range(canvas["columns"]):
            extents = [_overlap(canvas, item, row, column) for item in objects if item["kind"] != "port"]
            shares.append(sum(ox * oy for ox, oy in extents) / (gw * gh))
    count = max(1, math.floor(0.1 * len(shares)))
    return 0.5 * sum(sorted(shares, reverse=True)[:count]) / count


def _congestion(canvas, objects, nets):
    rows, columns = canvas["rows"], canvas["columns"]
    gw, gh = _cells(canvas)
    h = {(r, c): 0.0 for r in range(rows) for c in range(columns)}
    v = dict.fromkeys(h, 0.0)

    def hseg(row, c1, c2, w):
        for c in range(min(c1, c2), max(c1, c2)):
            h[row, c] += w

    def vseg(column, r1, r2, w):
        for r in range(min(r1, r2), max(r1, r2)):
            v[r, column] += w

    for weight, pins in nets:
        cells = [_cell(canvas, *_pin(objects, pin)) for pin in pins]
        _route(cells[0], set(cells), max(1.0, weight), hseg, vseg)
    h = {key: value / (gh * canvas["h"]) for key, value in h.items()}
    v = {key: value / (gw * canvas["v"]) for key, value in v.items()}
    smooth_h, smooth_v = dict.fromkeys(h, 0.0), dict.fromkeys(v, 0.0)
    s = canvas["smooth"]
    for r, c in h:
        near = [x for x in range(c - s, c + s + 1) if 0 <= x < columns]
        for x in near:
            smooth_v[r, x] += v[r, c] / len(near)
        near = [y for y in range(r - s, r + s + 1) if 0 <= y < rows]
        for y in near:
            smooth_h[y, c] += h[r, c] / len(near)
    for item in objects:
        if item["kind"] == "macro":
            _block(canvas, item, smooth_h, smooth_v)
    values = sorted([*smooth_h.values(), *smooth_v.values()], reverse=True)
    count = max(1, math.floor(0.05 * len(values)))
    return sum(values[:count]) / count


def _route(source, cells, w, hseg, vseg):
    if len(cells) == 3:
        (x1, y1), (x2, y2), (x3, y3) = sorted((column, row) for row, column in cells)
        if x1 < x2 < x3 and (y1 < y2 < y3 or y3 < y2 < y1):
            hseg(y1, x1, x2, w), hseg(y2, x2, x3, w), vseg(x2, y1, y2, w), vseg(x3, y2, y3, w)
        elif x2 == x3 and x1 < x2 and y1 < min(y2, y3):
            hseg(y1, x1, x2, w), vseg(x2, y1, max(y2, y3), w)
        elif y2 == y3:
            hseg(y1, x1, x2, w), hseg(y2, x2, x3, w), vseg(x2, y1, y2, w)
        else:
            (y1, x1), (y2, x2), (y3, x3) = sorted(cells)
            hseg(y2, min(x1, x2, x3), max(x1, x2, x3), w), vseg(x1, y1, y2, w), vseg(x3, y2, y3, w)
        return
    for row, column in cells - {source}:
        hseg(source[0], source[1], column, w)
        vseg(column, source[0], row, w)


def _block(canvas, item, h, v):
    gw, gh = _cells(canvas)
    bottom, left = _cell(canvas, item["x"] - item["w"] / 2, item["y"] - item["h"] / 2)
    top, right = _cell(canvas, item["x"] + item["w"] / 2, item["y"] + item["h"] / 2)
    partly_rows = partly_columns = False
    for row in range(bottom, top + 1):
        for column in range(left, right + 1):
            ox, oy = _overlap(canvas, item, row, column)
            v[row, column] += ox * canvas["mv"] / (gw * canvas["v"])
            h[row, column] += oy * canvas["mh"] / (gh * canvas["h"])
            partly_rows |= top > bottom and row in (bottom, top) and abs(oy - gh) > 1e-5
            partly_columns |= right > left and column in (left, right) and abs(ox - gw) > 1e-5
    if partly_rows:
        for column in range(left, right + 1):
            v[top, column] -= _overlap(canvas, item, top, column)[0] * canvas["mv"] / (gw * canvas["v"])
    if partly_columns:
        for row in range(bottom, top + 1):
            h[row, right] -= _overlap(canvas, item, row, right)[1] * canvas["mh"] / (gh * canvas["h"])
