#!/usr/bin/env python3
"""How near generated music is to real music by the number of denoising steps, and how long it takes: a picture.

    scripts/dataset data chorales-test
    swift build -c release
    scripts/steps.py --model samples/chorales-model --real data/chorales-test --output Docs/steps.png FOLDER

FOLDER keeps the clips and figures of each number of steps; what is there is not made again. Needs matplotlib
and pillow.
"""
import argparse
import io
import json
import pathlib
import subprocess
import time

import matplotlib
from PIL import Image

matplotlib.use("Agg")
import matplotlib.pyplot as plot  # noqa: E402

COMPOSE = ".build/release/compose"
FEATURES = ["sound", "music", "learned"]
COLORS = ["#b5367a", "#1f77b4", "#2a7f3e"]


def comparisons(folder, options):
    """Of 13 clips of 6 s with each label, by `compose evaluate`: a comparison for each kind of features."""
    report = folder / "figures.json"
    if not report.exists():
        folder.mkdir(parents=True, exist_ok=True)
        labels = json.loads((options.model / "config.json").read_text())["labels"]
        for number, label in enumerate(labels):
            subprocess.run(
                [COMPOSE, "generate", "--model", str(options.model), "--label", label, "--seconds", "6",
                 "--seed", str(13 * number), "--count", "13", "--steps", folder.name,
                 "--output", str(folder / f"{label}.wav"), "--overwrite"], check=True)
        subprocess.run([COMPOSE, "evaluate", options.real, str(folder), "--json", str(report)], check=True)
    return json.loads(report.read_text())["comparisons"]


def seconds(folder, options):
    """How long 30 s of music take here and now, the start of the program included: the least of three."""
    times = []
    for _ in range(3):
        start = time.monotonic()
        subprocess.run(
            [COMPOSE, "generate", "--model", str(options.model), "--seconds", "30", "--seed", "1", "--steps",
             folder.name, "--output", str(options.folder / "time.wav"), "--overwrite"], check=True)
        times.append(time.monotonic() - start)
    return min(times)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("steps", type=int, nargs="*", default=[6, 10, 14, 20, 24, 28, 36])
    options.add_argument("--model", type=pathlib.Path, required=True)
    options.add_argument("--real", required=True)
    options.add_argument("--output", default="steps.png")
    options = options.parse_args()
    found = [comparisons(options.folder / str(steps), options) for steps in options.steps]
    times = [seconds(options.folder / str(steps), options) for steps in options.steps]
    default = json.loads((options.model / "config.json").read_text())["sampling"]["steps"]
    picture, (left, right) = plot.subplots(1, 2, figsize=(10, 3.6), dpi=110)
    for kind, (name, color) in enumerate(zip(FEATURES, COLORS)):
        way = [100 * one[kind]["frechet"]["wayClosed"] for one in found]
        coverage = [one[kind]["fidelity"]["generated"]["coverage"] for one in found]
        for axes, values in (left, way), (right, coverage):
            axes.plot(options.steps, values, "o-", color=color, label=name)
        right.axhline(found[0][kind]["fidelity"]["real"]["coverage"], color=color, linestyle=":", linewidth=1)
    left.set_title("way closed to real music, Fréchet, %", fontsize=10)
    right.set_title("coverage of real music (dotted: other real music)", fontsize=10)
    for axes in left, right:
        if default in options.steps:
            axes.axvline(default, color="#444444", linewidth=1, alpha=0.5)
            axes.text(default, axes.get_ylim()[0], " default", fontsize=8, va="bottom")
        axes.set_xticks(
            options.steps, [f"{steps}\n{taken:.1f} s" for steps, taken in zip(options.steps, times)], fontsize=8)
        axes.set_xlabel("steps, and how long 30 s of music take, process start included", fontsize=9)
        axes.grid(alpha=0.3)
    left.legend(fontsize=8)
    picture.tight_layout()
    pixels = io.BytesIO()
    picture.savefig(pixels)
    Image.open(pixels).convert("RGB").quantize(32, method=2, dither=0).save(options.output, optimize=True)


if __name__ == "__main__":
    main()
