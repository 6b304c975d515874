#!/usr/bin/env python3
"""How near generated music is to real music by the number of denoising steps, and what they cost: a picture.

    scripts/dataset data chorales-test
    swift build -c release
    scripts/steps.py --model MODEL --real data/chorales-test --output Docs/steps.png FOLDER [6 8 10 12 16 24]

FOLDER keeps the clips and figures; what is there is not made again. Needs matplotlib.
"""
import argparse
import json
import pathlib
import subprocess

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plot  # noqa: E402

COMPOSE = ".build/release/compose"


def figures(folder, options):
    """Of eight clips of 6 s with each label, by `compose evaluate`."""
    report = folder / "figures.json"
    if not report.exists():
        folder.mkdir(parents=True, exist_ok=True)
        model = ["--model", options.model]
        for label in json.loads((pathlib.Path(options.model) / "config.json").read_text())["labels"]:
            subprocess.run(
                [COMPOSE, "generate", *model, "--label", label, "--seconds", "6", "--seed", "101", "--count", "8",
                 "--steps", folder.name, "--output", str(folder / f"{label}.wav"), "--overwrite"], check=True)
        subprocess.run([COMPOSE, "evaluate", options.real, str(folder), "--json", str(report)], check=True)
    comparisons = json.loads(report.read_text())["comparisons"]
    return next(comparison for comparison in comparisons if comparison["features"] == 168)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("steps", type=int, nargs="*", default=[6, 8, 10, 12, 16, 24])
    options.add_argument("--model", required=True, help="one that was not distilled")
    options.add_argument("--real", required=True)
    options.add_argument("--output", default="steps.png")
    options = options.parse_args()
    found = [figures(options.folder / str(steps), options) for steps in options.steps]
    default = json.loads((pathlib.Path(options.model) / "config.json").read_text())["sampling"]["steps"]
    picture, (left, right) = plot.subplots(1, 2, figsize=(10, 3.6), dpi=110)
    distances = [one["frechet"]["to"] for one in found]
    for axes, values, floor, name in [
        (left, [one["generated"]["mean"] for one in distances], distances[0]["real"]["mean"],
         "Fréchet distance to real music, sound"),
        (right, [one["fidelity"]["generated"]["coverage"] for one in found],
         found[0]["fidelity"]["real"]["coverage"], "coverage of real music, sound"),
    ]:
        axes.plot(options.steps, values, "o-", color="#b5367a")
        axes.axhline(floor, color="#444444", linestyle=":", linewidth=1)
        axes.text(options.steps[-1], floor, "other real music", ha="right", va="bottom", fontsize=8)
        if default in options.steps:
            axes.plot([default], [values[options.steps.index(default)]], "o", markersize=11, fillstyle="none",
                      color="#221150")
        axes.set_xlabel("steps")
        axes.set_title(name, fontsize=10)
        axes.set_xticks(options.steps)
        axes.grid(alpha=0.3)
    left.errorbar(options.steps, [one["generated"]["mean"] for one in distances],
                  [one["generated"]["deviation"] for one in distances], color="#b5367a", alpha=0.4)
    picture.tight_layout()
    picture.savefig(options.output)


if __name__ == "__main__":
    main()
