"""Opens what Ferry writes with the libraries it was written for: `check.py FERRY [--every N] [CASE ...]`.

Every fixture is converted to ONNX and to the `.keras`, `.weights.h5` and `.h5` files of Keras 3 and of Keras 2; ONNX
Runtime and the real Keras must load the result and predict what the original framework recorded. Weights, and what the
optimiser keeps, must survive bit for bit where they stay with their framework. What exporters of Keras wrote as ONNX
must become Keras models again.
"""

import subprocess
import sys
import tempfile
from functools import lru_cache, partial
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
sys.path.append(str(FIXTURES))

from harness import distance, predict_twice  # first: it quietens TensorFlow, which Keras imports

import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf_keras

tf.config.run_functions_eagerly(True)  # tracing every model would take most of the time

RELEASES = ("keras1", "keras2.0.6", "keras2.2.4", "keras2.3.0-tf", "keras2.3.1", "keras2.12.0", "keras2.13.1", "keras2.14.0", "keras2.15.0", "cudnn")
FOLDERS = ("texts", "keras2", "keras3", *RELEASES, "tf2onnx", "keras3-onnx")

# case: {target: why it cannot be written there}. Ferry must refuse these.
OPERATIONS = "Keras 3 saves operations in HDF5 and cannot open them again"
TIME_MAJOR = "Keras 3 has no time_major"
MASKS = "the operations that make these masks for Keras 3 have no room in HDF5"
AXES = "Keras 3 forgets an axis list when it opens HDF5, and computes something else"
OLD_MASKS = "Keras 2 hands every mask on and joins masks by another rule"
TURNED = "a layer of a Bidirectional of old is turned around by an operation, for which HDF5 has no room"
FIRST_STEPS = "masked steps before the first that counts hold the initial state, today zeros"
CELL = "Keras 2's hard_sigmoid is another function, and a cell's own output cannot be scaled to make up for it"
ACTIVATIONS = "Keras 2 lacks activations that Keras 3 has, such as celu"
RMS = "Keras 2 lacks RMSNormalization"
OLDEST = ("keras2.0.6", "keras2.2.4")
STANDALONE = (*OLDEST, "keras2.3.1", "keras2.3.0-tf")
KERAS_3 = ("keras", "weights", "h5")
KERAS_2 = ("keras2 archive", "keras2 weights", "keras2 h5")
EXPECTED_REFUSALS = {
    **{f"{era}/{case}": {"h5": OPERATIONS} for era in ("keras2", "keras3") for case in ("ops", "operators", "mask_argument", "mask_against")},
    **{f"{era}/layer_normalization": {"h5": AXES} for era in ("keras2", "keras3")},
    **{f"{era}/{case}": {"h5": MASKS} for era in ("keras2", *STANDALONE) for case in ("initial_state_masked", "mask_merged")},
    **{f"{era}/{case}": dict.fromkeys(KERAS_3 + KERAS_2, FIRST_STEPS) for era in OLDEST for case in ("initial_state_masked", "stateful_masked")},
    **{f"{era}/{case}": {"h5": TURNED} for era in STANDALONE for case in ("gru_bidirectional_masked", "lstm_bidirectional_masked")},
    **{f"keras1/{case}": {"h5": TURNED} for case in ("gru_masked", "lstm_masked", "rnn_masked")},
    "keras2.3.0-tf/operators": {"h5": OPERATIONS},
    "keras2/time_major": dict.fromkeys(KERAS_3, TIME_MAJOR),
    "keras3/initial_state_masked": dict.fromkeys(KERAS_2, OLD_MASKS),
    "keras3/mask_merged": {"h5": MASKS} | dict.fromkeys(KERAS_2, OLD_MASKS),
    "keras3/mask_otherwise": {"h5": OPERATIONS} | dict.fromkeys(KERAS_2, OLD_MASKS),
    "keras3/dense_activations": dict.fromkeys(KERAS_2, ACTIVATIONS),
    "keras3/normalization": dict.fromkeys(KERAS_2, RMS),
    "keras3/lstm_activations": dict.fromkeys(KERAS_2, CELL),
}

# case: {target: why the framework does not open what was written}. Printed as skipped; a case that works fails.
CHANNELS_FIRST = "TensorFlow has no convolution with the channels first on a CPU"
KNOWN_FAILURES = {
    **{f"keras1/{case}": dict.fromkeys(KERAS_3 + KERAS_2, CHANNELS_FIRST) for case in ("convolutions2d_first", "convolutions2d_first_theano", "pictures_first")},
}

TOLERANCE = 1e-5
EXPORTED = 1e-4  # other kernels recorded these
# float16 rounds after every operation, and no two frameworks round at the same places.
LOOSE = {"float16": 5e-3, "mixed_float16": 5e-3}


class Failure(Exception):
    pass


def convert(ferry, source, target, options):
    run = subprocess.run([ferry, "convert", source, target, "--quiet", *options], capture_output=True, text=True, timeout=300)
    if run.returncode:
        raise Failure(f"ferry exited with {run.returncode}: {(run.stderr.strip() or 'no message').splitlines()[0]}")


def check_onnx(source, target, io):
    onnx.checker.check_model(str(target), full_check=True)
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    x, states = members(io, "in_"), session.get_inputs()[len(members(io, "in_")):]
    # Ids were recorded as the framework of the time took them.
    feed = {value.name: a.astype(a.dtype if value.type != "tensor(int32)" else "int32") for value, a in zip(session.get_inputs(), x)}
    for state in states:  # the states of a stateful model: zeros at first, then what came out
        shape = [size if isinstance(size, int) else len(x[0]) for size in state.shape]
        feed[state.name] = np.zeros(shape, {"tensor(double)": "float64", "tensor(float16)": "float16"}.get(state.type, "float32"))
    for prefix in ("out_", "next_out_") if states else ("out_",):
        wanted = members(io, prefix)
        answers = session.run(None, feed)
        compare(source, {f"{prefix}{k}": pair for k, pair in enumerate(zip(answers, wanted, strict=not states))})
        feed |= {state.name: answer for state, answer in zip(states, answers[len(wanted):])}


def check_keras(framework, source, target, io):
    # Keras 3 does not read what the optimiser keeps from HDF5, also not from its own files.
    compiled = framework is tf_keras or {source.suffix, target.suffix} == {".keras"}
    model = load(framework, target, compiled)
    compare_model(source, model, io)
    if framework is not origin(source):
        return
    before, after = original(source, compiled), state(model)
    if len(before) != len(after):
        raise Failure(f"{len(after)} variables, {len(before)} in the original")
    for (name, a), (_, b) in zip(before, after):
        if a.dtype != b.dtype or not np.array_equal(a, b):
            raise Failure(f"{name} is not the same bit for bit")


def check_weights(framework, source, target, io):
    """The weights must fit the model that the archive holds, once its own are gone."""
    model = load(framework, target.with_name("x.keras"))
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    model.load_weights(target)
    compare_model(source, model, io)


def compare_model(source, model, io):
    again = predict_twice(model, members(io, "in_"))
    compare(source, {key: (again.get(key), io[key]) for key in io if "out_" in key})


def origin(source):
    """The library that wrote the file, where it is one of today's."""
    return {"keras3": keras, "demo": keras, "keras2": tf_keras}.get(source.relative_to(FIXTURES).parts[0])


def load(framework, path, compiled=True):
    return framework.models.load_model(path, compile=compiled)


@lru_cache(2)
def original(source, compiled):
    return state(load(origin(source), source, compiled))


def state(model):
    """The weights, and what the optimiser keeps."""
    optimizer = getattr(model, "optimizer", None)
    kept = optimizer.variables if optimizer else []
    kept = kept() if callable(kept) else kept
    return [(v.name, np.asarray(v)) for v in [*model.weights, *kept]]


def members(io, prefix):
    return [io[f"{prefix}{k}"] for k in range(len(io)) if f"{prefix}{k}" in io]


def compare(source, pairs):
    limit = EXPORTED if source.suffix == ".onnx" else LOOSE.get(source.parent.name, TOLERANCE)
    for key, (answer, wanted) in pairs.items():
        if answer is None or answer.shape != wanted.shape or answer.dtype != wanted.dtype:
            found = "nothing" if answer is None else f"{answer.dtype}{list(answer.shape)}"
            raise Failure(f"{key} is {found}; recorded was {wanted.dtype}{list(wanted.shape)}")
        if not (worst := distance(answer, wanted)) <= limit:
            raise Failure(f"{key} differs by {worst:.2g}")


# what is asked for: (file, options of convert, check)
V2 = ["--keras", "2"]
TARGETS = {
    "onnx": ("x.onnx", [], check_onnx),
    "keras": ("x.keras", [], partial(check_keras, keras)),
    "weights": ("x.weights.h5", [], partial(check_weights, keras)),
    "h5": ("x.h5", [], partial(check_keras, keras)),
    "keras2 archive": ("x.keras", V2, partial(check_keras, tf_keras)),
    "keras2 weights": ("x.weights.h5", V2, partial(check_weights, tf_keras)),
    "keras2 h5": ("x.h5", V2, partial(check_keras, tf_keras)),
}


def check(ferry, source, name, folder, io):
    """Nothing where the file is what it must be, else why it need not be."""
    file, options, compare = TARGETS[name]
    case, target = str(source.parent.relative_to(FIXTURES)), folder / file
    reason, known = (table.get(case, {}).get(name) for table in (EXPECTED_REFUSALS, KNOWN_FAILURES))
    target.unlink(missing_ok=True)
    try:
        convert(ferry, source, target, options)
    except Failure:
        if reason and not target.exists():
            return reason
        raise
    if reason:
        raise Failure("was written although a refusal is expected")
    keras.backend.clear_session()
    tf_keras.backend.clear_session()
    try:
        compare(source, target, io)
    except Exception:
        if known:
            return known
        raise
    if known:
        raise Failure("works now: take it off the list of known failures")


def main(ferry, *only):
    every, only = (int(only[1]), only[2:]) if only[:1] == ("--every",) else (1, only)
    files = [file for folder in FOLDERS for file in sorted(FIXTURES.glob(f"{folder}/*/model.*"))]
    # Weights alone are no model.
    sources = [file for file in files if (file.parent / "io.npz").exists() and ".weights" not in file.name]
    counts = {"passed": 0, "FAILED": 0, "skipped": 0}
    for source in [*sources[::every], FIXTURES / "demo/model.h5"]:
        case = str(source.parent.relative_to(FIXTURES))
        if only and case not in only:
            continue
        io = dict(np.load(source.parent / "io.npz"))
        with tempfile.TemporaryDirectory() as folder:
            for name in ("keras", "h5") if source.suffix == ".onnx" else TARGETS:
                result, why = "passed", None
                try:
                    if why := check(ferry, source, name, Path(folder), io):
                        result = "skipped"
                except Exception as error:  # whatever a library throws is a finding
                    result, why = "FAILED", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
                counts[result] += 1
                if why:
                    print(f"{result} {case}/{source.name} → {name}: {why}", flush=True)
    print(", ".join(f"{count} {result}" for result, count in counts.items()))
    return counts["FAILED"] > 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__.splitlines()[0])
    sys.exit(main(*sys.argv[1:]))
