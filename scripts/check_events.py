"""Reads the event files of a model folder by TensorBoard's own reader and compares them with its
log.jsonl: every scalar at every step once, and pictures and sounds that decode.

    python scripts/check_events.py MODEL
"""

import io
import json
import sys
import wave
from pathlib import Path

from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

folder = Path(sys.argv[1])
events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "images": 0, "audio": 0})
events.Reload()
tags = events.Tags()
lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
steps = [line for line in lines if "loss" in line]
assert steps, "no steps in the log"
for tag, key in [
    ("loss/training", "loss"),
    ("run/learning rate", "learningRate"),
    ("run/gradient norm", "gradientNorm"),
    ("run/clips per second", "clipsPerSecond"),
]:
    found = events.Scalars(tag)
    assert [event.step for event in found] == [line["step"] for line in steps], tag
    for event, line in zip(found, steps):
        assert abs(event.value - line[key]) <= 1e-6 * abs(line[key]), (tag, event, line)
for band in range(5):
    named = [tag for tag in tags["scalars"] if tag.startswith(f"loss by noise/{band + 1} ")]
    wanted = [(line["step"], line["lossByNoise"][band]) for line in steps]
    wanted = [(step, loss) for step, loss in wanted if loss is not None]
    found = [(event.step, event.value) for tag in named for event in events.Scalars(tag)]
    assert [step for step, _ in found] == [step for step, _ in wanted], named
    assert all(abs(a - b) <= 1e-6 * b for (_, a), (_, b) in zip(found, wanted)), named
pictures = sounds = 0
for tag in tags["images"]:
    for event in events.Images(tag):
        image = Image.open(io.BytesIO(event.encoded_image_string))
        image.load()
        assert image.size == (event.width, event.height) and image.mode == "RGB", tag
        pictures += 1
for tag in tags["audio"]:
    for event in events.Audio(tag):
        sound = wave.open(io.BytesIO(event.encoded_audio_string))
        assert sound.getframerate() == event.sample_rate, tag
        assert sound.getnframes() == event.length_frames > 0, tag
        assert event.content_type == "audio/wav", tag
        sounds += 1
assert pictures == sounds > 0, (pictures, sounds)
print(
    f"TensorBoard reads {len(tags['scalars'])} scalars at {len(steps)} steps, "
    f"{pictures} pictures and {sounds} sounds"
)
