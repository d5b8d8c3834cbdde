"""The table of measured models, and each as an ONNX file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


@dataclass(frozen=True)
class Case:
    """Layers of one kind over sequences: x [batch, time, features] gives [batch, time, units]."""

    group: str
    kind: str
    features: int
    units: int
    time: int
    batch: int
    layers: int = 1
    directions: int = 1
    stream: bool = False
    threads: int = 1
    weights: str = "float32"  # Of Ferry; the peers keep float32.

    @property
    def name(self) -> str:
        shape = f"{self.kind} {self.features}→{self.units}"
        if self.directions == 2:
            shape = f"{self.layers} × bidirectional {shape}"
        threads = f", {self.threads} threads" if self.threads > 1 else ""
        if self.weights != "float32":
            threads += f", {self.weights}"
        return f"{shape}, one step{threads}" if self.stream else f"{shape}, time {self.time}, batch {self.batch}{threads}"

    @property
    def file(self) -> str:
        return f"{self.kind}-{self.features}-{self.units}-{self.layers}x{self.directions}"


SIZES = [(1, 50, 3), (16, 64, 100), (64, 256, 100), (512, 512, 100), (1024, 1024, 50)]

CASES = (
    [Case("batch 1", "LSTM", i, h, t, 1) for i, h, t in SIZES]
    + [Case("batch 32 and 64", "LSTM", i, h, t, batch) for i, h, t in SIZES for batch in (32, 64)]
    + [Case("bidirectional", "LSTM", 64, 128, 100, batch, layers=2, directions=2) for batch in (1, 16)]
    + [Case("GRU and SimpleRNN", kind, 64, 256, 100, batch) for kind in ("GRU", "RNN") for batch in (1, 32)]
    + [Case("stream", "LSTM", 1, units, 1, 1, stream=True) for units in (32, 64, 128, 256)]
    + [Case("stream", "LSTM", 512, 512, 1, 1, stream=True)]
    + [Case("fewer bits", "LSTM", 512, 512, t, 1, stream=t == 1, weights=w) for t in (1, 100) for w in ("bf16", "int8")]
    + [Case("two threads", "LSTM", i, h, t, b, threads=n)
       for i, h, t, b in ((1024, 1024, 50, 1), (64, 256, 100, 64)) for n in (1, 2)]
)


def make_model(case: Case, path: Path, *, time_major: bool) -> None:
    """Writes the case with random weights, over [time, batch, …] or over [batch, time, …].

    The first is what ONNX's operators take, so that nothing is transposed on the way.
    """
    random = np.random.default_rng(0)
    graph_nodes, weights = [], []

    def weight(name: str, *shape: int) -> str:
        bound = case.units**-0.5
        weights.append(numpy_helper.from_array(random.uniform(-bound, bound, shape).astype(np.float32), name))
        return name

    def add(operator: str, inputs: list[str], output: str, **attributes) -> str:
        graph_nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    gates = GATES[case.kind]
    value, width = "x", case.features
    if not time_major:
        value = add("Transpose", [value], "by_time", perm=[1, 0, 2])
    weights.append(numpy_helper.from_array(np.array([0, 0, -1], np.int64), "merged"))
    weights.append(numpy_helper.from_array(np.array([1], np.int64), "one"))
    for layer in range(case.layers):
        extra = {"linear_before_reset": 1} if case.kind == "GRU" else {}
        inputs = [
            value,
            weight(f"w{layer}", case.directions, gates * case.units, width),
            weight(f"r{layer}", case.directions, gates * case.units, case.units),
            weight(f"b{layer}", case.directions, 2 * gates * case.units),
        ]
        direction = "bidirectional" if case.directions == 2 else "forward"
        value = add(case.kind, inputs, f"y{layer}", hidden_size=case.units, direction=direction, **extra)
        if case.directions == 2:
            value = add("Transpose", [value], f"side_by_side{layer}", perm=[0, 2, 1, 3])
            value = add("Reshape", [value, "merged"], f"sequence{layer}")
        else:
            value = add("Squeeze", [value, "one"], f"sequence{layer}")
        width = case.directions * case.units
    if not time_major:
        value = add("Transpose", [value], "by_batch", perm=[1, 0, 2])
    axes = ["time", "batch"] if time_major else ["batch", "time"]
    graph = helper.make_graph(
        graph_nodes, case.file,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [*axes, case.features])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, [*axes, width])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
