"""Gives `ferry` damaged and hostile files: each is read and run, or refused with status 65 and one sentence.

    python3 Tests/hostile/check.py .build/release/ferry [--seed 1] [--count 300] [FILE or FOLDER...]
    python3 Tests/hostile/check.py .build/release/ferry --count 0 [--attack NAME]...

No run may end in a signal, compute for more than 10 seconds, or hold more than 2 GiB at any moment. A file's folder may hold
`config.json` or `architecture.txt` for weights, and inputs in `io.npz` or `case_0`. What fails is kept in `--keep`.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import attacks
from damage import Damage

SECONDS = 10
MEMORY = 2 << 30
ENDINGS = (".h5", ".hdf5", ".keras", ".onnx", ".safetensors", ".pt", ".pth", ".npy")
TARGETS = ["h5", "keras", "weights.h5", "onnx", "safetensors", "pt"]
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


class Ferry:
    """The command line under test, and what it did wrong so far."""

    def __init__(self, executable, scratch, keep):
        self.executable, self.scratch, self.keep = executable, scratch, keep
        self.one_command = False
        self.statuses, self.faults = Counter(), []
        self.slowest, self.largest = (0, ""), (0, "")

    def run(self, name, *words):
        """Runs one command; a fault is reported and its file kept."""
        words = [str(word) for word in words]
        output, errors = self.scratch / "stdout", self.scratch / "stderr"
        with open(output, "wb") as out, open(errors, "wb") as err:
            process = subprocess.Popen([self.executable, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            usage, status = wait(process, 5 * SECONDS)
        # Time on the processor, which others on the machine do not change.
        seconds = usage.ru_utime + usage.ru_stime
        memory = usage.ru_maxrss * 1024
        self.statuses[words[0], status] += 1
        self.slowest = max(self.slowest, (seconds, f"{name}: {words[0]}"))
        self.largest = max(self.largest, (memory, f"{name}: {words[0]}"))
        sentences = errors.read_text(errors="replace").splitlines()
        fault = self.fault(words[0], status, sentences, seconds, memory)
        if fault:
            self.faults.append(f"{name}: {' '.join(words)}: {fault}")
            print(self.faults[-1], flush=True)
            if self.keep:
                self.keep_files(name)

    def fault(self, command, status, sentences, seconds, memory):
        if status < 0:
            return f"signal {-status} after {seconds:.1f} seconds, {memory >> 20} MiB"
        if seconds > SECONDS:
            return f"{seconds:.1f} seconds"
        if memory > MEMORY:
            return f"{memory >> 20} MiB"
        if status == 0 or (command == "verify" and status == 1):
            return None
        if status != 65:
            return f"status {status}: {sentences[-1:]}"
        complaints = [line for line in sentences if not line.startswith("note: ")]
        if len(complaints) != 1 or not complaints[0].strip() or len(complaints[0]) > 4000:
            return f"{len(complaints)} sentences: {complaints[:3]}"
        return None

    def keep_files(self, name):
        folder = self.keep / name.replace("/", "_")
        folder.mkdir(parents=True, exist_ok=True)
        for file in self.scratch.iterdir():
            if file.is_file() and file.stat().st_size < 64 << 20:
                shutil.copy(file, folder)


def wait(process, seconds):
    """The resources and the status of a process, which is killed after a while."""
    end = time.monotonic() + seconds
    pause = 0.001
    while True:
        identifier, status, usage = os.wait4(process.pid, os.WNOHANG)
        if identifier:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage, process.returncode
        if time.monotonic() > end:
            process.kill()
        time.sleep(pause)
        pause = min(pause * 1.2, 0.02)


class Source:
    """A sound file and what is needed to run it."""

    def __init__(self, path):
        self.path = path
        self.content = path.read_bytes()
        folder = path.parent
        self.architecture = next(
            (file for file in (folder / "config.json", folder / "architecture.txt") if file.exists()), None)
        self.inputs = [folder / "case_0" / f"in_{i}.npy" for i in range(8)]
        self.inputs = [file for file in self.inputs if file.exists()]

    @property
    def ending(self):
        return ".weights.h5" if self.path.name.endswith(".weights.h5") else self.path.suffix

    @property
    def options(self):
        if self.architecture is None:
            return []
        is_text = self.architecture.suffix == ".txt"
        return ["--architecture", self.architecture.read_text().strip() if is_text else self.architecture]


def check_mutant(ferry, source, name, content, random):
    """Runs the commands that read such a file on `content`."""
    path = ferry.scratch / f"mutant{source.ending}"
    path.write_bytes(content)
    if source.ending == ".npy":
        ferry.run(name, "predict", FIXTURES / "demo/model.h5", "-i", path, "-o", ferry.scratch / "out.npz", "--quiet")
        return
    out, options = ferry.scratch / "out.npz", source.options
    inputs = [word for file in source.inputs for word in ("-i", file)]
    commands = [["inspect", path], ["verify", path, path, *options]]
    commands.append(["convert", path, ferry.scratch / f"out.{random.choice(TARGETS)}", *options])
    if inputs:
        commands.append(["predict", path, *inputs, "-o", out, *options])
    for command in random.sample(commands, 1) if ferry.one_command else commands:
        ferry.run(name, *command, "--quiet")


def check_mutants(ferry, sources, count, seed):
    """`count` damaged files, as many of each kind."""
    kinds = {}
    for source in sources:
        kinds.setdefault(source.ending, []).append(source)
    for number in range(count):
        chosen = random.Random(f"{seed}/{number}")
        kind = kinds[sorted(kinds)[number % len(kinds)]]
        source = chosen.choice(kind)
        content = Damage(chosen).mutant(source.content, [other.content for other in kind if other is not source][:50])
        check_mutant(ferry, source, f"mutant {seed}/{number} of {source.path.parent.name}/{source.path.name}", content, chosen)


def check_attacks(ferry, names):
    """The files made for one attack each."""
    for name, path in attacks.make(ferry.scratch / "attacks", names):
        if path.suffix == ".npy":
            ferry.run(name, "predict", FIXTURES / "demo/model.h5", "-i", path, "-o", ferry.scratch / "out.npz", "--quiet")
            continue
        ferry.run(name, "inspect", path, "--quiet")
        ferry.run(name, "verify", path, path, "--quiet")
        for ending in ("onnx", "h5"):
            ferry.run(name, "convert", path, ferry.scratch / f"out.{ending}", "--quiet")


def files(paths):
    for path in paths:
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.is_file() and file.name.endswith(ENDINGS))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ferry", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--attack", action="append", help="only the attack with this name")
    parser.add_argument("--one", action="store_true", help="one command for each damaged file, not all that read it")
    parser.add_argument("--keep", type=Path, help="a folder for the files that do harm")
    parser.add_argument("files", nargs="*", type=Path, default=[FIXTURES])
    options = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as scratch:
        ferry = Ferry(options.ferry.resolve(), Path(scratch), options.keep)
        ferry.one_command = options.one
        start = time.monotonic()
        check_attacks(ferry, options.attack)
        sources = [Source(path) for path in files(options.files)]
        check_mutants(ferry, sources, options.count, options.seed)
        seconds = time.monotonic() - start
    print(f"{sum(ferry.statuses.values())} runs in {seconds:.0f} s: " + ", ".join(
        f"{command} ended {count} times with {status}" for (command, status), count in sorted(ferry.statuses.items())))
    print(f"slowest {ferry.slowest[0]:.1f} s ({ferry.slowest[1]}), largest {ferry.largest[0] >> 20} MiB ({ferry.largest[1]})")
    print(f"{len(ferry.faults)} faults")
    sys.exit(1 if ferry.faults else 0)


main()
