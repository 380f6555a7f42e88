"""Wrong commands, options and places to write to: each ends in one sentence on standard error and exit code 2."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.core.config import core_names


@pytest.fixture
def complaint(monkeypatch, capsys):
    """Runs `workbench ...` in this process; returns the one line that it must end in."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert (left.value.code, out, err.count("\n")) == (2, "", 1)
        return err.strip()

    return call


SENTENCES = {
    "foo": "workbench: no such command 'foo'; see `workbench --help`.",
    "--foo": "workbench: no such option: --foo; see `workbench --help`.",
    "list cars": "workbench: invalid value for 'kind': 'cars' is not one of 'cores', 'netlists', 'models', "
    "'operators', 'agents', 'technologies'; see `workbench list --help`.",
    "score rvv_npu": "workbench: missing argument 'placement'; see `workbench score --help`.",
    "score rvv_np x.plc": "workbench: netlist: found 'rvv_np', expected one of rvv_npu; see `workbench list netlists`.",
    "score no.v x.plc": "workbench: no.v: found no such file, expected an existing file; check the path.",
    "place rvv_npu --minutes soon": "workbench: invalid value for '--minutes', expected a valid number; "
    "see `workbench place --help`.",
    "place rvv_npu --minutes nan": "workbench: --minutes: found nan, expected a number above 0; correct it.",
    "place rvv_npu --minutes -1": "workbench: --minutes: found -1, expected a number above 0; correct it.",
    "place rvv_npu --seed -5": "workbench: --seed: found -5, expected a whole number of at least 0; correct it.",
    "place rvv_npu --seed 9223372036854775808": "workbench: --seed: found 9223372036854775808, expected a whole number "
    "below 2^63; correct it.",
    "place rvv_npu --param X": "workbench: --param: found 'X', expected NAME=VALUE with a number; correct it.",
    "place rvv_npu --agent annealing --param hot=nan": "workbench: --param: found hot=nan, expected a number up to 1e+09; "
    "correct it.",
    "place rvv_npu --agent annealing --param hard_share=2": "workbench: --param: found shares of moves below 0 or above 1 "
    "in all, expected shares; correct them.",
    "place rvv_npu --agent annealing --param narrow=0": "workbench: --param: found reaches of shifts out of range, expected "
    "0 < narrow <= wide <= 1; correct them.",
    "place rvv_npu --agent greedy --param hot=1": "workbench: --param: found 'hot', expected no setting, for this agent has "
    "none; leave it out.",
    "netlist info rvv_npu --param LANES=²": "workbench: --param: found 'LANES=²', expected NAME=INTEGER; write it like "
    "LANES=4.",
    "netlist info rvv_npu --param LANES=--4": "workbench: --param: found 'LANES=--4', expected NAME=INTEGER; write it like "
    "LANES=4.",
    "place rvv_npu --param LANES=3": "workbench: parameter LANES: found 3, expected one of 1, 2, 4, 8, 16; "
    "choose one of them.",
    "place rvv_npu --agent gredy": "workbench: agent: found 'gredy', expected one of greedy; see `workbench list agents`.",
    "compare-agents rvv_npu": "workbench: missing option '--agents'; see `workbench compare-agents --help`.",
    "compare-agents rvv_np --agents random": "workbench: netlist: found 'rvv_np', expected one of rvv_npu; "
    "see `workbench list netlists`.",
    "compare-agents systolic --agents greedy greed": "workbench: agent: found 'greed', expected one of greedy; "
    "see `workbench list agents`.",
    "compare-agents systolic --agents random,random": "workbench: --agents: found 'random' twice, expected each of them "
    "once; remove or rename one.",
    "compare-agents systolic --agents random:hot": "workbench: --agents: found 'random:hot', expected NAME or "
    "NAME:SETTING=NUMBER; correct it.",
    "compare-agents systolic --agents random --seeds 0": "workbench: invalid value for '--seeds', expected greater than "
    "or equal to 1; see `workbench compare-agents --help`.",
    "compare-agents systolic --agents random --minutes 0": "workbench: --minutes: found 0, expected a number above 0; "
    "correct it.",
    "compare-agents systolic --agents random --soft hard": "workbench: --soft: found 'hard', expected free or fd; "
    "correct it.",
    "compare-agents systolic --agents random --baseline greedy": "workbench: --baseline: found 'greedy', expected one of "
    "random; name one of --agents.",
    "compare-agents systolic --agents random --init": "workbench: systolic: found no placement beside it, expected an "
    "initial.plc to start from; add one or leave out --init.",
    "compare-agents systolic --agents random --resume": "workbench: --resume: found no --out, expected the folder to go on "
    "in; name it with --out.",
    "train rvv_npu --out x --minutes nan": "workbench: invalid value for '--minutes', expected less than or equal to "
    "1000000; see `workbench train --help`.",
    "train rvv_npu --out x --environments 1000000000": "workbench: invalid value for '--environments', expected less "
    "than or equal to 1024; see `workbench train --help`.",
    "run squeezenet --vlen 256": "workbench: --vlen: found that option for a network, expected it left out; "
    "see `workbench run --help`.",
    "run squeezenet --threads 2 --kanata log": "workbench: --kanata: found that option for a network on several threads, "
    "expected it left out; see `workbench run --help`.",
    "run program.elf --threads 2": "workbench: --threads: found that option for a program, expected it left out; "
    "see `workbench run --help`.",
    "run squeezenet --threads 65": "workbench: invalid value for '--threads', expected less than or equal to 64; "
    "see `workbench run --help`.",
    "compile squeezenet --core thead_c906 -o x --threads 0": "workbench: invalid value for '--threads', expected greater "
    "than or equal to 1; see `workbench compile --help`.",
    "run squeezenet --core z80": "workbench: core: found 'z80', expected one of "
    f"{', '.join(core_names())}; see `workbench list cores`.",
    "ppa thead_c906 --technology n2": "workbench: technology: found 'n2', expected one of asap7, nangate45; "
    "see `workbench list technologies`.",
}


@pytest.mark.parametrize("line", SENTENCES)
def test_each_wrong_command_line_has_its_sentence(complaint, line):
    assert complaint(*line.split()) == SENTENCES[line]


def test_an_unwritable_folder_is_refused_before_the_work(complaint, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    expected = (
        f"workbench: {file}/new: found an unwritable place (Not a directory), expected a writable folder; choose another."
    )
    assert complaint("place", "systolic", "--minutes", "9", "--out", file / "new") == expected
    assert complaint("run", "mobilenet_v2_0.35_96", "--out", file / "new") == expected


def test_a_device_without_end_is_refused(complaint):
    assert complaint("run", "/dev/zero", "--core", "thead_c906") == (
        "workbench: /dev/zero: found 1,073,741,825 file bytes, expected at most 1,073,741,824; "
        "raise the limit or use a smaller input."
    )  # fmt: skip


def test_no_command_prints_the_help(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["workbench"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "compare" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["toml", "pickle"])
def test_a_core_that_is_no_text(complaint, tmp_path: Path, kind):
    path = tmp_path / "core.toml"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" if kind == "toml" else b"\x80\x04\x95")
    byte = "0x89" if kind == "toml" else "0x80"
    assert complaint("ppa", path) == (
        f"workbench: {path}: found byte {byte} at offset 0, expected UTF-8 text; check the file's kind."
    )


def test_ctrl_c_in_any_command_ends_with_a_line_and_code_130(monkeypatch, capsys):
    import workbench.cli.list as listing

    def stop(estimates):
        raise KeyboardInterrupt

    monkeypatch.setitem(listing._READERS, listing.Kind.CORES, stop)
    monkeypatch.setattr(sys, "argv", ["workbench", "list", "cores"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 130
    assert capsys.readouterr().err == "workbench: stopped.\n"
