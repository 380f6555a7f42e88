"""Pipeline logs: what Konata and Perfetto would read, by small parsers of these formats of their own."""

from __future__ import annotations

import json
import re
from collections import defaultdict

import pytest

from workbench.core.config import load_core
from workbench.core.logs.capture import StageLog, VisitLog
from workbench.core.logs.chrome_trace import Timeline, chrome_trace
from workbench.core.logs.konata import TICKS_PER_CYCLE, kanata, o3pipeview
from workbench.core.logs.statistics import statistics_text
from workbench.core.run import run_program
from workbench.isa.predecode import predecode

CORES = ("xiangshan_kunminghu_v2", "thead_c906", "xiangshan_kunminghu_v2_npu4")
ORDER = ["F", "Dc", "Rn", "Ds", "X", "Cm"]


def logged(program, core, first=0, count=100_000):
    stages, visits = StageLog(first, count), VisitLog()
    result = run_program(program, load_core(core), observers=[stages, visits], space_bytes=1 << 20)
    code = predecode(program)
    return result, stages.table(code.entries, code.regions), visits, stages


def parse_kanata(text):
    """Instructions by id, as (label, [(stage, cycle)], retire cycle, producers), by the format's description."""
    lines = text.splitlines()
    assert re.fullmatch(r"Kanata\s+0004\s*", lines[0])
    now, found = None, defaultdict(lambda: {"stages": [], "labels": {}, "producers": []})
    for line in lines[1:]:
        command, *fields = line.split("\t")
        if command == "C=":
            now = int(fields[0])
        elif command == "C":
            assert int(fields[0]) > 0
            now += int(fields[0])
        else:
            item = found[int(fields[0])]
            if command == "I":
                assert int(fields[0]) == len(found) - 1 and not item["stages"]
                item["number"], item["begin"] = int(fields[1]), now
            elif command == "L":
                item["labels"][int(fields[1])] = fields[2]
            elif command == "S":
                assert "retired" not in item
                item["stages"].append((fields[2], now))
            elif command == "W":
                item["producers"].append(int(fields[1]))
            else:
                assert command == "R" and fields[2] == "0" and "retired" not in item
                item["retired"], item["retire_number"] = now, int(fields[1])
    return found


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("which", ["scalar", "vector"])
def test_kanata_starts_and_retires_every_instruction_in_stages_that_never_go_back(programs, core, which):
    result, table, _, _ = logged(getattr(programs, which)(), core)
    found = parse_kanata("".join(kanata(table)))
    assert len(found) == result.instructions
    retired = [found[k]["retired"] for k in range(len(found))]
    assert retired == sorted(retired)
    for k, item in found.items():
        names, cycles = [name for name, _ in item["stages"]], [cycle for _, cycle in item["stages"]]
        assert item["number"] == item["retire_number"] == k
        assert names == [name for name in ORDER if name in names] and cycles == sorted(set(cycles))
        assert item["begin"] <= cycles[0] and cycles[-1] < item["retired"]
        assert all(producer < k for producer in item["producers"])
        assert item["labels"][0].split(": ")[1]
    if core != "xiangshan_kunminghu_v2_npu4":  # there the engine works on after the last commit
        assert max(retired) == result.cycles


def test_a_consumer_executes_when_its_producer_has_completed(programs):
    _, table, _, _ = logged(programs.scalar(), "xiangshan_kunminghu_v2")
    found = parse_kanata("".join(kanata(table)))
    begins = {k: dict(item["stages"]) for k, item in found.items()}
    loads = [k for k, item in found.items() if item["labels"][0].endswith("mul t3, t1, t1")]
    assert len(loads) == 20
    for k in loads:
        assert found[k]["producers"] == [k - 1]
        assert begins[k]["X"] >= begins[k - 1]["Cm"]


def test_a_range_is_that_part_of_the_whole_log(programs):
    _, whole, _, _ = logged(programs.scalar(), "xiangshan_kunminghu_v2")
    result, part, _, stages = logged(programs.scalar(), "xiangshan_kunminghu_v2", first=50, count=30)
    assert part.rows.tolist() == whole.rows[50:80].tolist()
    found = parse_kanata("".join(kanata(part)))
    assert [found[0]["number"], found[29]["number"], len(found)] == [50, 79, 30]
    assert stages.note(result.instructions) == (
        f"The log holds instructions 51 to 80 of {result.instructions} (--log-from and --log-count choose others)."
    )


def test_a_range_behind_the_end_is_an_empty_log_with_a_note(programs):
    result, table, _, stages = logged(programs.scalar(), "thead_c906", first=10_000)
    assert len(table.rows) == 0 and list(kanata(table)) == ["Kanata\t0004\n"]
    assert stages.note(result.instructions) == (
        "The log is empty: it begins after 10,000 instructions, and the program ended before."
    )


def test_logging_changes_no_cycle(programs):
    result, *_ = logged(programs.vector(), "xiangshan_kunminghu_v2")
    plain = run_program(programs.vector(), load_core("xiangshan_kunminghu_v2"), space_bytes=1 << 20)
    assert (result.cycles, result.cpi_stack, result.activity) == (plain.cycles, plain.cpi_stack, plain.activity)


def test_o3pipeview_has_the_seven_lines_of_gem5_for_each_instruction(programs):
    result, table, _, _ = logged(programs.scalar(), "xiangshan_kunminghu_v2")
    lines = "".join(o3pipeview(table)).splitlines()
    assert len(lines) == 7 * result.instructions
    stores = 0
    for at in range(0, len(lines), 7):
        fields = [line.split(":") for line in lines[at : at + 7]]
        assert {line[0] for line in fields} == {"O3PipeView"}
        assert [line[1] for line in fields] == "fetch decode rename dispatch issue complete retire".split()
        ticks = [int(line[2]) for line in fields]
        assert ticks == sorted(ticks) and all(tick % TICKS_PER_CYCLE == 0 for tick in ticks)
        assert int(fields[0][5]) == at // 7 + 1 and fields[0][3].startswith("0x0001")
        assert fields[6][3] == "store" and (int(fields[6][4]) == 0 or int(fields[6][4]) > ticks[6])
        stores += int(fields[6][4]) > 0
    assert stores == 20 and int(lines[-1].split(":")[2]) == result.cycles * TICKS_PER_CYCLE


@pytest.mark.parametrize("core", CORES)
def test_chrome_trace_is_json_whose_slices_nest_in_every_thread(programs, core):
    result, table, visits, _ = logged(programs.vector(), core)
    timeline = Timeline("functions", visits.visits(), table.regions, result.cycles)
    document = json.loads("".join(chrome_trace(timeline, table, {"core": core})))
    assert document["otherData"]["core"] == core
    slices = [event for event in document["traceEvents"] if event["ph"] == "X"]
    threads = defaultdict(list)
    for event in slices:
        threads[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for events in threads.values():
        open_until = []
        for begin, end in sorted(events, key=lambda item: (item[0], -item[1])):
            while open_until and open_until[-1] <= begin:
                open_until.pop()
            assert end > begin and (not open_until or end <= open_until[-1])
            open_until.append(end)
    assert sum("number" in event.get("args", {}) for event in slices) == result.instructions
    functions = [event for event in slices if event["pid"] == 1]
    assert [event["name"] for event in functions] == ["_start", "leave"]
    assert sum(event["dur"] for event in functions) == result.cycles
    cycles = {region.name: region.cycles for region in result.regions}
    assert functions[0]["dur"] == cycles["_start"]
    assert any(event["pid"] == 3 for event in slices) == core.endswith("npu4")


def test_statistics_are_read_by_what_reads_those_of_gem5(programs):
    result, *_ = logged(programs.scalar(), "xiangshan_kunminghu_v2")
    text = statistics_text(result)
    begin, end = "---------- Begin Simulation Statistics ----------", "---------- End Simulation Statistics   ----------"
    assert text.splitlines()[1] == begin and text.splitlines()[-1] == end
    values = dict(re.findall(r"^(\S+)\s+([\d.]+)\b.* # ", text, re.MULTILINE))
    assert int(values["simInsts"]) == int(values["system.cpu.commitStats0.numInsts"]) == result.instructions
    assert int(values["system.cpu.numCycles"]) == result.cycles
    assert float(values["system.cpu.ipc"]) == pytest.approx(result.instructions / result.cycles, abs=1e-6)
    assert sum(int(v) for k, v in values.items() if k.startswith("system.cpu.cpiStack::")) == result.cycles
    hits, misses = (int(values[f"system.cpu.dcache.overall{what}::total"]) for what in ("Hits", "Misses"))
    assert hits + misses == result.activity.l1d_accesses and misses == result.activity.l1d_misses
    assert int(values["simTicks"]) == result.cycles * int(values["system.clk_domain.clock"])
    assert int(values["system.cpu.functions.leave::insts"]) == 3
