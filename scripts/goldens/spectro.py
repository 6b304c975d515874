"""Reference values for Tests/SpectroTests, made with librosa, NumPy and Pillow.

    pip install librosa==0.11.0 numpy pillow
    python scripts/goldens/spectro.py
"""

import json
import struct
import zlib
from pathlib import Path

import librosa
import numpy as np
from PIL import Image, ImageDraw, PngImagePlugin

GOLDENS = Path(__file__).parents[2] / "Tests" / "SpectroTests" / "Goldens"
random = np.random.default_rng(2026)


def plain(value):
    """Arrays as flat lists of the shortest decimals that give the same float32 back."""
    if isinstance(value, np.ndarray):
        return [float(str(x)) for x in value.astype(np.float32).ravel()]
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list) else value


def write(name, **content):
    text = json.dumps({"librosa": librosa.__version__, **plain(content)}, separators=(",", ":"))
    (GOLDENS / f"{name}.json").write_text(text + "\n")


def parts(spectrum):
    """A complex [bins, frames] as [frames, bins, 2]."""
    return np.stack([spectrum.real, spectrum.imag], axis=-1).transpose(1, 0, 2)


def filters():
    """Each row from its first weight above 0 to its last."""
    cases = []
    for sr, n_fft, n_mels, fmin, fmax, htk, norm in [
        (22050, 2048, 256, 0, None, False, "slaney"),
        (22050, 512, 16, 0, None, False, "slaney"),
        (44100, 2048, 128, 20, 16000, True, "slaney"),
        (16000, 400, 40, 0, 8000, True, None),
        (48000, 1024, 80, 30, None, False, None),
        (8000, 256, 96, 0, None, False, "slaney"),  # some filters fall between two bins
    ]:
        bank = librosa.filters.mel(
            sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm
        )
        rows = []
        for row in bank:
            found = np.flatnonzero(row)
            start, end = (found[0], found[-1] + 1) if found.size else (0, 0)
            rows.append({"start": int(start), "weights": row[start:end]})
        cases.append(
            dict(sampleRate=sr, fftSize=n_fft, melBins=n_mels, minFrequency=fmin, maxFrequency=fmax,
                 scale="htk" if htk else "slaney", normalization=norm or "none", rows=rows)
        )
    write("mel-filters", cases=cases)


def transforms():
    cases = []
    for count, n_fft, hop, window in [
        (400, 64, 16, 64), (333, 64, 20, 48), (33, 64, 16, 64), (32, 64, 16, 64),
        (10, 64, 16, 64), (2, 64, 32, 64), (1, 64, 16, 64),
    ]:
        x = random.uniform(-1, 1, count).astype(np.float32)
        spectrum = librosa.stft(
            x, n_fft=n_fft, hop_length=hop, win_length=window, pad_mode="reflect"
        )
        cases.append(dict(fftSize=n_fft, hopLength=hop, windowLength=window, samples=x,
                          spectrum=parts(spectrum)))
    write("stft", cases=cases)

    cases = []
    for frames, n_fft, hop, window, length in [
        (20, 64, 16, 64, None), (20, 64, 16, 64, 300), (12, 64, 20, 48, 250), (6, 64, 16, 64, 200),
    ]:
        # No signal has this transform: the inverse must be the nearest one.
        spectrum = random.normal(size=(2, n_fft // 2 + 1, frames)).astype(np.float32)
        spectrum = (spectrum[0] + 1j * spectrum[1]).astype(np.complex64)
        x = librosa.istft(spectrum, hop_length=hop, win_length=window, length=length)
        cases.append(dict(fftSize=n_fft, hopLength=hop, windowLength=window, frames=frames,
                          sampleCount=length, spectrum=parts(spectrum), samples=x))
    write("istft", cases=cases)


def mel():
    sr, n_fft, hop, n_mels = 8000, 256, 64, 24
    t = np.arange(2000) / sr
    x = 0.5 * np.sin(2 * np.pi * 440 * t) + 0.01 * random.normal(size=t.size)
    x = x.astype(np.float32)
    cases = []
    for power in [1, 2]:
        values = librosa.feature.melspectrogram(
            y=x, sr=sr, n_fft=n_fft, hop_length=hop, n_mels=n_mels, power=power, pad_mode="reflect"
        )
        cases.append(dict(power=power, values=values.T))
    write("mel", sampleRate=sr, fftSize=n_fft, hopLength=hop, melBins=n_mels, samples=x,
          cases=cases)


def decibels():
    values = np.concatenate([10 ** random.uniform(-12, 2, 60), [0, 1e-10, 1e-5, 1]])
    values = values.astype(np.float32)
    cases = []
    for ref, amin, top in [(1.0, 1e-10, 80.0), (2.5, 1e-6, 40.0), (1.0, 1e-10, None)]:
        cases.append(dict(
            reference=ref, floor=amin, range=top,
            power=librosa.power_to_db(values, ref=ref, amin=amin, top_db=top),
            amplitude=librosa.amplitude_to_db(values, ref=ref, amin=amin, top_db=top)))
    write("decibels", values=values, cases=cases)


def signals():
    """The same as Signals.swift: 1.5 s at 8 kHz."""
    sr, count = 8000, 12000
    t = np.arange(count) / sr
    chords = np.zeros(count)
    for start, notes in [(0, [220.0, 277.2, 329.6]), (0.5, [196, 246.9, 293.7]), (1, [174.6, 220, 261.6])]:
        age = t - start
        for note in notes:
            for harmonic in range(1, 6):
                chords += np.where(
                    age >= 0,
                    0.1 / harmonic * np.exp(-4 * np.maximum(age, 0))
                    * np.sin(2 * np.pi * note * harmonic * age), 0)
    state, noise = 1, np.zeros(count)
    for i in range(count):
        state = (1664525 * state + 1013904223) % 2**32
        noise[i] = state / 2**31 - 1
    bursts = noise * np.exp(-12 * (t % 0.25))
    # A voice: harmonics of a gliding pitch under two moving formants.
    phase = 2 * np.pi * (120 * t + 20 * np.sin(2 * np.pi * t) / (2 * np.pi))
    voice = np.zeros(count)
    for harmonic in range(1, 25):
        f = harmonic * (120 + 20 * np.cos(2 * np.pi * t))
        formants = np.exp(-(((f - 600 - 200 * t) / 150) ** 2)) + 0.5 * np.exp(
            -(((f - 1800 + 400 * t) / 250) ** 2))
        voice += 0.3 * formants * np.sin(harmonic * phase)
    return sr, dict(chords=chords, bursts=bursts, voice=voice)


def griffin_lim():
    """Spectral convergence of 32 iterations from random phases, ten seeds."""
    n_fft, hop = 512, 128
    cases = []
    for name, x in signals()[1].items():
        x = x.astype(np.float32)
        wanted = np.abs(librosa.stft(x, n_fft=n_fft, hop_length=hop, pad_mode="reflect"))
        for momentum in [0.0, 0.99]:
            found = []
            for seed in range(10):
                y = librosa.griffinlim(
                    wanted, n_iter=32, hop_length=hop, n_fft=n_fft, momentum=momentum,
                    length=len(x), pad_mode="reflect", random_state=seed)
                own = np.abs(librosa.stft(y, n_fft=n_fft, hop_length=hop, pad_mode="reflect"))
                found.append(float(np.linalg.norm(own - wanted) / np.linalg.norm(wanted)))
            cases.append(dict(signal=name, momentum=momentum, convergence=found))
    write("griffin-lim", fftSize=n_fft, hopLength=hop, iterations=32, cases=cases)


def arrays():
    """A [bins, frames] = [3, 2] in each layout and type that is read."""
    array = np.array([[1.5, -2], [0.25, 1024], [-0.125, 3]])
    for kind in ["<f2", "<f4", "<f8"]:
        np.save(GOLDENS / f"array-c-{kind[1:]}.npy", array.astype(kind))
        np.save(GOLDENS / f"array-fortran-{kind[1:]}.npy", np.asfortranarray(array.astype(kind)))
    np.save(GOLDENS / "array-integers.npy", array.astype("<i4"))
    np.save(GOLDENS / "array-vector.npy", array.ravel())
    stereo = np.arange(12, dtype="<f4").reshape(2, 3, 2)
    np.save(GOLDENS / "array-stereo-c-f4.npy", stereo)
    np.save(GOLDENS / "array-stereo-fortran-f4.npy", np.asfortranarray(stereo))


def table():
    """Two frames of three bins as Spectrogram+CSV.swift has them, read again as a user would."""
    settings = dict(fftSize=512, floor=1e-11, hopLength=128, melBins=3, melScale="slaney",
                    minFrequency=0, power=2, sampleRate=8000)
    centers = librosa.mel_frequencies(n_mels=5, fmin=0, fmax=4000)[1:-1]
    log_mel = np.array([[-1.0, -2.5, 0], [-20.125, -0.0001, 1]])
    path = GOLDENS / "table.csv"
    with open(path, "w") as f:
        f.write("# " + json.dumps(settings, separators=(",", ":")) + "\n")
        f.write("time_s," + ",".join(f"{c:.2f}" for c in centers) + "\n")
        for i, row in enumerate(log_mel):
            cells = [f"{x:.3f}" for x in 10 * row / np.log(10)]
            f.write(f"{i * 128 / 8000:.6f}," + ",".join(cells).replace("-0.000", "0.000") + "\n")
    read = np.loadtxt(path, delimiter=",", skiprows=2)
    assert np.abs(read[:, 1:] - 10 * log_mel / np.log(10)).max() <= 0.0005
    assert (np.genfromtxt(path, delimiter=",", skip_header=1)[1:] == read).all()


def picture():
    """Two frames of three bins as the PNG specification and Spectrogram+PNG.swift have them: 16 bits
    of grey, the highest bin in the first row."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    description = dict(
        settings=dict(sampleRate=8000, fftSize=512, hopLength=128, melBins=3, minFrequency=0,
                      melScale="slaney", power=2, floor=1e-11),
        frames=2, bins=3, low=-65535, high=0, left=0, top=0, frameWidth=1, binHeight=1)
    rows = [[40000, 50000], [20000, 30000], [0, 65535]]
    pixels = b"".join(b"\0" + struct.pack(">2H", *row) for row in rows)
    (GOLDENS / "picture.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 3, 16, 0, 0, 0, 0))
        + chunk(b"gAMA", struct.pack(">I", 100000))
        + chunk(b"tEXt", b"Spectrogram\0" + json.dumps(description).encode())
        + chunk(b"IDAT", zlib.compress(pixels))
        + chunk(b"IEND", b""))


def painted():
    """Three frames of four bins in magma at half the range, two of them painted over with Pillow
    (13.0) and saved by it as a picture with transparency; frames of 3 by 2 pixels."""
    settings = dict(sampleRate=8000, fftSize=512, hopLength=128, melBins=4, minFrequency=0,
                    melScale="slaney", power=2, floor=1e-11)
    description = dict(settings=settings, frames=3, bins=4, low=-10, high=0, colorMap="magma",
                       left=5, top=2, frameWidth=3, binHeight=2)
    middle = (183, 54, 121)  # matplotlib's magma at 0.5
    image = Image.new("RGBA", (20, 14), (255, 255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.rectangle([5, 2, 5 + 9 - 1, 2 + 8 - 1], fill=middle)
    draw.rectangle([8, 4, 10, 5], fill="white")
    draw.rectangle([5, 8, 7, 9], fill="black")
    info = PngImagePlugin.PngInfo()
    info.add_text("Spectrogram", json.dumps(description))
    image.save(GOLDENS / "painted.png", pnginfo=info)


GOLDENS.mkdir(exist_ok=True)
filters()
transforms()
mel()
decibels()
griffin_lim()
arrays()
table()
picture()
painted()
