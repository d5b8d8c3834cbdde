"""Kills `ferry train` again and again and goes on: the checkpoint always loads, and the end is what it would have been.

    python3 Tests/saving/checkpoints.py .build/release/ferry [KILLS]
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ferry = Path(sys.argv[1]).resolve()
kills = int(sys.argv[2]) if len(sys.argv) > 2 else 20
EPOCHS = 4000


def command(folder, checkpoint, output):
    return [ferry, "train", folder / "prices.csv", "--target", "close", "--window", "8", "--horizon", "1", "--layers",
            "lstm:8", "--epochs", str(EPOCHS), "--seed", "3", "--checkpoint", checkpoint, "-o", output, "--quiet"]


def loads(path):
    return subprocess.run([ferry, "inspect", path, "--quiet"], capture_output=True).returncode == 0


def unfinished(checkpoint):
    """What a killed process left beside whole files, which are the only ones with an ending."""
    return [path for path in checkpoint.iterdir() if path.suffix == ".keras" and not loads(path)]


def check(folder):
    (folder / "prices.csv").write_text("close\n" + "".join(f"{(7 * i) % 13 + 0.1 * i}\n" for i in range(20)))
    checkpoint, output = folder / "checkpoints", folder / "model.keras"
    faults, ended, epochs_seen = 0, 0, set()
    for number in range(kills):
        process = subprocess.Popen(command(folder, checkpoint, output), stderr=subprocess.PIPE, text=True)
        time.sleep(0.02 + 0.3 * random.random())
        process.kill()
        complaint = process.communicate()[1]
        if process.returncode == 0:
            ended += 1
        elif process.returncode != -9:
            faults += 1
            print(f"kill {number}: status {process.returncode}: {complaint}")
        if checkpoint.exists():
            for path in unfinished(checkpoint):
                faults += 1
                print(f"kill {number}: {path.name} does not load")
            epochs_seen.add((checkpoint / "last.keras").exists())
    return faults, ended, True in epochs_seen


def finishes_as_if_never_killed(folder):
    """A short training killed at every stage ends with the file that one without a kill writes."""
    global EPOCHS
    EPOCHS = 60
    whole, parts = folder / "whole.keras", folder / "parts.keras"
    subprocess.run(command(folder, folder / "whole", whole), check=True, stdout=subprocess.DEVNULL)
    for attempt in range(200):
        process = subprocess.Popen(command(folder, folder / "parts", parts), stdout=subprocess.DEVNULL)
        try:
            process.wait(0.1 + 0.01 * attempt)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.returncode == 0:
            break
    run = subprocess.run([ferry, "verify", whole, parts], capture_output=True, text=True)
    print(f"a training killed {attempt} times: {(run.stdout + run.stderr).strip()}")
    return run.returncode == 0 and "difference 0 " in run.stdout


with tempfile.TemporaryDirectory() as scratch:
    faults, ended, was_there = check(Path(scratch))
    same = finishes_as_if_never_killed(Path(scratch))
print(f"killed {kills - ended} times: {faults} checkpoints that do not load; "
      f"{'a checkpoint was there' if was_there else 'NO CHECKPOINT WAS SEEN'}")
sys.exit(0 if faults == 0 and was_there and same else 1)
