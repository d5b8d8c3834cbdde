"""Opens what Ferry writes with the libraries it was written for: `check.py FERRY [CASE ...]`.

Every fixture is converted to ONNX, `.keras` and `.h5`; ONNX Runtime and Keras 3 must load the result and predict what
the original framework recorded. Keras 2 fixtures are also written for Keras 2. Weights that stay with their framework
must survive bit for bit.
"""

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "fixtures"))

from harness import distance, predict_twice  # first: it quietens TensorFlow, which Keras imports

import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf_keras

tf.config.run_functions_eagerly(True)  # tracing every model would take most of the time

# case: {target: why it cannot be written there}. Ferry must refuse these.
OPERATIONS = "Keras 3 saves operations in HDF5 and cannot open them again"
LAMBDAS = "TensorFlow's operations are not layers, and Ferry does not write them as such yet"
THRESHOLD = "Keras 3 has no ThresholdedReLU"
TIME_MAJOR = "Keras 3 has no time_major"
MASKS = "Keras 3 combines masks differently, and HDF5 has no room for the operations that would say how"
AXES = "Keras 3 forgets an axis list when it opens HDF5, and computes something else"
CELL = "Keras 3's hard_sigmoid is another function, and a cell's own output cannot be scaled to make up for it"
EXPECTED_REFUSALS = {
    **{f"keras3/{case}": {"h5": OPERATIONS} for case in ("ops", "operators", "mask_argument")},
    **{f"{era}/layer_normalization": {"h5": AXES} for era in ("keras2", "keras3")},
    **{f"keras2/{case}": {"keras": MASKS, "h5": MASKS} for case in ("initial_state_masked", "mask_merged")},
    **{f"keras2/{case}": {"h5": OPERATIONS, "keras2": LAMBDAS} for case in ("ops", "operators", "mask_argument")},
    "keras2/activation_layers": {"keras": THRESHOLD, "h5": THRESHOLD},
    "keras2/time_major": {"keras": TIME_MAJOR, "h5": TIME_MAJOR},
    "keras2/lstm_activations": {"keras": CELL, "h5": CELL},
}

# case: {target: why the framework does not open what was written}. Printed as skipped; a case that works fails.
NAMES = "Keras 3 names an operation of its own 'concatenate' to join the masks, and then meets the layer of that name"
KNOWN_FAILURES = {"keras3/mask_merged": {"keras": NAMES, "h5": NAMES}}

TOLERANCE = 1e-5
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
    feed = dict(zip((value.name for value in session.get_inputs()), x))
    for state in states:  # the states of a stateful model: zeros at first, then what came out
        shape = [size if isinstance(size, int) else len(x[0]) for size in state.shape]
        feed[state.name] = np.zeros(shape, {"tensor(double)": "float64", "tensor(float16)": "float16"}.get(state.type, "float32"))
    for prefix in ("out_", "next_out_") if states else ("out_",):
        wanted = members(io, prefix)
        answers = session.run(None, feed)
        compare(source, {f"{prefix}{k}": pair for k, pair in enumerate(zip(answers, wanted, strict=not states))})
        feed |= {state.name: answer for state, answer in zip(states, answers[len(wanted):])}


def check_keras(framework, source, target, io):
    model = load(framework, target)
    again = predict_twice(model, members(io, "in_"))
    compare(source, {key: (again.get(key), io[key]) for key in io if "out_" in key})
    if framework is not origin(source):
        return
    before, after = variables(load(framework, source)), variables(model)
    if len(before) != len(after):
        raise Failure(f"{len(after)} variables, {len(before)} in the original")
    for (name, a), (_, b) in zip(before, after):
        if a.dtype != b.dtype or not np.array_equal(a, b):
            raise Failure(f"{name} is not the same bit for bit")


def origin(source):
    return tf_keras if source.parent.parent.name == "keras2" else keras


def load(framework, path):
    # Keras 3 cannot deserialise "mse" from an HDF5 file, not even from its own.
    return framework.models.load_model(path, compile=path.suffix == ".keras")


def variables(model):
    # Ferry does not carry the optimiser's variables yet, and says so in a note.
    return [(v.name, np.asarray(v)) for v in model.weights]


def members(io, prefix):
    return [io[f"{prefix}{k}"] for k in range(len(io)) if f"{prefix}{k}" in io]


def compare(source, pairs):
    limit = LOOSE.get(source.parent.name, TOLERANCE)
    for key, (answer, wanted) in pairs.items():
        if answer is None or answer.shape != wanted.shape or answer.dtype != wanted.dtype:
            found = "nothing" if answer is None else f"{answer.dtype}{list(answer.shape)}"
            raise Failure(f"{key} is {found}; recorded was {wanted.dtype}{list(wanted.shape)}")
        if not (worst := distance(answer, wanted)) <= limit:
            raise Failure(f"{key} differs by {worst:.2g}")


# what is asked for: (extension, options of convert, check, frameworks whose fixtures are converted)
TARGETS = {
    "onnx": ("onnx", [], check_onnx, (keras, tf_keras)),
    "keras": ("keras", [], partial(check_keras, keras), (keras, tf_keras)),
    "h5": ("h5", [], partial(check_keras, keras), (keras, tf_keras)),
    "keras2": ("h5", ["--keras", "2"], partial(check_keras, tf_keras), (tf_keras,)),
}


def main(ferry, *only):
    sources = sorted([*(ROOT / "fixtures").glob("keras[23]/*/model.*"), ROOT / "fixtures/demo/model.h5"])
    passed = failed = skipped = 0
    for source in sources:
        case = str(source.parent.relative_to(ROOT / "fixtures"))
        if only and case not in only:
            continue
        io = dict(np.load(source.parent / "io.npz"))
        for name, (extension, options, check, origins) in TARGETS.items():
            if origin(source) not in origins:
                continue
            title = f"{case}/{source.name} → {name}"
            reason = EXPECTED_REFUSALS.get(case, {}).get(name)
            with tempfile.TemporaryDirectory() as folder:
                target = Path(folder) / f"x.{extension}"
                keras.backend.clear_session()
                tf_keras.backend.clear_session()
                try:
                    convert(ferry, source, target, options)
                    if reason:
                        raise Failure("was written although a refusal is expected")
                    known = KNOWN_FAILURES.get(case, {}).get(name)
                    try:
                        check(source, target, io)
                    except Exception:
                        if not known:
                            raise
                        skipped += 1
                        print(f"skipped {title}: {known}", flush=True)
                        continue
                    if known:
                        raise Failure("works now: take it off the list of known failures")
                    passed += 1
                except Exception as error:  # whatever a library throws is a finding
                    if reason and not target.exists():
                        skipped += 1
                        print(f"skipped {title}: {reason}", flush=True)
                    else:
                        failed += 1
                        print(f"FAILED {title}: {type(error).__name__}: {' '.join(str(error).split())[:300]}", flush=True)
    if skipped:
        print(f"{skipped} skipped, each with its reason above")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__.splitlines()[0])
    sys.exit(main(*sys.argv[1:]))
