"""Trains on what Ferry wrote: `training.py FERRY [OPTIMIZER ...]`.

Keras trains a model for three steps and saves it; Ferry converts the file, by way of other formats too; Keras loads the
result and trains for three more steps. The losses must be those of a training that was never interrupted.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "fixtures"))

import harness  # first: it quietens TensorFlow, which Keras imports

import keras
import numpy as np
import tensorflow as tf
import tf_keras

tf.config.run_functions_eagerly(True)  # tracing every model would take most of the time

BOTH = {
    "sgd": lambda O: O.SGD(0.1),
    "sgd_momentum": lambda O: O.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda O: O.RMSprop(0.01),
    "rmsprop_centered": lambda O: O.RMSprop(0.01, momentum=0.5, centered=True),
    "adam": lambda O: O.Adam(0.01),
    "adam_amsgrad": lambda O: O.Adam(0.01, amsgrad=True, clipnorm=0.5),
    "adamw": lambda O: O.AdamW(0.01, weight_decay=0.05),
    "adagrad": lambda O: O.Adagrad(0.05),
    "adadelta": lambda O: O.Adadelta(1.0),
    "adamax": lambda O: O.Adamax(0.01),
    "nadam": lambda O: O.Nadam(0.01),
    "ftrl": lambda O: O.Ftrl(0.05, l2_regularization_strength=0.01),
    "lion": lambda O: O.Lion(0.001),
    "schedule": lambda O: O.Adam(O.schedules.ExponentialDecay(0.05, 2, 0.5)),
    "averages": lambda O: O.Adam(0.01, use_ema=True, ema_momentum=0.5),
}
KERAS_3 = BOTH | {
    "accumulation": lambda O: O.Adam(0.01, gradient_accumulation_steps=2),
    "loss_scale": lambda O: O.LossScaleOptimizer(O.RMSprop(0.01)),
    "lamb": lambda O: O.Lamb(0.01),
    "adafactor": lambda O: O.Adafactor(0.01),
}
LEGACY = {
    "legacy_sgd": lambda O: O.legacy.SGD(0.1, momentum=0.9, nesterov=True, decay=0.1),
    "legacy_rmsprop": lambda O: O.legacy.RMSprop(0.01, momentum=0.5, centered=True),
    "legacy_adam": lambda O: O.legacy.Adam(0.01, amsgrad=True, decay=0.1),
    "legacy_adagrad": lambda O: O.legacy.Adagrad(0.05),
    "legacy_adadelta": lambda O: O.legacy.Adadelta(1.0),
    "legacy_adamax": lambda O: O.legacy.Adamax(0.01),
    "legacy_nadam": lambda O: O.legacy.Nadam(0.01),
    "legacy_ftrl": lambda O: O.legacy.Ftrl(0.05, l2_regularization_strength=0.01),
}

# (framework that trains first, optimisers, files on the way: (name, options of convert), framework that trains on)
V2 = ["--keras", "2"]
ROUTES = [
    (keras, KERAS_3, ["a.keras", ("b.keras", [])], keras),
    (keras, KERAS_3, ["a.h5", ("b.keras", [])], keras),
    (keras, KERAS_3, ["a.keras", ("b.h5", []), ("c.keras", [])], keras),
    (keras, BOTH, ["a.keras", ("b.h5", V2)], tf_keras),
    (keras, BOTH, ["a.keras", ("b.keras", V2)], tf_keras),
    (tf_keras, BOTH | LEGACY, ["a.h5", ("b.keras", [])], keras),
    (tf_keras, BOTH | LEGACY, ["a.h5", ("b.h5", V2)], tf_keras),
    (tf_keras, BOTH, ["a.keras", ("b.keras", [])], keras),
    (tf_keras, BOTH, ["a.keras", ("b.keras", V2)], tf_keras),
]

# What the frameworks themselves lose or do otherwise.
NADAM = "TensorFlow does not save the product of Nadam's momenta, and counts it once for each weight after loading"
NO_FILE = "Keras 3 cannot save it as HDF5: two of its variables have one name"
EXPECTED = {
    ("nadam", tf_keras): NADAM,
    ("adafactor", ".h5"): NO_FILE,
    ("legacy_nadam", keras): "has a setting schedule_decay that today's lacks",
}


def build(framework, optimizer):
    """Shared, nested, frozen and normalising layers; the same weights in every framework."""
    L, rng = framework.layers, np.random.default_rng(0)
    x = framework.Input((2, 3), name="sequence")
    shared = L.Dense(4, activation="tanh", name="shared")
    inner = framework.Sequential([framework.Input((2, 4)), L.GRU(4, return_sequences=True, unroll=True, name="gru"), L.BatchNormalization(name="norm")], name="inner")
    frozen = L.Dense(4, name="frozen")
    frozen.trainable = False
    y = L.Bidirectional(L.LSTM(2, unroll=True, name="lstm"), name="both")(frozen(shared(inner(shared(L.Dense(4, name="first")(x))))))
    model = framework.Model(x, [L.Dense(1, name="a")(y), L.Dense(2, activation="softmax", name="b")(y)], name="model")
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
    model.compile(optimizer, loss={"a": "mse", "b": framework.losses.CategoricalCrossentropy(label_smoothing=0.1)},
                  loss_weights={"a": 0.5, "b": 2.0}, metrics={"a": ["mae"], "b": ["accuracy"]})
    return model


def train(model, batches):
    losses = []
    for x, y in batches:
        model.reset_metrics()
        losses.append(model.train_on_batch(x, y, return_dict=True)["loss"])
    return np.array(losses, "float64")


def data():
    rng = np.random.default_rng(1)
    return [(rng.normal(size=(8, 2, 3)).astype("float32"), [rng.normal(size=(8, 1)).astype("float32"), np.eye(2, dtype="float32")[rng.integers(0, 2, 8)]]) for _ in range(6)]


def expected_difference(name, first, files, last):
    keys = [(name, last), (name, Path(files[0]).suffix if first is keras else None)]
    return next((EXPECTED[key] for key in keys if key in EXPECTED), None)


def run(ferry, folder, name, optimizer, first, files, last):
    batches = data()
    keras.backend.clear_session()
    tf_keras.backend.clear_session()
    model = build(first, optimizer(first.optimizers))
    train(model, batches[:3])
    path = Path(folder) / files[0]
    model.save(path)
    wanted = train(model, batches[3:])
    for file, options in files[1:]:
        target = Path(folder) / file
        done = subprocess.run([ferry, "convert", path, target, "--quiet", *options], capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        path = target
    found = train(last.models.load_model(path), batches[3:])
    worst = np.max(np.abs(found - wanted) / np.abs(wanted))
    if not worst <= 1e-5:
        raise RuntimeError(f"losses {found} instead of {wanted}")


def main(ferry, *only):
    passed = failed = skipped = 0
    for first, optimizers, files, last in ROUTES:
        for name, optimizer in optimizers.items():
            if only and name not in only:
                continue
            title = f"{name}: {first.__name__} {' → '.join([files[0], *(file for file, _ in files[1:])])} {last.__name__}"
            reason = expected_difference(name, first, files, last)
            with tempfile.TemporaryDirectory() as folder:
                try:
                    run(ferry, folder, name, optimizer, first, files, last)
                    if reason:
                        raise RuntimeError("works now: take it off the list of expected differences")
                    passed += 1
                except Exception as error:  # whatever a library throws is a finding
                    if reason and "works now" not in str(error):
                        skipped += 1
                        print(f"skipped {title}: {reason}", flush=True)
                    else:
                        failed += 1
                        print(f"FAILED {title}: {type(error).__name__}: {' '.join(str(error).split())[:300]}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed > 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__.splitlines()[0])
    sys.exit(main(*sys.argv[1:]))
