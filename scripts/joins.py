#!/usr/bin/env python3
"""How special the places are at which a drawn piece or a loop was joined, against all others in it.

    scripts/joins.py FILE...                     where windows met at the last step of 24, frames of 512 samples
    scripts/joins.py --window 192 --step 22 FILE...
    scripts/joins.py --sections 0 FILE...        of long pieces, so many frames after what a section keeps begins
    scripts/joins.py --at 2.97,5.94 FILE...      places of one's own, in seconds
    scripts/joins.py --loop FILE...              the end of each loop against its start

Of each file three curves, a value each 23 ms at 22.05 kHz (transforms of 2048, Hann): onset strength, the mean
over 40 mel bands of the rise of the level in dB above -70; spectral flux, the sum of the rises of all magnitudes
by their sum; and the change of loudness, the difference in dB of the 0.2 s before and after. A join has the
largest value within 46 ms; it is ranked among the largest values around all other places: 50 is one like any
other. Needs numpy and soundfile.
"""
import argparse

import numpy as np
import soundfile

SIZE, HOP, NEAR = 2048, 512, 2


def bands(rate):
    def mel(hertz):
        return 2595 * np.log10(1 + hertz / 700)

    edges = 700 * (10 ** (np.linspace(mel(30), mel(rate / 2), 42) / 2595) - 1)
    bins = np.arange(SIZE // 2 + 1) * rate / SIZE
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    weights = np.minimum((bins - low) / (mid - low), (high - bins) / (high - mid))
    weights = np.maximum(weights, 0)
    return weights / np.maximum(weights.sum(1, keepdims=True), 1e-9)


def curves(sound, rate):
    frames = 1 + (len(sound) - SIZE) // HOP
    window = np.hanning(SIZE + 1)[:-1]
    blocks = np.stack([sound[i * HOP : i * HOP + SIZE] * window for i in range(frames)])
    magnitudes = np.abs(np.fft.rfft(blocks)) / (window.sum() / 2)
    levels = np.maximum(10 * np.log10(magnitudes**2 @ bands(rate).T + 1e-12), -70)
    onset = np.maximum(np.diff(levels, axis=0), 0).mean(1)
    rise = np.maximum(np.diff(magnitudes, axis=0), 0).sum(1)
    flux = rise / (magnitudes[1:].sum(1) + 1e-6)
    energy = np.convolve(sound**2, np.ones(rate // 5) / (rate // 5), "same")
    centres = np.arange(1, frames) * HOP + SIZE // 2
    before = energy[np.maximum(centres - rate // 10, 0)]
    after = energy[np.minimum(centres + rate // 10, len(sound) - 1)]
    loudness = np.abs(10 * np.log10((after + 1e-7) / (before + 1e-7)))
    return centres - HOP // 2, {"onset strength": onset, "spectral flux": flux, "loudness": loudness}


def borders(frames, window, step):
    """The middles of what windows had in common at a step: as Sources/MusicDiffusion/Generation/WindowFusion.swift."""
    if frames <= window:
        return []
    advance, last = window - window // 8, frames - window
    count = 1 + -(-(last + window // 4) // advance)
    moved = round(step * 0.6180339887498949 % 1 * ((count - 1) * advance - last))
    starts = [0] + [max(0, min(i * advance - moved, last)) for i in range(1, count - 1)] + [last]
    return [(start + window + next) / 2 for start, next in zip(starts, starts[1:])]


def sections(frames, window):
    """Where what sections keep begins: as Sources/MusicDiffusion/Generation/SectionPlan.swift."""
    overlap, most = window // 3 + window // 6, 16 * window
    count = max(1, -(-(frames - overlap) // (most - overlap)))
    width = max(window, -(-(frames + (count - 1) * overlap) // count))
    return [number * (width - overlap) + window // 3 for number in range(1, count)]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("files", nargs="+")
    options.add_argument("--window", type=int, default=192)
    options.add_argument("--step", type=int, default=23)
    options.add_argument("--hop", type=int, default=512)
    options.add_argument("--at", type=lambda text: [float(second) for second in text.split(",")])
    options.add_argument("--sections", type=int, metavar="OFFSET")
    options.add_argument("--loop", action="store_true")
    options = options.parse_args()
    ranks = {}
    for file in options.files:
        sound, rate = soundfile.read(file, always_2d=True)
        sound = sound.mean(1)
        if options.loop:
            joins = [len(sound) // 2]
            sound = np.roll(sound, len(sound) // 2)
        elif options.at:
            joins = [second * rate for second in options.at]
        elif options.sections is not None:
            frames = sections(1 + len(sound) // options.hop, options.window)
            joins = [(frame + options.sections) * options.hop for frame in frames]
        else:
            joins = [frame * options.hop for frame in borders(1 + len(sound) // options.hop, options.window, options.step)]
        centres, all_curves = curves(sound, rate)
        for name, curve in all_curves.items():
            near = np.array([curve[max(0, i - NEAR) : i + NEAR + 1].max() for i in range(len(curve))])
            places = [int(np.argmin(np.abs(centres - join))) for join in joins]
            others = np.ones(len(near), bool)
            others[: rate // 4 // HOP] = others[-(rate // 4) // HOP :] = False
            for place in places:
                others[max(0, place - 2 * NEAR) : place + 2 * NEAR + 1] = False
            ranks.setdefault(name, []).extend(100 * (near[others] < near[p]).mean() for p in places)
    for name, values in ranks.items():
        values = np.array(values)
        print(
            f"{name:15} {len(values)} joins: mean rank {values.mean():.0f} (± {values.std() / len(values) ** 0.5:.0f}), "
            f"{100 * (values > 90).mean():.0f} % above the 90th"
        )


if __name__ == "__main__":
    main()
