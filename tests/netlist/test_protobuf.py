import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.base.limits import Limits
from workbench.netlist.netlist import ObjectKind
from workbench.netlist.readers.protobuf import parse_protobuf, read_protobuf


def node(name, inputs=(), **attributes):
    """One node in the common form."""
    fields = "".join(f'  input: "{i}"\n' for i in inputs)
    for key, value in attributes.items():
        text = f'placeholder: "{value}"' if isinstance(value, str) else f"f: {value}"
        fields += f'  attr {{\n    key: "{key}"\n    value {{\n      {text}\n    }}\n  }}\n'
    return f'node {{\n  name: "{name}"\n{fields}}}\n'


PORT = node("P", ["M/a"], type="PORT", x=0, y=5)
MACRO = node("M", type="MACRO", width=4, height=6, x=10, y=20, orientation="FS")
PIN = node("M/a", type="MACRO_PIN", macro_name="M", x_offset=-2, y_offset=1.5)
GROUP = node("Grp_1", type="macro", width=3, height=0.5)
GROUP_PIN = node("Grp_1/Pout", ["M/a", "P"], type="macro_pin", macro_name="Grp_1", x_offset=9, y_offset=9, weight=3)
SMALL = PORT + MACRO + PIN + GROUP + GROUP_PIN


def parse(text, **limits):
    return parse_protobuf(text, "n.pb.txt", Limits(**limits))


def error_of(text, **limits):
    with pytest.raises(InputError) as caught:
        parse(text, **limits)
    return str(caught.value)


def test_objects_pins_and_nets_of_a_small_netlist():
    netlist = parse(SMALL)
    assert netlist.name == "n" and netlist.object_names == ("P", "M", "Grp_1")
    assert netlist.kind.tolist() == [ObjectKind.PORT, ObjectKind.MACRO, ObjectKind.SOFT_MACRO]
    assert netlist.file_index.tolist() == [0, 1, 3]
    assert netlist.is_fixed.tolist() == [True, False, False]
    assert netlist.orientation.tolist() == [0, 3, 0]
    assert netlist.width_um.tolist() == [0, 4, 3] and netlist.height_um.tolist() == [0, 6, 0.5]
    assert netlist.x_um[:2].tolist() == [0, 10] and np.isnan(netlist.x_um[2])
    assert netlist.pin_object.tolist() == [0, 1, 2]
    assert netlist.pin_x_um.tolist() == [0, -2, 0]  # pins of a soft macro are at its centre
    assert netlist.net_start.tolist() == [0, 2, 5] and netlist.net_pin.tolist() == [0, 1, 2, 1, 0]
    assert netlist.net_weight.tolist() == [1, 3]


def test_the_metadata_node_has_no_index():
    text = node("__metadata__", soft_macro_area_bloating_ratio=2) + SMALL
    assert parse(text).file_index.tolist() == [0, 1, 3]


def test_a_lower_case_macro_is_soft_only_if_it_is_a_group():
    netlist = parse(node("tile", type="macro", width=1, height=1) + node("Grp_9", type="macro", width=1, height=1))
    assert netlist.kind.tolist() == [ObjectKind.MACRO, ObjectKind.SOFT_MACRO]


def test_standard_cells_of_a_flat_netlist_become_soft_macros():
    netlist = parse(node("P", ["c"], type="port", x=0, y=0) + node("c", ["P"], type="stdcell", width=1, height=2))
    assert netlist.kind.tolist() == [ObjectKind.PORT, ObjectKind.SOFT_MACRO] and netlist.nets == 2


def test_a_pin_without_offsets_gets_them_from_the_coordinates():
    macro = node("M", type="MACRO", width=4, height=6, x=10, y=20)
    netlist = parse(macro + node("M/a", type="MACRO_PIN", macro_name="M", x=11, y=18))
    assert (netlist.pin_x_um[0], netlist.pin_y_um[0]) == (1, -2)


def test_a_macro_that_drives_or_is_driven_itself_gets_a_pin_at_its_centre():
    netlist = parse(node("P", ["M"], type="PORT", x=0, y=0) + MACRO)
    assert netlist.nets == 1 and netlist.pin_object[netlist.net_pin].tolist() == [0, 1]


def test_spelling_that_protobuf_allows_is_read():
    text = """
    # a comment { with "braces
    versions { producer: 1 }
    node: {
      op: "x" device: "/cpu:0" name: "P" attr { value { f: 1.5e1 } key: "x" }  # out of order
      attr { key: "y" value: { f: -2 } } attr { key: "type" value { s: "port" } }
      attr { key: "side" value { placeholder: "a \\" b" } }
    }
    library { function { name: "f" } }
    """
    netlist = parse(text)
    assert netlist.object_names == ("P",) and (netlist.x_um[0], netlist.y_um[0]) == (15, -2)


@pytest.mark.parametrize(
    "folder, kinds, nets",
    [
        ("formats/macro_tiles_10x10", (100, 0, 0), 540),
        ("formats/sample_clustered", (2, 1, 2), 4),
        ("formats/simple_with_coords", (2, 2, 2), 5),
        ("formats/toy_macro_stdcell", (2, 12, 12), 20),
        ("netlists/NanGate45_ariane133", (133, 782, 495), 12422),
        ("netlists/ASAP7_nvdla", (128, 727, 797), 21632),
    ],
)
def test_reference_netlists_have_the_counts_of_their_headers(reference, folder, kinds, nets):
    path = next((reference / "placement" / folder).glob("netlist.pb.txt*"))
    netlist = read_protobuf(path)
    assert tuple(len(netlist.indices(kind)) for kind in ObjectKind) == kinds and netlist.nets == nets
    assert netlist.name == path.parent.name


BROKEN = {
    "wrong kind": ("module top; endmodule", "n.pb.txt, line 1: found 'module top; endmodule', expected "
                   "`node { ... }`; give a netlist in text-protobuf form."),
    "no node": ("# only a comment\n", "n.pb.txt: found no node, expected `node { ... }` entries; give a netlist in "
                "text-protobuf form."),
    "truncated": (PORT + MACRO[:-20], "n.pb.txt, line 23: found node 'M' without its end, expected a closing brace; "
                  "fetch the file again."),
    "truncated in a string": (PORT + 'node {\n  name: "Mac', "n.pb.txt, line 23: found a node without its end, "
                              "expected a closing brace; fetch the file again."),
    "no name": ("node {\n}\n", 'n.pb.txt, line 1: found a node without a name, expected a field `name: "..."`; name it.'),
    "no type": (node("a", x=1), "n.pb.txt, line 1, node 'a': found no type, expected PORT, MACRO, MACRO_PIN or STDCELL; "
                "correct the attribute `type`."),
    "unknown type": (node("a", type="BUMP"), "n.pb.txt, line 1, node 'a': found type 'BUMP', expected PORT, MACRO, "
                     "MACRO_PIN or STDCELL; correct the attribute `type`."),
    "duplicate": (PORT + MACRO + PIN + PORT, "n.pb.txt, line 89: found a second node 'P', expected unique names; rename "
                  "or remove it."),
    "unknown pin": (PORT + MACRO, "n.pb.txt, line 1, node 'P': found input 'M/a', expected the name of a node; add or "
                    "remove it."),
    "unknown macro": (node("M/a", type="MACRO_PIN", macro_name="M"), "n.pb.txt, line 1, pin 'M/a': found macro_name 'M', "
                      "which is no macro, expected the name of its macro; correct it."),
    "no macro": (node("M/a", type="MACRO_PIN"), "n.pb.txt, line 1, pin 'M/a': found no macro_name, expected the name of "
                 "its macro; correct it."),
    "zero size": (node("M", type="MACRO", width=0, height=1), "n.pb.txt, line 1, node 'M': found width 0, expected a size "
                  "above 0; give its width in µm."),
    "no size": (node("M", type="MACRO", width=1), "n.pb.txt, line 1, node 'M': found no height, expected a size above 0; "
                "give its height in µm."),
    "negative size": (node("M", type="MACRO", width=-1, height=1), "n.pb.txt, line 1, node 'M': found width -1, expected "
                      "a finite number of at least 0; correct it."),
    "not a number": (node("P", type="PORT", x="nan", y=0), "n.pb.txt, line 1, node 'P': found x nan, expected a finite "
                     "number; correct it."),
    "orientation": (node("M", type="MACRO", width=1, height=1, orientation="NE"), "n.pb.txt, line 1, node 'M': found "
                    "orientation 'NE', expected one of N FN S FS E FE W FW; correct it."),
    "weight": (node("P", ["P"], type="PORT", x=0, y=0, weight="inf"), "n.pb.txt, line 1, node 'P': found weight inf, "
               "expected a finite number of at least 0; correct it."),
}  # fmt: skip


@pytest.mark.parametrize("text, message", BROKEN.values(), ids=BROKEN)
def test_a_broken_netlist_is_refused_in_one_sentence(text, message):
    assert error_of(text) == message


def test_more_nodes_than_allowed_are_refused():
    assert error_of(SMALL, nodes=2) == (
        "n.pb.txt: found 3 nodes, expected at most 2; raise the limit or use a smaller input."
    )


def test_deeply_nested_messages_are_refused():
    assert error_of("versions " + "{ a " * 200) == (
        "n.pb.txt: found 101 hierarchy depth, expected at most 100; raise the limit or use a smaller input."
    )


@pytest.mark.parametrize("share", [0.1, 0.35, 0.6, 0.85, 0.99])
def test_a_file_cut_anywhere_is_refused(reference, share):
    text = (reference / "placement" / "formats" / "sample_clustered" / "netlist.pb.txt").read_text()
    assert len(error_of(text[: int(share * len(text.rstrip()))])) < 200
