"""Tables of what inversion-quality measured, in Markdown.

usage: inversion_table.py FOLDER

FOLDER holds SYSTEM-RATE.csv; `compose` is ours, and `compose-64` where a system makes 64 passes. Means
over clips; of the attacks, over clips that have any.
"""

import csv
import sys
from pathlib import Path

KINDS = ["chorales", "loops", "oneshots", "orchestral"]


def read(path):
    """For each clip its numbers, in the order of inversion-quality."""
    with open(path) as file:
        return {row[0]: [float(value) for value in row[1:]] for row in csv.reader(file)}


def mean(values):
    values = [value for value in values if value == value]
    return sum(values) / len(values) if values else float("nan")


def row(name, clips, ours):
    def column(index, kind=""):
        return mean([v[index] for clip, v in clips.items() if clip.startswith(kind)])

    gains = [ours[clip][0] - values[0] for clip, values in clips.items()]
    cells = [f"{column(0, kind):.1f}" for kind in KINDS]
    cells += [f"{column(0):.1f}", f"{column(1):.2f}"]
    cells += [f"{1000 * column(3):.0f} → {1000 * column(4):.0f}", f"{column(5):.1f}"]
    same = clips is ours
    cells += ["", ""] if same else [f"{mean(gains):.1f}", f"{max(gains):+.1f}"]
    return f"| {name} | " + " | ".join(cells).replace("nan", "") + " |"


def main():
    folder = Path(sys.argv[1])
    for rate in [22050, 44100]:
        ours, more = (read(folder / f"{name}-{rate}.csv") for name in ["compose", "compose-64"])
        head = ["", *KINDS, "all", "log-mel, dB", "rise, ms", "pre-echo, dB", "ours is, dB", "at worst"]
        print(f"\n{rate} Hz, {len(ours)} clips:\n")
        print("| " + " | ".join(head) + " |\n" + "| --- " * len(head) + "|")
        print(row("compose", ours, ours))
        for path in sorted(folder.glob(f"*-{rate}.csv")):
            name = path.stem.removesuffix(f"-{rate}")
            if name != "compose":
                same = name.endswith("-64") and name != "compose-64"
                print(row(name, read(path), more if same else ours))


if __name__ == "__main__":
    main()
