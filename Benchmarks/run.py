"""Runs Ferry, ONNX Runtime and PyTorch in turn for each group of cases, each in processes of its own, and writes the
table of ratios.

    run.py FERRY [--group NAME] [--seconds S] [--output docs/Benchmarks.md]

FERRY is the command built for release. Without --output the table is only printed.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from cases import CASES, make_model

HERE = Path(__file__).parent


def peer(script: str, models: Path, seconds: float, cases) -> dict[str, float]:
    command = [sys.executable, HERE / script, models, str(seconds), *[case.name for case in cases]]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return {name: float(value) for name, value in (line.split("\t") for line in lines)}


def ferry(executable: str, models: Path, seconds: float, cases, guess: dict[str, float]) -> dict[str, dict]:
    """`guess` says about how many microseconds a call takes, to choose the number of calls."""
    results = {}
    for case in cases:
        runs = min(max(5, int(seconds * 1e6 / guess[case.name])), 100_000)
        command = [executable, "bench", models / f"{case.file}.onnx", "--json", "--threads", str(case.threads)]
        command += ["--runs", str(runs), "--shape", f"x={case.batch},{case.time},{case.features}"]
        command += ["--weights", case.weights]
        if case.stream:
            command.append("--stream")
        results[case.name] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        print(f"  {case.name}: {results[case.name]['median_us']:.1f} µs", file=sys.stderr)
    return results


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def own_ratio(case, ours) -> str:
    """How much faster fewer bits or more threads are than Ferry itself without."""
    plain = replace(case, weights="float32", threads=1)
    if plain == case or plain.name not in ours:
        return ""
    return f"{ours[plain.name]['median_us'] / ours[case.name]['median_us']:.2f}"


def table(cases, ours, theirs) -> str:
    lines = [
        "| | Ferry µs | allocations | ONNX Runtime µs | PyTorch µs | × ONNX Runtime | × the faster | × own plain |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    groups: dict[str, list[tuple[float, float]]] = {}
    for case in cases:
        mine, ort, torch = ours[case.name]["median_us"], theirs["ort"][case.name], theirs["torch"][case.name]
        ratios = (ort / mine, min(ort, torch) / mine)
        groups.setdefault(case.group, []).append(ratios)
        lines.append(
            f"| {case.name} | {mine:,.2f} | {ours[case.name]['allocations']} | {ort:,.1f} | {torch:,.1f} "
            f"| {ratios[0]:.2f} | {ratios[1]:.2f} | {own_ratio(case, ours)} |")
    for group, ratios in groups.items():
        means = [geometric_mean(list(column)) for column in zip(*ratios)]
        lines.append(f"| **{group}, geometric mean** | | | | | **{means[0]:.2f}** | **{means[1]:.2f}** | |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ferry")
    parser.add_argument("--group", action="append")
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    cases = [case for case in CASES if not arguments.group or case.group in arguments.group]
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder)
        for case in {case.file: case for case in cases}.values():
            make_model(case, models / f"{case.file}.onnx", time_major=False)
            make_model(case, models / f"{case.file}.time-major.onnx", time_major=True)
        ours, theirs = {}, {"ort": {}, "torch": {}}
        for group in dict.fromkeys(case.group for case in cases):
            some = [case for case in cases if case.group == group]
            theirs["ort"] |= peer("peer_onnxruntime.py", models, arguments.seconds, some)
            theirs["torch"] |= peer("peer_torch.py", models, arguments.seconds, some)
            ours |= ferry(arguments.ferry, models, arguments.seconds, some, theirs["ort"])
    text = table(cases, ours, theirs)
    print(text)
    if arguments.output:
        arguments.output.write_text((HERE / "preface.md").read_text().format(
            processor=processor(), load=f"{os.getloadavg()[0]:.1f}") + "\n" + text)


if __name__ == "__main__":
    main()
