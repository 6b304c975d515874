#!/usr/bin/env python3
"""A picture of 16 generated clips beside 16 real ones, none of them chosen.

    scripts/dataset data chorales-test
    compose generate --seconds 6 --count 16 --seed 1 --output clips/clip.wav
    scripts/sheet.py clips data/chorales-test Docs/clips.png

Of the generated folder the first 16 files by name, of the real one 16 drawn by lot (seed 0), 6 s from the middle
of each; log-mel spectrograms of 256 bins, 80 dB below the loudest of each clip. Needs librosa and matplotlib.
"""
import pathlib
import random
import sys

import librosa
import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plot  # noqa: E402

SECONDS, RATE, COUNT = 6, 22050, 16


def sounds(folder):
    return sorted(path for path in pathlib.Path(folder).rglob("*.*") if path.suffix in (".wav", ".flac", ".ogg", ".mp3"))


def levels(path):
    """Decibels below the loudest, [mel bins, frames]."""
    length = librosa.get_duration(path=path)
    sound, _ = librosa.load(path, sr=RATE, offset=max(0, (length - SECONDS) / 2), duration=SECONDS)
    mel = librosa.feature.melspectrogram(y=sound, sr=RATE, n_fft=2048, hop_length=256, n_mels=256)
    return librosa.power_to_db(mel, ref=np.max, top_db=80)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    made, real, output = sys.argv[1:]
    chosen = random.Random(0).sample(sounds(real), COUNT)
    picture, axes = plot.subplots(8, 4, figsize=(12, 14), dpi=80)
    for column, (title, paths) in enumerate([("generated", sounds(made)[:COUNT]), ("real", chosen)]):
        for number, path in enumerate(paths):
            place = axes[number // 2][2 * column + number % 2]
            place.imshow(levels(path), origin="lower", aspect="auto", cmap="magma", interpolation="nearest")
            place.set_axis_off()
        for half in (0, 1):
            axes[0][2 * column + half].set_title(title, fontsize=11)
    picture.tight_layout(pad=0.4)
    picture.savefig(output)


if __name__ == "__main__":
    main()
