"""How many changed copies `compose dataset inspect` finds, and what it finds where there are none.

    python scripts/near_duplicates.py .build/release/compose DIR [--files 40]

Takes files of DIR by chance, changes each in one way after the other, and has the originals and the copies
inspected together. Found is a copy that stands in a group with its original; wrong is a group that holds
two originals which are in no group where DIR is inspected as it is. Needs numpy, soundfile and soxr.
"""

import argparse
import json
import random
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr


def mp3(path, audio, rate):
    # libsndfile's level of 320 to 32 kbit/s (160 to 8 below 32 kHz) that comes to 128.
    level = (320 - 128) / (320 - 32) if rate >= 32000 else (160 - 128) / (160 - 8)
    sf.write(path.with_suffix(".mp3"), audio, rate, format="MP3",
             bitrate_mode="CONSTANT", compression_level=level)


def vorbis(path, audio, rate):
    with sf.SoundFile(path.with_suffix(".ogg"), "w", rate, audio.shape[1], format="OGG", subtype="VORBIS") as file:
        for start in range(0, len(audio), 1 << 16):  # libsndfile overflows its stack on more at once
            file.write(audio[start:start + (1 << 16)])


def wav(path, audio, rate):
    sf.write(path.with_suffix(".wav"), audio, rate, subtype="PCM_16")


def led_in(audio, rate, seconds, by=None):
    lead = np.zeros((round(seconds * rate), audio.shape[1]), np.float32)
    if by is not None:
        part = by[:len(lead), :1]
        lead[:len(part)] = part
    return np.concatenate([lead, audio])


CHANGES = {
    "-6 dB": lambda path, audio, rate, other: wav(path, audio / 2, rate),
    "MP3, 128 kbit/s": lambda path, audio, rate, other: mp3(path, audio, rate),
    "Ogg Vorbis": lambda path, audio, rate, other: vorbis(path, audio, rate),
    "37 ms of silence before": lambda path, audio, rate, other: wav(path, led_in(audio, rate, 0.037), rate),
    "half the rate": lambda path, audio, rate, other: wav(path, soxr.resample(audio, rate, rate // 2), rate // 2),
    "first 15 s cut": lambda path, audio, rate, other: wav(path, audio[15 * rate:], rate),
    "first 30 s cut": lambda path, audio, rate, other: wav(path, audio[30 * rate:], rate),
    "15 s of another before": lambda path, audio, rate, other: wav(path, led_in(audio, rate, 15, other), rate),
    "first 20 s cut, MP3": lambda path, audio, rate, other: mp3(path, audio[20 * rate + 321:], rate),
}
LONG = {name for name in CHANGES if " s " in name}


def groups(compose, folder):
    found = subprocess.run([compose, "dataset", "inspect", folder, "--json"], check=True, capture_output=True)
    return json.loads(found.stdout)["nearDuplicates"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("compose")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=40)
    arguments = parser.parse_args()
    random.seed(1)
    paths = sorted(p for p in arguments.folder.rglob("*") if p.suffix in (".wav", ".flac", ".ogg", ".mp3"))
    found = groups(arguments.compose, arguments.folder)
    print(f"{len(paths)} files as they are: {len(found)} groups of {sum(map(len, found))} files")
    for group in found:
        print("  " + ", ".join(group))
    known = {frozenset((a, b)) for group in found for a in group for b in group}
    paths = random.sample(paths, min(arguments.files, len(paths)))
    for name, change in CHANGES.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "copies").mkdir()
            made, other = [], None
            for number, path in enumerate(paths):
                audio, rate = sf.read(path, dtype="float32", always_2d=True)
                # What is cut must leave more than is gone.
                if name in LONG and (len(audio) < 64 * rate or other is None):
                    other = audio
                    continue
                (folder / f"{number}{path.suffix}").symlink_to(path.resolve())
                change(folder / "copies" / str(number), audio, rate, other)
                made.append(number)
                other = audio
            if not made:
                continue
            hits, wrong = set(), 0
            for group in groups(arguments.compose, folder):
                numbers = [int(Path(member).stem) for member in group]
                hits |= {number for number in numbers if numbers.count(number) == 2}
                names = {str(paths[number].relative_to(arguments.folder)) for number in numbers}
                wrong += any(frozenset((a, b)) not in known for a in names for b in names if a != b)
            lost = [paths[number].name for number in made if number not in hits]
            print(f"{name}: {len(hits)} of {len(made)} found, {wrong} wrong"
                  + (f"; not {', '.join(lost[:6])}" if lost else ""), flush=True)


main()
