"""Compose beside librosa, torchaudio, FFTW and PyTorch: same machine, same run, same inputs.

Run by scripts/bench, which builds what it needs. All sides of a comparison are started, warmed up
and then take turns for some rounds; the ratio of a round is that of neighbours in time.
"""

import argparse
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
from safetensors.numpy import load_file

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SAMPLE_RATE, SECONDS, FFT_SIZE, HOP = 22050, 30, 2048, 512


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

    def run(self, repetitions):
        print(repetitions, file=self.process.stdin, flush=True)
        self.times.append(self.answer()[self.clock])

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

    def measure(self, folder, rounds, seconds, environment, clock):
        """Takes `rounds` samples of each side, each of about so many `seconds`."""
        for index, side in enumerate(self.sides):
            print(f"bench: {self.title}: {side.name.replace(' {version}', '')}", file=sys.stderr)
            side.start(f"{folder}/{self.title}-{index}.{self.extension}", environment, clock)
        for round in range(rounds):
            first = round % len(self.sides)
            for side in self.sides[first:] + self.sides[:first]:
                side.run(max(1, int(seconds / side.seconds + 0.5)))
        for side in self.sides:
            side.close()

    @property
    def extension(self):
        return "safetensors" if self.clips else "npy"

    def rows(self):
        ours = self.sides[0]
        for side in self.sides[1:]:
            ratios = [theirs / mine for theirs, mine in zip(side.times, ours.times)]
            yield [
                f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f}–{max(ratios):.2f})",
                self.title,
                side.name.format(version=side.version),
                self.shown(ours),
                self.shown(side),
                f"{ours.peak / 2**20:.0f} / {side.peak / 2**20:.0f}",
                self.differ(ours.output, side.output) if Path(side.output).exists() else "",
            ]

    def shown(self, side):
        """Median and range: milliseconds, or clips a second."""
        convert = (lambda t: self.clips / t) if self.clips else (lambda t: 1000 * t)
        values = sorted(map(convert, side.times))
        unit = "clips/s" if self.clips else "ms"
        middle, low, high = (
            np.format_float_positional(v, 3, fractional=False, trim="-")
            for v in (statistics.median(values), values[0], values[-1])
        )
        return f"{middle} {unit} ({low}–{high})"


# MARK: - How results are compared


def log_mel_difference(ours, theirs):
    return f"{np.abs(np.load(ours) - np.load(theirs)).max():.1e} (largest, ln)"


def spectral_convergence(magnitudes):
    def decibels(path):
        own = np.abs(librosa.stft(np.load(path)[0], n_fft=FFT_SIZE, hop_length=HOP))
        frames = min(own.shape[1], magnitudes.shape[1])
        error = np.linalg.norm(own[:, :frames] - magnitudes[:, :frames])
        return 20 * np.log10(error / np.linalg.norm(magnitudes[:, :frames]))

    return lambda ours, theirs: f"{decibels(ours):.1f} / {decibels(theirs):.1f} dB"


def network_difference(ours, theirs):
    a, b = (load_file(path)["output"] for path in (ours, theirs))
    return f"{np.linalg.norm(a - b) / np.linalg.norm(b):.1e}"


# MARK: - The cases


def music(folder):
    """30 s of the melodic clips that ship with Compose, and the magnitudes of its transform."""
    clips = sorted((ROOT / "samples/clips").glob("[fgops][lutri]*/*.flac"))
    sound = np.concatenate([soundfile.read(clip, dtype="float32")[0] for clip in clips])
    sound = sound[: SECONDS * SAMPLE_RATE]
    assert len(sound) == SECONDS * SAMPLE_RATE, "samples/clips holds less than 30 s of music"
    magnitudes = np.abs(librosa.stft(sound, n_fft=FFT_SIZE, hop_length=HOP))
    np.save(f"{folder}/sound.npy", sound[None])
    np.save(f"{folder}/magnitudes.npy", magnitudes)
    return f"{folder}/sound.npy", f"{folder}/magnitudes.npy", magnitudes


def spectrogram_cases(options, folder):
    sound, magnitudes_path, magnitudes = music(folder)
    ours = f"{options.build}/spectro-benchmark"
    peers = [sys.executable, str(HERE / "peers.py")]
    for work, title, path, differ in [
        ("mel", "log-mel, 30 s", sound, log_mel_difference),
        ("griffin-lim", "Griffin-Lim, 30 s", magnitudes_path, spectral_convergence(magnitudes)),
    ]:
        rest = [path, OUTPUT, str(options.threads)]
        sides = [
            Side("ours", [ours, work, "ours", *rest]),
            Side("librosa {version}", [*peers, work, "librosa", *rest]),
            Side("torchaudio {version}", [*peers, work, "torchaudio", *rest]),
            Side("FFTW alone, plans as ours", [ours, work, "fftw", *rest]),
            Side("FFTW alone, measured plans", [ours, work, "fftw-measured", *rest]),
        ]
        if work == "griffin-lim":
            sides.append(Side("ours from phase gradients", [ours, work, "phase-gradient", *rest]))
        yield Case(title, sides, differ)


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


# MARK: - compose generate


def generate(options, folder, environment):
    """A line on the whole program: 10 s of music, from start to end of the process."""
    times, peaks = [], []
    for index in range(1 if options.quick else 3):
        command = [
            options.compose, "generate", "--seconds", "10", "--seed", "1",
            "--model", options.model, "--output", f"{folder}/{index}.wav",
        ]  # fmt: skip
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            raise SystemExit(f"bench: compose generate ended with status {status}")
        times.append(time.perf_counter() - start)
        peaks.append(usage.ru_maxrss / 1024)
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


def report(options, table, generated, others):
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
    head = ["ours is", "at", "beside", "ours", "peer's", "MiB, ours / peer's", "results differ by"]
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *table]]
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout
    versions = {
        "Swift": re.search(r"Swift version (\S+)", swift)[1],
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "kernel": platform.release(),
    }
    return "\n\n".join(
        [
            "# Benchmarks",
            f"Written by `scripts/bench{' --quick' if options.quick else ''}` on {date.today()}: "
            f"{processor()}, {os.cpu_count()} cores, threads of each side: {options.threads}. "
            + ", ".join(f"{name} {version}" for name, version in versions.items()) + f". {load}",
            "\n".join(lines),
            *([generated] if generated else []),
            (HERE / "method.md").read_text().strip(),
        ]
    ) + "\n"  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="folder of the programs")
    parser.add_argument("--pypi-build", help="the same, built against PyPI's libtorch")
    parser.add_argument("--compose", help="the program compose")
    parser.add_argument("--model", help="a model folder, for compose generate")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count()))
    parser.add_argument("--cpu-time", action="store_true", help="compare work, not time")
    parser.add_argument("--quick", action="store_true", help="fewer cases and rounds")
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
    rounds, seconds = (3, 0.3) if options.quick else (7, 1)
    others = busy()
    table, generated = [], None
    with tempfile.TemporaryDirectory(prefix="compose-bench") as folder:
        for make in (spectrogram_cases, network_cases):
            for case in make(options, folder):
                if options.only not in case.title:
                    continue
                case.measure(folder, rounds, seconds, environment, clock)
                table += case.rows()
        if options.model and options.compose:
            generated = generate(options, folder, environment)
    text = report(options, table, generated, others)
    print(text)
    if options.output:
        Path(options.output).write_text(text)


if __name__ == "__main__":
    main()
