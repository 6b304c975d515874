"""Writes an event file by TensorBoard's own writer and messages, for Tests/MusicDiffusionTests to
write again byte for byte.

    pip install tensorboard
    python scripts/goldens/event_file.py
"""

from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

Value = Summary.Value
events = [
    Event(wall_time=1700000000.25, file_version="brain.Event:2"),
    Event(wall_time=1700000000.25, step=251, session_log=SessionLog(status=SessionLog.START)),
    Event(
        wall_time=1700000001.5,
        step=251,
        summary=Summary(
            value=[
                Value(tag="loss/training", simple_value=0.1),
                Value(tag="learning rate", simple_value=0.0),
            ]
        ),
    ),
    Event(
        wall_time=1700000002.0,
        step=300_000_000_000,
        summary=Summary(
            value=[
                Value(
                    tag="spectrogram/kick ö",
                    image=Summary.Image(
                        height=300, width=2, colorspace=3, encoded_image_string=bytes(range(256))
                    ),
                ),
                Value(
                    tag="sound/kick ö",
                    audio=Summary.Audio(
                        sample_rate=22050,
                        num_channels=1,
                        length_frames=99328,
                        encoded_audio_string=b"RIFF" + bytes(200),
                        content_type="audio/wav",
                    ),
                ),
            ]
        ),
    ),
]
path = Path(__file__).parents[2] / "Tests/MusicDiffusionTests/Goldens/tensorboard.tfevents"
with path.open("wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString(deterministic=True))
    writer.flush()
