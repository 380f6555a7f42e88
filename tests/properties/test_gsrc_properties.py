"""Whatever lines the GSRC reader gets, it returns a netlist or says in one sentence why not."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.base.errors import InputError
from workbench.netlist.readers.gsrc import Blocks, parse_blocks, parse_nets, parse_places

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "gsrc" / "tiny.blocks"
KNOWN = Blocks(("a", "b"), (1.0, 2.0), (3.0, 4.0), ("p",))
LINES = [
    "UCSC blocks 1.0", "NumSoftRectangularBlocks : 0", "NumHardRectilinearBlocks : 1", "NumTerminals : 1", "NumNets : 1",
    "NumPins : 2", "NumPins :", "NumNets : 99999999999999999999", "a hardrectilinear 4 (0, 0) (0, 4) (5, 4) (5, 0)",
    "b hardrectilinear 4 (0, 0) (0, 4)", "(5, 4) (5, 0)", "a softrectangular 3 1 2", "a softrectangular 3 2 1", "p terminal",
    "NetDegree : 2", "NetDegree :", "NetDegree : ²", "a B", "p B", "z B", "a B : %1 %2", "b B : %1e999 %nan", ": : :",
    "a 0 0", "p 1 2", "p 1", "# note", "\x00", "hardrectilinear", "terminal terminal",
]  # fmt: skip


def is_read_or_refused(text):
    for read in (
        lambda: parse_blocks(text, "f"),
        lambda: parse_nets(text, "f", KNOWN),
        lambda: parse_places(text, "f", KNOWN),
    ):
        try:
            read()
        except InputError as error:
            message = str(error)
            assert message.startswith("f") and ": found " in message and message.endswith(".") and "\n" not in message


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=14).map("\n".join))
def test_any_sequence_of_lines_is_read_or_refused(text):
    is_read_or_refused(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    is_read_or_refused(text)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 40), st.text(max_size=3), st.sampled_from(["blocks", "nets", "pl"]))
def test_a_damaged_file_is_read_or_refused(at, length, put, ending):
    good = SAMPLE.with_suffix(f".{ending}").read_text()
    is_read_or_refused(good[:at] + put + good[at + length :])
