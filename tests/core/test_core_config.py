from __future__ import annotations

from pathlib import Path

import pytest

from workbench.base.errors import InputError
from workbench.core.config import CoreConfig, core_names, load_core
from workbench.core.timing.stream import Stream
from workbench.isa.timing_class import TimingClass

KUNMINGHU = "xiangshan_kunminghu_v2"


@pytest.mark.parametrize("name", core_names())
def test_every_core_loads_and_runs(name):
    core = load_core(name)
    assert core.name == name
    assert not core.unsourced()
    result = Stream().loop(lambda s, _: s.add(TimingClass.INT_ALU, 5, 5), 50).run(core)
    assert 49 <= result.cycles <= 1000


@pytest.mark.parametrize("name", core_names())
def test_target_says_what_the_compiler_needs(name):
    core = load_core(name)
    target = core.target()
    assert target.vlen_bits == core.vlen_bits >= 128
    assert target.l1d_bytes == core.memory.l1d.size_kib * 1024
    assert (target.l2_bytes > 0) == (core.memory.l2 is not None)
    assert target.vector_bits_per_cycle >= 64


def test_lanes_set_the_width_of_an_engine():
    small, large = load_core(f"{KUNMINGHU}_npu4").target(), load_core(f"{KUNMINGHU}_npu16").target()
    assert large.vector_bits_per_cycle == 4 * small.vector_bits_per_cycle == 1024


def test_parameters_agree_with_the_reference_file(reference):
    """Kunminghu V2's sizes as read from its RTL."""
    import tomllib

    facts = tomllib.loads((reference / "cores" / f"{KUNMINGHU}.toml").read_text())
    core = load_core(KUNMINGHU)
    queues = {queue.name: queue.size for queue in core.issue_queues}
    integer = {q["name"]: q["size"] for q in facts["iq"] if q["name"].startswith("int")}
    assert core.backend.rob_size == facts["backend"]["rob"]
    assert core.frontend.ftq_entries == facts["frontend"]["ftq"]
    assert core.memory.load_queue == facts["mem"]["virtual_lq"]
    assert core.memory.store_queue == facts["mem"]["sq"]
    assert core.memory.l2 is not None
    assert core.memory.l2.size_kib == facts["mem"]["l2"]["kb"]
    assert {name: size for name, size in queues.items() if name.startswith("int")} == integer
    assert [[t.entries, t.history_bits, t.tag_bits] for t in core.predictor.tage_tables] == facts["bpu"]["tage_tables"]


def test_unknown_core_names_the_nearest():
    with pytest.raises(InputError) as caught:
        load_core("xiangshan_kunminghu_v9")
    assert str(caught.value).startswith("core: found 'xiangshan_kunminghu_v9', expected one of xiangshan_kunminghu_v3")


def _broken(tmp_path: Path, old: str, new: str, name: str = KUNMINGHU) -> str:
    from workbench.base.places import data_folder

    text = (data_folder("cores") / f"{name}.toml").read_text()
    assert old in text
    path = tmp_path / "core.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        load_core(path)
    return str(caught.value).removeprefix(f"{path}")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rob_size = 160", "rob_size = 0",
         ", backend.rob_size: found 0, expected greater than or equal to 1; correct the value."),
        ("rob_size = 160", "rob_sise = 160",
         ", backend.rob_size: found nothing, expected a value; add the field."),
        ("vlen_bits = 128", "vlen_bits = 129",
         ", vector.vlen_bits: found 129, expected a power of two; correct the value."),
        ("l1d = { size_kib = 64, ways = 4,", "l1d = { size_kib = 64, ways = 3,",
         ", memory.l1d: found {'size_kib': 64, 'ways': 3, 'line_bytes': 64, 'hit_latency_cycles': 4, 'mshrs': , "
         "expected ways that divide its 1024 lines; correct the value."),
        ("frequency_mhz = 3000.0", "frequency_mhz = -1.0",
         ", frequency_mhz: found -1.0, expected greater than or equal to 1; correct the value."),
        ('"frequency_mhz" = "XiangShan', '"frequency" = "XiangShan',
         ", table [sources]: found no source for frequency_mhz, expected one for every number; "
         'add "frequency_mhz" with where it was read, or "estimate: why".'),
        ("direction = \"tage_sc\"", "direction = \"oracle\"",
         ", predictor.direction: found 'oracle', expected 'tage_sc' or 'gshare'; correct the value."),
    ],
)  # fmt: skip
def test_an_impossible_core_ends_in_one_sentence(tmp_path, old, new, message):
    found = _broken(tmp_path, old, new)
    assert found == message


def test_a_missing_unit_is_named(tmp_path):
    assert "expected a port in issue_queues for the unit 'div'" in _broken(tmp_path, '"csr", "div"', '"csr"')


def test_more_lanes_than_register_bits_are_refused(tmp_path):
    message = _broken(tmp_path, "lanes = 4", "lanes = 32", f"{KUNMINGHU}_npu4")
    assert "expected lanes x lane_bits (= 2048) of at most vlen_bits" in message


def test_estimates_are_listed():
    core = load_core(KUNMINGHU)
    assert "predictor.base_entries" in core.estimates()
    assert "backend.rob_size" not in core.estimates()


def test_a_core_survives_a_round_trip_through_python():
    core = load_core(KUNMINGHU)
    assert CoreConfig.model_validate(core.model_dump(), strict=False) == core
