"""Compose beside librosa, torchaudio, FFTW and PyTorch: same machine, same run, same inputs.

Run by scripts/bench, which builds what it needs. Ours and each peer are warmed up and then take turns
for some rounds; the ratio of a round is that of neighbours in time.
"""

import argparse
import functools
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import librosa
import numpy as np
import soundfile
from peers import FLOOR, SCALE
from safetensors.numpy import load_file

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FFT_SIZE, HOP = 2048, 512


# MARK: - One side of a comparison


class Side:
    """A process that waits to be told how often to do its work.

    `name` may hold "{version}"; OUTPUT in the command stands for the file of its result.
    """

    def __init__(self, name, command):
        self.name, self.command, self.times = name, command, []

    def start(self, output, environment, clock):
        self.output, self.clock = output, clock
        command = [output if part is OUTPUT else part for part in self.command]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        ready = self.answer()
        self.version, self.seconds = ready["version"], ready[clock]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: {self.process.args} ended with {self.process.wait()}")
        return json.loads(line)

    def run(self, seconds):
        """Works for about so many seconds; what one repetition took."""
        print(max(1, int(seconds / self.seconds + 0.5)), file=self.process.stdin, flush=True)
        return self.answer()[self.clock]

    def close(self):
        self.process.stdin.close()
        self.peak = self.answer()["peakBytes"]
        self.process.wait()


OUTPUT = object()


@dataclass
class Case:
    """Some work, who does it, ours first, and how results are compared."""

    title: str
    sides: list[Side]
    differ: Callable[[str, str], str]
    clips: int = 0  # for each repetition; 0 where milliseconds say more
    size: int = 0  # of the work, as seconds of sound; 0 where nothing is known of it

    def measure(self, folder, measurement):
        """Ours and each peer in turns: some rounds, and one where a repetition takes long."""
        ours, *peers = self.sides

        def start(side):
            print(f"bench: {self.title}: {side.name.replace(' {version}', '')}", file=sys.stderr)
            extension = "npy" if side.command[0] == sys.executable else "f32"
            path = f"{folder}/{self.title}-{self.sides.index(side)}"
            path += ".safetensors" if self.clips else f".{extension}"
            side.start(path, measurement.environment, measurement.clock)

        start(ours)
        self.pairs = []
        for peer in peers:
            expected = measurement.expected(self, peer)
            if expected > measurement.limit:
                self.pairs.append((peer, expected))
                continue
            start(peer)
            pairs = []
            if peer.seconds >= SLOW:
                # One round of theirs is dear; ours beside it is measured as often as in any other row.
                mine = [ours.run(0) for _ in range(measurement.rounds)]
                pairs += [(peer.seconds, seconds) for seconds in mine]
            while len(pairs) < measurement.rounds and (len(pairs) + 1) * peer.seconds < PATIENCE:
                order = [peer, ours] if len(pairs) % 2 else [ours, peer]
                took = {side: side.run(measurement.seconds) for side in order}
                pairs.append((took[peer], took[ours]))
            peer.close()
            measurement.remember(self, peer, statistics.median(theirs for theirs, _ in pairs))
            self.pairs.append((peer, pairs))
        ours.close()

    @property
    def work(self):
        return self.title.split(",")[0]

    def rows(self):
        ours = self.sides[0]
        for peer, pairs in self.pairs:
            if not isinstance(pairs, list):
                about = f"about {pairs / 60:.0f} min" if pairs >= 90 else f"about {pairs:.0f} s"
                name = peer.name.replace(" {version}", "")
                yield ["not measured", self.title, name, "", f"{about}, by its shorter times", "", ""]
                continue
            ratios = [theirs / mine for theirs, mine in pairs]
            yield [
                f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f}–{max(ratios):.2f})",
                self.title,
                peer.name.format(version=peer.version),
                self.shown([mine for _, mine in pairs]),
                self.shown([theirs for theirs, _ in pairs]),
                f"{ours.peak / 2**20:.0f} / {peer.peak / 2**20:.0f}",
                self.differ(ours.output, peer.output) if Path(peer.output).exists() else "",
            ]

    def shown(self, times):
        """Median and range: milliseconds, or clips a second."""
        convert = (lambda t: self.clips / t) if self.clips else (lambda t: 1000 * t)
        values = sorted(map(convert, times))
        unit = "clips/s" if self.clips else "ms"
        middle, low, high = (
            np.format_float_positional(float(f"{v:.3g}"), trim="-")
            for v in (statistics.median(values), values[0], values[-1])
        )
        return f"{middle} {unit} ({low}–{high})"


# Seconds for one repetition after which no side is warmed up (as in Harness and peers.py), and for all
# of a peer's rounds.
SLOW, PATIENCE = 5, 8


@dataclass
class Measurement:
    """How cases are measured, and how long peers took for a second of sound so far."""

    rounds: int
    seconds: float  # of each sample
    limit: float  # seconds for a repetition of a peer that would be too long to wait for
    environment: dict
    clock: str

    def __post_init__(self):
        self.known = {}

    def expected(self, case, peer):
        return case.size * self.known.get((case.work, peer.name), 0)

    def remember(self, case, peer, seconds):
        if case.size:
            self.known[case.work, peer.name] = seconds / case.size


# MARK: - How results are compared


def log_mel_difference(ours, theirs):
    theirs = np.load(theirs)
    channels, bins, frames = theirs.shape
    ours = np.fromfile(ours, "f4").reshape(channels, frames, bins).swapaxes(1, 2)
    return f"{np.abs(ours - theirs).max():.1e} (largest, ln)"


def spectral_convergence(sound):
    """Of the first 30 s of the first channel."""
    wanted = np.abs(librosa.stft(sound.samples[0, : sound.rate * 30], n_fft=FFT_SIZE, hop_length=HOP))
    wanted = wanted[:, :-4]  # whose windows hold no more than these 30 s

    def first_channel(path):
        return np.load(path, "r")[0] if path.endswith(".npy") else np.memmap(path, "f4", "r")

    def decibels(y):
        own = np.abs(librosa.stft(y[: sound.rate * 30], n_fft=FFT_SIZE, hop_length=HOP))
        frames = min(own.shape[1], wanted.shape[1])
        error = np.linalg.norm(own[:, :frames] - wanted[:, :frames])
        return 20 * np.log10(error / np.linalg.norm(wanted[:, :frames]))

    def difference(ours, theirs):
        return f"{decibels(first_channel(ours)):.1f} / {decibels(first_channel(theirs)):.1f} dB"

    return difference


def network_difference(ours, theirs):
    a, b = (load_file(path)["output"] for path in (ours, theirs))
    return f"{np.linalg.norm(a - b) / np.linalg.norm(b):.1e}"


# MARK: - The cases


@dataclass
class Sound:
    """Music of the clips that ship with Compose, as often as it takes."""

    name: str
    rate: int
    channels: int
    seconds: int

    @functools.cached_property
    def samples(self):
        clips = sorted((ROOT / "samples/clips").glob("[fgops][lutri]*/*.flac"))
        music = np.concatenate([soundfile.read(clip, dtype="float32")[0] for clip in clips])
        if self.rate != 22050:
            music = librosa.resample(music, orig_sr=22050, target_sr=self.rate, res_type="soxr_hq")
        count = self.seconds * self.rate
        # Another place of the music in each channel.
        shifts = [channel * len(music) // 3 for channel in range(self.channels)]
        return np.stack([np.resize(np.roll(music, -shift), count) for shift in shifts])

    @property
    def magnitudes(self):
        """[channels, bins, frames]"""
        return np.stack(
            [np.abs(librosa.stft(y, n_fft=FFT_SIZE, hop_length=HOP)) for y in self.samples]
        )

    @property
    def mel(self):
        """Powers in librosa's unit, none below the floor: [channels, bins, frames]"""
        mel = [
            librosa.feature.melspectrogram(
                y=y, sr=self.rate, n_fft=FFT_SIZE, hop_length=HOP, n_mels=256, pad_mode="reflect"
            )
            for y in self.samples
        ]
        return np.maximum(np.stack(mel), FLOOR)


SOUNDS = [
    Sound("30 s", 22050, 1, 30),
    Sound("30 s, 44.1 kHz stereo", 44100, 2, 30),
    Sound("10 min", 22050, 1, 600),
    Sound("10 min, 44.1 kHz stereo", 44100, 2, 600),
]


def spectrogram_cases(options, folder):
    ours = f"{options.build}/spectro-benchmark"
    peers = [sys.executable, str(HERE / "peers.py")]
    for work, title in [
        ("mel", "log-mel"), ("griffin-lim", "Griffin-Lim"), ("mel-to-audio", "mel to audio"),
    ]:  # fmt: skip
        for sound in SOUNDS[:1] if options.quick else SOUNDS:
            if options.only not in f"{title}, {sound.name}":
                continue
            # Theirs as they like it, [channels, bins, frames], and the same frame by frame for ours.
            theirs, mine = f"{folder}/{work}.npy", f"{folder}/{work}.f32"
            data = {
                "mel": lambda: sound.samples[:, None],
                "griffin-lim": lambda: sound.magnitudes,
                "mel-to-audio": lambda: sound.mel,
            }[work]()
            np.save(theirs, data[:, 0] if work == "mel" else data)
            if work == "mel-to-audio":
                data = np.log(data) + np.log(SCALE)
            data.swapaxes(1, 2).astype("f4").tofile(mine)
            del data
            rest = [str(sound.rate), theirs, OUTPUT, str(options.threads)]
            our_rest = [str(sound.rate), str(sound.channels), mine, OUTPUT, str(options.threads)]
            sides = [
                Side("ours", [ours, work, "ours", *our_rest]),
                Side("librosa {version}", [*peers, work, "librosa", *rest]),
                Side("torchaudio {version}", [*peers, work, "torchaudio", *rest]),
                Side("FFTW alone, estimated plans", [ours, work, "fftw", *our_rest]),
            ]
            if sound is SOUNDS[0] or not options.quick:
                measured = [ours, work, "fftw-measured", *our_rest]
                sides.append(Side("FFTW alone, measured plans", measured))
            if work == "griffin-lim":
                sides.append(
                    Side("ours from phase gradients", [ours, work, "phase-gradient", *our_rest])
                )
            if work == "mel-to-audio" and options.quick:
                del sides[1]  # librosa takes its time
            differ = log_mel_difference if work == "mel" else spectral_convergence(sound)
            size = sound.seconds * sound.rate / 22050 * sound.channels
            yield Case(f"{title}, {sound.name}", sides, differ, size=size)


def network_cases(options, folder):
    inputs = f"{folder}/inputs.safetensors"
    subprocess.run([f"{options.build}/network-benchmark", "inputs", inputs], check=True)
    works = [("forward", 16), ("train", 16)] if options.quick else [
        ("forward", 1), ("forward", 16), ("train", 16)
    ]  # fmt: skip
    for work, batch in works:
        for dtype in ["bfloat16"] if options.quick else ["float32", "bfloat16"]:
            what = {"forward": "U-Net forward", "train": "U-Net training step"}[work]
            rest = [str(batch), dtype, inputs, OUTPUT, str(options.threads)]
            peers = [sys.executable, str(HERE / "peers.py"), work]
            sides = [
                Side("ours", [f"{options.build}/network-benchmark", work, *rest]),
                Side("PyTorch {version}, eager", [*peers, "eager", *rest]),
                Side("PyTorch {version}, torch.compile", [*peers, "compile", *rest]),
            ]
            if options.pypi_build:
                program = f"{options.pypi_build}/network-benchmark"
                sides.append(Side("ours on libtorch {version}", [program, work, *rest]))
            yield Case(f"{what}, batch {batch}, {dtype}", sides, network_difference, clips=batch)


# MARK: - Whole programs


def timed(command, environment):
    """Seconds and MiB of a process from its start to its end."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"bench: {' '.join(command)} ended with status {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def start_of_process(options, folder, environment):
    """A table: how long small things take from the start to the end of a process, in turns."""
    soundfile.write(f"{folder}/second.wav", SOUNDS[0].samples[0, :22050], 22050)
    export = [options.compose, "spectrogram", "export", f"{folder}/second.wav"]
    commands = {
        "`compose spectrogram --help`": [options.compose, "spectrogram", "--help"],
        "`compose spectrogram export`, 1 s of sound to a PNG file": export,
        "`librosa.load` and `librosa.feature.melspectrogram` of it in Python": [
            sys.executable, "-c",
            "import librosa, sys; y, rate = librosa.load(sys.argv[1], sr=None); "
            "librosa.feature.melspectrogram(y=y, sr=rate)",
            f"{folder}/second.wav",
        ],
    }
    results = {name: [] for name in commands}
    for index in range(3 if options.quick else 7):
        for name, command in commands.items():
            if command is export:
                command = [*export, "--output", f"{folder}/second-{index}.png"]
            results[name].append(timed(command, environment)[0])
    lines = ["| process | seconds |", "| --- | --- |"]
    for name, values in results.items():
        middle = statistics.median(values)
        lines.append(f"| {name} | {middle:.3f} ({min(values):.3f}–{max(values):.3f}) |")
    return "\n".join(lines)


def generate(options, folder, environment):
    """A line on the whole program: 10 s of music, from start to end of the process."""
    times, peaks = [], []
    for index in range(1 if options.quick else 3):
        command = [
            options.compose, "generate", "--seconds", "10", "--seed", "1",
            "--model", options.model, "--output", f"{folder}/{index}.wav",
        ]  # fmt: skip
        seconds, size = timed(command, environment)
        times.append(seconds)
        peaks.append(size)
    seconds = statistics.median(times)
    return (
        f"`compose generate --seconds 10`, the whole process: {seconds:.2f} s "
        f"({min(times):.2f}–{max(times):.2f}), {10 / seconds:.1f} times real time, "
        f"{max(peaks):.0f} MiB."
    )


# MARK: - The report


def processor():
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", info)
    flags = re.search(r"flags\s*: (.*)", info)
    known = set(flags[1].split()) if flags else set()
    wanted = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in known]
    return f"{model[1] if model else platform.machine()} ({', '.join(wanted)})"


def busy():
    """How many cores others use right now."""

    def ticks():
        values = list(map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9]))
        return sum(values), values[3] + values[4]

    (total, idle) = ticks()
    time.sleep(2)
    (total, idle) = (a - b for a, b in zip(ticks(), (total, idle)))
    return os.cpu_count() * (1 - idle / total)


def heading(options, others):
    """When, where and how a section was measured."""
    load = (
        f"The machine was idle before ({others:.1f} cores in use)."
        if others < 0.3
        else f"**The machine was busy: others used {others:.1f} of {os.cpu_count()} cores before the "
        "start. Neighbours in time share that load, so ratios say more than times.**"
    )
    if options.cpu_time:
        load += (
            " Times and clips a second are of **CPU time, the work of all threads together**, not of"
            " the clock on the wall: how well a side uses two cores does not show."
        )
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout
    versions = {
        "Swift": re.search(r"Swift version (\S+)", swift)[1],
        "Python": platform.python_version(),
        "NumPy": np.__version__,
    }
    flags = "".join(
        f" --{name}" for name in ("quick", "spectro", "cpu-time")
        if getattr(options, name.replace("-", "_"))
    )  # fmt: skip
    return (
        f"Written by `scripts/bench{flags}` on {date.today()}: {processor()}, {os.cpu_count()} cores, "
        f"threads of each side: {options.threads}. "
        + ", ".join(f"{name} {version}" for name, version in versions.items()) + f". {load}"
    )  # fmt: skip


def table(rows):
    head = ["ours is", "at", "beside", "ours", "peer's", "MiB, ours / peer's", "results differ by"]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


SECTIONS = ["Spectrograms", "Start of the process", "Networks"]


def report(sections, before):
    """The whole page: new sections, and of those not measured now what the page said before."""
    parts = re.split(r"^## (.*)\n", before, flags=re.MULTILINE)
    known = dict(zip(parts[1::2], (part.strip() for part in parts[2::2])))
    texts = [
        f"## {title}\n\n{sections.get(title, known.get(title))}"
        for title in SECTIONS
        if title in sections or title in known
    ]
    return "\n\n".join(["# Benchmarks", *texts, (HERE / "method.md").read_text().strip()]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="folder of the programs")
    parser.add_argument("--pypi-build", help="the same, built against PyPI's libtorch")
    parser.add_argument("--compose", help="the program compose")
    parser.add_argument("--model", help="a model folder, for compose generate")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count()))
    parser.add_argument("--cpu-time", action="store_true", help="compare work, not time")
    parser.add_argument("--quick", action="store_true", help="fewer cases and rounds")
    parser.add_argument("--spectro", action="store_true", help="no networks")
    parser.add_argument(
        "--limit", type=float, default=60, help="seconds for a repetition of a peer, at most"
    )
    parser.add_argument("--only", default="", help="only cases whose title holds this")
    parser.add_argument("--output", help="file to write, beside the standard output")
    options = parser.parse_args()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folder is removed
    threads = str(options.threads)
    environment = os.environ | {
        "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads,
        # glibc keeps freed memory, as Compose tells it to: PyTorch gains by it, too.
        "MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(2_000_000_000),
        "MALLOC_TOP_PAD_": str(64 << 20),
    }  # fmt: skip
    clock = "cpuSeconds" if options.cpu_time else "seconds"
    if options.cpu_time:
        # Threads that wait must not spin; those of OpenBLAS know no other way.
        environment |= {"OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1"}
    rounds, seconds = (3, 0.3) if options.quick else (5, 0.5)
    measurement = Measurement(rounds, seconds, options.limit, environment, clock)
    others = busy()
    sections = {}
    with tempfile.TemporaryDirectory(prefix="compose-bench") as folder:

        def measure(make):
            rows, versions = [], set()
            for case in make(options, folder):
                if options.only not in case.title:
                    continue
                case.measure(folder, measurement)
                rows += case.rows()
                versions.add(case.sides[0].version)
                for file in Path(folder).glob(f"{case.title}-*"):
                    file.unlink()
            head = heading(options, others)
            if make is network_cases:
                head += f" Ours runs on libtorch {', '.join(sorted(versions))} of the system."
            return [head, table(rows)]

        sections["Spectrograms"] = "\n\n".join(measure(spectrogram_cases))
        if options.compose and not options.only:
            texts = [heading(options, others), start_of_process(options, folder, environment)]
            sections["Start of the process"] = "\n\n".join(texts)
        if not options.spectro:
            texts = measure(network_cases)
            if options.model and options.compose:
                texts.append(generate(options, folder, environment))
            sections["Networks"] = "\n\n".join(texts)
    output = Path(options.output) if options.output else None
    before = output.read_text() if output and output.exists() else ""
    text = report(sections, before)
    print(text)
    if output:
        output.write_text(text)


if __name__ == "__main__":
    main()
