"""Cuts the clips that inversion is measured on from the sets of scripts/dataset: always the same ones.

usage: inversion_clips.py DATASETS OUTPUT

OUTPUT/22050 and OUTPUT/44100 get mono WAV files of 6 s, KIND-NUMBER-name.wav; OUTPUT/stereo those of
the music that is stereo, at 44.1 kHz. The chorales are made at 22.05 kHz, so they are missing at 44.1.
Needs librosa and soundfile of requirements.txt.
"""

import sys
from pathlib import Path

import librosa
import numpy as np
import soundfile

SECONDS = 6


def spread(files, count):
    """`count` of the files, evenly spread over their sorted names."""
    files = sorted(files)
    return [files[(2 * i + 1) * len(files) // (2 * count)] for i in range(count)]


def long_enough(files):
    return [path for path in files if soundfile.info(path).duration >= SECONDS]


def excerpt(path, start):
    """Six seconds from a part of the file on, [channels, samples]."""
    info = soundfile.info(path)
    first = max(0, int(start * info.frames) if info.frames > SECONDS * info.samplerate else 0)
    samples, rate = soundfile.read(
        path, start=first, frames=SECONDS * info.samplerate, dtype="float32", always_2d=True
    )
    return samples.T, rate


def row_of(paths):
    """One-shots one after the other, 0.75 s each, as in a sampler's preview."""
    rate, step = 44100, int(0.75 * 44100)
    row = np.zeros((1, SECONDS * rate), np.float32)
    for i, path in enumerate(paths):
        samples, own = soundfile.read(path, dtype="float32", always_2d=True)
        sound = librosa.resample(samples.mean(axis=1), orig_sr=own, target_sr=rate)[:step]
        row[0, i * step : i * step + len(sound)] = sound
    return row, rate


def clips(datasets):
    """(kind, name, samples [channels, samples], rate)"""
    for instrument in ["flute", "guitar", "organ", "piano", "strings"]:
        for path in spread((datasets / "piano-chorales" / instrument).glob("*.wav"), 2):
            yield "chorales", f"{instrument}-{path.stem}", *excerpt(path, 0.3)
    for path in spread(long_enough((datasets / "drums/loop").iterdir()), 8):
        yield "loops", path.stem, *excerpt(path, 0)
    for folder in ["kick", "snare", "hihat", "cymbal", "tom", "percussion"]:
        paths = [p for p in (datasets / "drums" / folder).iterdir() if p.suffix != ".csv"]
        yield "oneshots", folder, *row_of(spread(paths, 8))
    music = [p for p in (datasets / "orchestral").glob("*.ogg") if p.stem != "silence"]
    for path in spread(long_enough(music), 10):
        yield "orchestral", path.stem, *excerpt(path, 0.4)


def main():
    datasets, output = Path(sys.argv[1]), Path(sys.argv[2])
    count = 0
    for kind, name, samples, rate in clips(datasets):
        for target in [22050, 44100]:
            if rate < target:
                continue
            sound = librosa.resample(samples, orig_sr=rate, target_sr=target)
            for folder, channels in [(str(target), sound.mean(axis=0)), ("stereo", sound.T)]:
                if folder == "stereo" and (target != 44100 or kind != "orchestral"):
                    continue
                (output / folder).mkdir(parents=True, exist_ok=True)
                file = output / folder / f"{kind}-{count:02}-{name[:32]}.wav"
                soundfile.write(file, channels, target, subtype="FLOAT")
        count += 1


if __name__ == "__main__":
    main()
