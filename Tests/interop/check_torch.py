"""Loads what Ferry wrote with PyTorch: `check_torch.py FERRY [CASE ...]`.

State dicts must come out of Ferry bit for bit, in both containers and through a model. Fixtures of Keras and PyTorch
become state dicts which the module that `ferry inspect --pytorch` prints loads with `strict=True`, and that module must
predict what the original framework recorded. `--random N` does the same with N random modules.
"""

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "fixtures/torch"))

import numpy as np
import safetensors.torch
import torch

from chain import ACTIVATIONS, Chain, randomise

TOLERANCE = 1e-5


class Failure(Exception):
    pass


def ferry(*arguments):
    run = subprocess.run([FERRY, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    if run.returncode:
        raise Failure(f"ferry exited with {run.returncode}: {(run.stderr.strip() or 'no message').splitlines()[-1]}")
    return run.stdout


def load(path):
    return safetensors.torch.load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)


def same_bits(found, wanted, what):
    if set(found) != set(wanted):
        raise Failure(f"{what}: the names differ: {sorted(set(found) ^ set(wanted))[:4]}")
    for name, tensor in wanted.items():
        a, b = found[name].detach().contiguous(), tensor.detach().contiguous()
        if a.dtype != b.dtype or a.shape != b.shape or a.reshape(-1).view(torch.uint8).numpy().tobytes() != b.reshape(-1).view(torch.uint8).numpy().tobytes():
            raise Failure(f"{what}: {name} is not the same bit for bit")


def closeness(found, wanted, what):
    if found.shape != wanted.shape:
        raise Failure(f"{what}: shape {list(found.shape)}, wanted {list(wanted.shape)}")
    worst = float(np.abs(found - wanted).max() / max(1.0, np.abs(wanted).max())) if wanted.size else 0.0
    if not worst <= TOLERANCE:
        raise Failure(f"{what} differs by {worst:.2g}")


def printed_module(model, *options):
    """The module that `inspect --pytorch` prints; it is the only class of the text."""
    scope = {}
    exec(ferry("inspect", model, "--pytorch", "--quiet", *options), scope)
    return [value for value in scope.values() if isinstance(value, type) and issubclass(value, torch.nn.Module)][0]().eval()


def runs(module, state, inputs, wanted, what):
    module.to(torch.from_numpy(inputs[0]).dtype if inputs[0].dtype == np.float64 else torch.float32)
    module.load_state_dict(state, strict=True)
    with torch.no_grad():
        outputs = module(*map(torch.from_numpy, inputs))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    for k, (a, b) in enumerate(zip(outputs, wanted, strict=True)):
        closeness(a.numpy(), b, f"{what}, output {k}")


def check_chain(folder, chain_state, architecture, inputs, wanted):
    """Everything that one state dict and its description must survive."""
    for source in (folder / "model.pt", folder / "model.safetensors"):
        with tempfile.TemporaryDirectory() as scratch:
            scratch = Path(scratch)
            for extension in ("pt", "pth", "safetensors"):
                target = scratch / f"plain.{extension}"
                ferry("convert", source, target, "--quiet")
                same_bits(load(target), chain_state, f"{source.suffix} to {extension}")
                target = scratch / f"modelled.{extension}"
                ferry("convert", source, target, "--quiet", "--architecture", architecture)
                same_bits(load(target), chain_state, f"{source.suffix} through a model to {extension}")
            np.save(scratch / "x.npy", inputs[0])
            ferry("predict", source, "-i", scratch / "x.npy", "-o", scratch / "y.npy", "--quiet", "--architecture", architecture)
            closeness(np.load(scratch / "y.npy"), wanted[0], f"{source.suffix} predicted by Ferry")
            runs(printed_module(source, "--architecture", architecture), chain_state, inputs, wanted, f"{source.suffix} printed")


def check_keras(folder, architecture, inputs, wanted):
    """Native Keras layers predict what PyTorch did; a projection has none and must be refused."""
    import keras

    with tempfile.TemporaryDirectory() as scratch:
        for extension in ("keras", "h5"):
            target = Path(scratch) / f"x.{extension}"
            try:
                ferry("convert", folder / "model.pt", target, "--quiet", "--architecture", architecture)
            except Failure as refusal:
                if "proj=" in architecture or extension == "h5" and "last" in architecture and "bidirectional" in architecture:
                    print(f"  refused for {extension}, as expected: {refusal}"[:200])
                    continue
                raise
            keras.backend.clear_session()
            model = keras.models.load_model(target, compile=False)
            closeness(np.asarray(model(inputs[0])), wanted[0], extension)


def check_onnx(folder, architecture, inputs, wanted):
    import onnxruntime

    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "x.onnx"
        ferry("convert", folder / "model.pt", target, "--quiet", "--architecture", architecture)
        session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
        closeness(session.run(None, {session.get_inputs()[0].name: inputs[0]})[0], wanted[0], "onnx")


def recorded(folder, prefix):
    io = np.load(folder / "io.npz")
    return [io[f"{prefix}{k}"] for k in range(len(io)) if f"{prefix}{k}" in io]


def check_fixture(folder):
    architecture = (folder / "architecture.txt").read_text().strip()
    inputs, wanted = recorded(folder, "in_"), recorded(folder, "out_")
    check_chain(folder, torch.load(folder / "model.pt", weights_only=True), architecture, inputs, wanted)
    check_keras(folder, architecture, inputs, wanted)
    check_onnx(folder, architecture, inputs, wanted)


# Files that PyTorch 2.13 cannot open again; the bytes it wrote are compared by the Swift tests.
UNREADABLE = {
    "namespace.pt": "a class of Python's own",
    "dtypes.legacy.pt": "the old format asks an untyped storage for its type",
}

# Defects that are known and open: case → what goes wrong. A case that works fails, so that it leaves the list.
KNOWN_FAILURES = {}


def check_files():
    """Corners of the containers come back bit for bit, tied tensors tied."""
    for source in sorted((ROOT / "fixtures/torch/files").glob("*.*")):
        if source.suffix not in (".pt", ".pth", ".safetensors") or source.name in UNREADABLE:
            continue
        # Ours, so trusted: the restricted reader of PyTorch opens neither protocol 4 nor this legacy file.
        wanted = load(source) if source.suffix == ".safetensors" else torch.load(source, weights_only=False)
        wanted = wanted.get("model_state_dict", wanted.get("state_dict", wanted))
        with tempfile.TemporaryDirectory() as scratch:
            for extension in ("pt", "safetensors"):
                if extension == "safetensors" and any(t.dtype == torch.complex128 for t in wanted.values()):
                    continue
                target = Path(scratch) / f"x.{extension}"
                ferry("convert", source, target, "--quiet")
                same_bits(load(target), wanted, f"{source.name} to {extension}")
                if extension == "pt" and "tied" in wanted:
                    again = load(target)
                    if again["tied"].data_ptr() != again["tied_too"].data_ptr():
                        raise Failure("tied tensors came apart")
                    torch.load(target, weights_only=True, mmap=True)


# Fixtures of Keras that no module of torch.nn computes; Ferry must refuse them by the names of their layers.
def check_keras_fixture(source):
    inputs, wanted = recorded(source.parent, "in_"), recorded(source.parent, "out_")
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "x.pt"
        try:
            ferry("convert", source, target, "--quiet")
            module = printed_module(source)
        except Failure as refusal:
            return str(refusal)
        runs(module, load(target), inputs, wanted, "printed")
        other = target.with_suffix(".safetensors")
        ferry("convert", source, other, "--quiet")
        runs(module, load(other), inputs, wanted, "printed, from safetensors")


def random_chain(choose):
    """A random chain and an input for it."""
    steps, sequence, features = [], True, choose.choice([1, 2, 3, 5, 8])
    time = choose.randint(1, 9)
    start = choose.choice(["recurrent", "recurrent", "embedding", "linear", "conv"])
    if start == "embedding":
        vocabulary = choose.randint(2, 30)
        x = torch.randint(0, vocabulary, (choose.randint(1, 4), time))
        steps.append(("embedding", {"num": vocabulary, "dim": features}))
    elif start == "conv":
        x = torch.randn(choose.randint(1, 4), features, time + 6)
        for _ in range(choose.randint(1, 2)):
            out, size = choose.randint(1, 6), choose.randint(1, 3)
            steps.append(("conv1d", {"in": features, "out": out, "kernel": size, "padding": choose.choice([0, size // 2, 2]), "bias": choose.random() < 0.7}))
            features = out
            if choose.random() < 0.5:
                steps.append(("batchnorm", {"num_features": features}))
            steps.append((choose.choice(["relu", "tanh"]), {}))
        steps.append(("transpose", {}))
    elif start == "linear":
        sequence = False
        x = torch.randn(choose.randint(2, 4), features)
    else:
        x = torch.randn(choose.randint(1, 4), time, features)
    if sequence:
        for _ in range(choose.randint(1, 2)):
            kind, hidden = choose.choice(["lstm", "gru", "rnn"]), choose.randint(2, 9)
            options = {"input_size": features, "hidden_size": hidden, "num_layers": choose.randint(1, 3), "bidirectional": choose.random() < 0.4, "bias": choose.random() < 0.8}
            if kind == "lstm" and choose.random() < 0.2:
                options["proj_size"] = choose.randint(1, hidden - 1)
            if kind == "rnn":
                options["nonlinearity"] = choose.choice(["tanh", "relu"])
            if options["num_layers"] > 1 and choose.random() < 0.3:
                options["dropout"] = 0.25
            steps.append((kind, options))
            features = options.get("proj_size", hidden) * (2 if options["bidirectional"] else 1)
            if choose.random() < 0.3:
                steps.append(("layernorm", {"features": features}))
        ending = choose.choice(["last", "final", "all"])
        if ending == "last" or ending == "final" and steps[-1][0] in ("lstm", "gru", "rnn"):
            steps.append((ending, {}))
            sequence = False
    for _ in range(choose.randint(0 if len(steps) else 1, 3)):
        out = choose.randint(1, 7)
        steps.append(("linear", {"in": features, "out": out, "bias": choose.random() < 0.8}))
        features = out
        if not sequence and choose.random() < 0.3:
            steps.append(("batchnorm", {"num_features": features}))
        if choose.random() < 0.7:
            steps.append((choose.choice(sorted(ACTIVATIONS)), {}))
        if choose.random() < 0.2:
            steps.append(("dropout", {"p": 0.3}))
    return Chain(*steps), x


def check_random(number, deep=False):
    choose = random.Random(number)
    torch.manual_seed(number)
    chain, x = random_chain(choose)
    randomise(chain, number)
    with torch.no_grad():
        wanted = [chain(x).numpy()]
    architecture = chain.description(names=choose.random() < 0.5, arrow=choose.choice(["->", "→"]))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        legacy = choose.random() < 0.3
        torch.save(chain.state_dict(), folder / "model.pt", _use_new_zipfile_serialization=not legacy)
        safetensors.torch.save_file(chain.state_dict(), folder / "model.safetensors")
        try:
            check_chain(folder, chain.state_dict(), architecture, [x.numpy()], wanted)
            check_onnx(folder, architecture, [x.numpy()], wanted)
            if deep:
                check_keras(folder, architecture, [x.numpy()], wanted)
        except Failure as failure:
            raise Failure(f"{architecture}: {failure}") from None


def main(*only):
    jobs = {}
    if only and only[0] == "--random":
        jobs = {f"random {n}": (check_random, n, "--keras" in only) for n in range(int(only[1]))}
    else:
        for folder in sorted(path.parent for path in (ROOT / "fixtures/torch").glob("*/architecture.txt")):
            jobs[f"torch/{folder.name}"] = (check_fixture, folder)
        jobs["torch/files"] = (check_files,)
        for source in sorted((ROOT / "fixtures").glob("keras[23]/*/model.*")) + [ROOT / "fixtures/demo/model.h5"]:
            jobs[str(source.relative_to(ROOT / "fixtures"))] = (check_keras_fixture, source)
        jobs = {name: job for name, job in jobs.items() if not only or name in only}
    passed, failed, refused = 0, 0, 0
    for name, (check, *arguments) in jobs.items():
        try:
            refusal = check(*arguments)
            if name in KNOWN_FAILURES:
                raise Failure("works now: take it off the list of known failures")
            passed, refused = passed + (not refusal), refused + bool(refusal)
            if refusal:
                print(f"refused {name}: {refusal[:300]}", flush=True)
        except Exception as error:  # whatever a library throws is a finding
            if name in KNOWN_FAILURES and not str(error).startswith("works now"):
                print(f"known defect {name}: {KNOWN_FAILURES[name]}", flush=True)
                continue
            failed += 1
            print(f"FAILED {name}: {type(error).__name__}: {' '.join(str(error).split())[:400]}", flush=True)
    print(f"PyTorch: {passed} passed, {refused} refused with the reason above, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__.splitlines()[0])
    FERRY = sys.argv[1]
    sys.exit(main(*sys.argv[2:]))
