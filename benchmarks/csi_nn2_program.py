"""Writes a C program that runs an ONNX network through the C interface of CSI-NN2, as its compiler (HHB) would write it.

One call a layer, in NCHW and half precision; batch normalisation is folded into the convolution or product before it, bounds
stay layers. The program runs the network three times and prints the cycles of each run, then its first results.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

HEAD = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "csi_nn.h"
#include "csi_utils.h"

static struct csi_session *session;

static struct csi_tensor *tensor(char *name, int rank, int *shape) {
  struct csi_tensor *t = csi_alloc_tensor(session);
  t->name = name, t->dim_count = rank, t->dtype = CSINN_DTYPE_FLOAT16, t->quant_channel = 1;
  t->layout = rank == 4 ? CSINN_LAYOUT_NCHW : CSINN_LAYOUT_NC;
  memcpy(t->dim, shape, 4 * rank);
  return t;
}

static struct csi_tensor *constant(void *data, int rank, int *shape) {
  struct csi_tensor *t = tensor("constant", rank, shape);
  t->data = data, t->is_const = 1;
  t->layout = rank == 4 ? CSINN_LAYOUT_OIHW : rank == 2 ? CSINN_LAYOUT_OI : CSINN_LAYOUT_O;
  return t;
}

static void *parameters(int size, char *name) {
  struct csi_params_base *p = csi_alloc_params(size, session);
  p->name = name, p->api = CSINN_C906, p->run_mode = CSINN_RM_CPU_GRAPH, p->layout = CSINN_LAYOUT_NCHW, p->sess = session;
  return p;
}

static inline unsigned long cycles(void) { unsigned long c; asm volatile("rdcycle %0" : "=r"(c)); return c; }
"""

START = """
int main(void) {
  session = csi_alloc_session();
  session->base_api = CSINN_C906, session->base_run_mode = CSINN_RM_CPU_GRAPH;
  session->base_dtype = CSINN_DTYPE_FLOAT16, session->base_quant_type = CSINN_QUANT_FLOAT16;
  session->debug_level = CSI_DEBUG_LEVEL_ERROR;
  csi_session_init(session);
  csi_set_input_number(1, session);
  csi_set_output_number(1, session);
"""

END = """  csi_set_output(0, {last}, session);
  csi_session_setup(session);
  for (int run = 0; run < 3; run++) {{
    struct csi_tensor *given = csi_alloc_tensor(NULL);
    given->data = image;
    csi_update_input(0, given, session);
    unsigned long before = cycles();
    csi_session_run(session);
    printf("cycles %lu\\n", cycles() - before);
  }}
  struct csi_tensor *result = csi_alloc_tensor(NULL);
  csi_get_output(0, result, session);
  for (int i = 0; i < {results}; i++) printf("result %d\\n", (int)((float)((__fp16 *)result->data)[i] * 10000));
}}
"""

_POOL = ("pad_top", "pad_left", "pad_down", "pad_right")


def _attributes(node: Any) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _with_batch(model: Any) -> Any:
    """The model for one image, with the shapes of all its tensors."""
    for value in (*model.graph.input, *model.graph.output):
        batch = value.type.tensor_type.shape.dim[0]
        batch.dim_value = batch.dim_value or 1
    del model.graph.value_info[:]
    return shape_inference.infer_shapes(model)


@dataclass
class Program:
    """The C program of a network while it is written: its constants, its calls, the tensors that are declared."""

    model: Any
    constants: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)
    folded: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.model = _with_batch(self.model)
        graph = self.model.graph
        self.known = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        self.known |= {n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"}
        described = [*graph.value_info, *graph.input, *graph.output]
        self.shapes = {v.name: [d.dim_value or 1 for d in v.type.tensor_type.shape.dim] for v in described}

    def text(self, image: Any) -> str:
        """The whole program for one image (float array of the shape of the network's input)."""
        graph = self.model.graph
        first = self.tensor(graph.input[0].name)
        self.calls += [f"csi_set_tensor_entry({first}, session);", f"csi_set_input(0, {first}, session);"]
        for node in graph.node:
            if node.op_type != "Constant" and node.output[0] not in self.folded:
                self._layer(node)
        last, results = graph.output[0].name, int(np.prod(self.shapes[graph.output[0].name]))
        self._array("image", image)
        body = "".join(f"  {call}\n" for call in self.calls)
        return HEAD + "\n".join(self.constants) + START + body + END.format(last=self.tensor(last), results=results)

    def tensor(self, name: str) -> str:
        """The C name of a tensor, declared where it is first met."""
        identifier = "t_" + "".join(letter if letter.isalnum() else "_" for letter in name)
        if name not in self.declared:
            self.declared.add(name)
            self.calls.append(f'struct csi_tensor *{identifier} = tensor("{identifier}", {_shape(self.shapes[name])});')
        return identifier

    def _array(self, name: str, values: Any) -> None:
        words = ",".join(map(str, np.asarray(values, np.float32).astype(np.float16).view(np.uint16).ravel()))
        self.constants.append(f"static unsigned short {name}[] __attribute__((aligned(64))) = {{{words}}};")

    def _constant(self, values: Any) -> str:
        name = f"w{len(self.constants)}"
        self._array(name, values)
        return f"constant({name}, {_shape(np.shape(values))})"

    def _call(
        self, function: str, kind: str, inputs: list[str], output: str, weights: tuple[Any, ...], **values: Any
    ) -> None:
        """One layer: its parameters, its preparation and its call."""
        number = len(self.calls)
        given = [self.tensor(name) for name in inputs] + [self.tensor(output)]
        self.calls.append(f'struct {kind} *p{number} = parameters(sizeof(struct {kind}), "layer{number}");')
        self.calls += [f"p{number}->{name} = {value};" for name, value in values.items()]
        for k, values_of in enumerate(weights):
            self.calls.append(f"struct csi_tensor *c{number}_{k} = {self._constant(values_of)};")
            given.append(f"c{number}_{k}")
        arguments = ", ".join((*given, f"p{number}"))
        self.calls += [f"csi_{function}_init({arguments});", f"csi_{function}({arguments});"]

    def _weights(self, node: Any, weights: Any) -> tuple[Any, Any, str]:
        """Weights and bias of a layer with the batch normalisation behind it, and the name of the result of both."""
        bias = self.known[node.input[2]] if len(node.input) > 2 else np.zeros(weights.shape[0])
        users = [other for other in self.model.graph.node if node.output[0] in other.input]
        if len(users) != 1 or users[0].op_type != "BatchNormalization":
            return weights, bias, node.output[0]
        scale, shift, mean, variance = (self.known[name].astype(np.float64) for name in users[0].input[1:5])
        factor = scale / np.sqrt(variance + _attributes(users[0]).get("epsilon", 1e-5))
        self.folded.add(users[0].output[0])
        return weights * factor.reshape(-1, *[1] * (weights.ndim - 1)), (bias - mean) * factor + shift, users[0].output[0]

    def _layer(self, node: Any) -> None:
        if node.op_type not in _LAYERS:
            raise SystemExit(f"{node.op_type} is not written by this benchmark")
        _LAYERS[node.op_type](self, node, _attributes(node))

    def conv(self, node: Any, attributes: dict[str, Any]) -> None:
        weights, bias, result = self._weights(node, self.known[node.input[1]])
        rows, columns = attributes.get("strides", (1, 1))
        pads = dict(zip(_POOL, attributes.get("pads", (0, 0, 0, 0)), strict=True))
        self._call(
            "conv2d", "conv2d_params", [node.input[0]], result, (weights, bias), group=attributes.get("group", 1),
            stride_height=rows, stride_width=columns, dilation_height=1, dilation_width=1, **pads,
        )  # fmt: skip

    def product(self, node: Any, attributes: dict[str, Any]) -> None:
        weights = self.known[node.input[1]]
        weights, bias, result = self._weights(node, weights if attributes.get("transB") else weights.T)
        values = (weights, bias)
        self._call("fullyconnected", "fc_params", [node.input[0]], result, values, units=weights.shape[0])

    def bound(self, node: Any, attributes: dict[str, Any]) -> None:
        self.shapes[node.output[0]] = self.shapes[node.input[0]]
        function = "relu" if node.op_type == "Relu" else "relu6"
        self._call(function, "relu_params", [node.input[0]], node.output[0], (), n=6)

    def add(self, node: Any, attributes: dict[str, Any]) -> None:
        self._call("add", "diso_params", list(node.input), node.output[0], ())

    def pool(self, node: Any, attributes: dict[str, Any]) -> None:
        if node.op_type == "GlobalAveragePool":
            self._call("global_avgpool2d", "pool_params", [node.input[0]], node.output[0], ())
            return
        (height, width), (rows, columns) = attributes["kernel_shape"], attributes["strides"]
        pads = dict(zip(_POOL, attributes.get("pads", (0, 0, 0, 0)), strict=True))
        self._call(
            "avgpool2d", "pool_params", [node.input[0]], node.output[0], (), filter_height=height, filter_width=width,
            stride_height=rows, stride_width=columns, count_include_pad=1, **pads,
        )  # fmt: skip

    def reshape(self, node: Any, attributes: dict[str, Any]) -> None:
        shape = self.shapes[node.output[0]]
        numbers = f"(int[]){{{','.join(map(str, shape))}}}"
        self._call("reshape", "reshape_params", [node.input[0]], node.output[0], (), shape=numbers, shape_num=len(shape))


def _shape(shape: Any) -> str:
    return f"{len(shape) or 1}, (int[]){{{','.join(map(str, shape)) or 1}}}"


_LAYERS: dict[str, Callable[[Program, Any, dict[str, Any]], None]] = {
    "Conv": Program.conv, "Gemm": Program.product, "MatMul": Program.product, "Relu": Program.bound, "Clip": Program.bound,
    "Add": Program.add, "GlobalAveragePool": Program.pool, "AveragePool": Program.pool,
    "Reshape": Program.reshape, "Squeeze": Program.reshape, "Flatten": Program.reshape,
}  # fmt: skip


def write_program(model: Path, program: Path, image: Any) -> None:
    """Write the C program of an ONNX file for one image."""
    program.write_text(Program(onnx.load(model)).text(image))


def input_shape(model: Path) -> list[int]:
    """Shape of a network's input for one image."""
    dims = onnx.load(model).graph.input[0].type.tensor_type.shape.dim
    return [dim.dim_value or 1 for dim in dims]
