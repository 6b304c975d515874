#!/usr/bin/env python3
"""How fast sounds rise, and how far they have fallen by their end.

    scripts/attacks.py FOLDER...       each folder's sounds, and those of each kind: their folder in it, else what
                                       their names begin with, up to a "-"

The envelope is the root mean square over 1 ms, every 0.25 ms. Its rise is the time from a tenth to nine tenths of
the largest value in the first 0.3 s; its end the mean power from 0.9 to 1 s, against that value. Needs numpy and
soundfile.
"""
import collections
import pathlib
import sys

import numpy as np
import soundfile


def figures(path):
    sound, rate = soundfile.read(path, always_2d=True)
    sound = sound.mean(1) - sound.mean()
    hop, width = int(rate * 0.00025), int(rate * 0.001)
    power = np.convolve(sound**2, np.ones(width) / width, "same")[::hop]
    envelope, second = np.sqrt(np.maximum(power, 1e-14)), rate / hop
    peak = int(np.argmax(envelope[: int(0.3 * second)]))
    start = peak
    while start > 0 and envelope[start] > 0.1 * envelope[peak]:
        start -= 1
    high = start + int(np.argmax(envelope[start : peak + 1] >= 0.9 * envelope[peak]))
    end = power[int(0.9 * second) : int(second)]
    level = 10 * np.log10(end.mean() / max(power[peak], 1e-14) + 1e-14) if len(end) else np.nan
    return 1000 * (high - start) / second, level


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    for folder in sys.argv[1:]:
        kinds = collections.defaultdict(list)
        for path in sorted(pathlib.Path(folder).rglob("*")):
            if path.suffix in (".wav", ".flac"):
                parent = path.relative_to(folder).parent.name
                kinds[parent or path.name.split("-")[0]].append(figures(path))
        if not kinds:
            sys.exit(f"{folder}: no .wav or .flac in it")
        kinds["all"] = sum(kinds.values(), [])
        print(folder)
        for kind, values in kinds.items():
            rise, end = np.array(values).T
            print(
                f"  {kind:12} {len(values):3} sounds: rise {np.median(rise):5.1f} ms in the middle, nine of ten within "
                f"{np.percentile(rise, 90):5.1f}; end {np.nanmedian(end):4.0f} dB"
            )


main()
