"""Flat netlists, group lists and options that clustering cannot use, each with its sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.cli import main
from workbench.netlist.clustering.flat import refuse_flat
from workbench.netlist.netlist import Netlist, ObjectKind


def node(name: str, kind: str, inputs: str = "", **numbers: float) -> str:
    values = "".join(f'attr {{ key: "{key}" value {{ f: {value} }} }} ' for key, value in numbers.items())
    return f'node {{ name: "{name}" {inputs} attr {{ key: "type" value {{ placeholder: "{kind}" }} }} {values} }}\n'


PORT, MACRO = node("p", "PORT", 'input: "c"', x=0, y=5), node("m", "MACRO", width=10, height=10)
CELLS = node("c", "STDCELL", 'input: "d"', width=1, height=1) + node("d", "STDCELL", width=1, height=1)
FLAT = PORT + MACRO + CELLS
GROUPS = "-1 -1 0 1"

CASES = {
    "no part": (FLAT, GROUPS, ["--parts", "0"], "--parts: found 0, expected a whole number of at least 1; correct it."),
    "seed": (
        FLAT, GROUPS, ["--seed", "-1"], "--seed: found -1, expected a whole number from 0 to 2147483647; correct it.",
    ),
    "no cells": (
        MACRO, None, [],
        "n: found no standard cells, expected a flat netlist with cells to cluster; place it as it is.",
    ),
    "short list": (
        FLAT, "0 1 0", [], "g.txt: found 3 groups, expected 4, one for each node of n; give this netlist's file.",
    ),
    "long list": (
        FLAT, "0 1 0 1 1", [], "g.txt: found 5 groups, expected 4, one for each node of n; give this netlist's file.",
    ),
    "negative": (
        FLAT, "-1\n-1\n0\n-1", [],
        "g.txt, line 4: found group '-1' of a cell, expected a whole number from 0 to 2147483647; correct it.",
    ),
    "too large": (
        FLAT, "-1\n-1\n2147483648\n0", [],
        "g.txt, line 3: found group '2147483648' of a cell, expected a whole number from 0 to 2147483647; correct it.",
    ),
    "a word": (
        FLAT, "-1\n-1\nx\n0", [],
        "g.txt, line 3: found group 'x' of a cell, expected a whole number from 0 to 2147483647; correct it.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_each_has_its_sentence(kind: str, tmp_path: Path, monkeypatch, capsys) -> None:
    netlist, groups, options, sentence = CASES[kind]
    (tmp_path / "n.pb.txt").write_text(netlist)
    call = ["workbench", "netlist", "cluster", str(tmp_path / "n.pb.txt"), "--out", str(tmp_path / "out"), *options]
    if groups is not None:
        (tmp_path / "g.txt").write_text(groups)
        call += ["--groups", str(tmp_path / "g.txt")]
    monkeypatch.setattr(sys, "argv", call)
    with pytest.raises(SystemExit) as left:
        main()
    out, err = capsys.readouterr()
    assert (left.value.code, out, err.replace(f"{tmp_path}/", "")) == (2, "", f"workbench: {sentence}\n")


def test_placing_a_flat_netlist_says_to_cluster_it_first() -> None:
    def netlist(cells: int) -> Netlist:
        zeros, none = np.zeros(cells), np.zeros(0, int)
        kind = np.full(cells, ObjectKind.SOFT_MACRO)
        return Netlist(
            "n", ("c",) * cells, kind, zeros, zeros, zeros, zeros, kind, kind, kind, none, none, none, none, none, none
        )

    refuse_flat(netlist(20_000), "n.pb.txt")
    with pytest.raises(InputError) as refused:
        refuse_flat(netlist(20_001), "n.pb.txt")
    assert str(refused.value) == (
        "n.pb.txt: found 20,001 standard cells, expected at most 20,000 soft macros; cluster them first with "
        "`workbench netlist cluster n.pb.txt --out FOLDER`, then place FOLDER."
    )
