#!/usr/bin/env python3
"""Writes the reference files of Tests/AudioTests.

resample-*.json  white noise and what librosa's default resampling, soxr_hq, makes of it
tone.*           a tenth of a second of one tone in many formats, written by Python's soundfile

usage: pip install librosa==0.11.0 soxr==1.1.0 soundfile==0.14.0
       python3 scripts/goldens/audio.py
"""

import json
import pathlib

import librosa
import numpy as np
import soundfile
import soxr

FOLDER = pathlib.Path(__file__).parents[2] / "Tests/AudioTests/Goldens"
FOLDER.mkdir(exist_ok=True)


def rounded(samples):
    """Enough digits to give every float32 back."""
    return [float(f"{x:.9g}") for x in samples]


# Counts of which whole numbers of samples come out.
for orig, target, n in [
    (44100, 22050, 600),
    (48000, 22050, 640),
    (16000, 22050, 320),
    (8000, 48000, 100),
]:
    # White noise uses the whole spectrum: every part of the filter counts.
    x = np.random.default_rng(orig).uniform(-0.9, 0.9, n).astype(np.float32)
    y = librosa.resample(x, orig_sr=orig, target_sr=target, res_type="soxr_hq")
    golden = dict(
        librosa=librosa.__version__,
        soxr=f"{soxr.__version__} ({soxr.__libsoxr_version__})",
        inputRate=orig,
        outputRate=target,
        input=rounded(x),
        output=rounded(y),
    )
    (FOLDER / f"resample-{orig}-{target}.json").write_text(json.dumps(golden) + "\n")

# Left 0.5 sin(2 pi 500 t), right a quarter of that; 8 kHz, or 48 kHz for Opus.
for name, container, subtype in [
    ("u8.wav", "WAV", "PCM_U8"),
    ("s16.wav", "WAV", "PCM_16"),
    ("s24.wav", "WAVEX", "PCM_24"),
    ("s32.wav", "WAV", "PCM_32"),
    ("f32.wav", "WAV", "FLOAT"),
    ("f64.wav", "WAV", "DOUBLE"),
    ("ulaw.wav", "WAV", "ULAW"),
    ("s16.rf64", "RF64", "PCM_16"),
    ("s16.w64", "W64", "PCM_16"),
    ("s24.aiff", "AIFF", "PCM_24"),
    ("f32.aiff", "AIFF", "FLOAT"),
    ("s16.au", "AU", "PCM_16"),
    ("s16.caf", "CAF", "PCM_16"),
    ("alac.caf", "CAF", "ALAC_16"),
    ("s16.flac", "FLAC", "PCM_16"),
    ("s24.flac", "FLAC", "PCM_24"),
    ("vorbis.ogg", "OGG", "VORBIS"),
    ("opus.opus", "OGG", "OPUS"),
    ("layer3.mp3", "MP3", "MPEG_LAYER_III"),
]:
    rate = 48000 if subtype == "OPUS" else 8000
    left = 0.5 * np.sin(2 * np.pi * 500 * np.arange(rate // 10) / rate)
    stereo = np.stack([left, left / 4], axis=1)
    soundfile.write(FOLDER / f"tone-{name}", stereo, rate, format=container, subtype=subtype)
