"""Kills `ferry` while it saves, fills its disk, and looks at what is left: the old file or the new one, whole.

    python3 Tests/saving/check.py .build/release/ferry [KILLS]
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ferry = Path(sys.argv[1]).resolve()
kills = int(sys.argv[2]) if len(sys.argv) > 2 else 500
fixtures = Path(__file__).resolve().parents[2] / "fixtures"
model = fixtures / "demo/model.h5"
torch_model = fixtures / "keras3/lstm/model.h5"  # PyTorch has no LSTM with relu
formats = ["h5", "keras", "weights.h5", "onnx", "safetensors", "pt", "npz"]
old = b"what was there before"


def command(target):
    if target.suffix == ".npz":
        return [ferry, "predict", model, "-i", target.with_name("windows.csv"), "-o", target, "--quiet"]
    source = torch_model if target.suffix in (".pt", ".safetensors") else model
    return [ferry, "convert", source, target, "--quiet", "--no-verify"]


def unfinished(folder):
    return [name for name in os.listdir(folder) if name.startswith(".ferry-")]


def wait_for_saving(process, folder, before):
    """Until a new unfinished file is there, or the process has ended."""
    while process.poll() is None and len(unfinished(folder)) <= before:
        pass


def killed(target, delay):
    """What a writer leaves that is killed `delay` seconds after its file appeared; before it started, where negative."""
    target.write_bytes(old)
    before = len(unfinished(target.parent))
    process = subprocess.Popen(command(target), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if delay >= 0:
        wait_for_saving(process, target.parent, before)
    time.sleep(abs(delay))
    process.kill()
    process.wait()
    return target.read_bytes()


def kill_while_saving(target, new):
    """How many kills left the old file, the new one, and anything else."""
    counts = {"old": 0, "new": 0, "lost": 0}
    for _ in range(-(-kills // len(formats))):
        # Most while the file is written, flushed and renamed, which takes a few milliseconds.
        found = killed(target, random.choice([-0.03, 0.0003, 0.002, 0.01]) * random.random())
        counts["old" if found == old else "new" if found == new else "lost"] += 1
    return counts


def keeps_old_file_where_disk_is_full(target):
    """Saves with room for a part of the file only."""
    target.write_bytes(old)

    def leave_little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))

    run = subprocess.run(command(target), capture_output=True, text=True, preexec_fn=leave_little_room)
    return run.returncode == 65 and target.read_bytes() == old and len(run.stderr.splitlines()) == 1


def check(folder, name):
    """The number of faults in saving one format."""
    target = folder / f"model.{name}"
    run = subprocess.run(command(target), capture_output=True, text=True)
    if run.returncode == 64:
        print(f"{name}: not written by this version")
        return 0
    counts = kill_while_saving(target, target.read_bytes())
    keeps = keeps_old_file_where_disk_is_full(target)
    print(f"{name}: killed {sum(counts.values())} times: {counts}; disk full: {'old file kept' if keeps else 'FAILED'}")
    return counts["lost"] + (not keeps)


with tempfile.TemporaryDirectory() as scratch:
    Path(scratch, "windows.csv").write_text("50,51,52\n")
    faults = sum(check(Path(scratch), name) for name in formats)
sys.exit(1 if faults else 0)
