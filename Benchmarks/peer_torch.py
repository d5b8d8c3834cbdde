"""Measures the cases in PyTorch: peer_torch.py MODELS SECONDS NAME..."""

import sys

import torch

from cases import CASES
from measure import microseconds, report

seconds, names = float(sys.argv[2]), set(sys.argv[3:])
for case in CASES:
    if case.name not in names:
        continue
    torch.set_num_threads(case.threads)
    layer = getattr(torch.nn, case.kind)(
        case.features, case.units, num_layers=case.layers, bidirectional=case.directions == 2).eval()
    x = torch.rand(case.time, case.batch, case.features) * 2 - 1
    with torch.inference_mode():
        report(case, microseconds(lambda: layer(x), seconds))
