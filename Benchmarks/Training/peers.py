"""The training steps of main.swift in PyTorch and Keras, one thread each; medians in milliseconds of processor time."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time

import numpy as np

STEPS = [(8, 64, 50, 32), (32, 128, 50, 64), (128, 512, 50, 64)]


def median(step, seconds=4.0):
    for _ in range(3):
        step()
    times, start = [], time.process_time()
    while time.process_time() - start < seconds:
        before = time.process_time()
        step()
        times.append(time.process_time() - before)
    return 1000 * float(np.median(times))


def torch_steps():
    import torch

    torch.set_num_threads(1)
    for features, units, steps, batch in STEPS:
        lstm, dense = torch.nn.LSTM(features, units, batch_first=True), torch.nn.Linear(units, 1)
        optimizer = torch.optim.Adam([*lstm.parameters(), *dense.parameters()], 1e-3)
        x, y = torch.rand(batch, steps, features) * 2 - 1, torch.rand(batch, 1)

        def step():
            optimizer.zero_grad()
            loss = ((dense(lstm(x)[0][:, -1]) - y) ** 2).mean()
            loss.backward()
            optimizer.step()

        print(f"torch {features}→{units} T={steps} B={batch}: {median(step)} ms", flush=True)


def keras_steps():
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for features, units, steps, batch in STEPS:
        model = keras.Sequential([keras.Input((steps, features)), keras.layers.LSTM(units), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        x, y = np.random.rand(batch, steps, features).astype("float32"), np.random.rand(batch, 1).astype("float32")
        print(f"keras {features}→{units} T={steps} B={batch}: {median(lambda: model.train_on_batch(x, y))} ms", flush=True)
    x = (np.arange(50, dtype="float32")[:, None] + np.arange(3))[..., None].astype("float32")
    model = keras.Sequential([keras.Input((3, 1)), keras.layers.LSTM(50, activation="relu"), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    before = time.process_time()
    model.fit(x, np.arange(50, dtype="float32") + 3, epochs=200, verbose=0)
    print(f"keras tutorial: {1000 * (time.process_time() - before)} ms", flush=True)


{"torch": torch_steps, "keras": keras_steps}[sys.argv[1]]()
