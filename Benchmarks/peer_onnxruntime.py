"""Measures the cases in ONNX Runtime: peer_onnxruntime.py MODELS SECONDS NAME...

Inputs and outputs are bound beforehand, so that a call copies nothing that it need not.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime

from cases import CASES
from measure import microseconds, report

models, seconds, names = Path(sys.argv[1]), float(sys.argv[2]), set(sys.argv[3:])
for case in CASES:
    if case.name not in names:
        continue
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = case.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        models / f"{case.file}.time-major.onnx", options, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).uniform(-1, 1, (case.time, case.batch, case.features)).astype(np.float32)
    y = np.zeros((case.time, case.batch, case.directions * case.units), np.float32)
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", onnxruntime.OrtValue.ortvalue_from_numpy(x))
    binding.bind_ortvalue_output(session.get_outputs()[0].name, onnxruntime.OrtValue.ortvalue_from_numpy(y))
    report(case, microseconds(lambda: session.run_with_iobinding(binding), seconds))
