"""Trains by turns: `taking_turns.py FERRY [OPTIMIZER ...]`.

Keras trains a model for six epochs at a stretch. Beside it the same model is trained by turns: three epochs in Keras and
three in Ferry, and the other way round, the file with the optimiser's state going from hand to hand. All three must see
the same losses.
"""

import csv
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

TURN, BATCH = 3, 8
BOTH = {
    "sgd_nesterov": lambda O: O.SGD(0.02, momentum=0.9, nesterov=True),
    "rmsprop": lambda O: O.RMSprop(0.003, momentum=0.5),
    "adam": lambda O: O.Adam(0.01),
    "adam_amsgrad": lambda O: O.Adam(0.01, amsgrad=True, clipnorm=0.5),
    "adamw_schedule": lambda O: O.AdamW(O.schedules.ExponentialDecay(0.02, 5, 0.8)),
    "adagrad": lambda O: O.Adagrad(0.05),
    "adadelta": lambda O: O.Adadelta(1.0),
    "adamax": lambda O: O.Adamax(0.01),
}
KERAS_3 = BOTH | {
    "nadam": lambda O: O.Nadam(0.01),
    "accumulation": lambda O: O.Adam(0.01, gradient_accumulation_steps=2),
    "loss_scale": lambda O: O.LossScaleOptimizer(O.RMSprop(0.01), dynamic_growth_steps=5),
}
FRAMEWORKS = [(keras, KERAS_3, "keras", []), (tf_keras, BOTH, "h5", ["--keras", "2"])]


def build(framework, optimizer):
    L = framework.layers
    framework.utils.set_random_seed(3)
    model = framework.Sequential([framework.Input((6,)), L.Embedding(9, 4, mask_zero=True), L.Bidirectional(L.GRU(3, return_sequences=True)), L.LSTM(4), L.Dense(1)])
    model.compile(optimizer(framework.optimizers), "mse")
    return model


def data():
    x = np.random.default_rng(0).integers(1, 9, (22, 6)).astype("int32")
    for row in range(len(x)):
        x[row, 2 + row % 5:] = 0
    return x, (x.sum(1, keepdims=True) * 0.1 - 1).astype("float32")


def in_keras(model, x, y, epochs):
    return model.fit(x, y, epochs=epochs, batch_size=BATCH, shuffle=False, verbose=0).history["loss"]


def in_ferry(ferry, folder, source, target, options):
    log = folder / "history.csv"
    trained = target if target.suffix == ".keras" else target.with_suffix(".keras")
    subprocess.run([ferry, "train", source, "--x", folder / "x.npy", "--y", folder / "y.npy", "--epochs", str(TURN), "--batch-size", str(BATCH),
                    "--no-shuffle", "--history", log, "-o", trained], check=True, capture_output=True)
    if trained != target:
        subprocess.run([ferry, "convert", trained, target, *options], check=True, capture_output=True)
    return [float(row["loss"]) for row in csv.DictReader(open(log))]


def run(ferry, folder, framework, optimizer, suffix, options):
    x, y = data()
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    first, half, taken = (folder / f"{name}.{suffix}" for name in ("first", "half", "taken"))
    framework.backend.clear_session()
    model = build(framework, optimizer)
    model.save(first)
    losses = in_keras(model, x, y, TURN)
    model.save(half)
    losses += in_keras(model, x, y, TURN)
    then_ferry = in_ferry(ferry, folder, half, folder / f"end.{suffix}", options)
    ferry_first = in_ferry(ferry, folder, first, taken, options)
    then_keras = in_keras(framework.models.load_model(taken), x, y, TURN)
    return max(float(np.max(np.abs(np.array(found) / np.array(losses[start:start + TURN]) - 1)))
               for found, start in [(then_ferry, TURN), (ferry_first, 0), (then_keras, TURN)])


def main():
    ferry, wanted = sys.argv[1], sys.argv[2:]
    failed = 0
    for framework, optimizers, suffix, options in FRAMEWORKS:
        for name, optimizer in optimizers.items():
            if wanted and name not in wanted:
                continue
            with tempfile.TemporaryDirectory() as folder:
                difference = run(ferry, Path(folder), framework, optimizer, suffix, options)
            failed += difference > 1e-4
            print(f"{'ok' if difference <= 1e-4 else 'DIFFERS'} {framework.__name__} {name}: {difference:.1e}", flush=True)
    print(f"{failed} differ")
    sys.exit(failed > 0)


main()
