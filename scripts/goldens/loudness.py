#!/usr/bin/env python3
"""Writes loudness.json of Tests/AudioTests: what pyloudnorm measures of noise that swells and fades.

usage: pip install pyloudnorm==0.1.1 numpy setuptools
       python3 scripts/goldens/loudness.py
"""

import json
import pathlib

import numpy as np
import pyloudnorm

FOLDER = pathlib.Path(__file__).parents[2] / "Tests/AudioTests/Goldens"


def uniform(seed, count):
    """SplitMix64, as `noise` in Tests/AudioTests/Support.swift."""
    state = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z >> np.uint64(40)).astype(np.float64) / (1 << 23) - 1


cases = []
for rate, channels, seconds in [(44100, 1, 10), (48000, 2, 12), (96000, 2, 3)]:
    count = rate * seconds
    x = uniform(rate, count * channels).reshape(channels, count).T
    swell = np.sin(np.pi * np.arange(count) / count) ** 4
    x = (x * swell[:, None]).astype(np.float32)
    meter = pyloudnorm.Meter(rate)
    cases.append(
        dict(sampleRate=rate, channels=channels, seconds=seconds,
             integrated=round(meter.integrated_loudness(x.astype(np.float64)), 4)))

golden = dict(pyloudnorm="0.1.1", cases=cases)
(FOLDER / "loudness.json").write_text(json.dumps(golden) + "\n")
