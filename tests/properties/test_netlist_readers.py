"""Whatever bytes a reader gets, it returns a netlist or says in one sentence why not."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.base.errors import InputError
from workbench.netlist.plc import parse_plc, place_as_listed
from workbench.netlist.readers.protobuf import parse_protobuf

WORDS = [
    "node {", "}", "{", 'name: "a"', 'name: "M"', 'input: "a"', "attr {", 'key: "type"', 'key: "x"', "value {",
    'placeholder: "PORT"', 'placeholder: "MACRO"', "f: 1", "f: nan", "f: 1e999", '"', "#", "\n", "\\", "versions {",
    'attr { key: "type" value { placeholder: "PORT" } }', 'attr { key: "width" value { f: 3 } }', "\x00", "ß",
    'attr { key: "type" value { placeholder: "MACRO_PIN" } }', 'attr { key: "macro_name" value { placeholder: "M" } }',
]  # fmt: skip
PLC_WORDS = [
    "# Columns : 4  Rows : 5", "# Width : 10  Height : 20", "# Columns :", "# Width : x  Height : 1", "0 1 2 - 1",
    "1 2 3 N 0", "1 2 3 N", "-1 0 0 N 0", "2 nan 0 N 0", "3 1e400 0 N 0", "# Blockage : 0 0 1 1 1",
    "# Smoothing factor : -1",
    "# Routes per micron, hor : 1 ver : 0", "# Density cost : 1", "\x00", "99999999999999999999 1 1 N 0", "0 1 2 ß 1",
]  # fmt: skip


def outcome(read, text):
    """None for a readable text, else the sentence; anything but an InputError is a failure of the reader."""
    try:
        read(text, "f")
    except InputError as error:
        return str(error)
    return None


def is_one_sentence(message):
    return message.startswith("f") and ": found " in message and message.endswith(".") and "\n" not in message


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join))
def test_any_sequence_of_protobuf_words_is_read_or_refused(text):
    message = outcome(parse_protobuf, text)
    assert message is None or is_one_sentence(message)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    for read in (parse_protobuf, parse_plc):
        message = outcome(read, text)
        assert message is None or is_one_sentence(message)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PLC_WORDS), max_size=12).map("\n".join))
def test_any_sequence_of_plc_lines_is_read_or_refused(text):
    message = outcome(parse_plc, text)
    assert message is None or is_one_sentence(message)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_netlist_is_read_or_refused(reference, seed):
    text = (reference / "placement" / "formats" / "sample_clustered" / "netlist.pb.txt").read_text()
    plc = (reference / "placement" / "formats" / "sample_clustered" / "initial.plc").read_text()
    rng = random.Random(seed)
    netlist = parse_protobuf(text, "f")
    for read, good in (
        (parse_protobuf, text),
        (lambda damaged, where: place_as_listed(netlist, file := parse_plc(damaged, where), file.canvas()), plc),
    ):
        at, length = rng.randrange(len(good)), rng.randrange(1, 30)
        for damaged in (
            good[:at],
            good[:at] + good[at + length :],
            good[:at] + good[at : at + length] * 2 + good[at + length :],
            good[:at] + rng.choice('"{}:\\\x00 9-') + good[at + 1 :],
        ):
            message = outcome(read, damaged)
            assert message is None or is_one_sentence(message)
