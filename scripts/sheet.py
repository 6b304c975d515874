#!/usr/bin/env python3
"""A picture of generated clips beside as many real ones, none of them chosen.

    scripts/dataset data chorales-test
    compose generate --seconds 6 --count 16 --seed 1 --output clips/clip.wav
    scripts/sheet.py clips data/chorales-test Docs/clips.png

usage: scripts/sheet.py GENERATED REAL PICTURE [COUNT [RATE [WIDTH]]]

Of the generated folder the first COUNT files by name (16), of the real one as many drawn by lot (seed 0), 6 s from the
middle of each, at RATE Hz (22050); log-mel spectrograms of 256 bins, 80 dB below the loudest of each clip, in a picture
of 16 colours and WIDTH pixels (960). Needs librosa, matplotlib and pillow.
"""
import pathlib
import random
import sys

import librosa
import matplotlib
import numpy as np
from PIL import Image

matplotlib.use("Agg")
import matplotlib.pyplot as plot  # noqa: E402

SECONDS = 6


def sounds(folder):
    return sorted(path for path in pathlib.Path(folder).rglob("*.*") if path.suffix in (".wav", ".flac", ".ogg", ".mp3"))


def levels(path, rate):
    """Decibels below the loudest, [mel bins, frames]."""
    length = librosa.get_duration(path=path)
    sound, _ = librosa.load(path, sr=rate, offset=max(0, (length - SECONDS) / 2), duration=SECONDS)
    mel = librosa.feature.melspectrogram(y=sound, sr=rate, n_fft=2048, hop_length=256, n_mels=256)
    return librosa.power_to_db(mel, ref=np.max, top_db=80)


def main():
    if not 4 <= len(sys.argv) <= 7:
        sys.exit(__doc__)
    made, real, output = sys.argv[1:4]
    numbers = [int(given) for given in sys.argv[4:]]
    count, rate, width = numbers + [16, 22050, 960][len(numbers) :]
    chosen = random.Random(0).sample(sounds(real), count)
    rows = (count + 1) // 2
    picture, axes = plot.subplots(rows, 4, figsize=(12, 1.75 * rows), dpi=width / 12, squeeze=False)
    for place in axes.flat:
        place.set_axis_off()
    for column, (title, paths) in enumerate([("generated", sounds(made)[:count]), ("real", chosen)]):
        for number, path in enumerate(paths):
            place = axes[number // 2][2 * column + number % 2]
            place.imshow(levels(path, rate), origin="lower", aspect="auto", cmap="magma", interpolation="nearest")
        for half in (0, 1):
            axes[0][2 * column + half].set_title(title, fontsize=11)
    picture.tight_layout(pad=0.4)
    picture.savefig(output)
    Image.open(output).convert("RGB").quantize(16).save(output, optimize=True)


if __name__ == "__main__":
    main()
