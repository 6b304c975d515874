"""What other libraries and programs make of the clips of inversion_clips.py: mel and back.

usage: inversion_peers.py CLIPS OUTPUT [SYSTEM ...]

Writes OUTPUT/SYSTEM/RATE/clip.wav, of which inversion-quality says how good it is, and the seconds each
took to OUTPUT/SYSTEM/RATE/seconds.csv. What exists is left alone. Needs librosa, soundfile, torch and
torchaudio of requirements.txt.
"""

import functools
import sys
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch

# torchaudio 2.11, the newest, refuses a torch built for another CUDA; here none is used.
torch.version.cuda = None
import torchaudio  # noqa: E402

torch.set_num_threads(1)
torch.manual_seed(0)


def with_librosa(samples, rate, bins, iterations):
    """As its functions are called; `mel_to_audio` has a momentum of 0.99 and no way to set it."""
    np.random.seed(0)
    mel = librosa.feature.melspectrogram(y=samples, sr=rate, n_mels=bins)
    return librosa.feature.inverse.mel_to_audio(mel, sr=rate, n_iter=iterations, length=len(samples))


@functools.cache
def torchaudio_transforms(rate, bins, iterations):
    mel = torchaudio.transforms.MelSpectrogram(
        rate, n_fft=2048, hop_length=512, n_mels=bins, norm="slaney", mel_scale="slaney"
    )
    # Its default driver wants filters none of which is empty or like another, which 256 are not.
    inverse = torchaudio.transforms.InverseMelScale(
        1025, bins, rate, norm="slaney", mel_scale="slaney", driver="gelsd"
    )
    griffin_lim = torchaudio.transforms.GriffinLim(n_fft=2048, hop_length=512, n_iter=iterations)
    return mel, inverse, griffin_lim


def with_torchaudio(samples, rate, bins, iterations):
    mel, inverse, griffin_lim = torchaudio_transforms(rate, bins, iterations)
    linear = inverse(mel(torch.from_numpy(samples)))
    griffin_lim.length = len(samples)
    return griffin_lim(linear).numpy()


def audio_diffusion(samples, rate):
    """teticio/audio-diffusion's Mel: 256 bins, dB against the clip's loudest, 80 dB in 8 bits. It forgets
    how loud the clip was; here it is told."""
    mel = librosa.feature.melspectrogram(y=samples, sr=rate, n_mels=256)
    decibels = librosa.power_to_db(mel, ref=np.max, top_db=80)
    image = ((decibels + 80) * 255 / 80).clip(0, 255) + 0.5
    decibels = image.astype(np.uint8).astype(float) * 80 / 255 - 80
    power = librosa.db_to_power(decibels) * mel.max()
    return librosa.feature.inverse.mel_to_audio(power, sr=rate, n_iter=32, length=len(samples))


def riffusion(samples, rate):
    """riffusion: windows of 100 ms every 10 ms, 512 bins up to 10 kHz, fourth root in 8 bits."""
    sizes = {"n_fft": 17640, "hop_length": 441, "win_length": 4410}
    mels = {"n_mels": 512, "sample_rate": rate, "f_min": 0, "f_max": 10000, "norm": None}
    mel = torchaudio.transforms.MelScale(n_stft=8821, mel_scale="htk", **mels)
    inverse = torchaudio.transforms.InverseMelScale(
        n_stft=8821, mel_scale="htk", driver="gelsd", **mels
    )
    magnitudes = torchaudio.transforms.Spectrogram(power=1, **sizes)(torch.from_numpy(samples))
    values = mel(magnitudes)
    top = values.max()
    image = (255 - 255 * (values / top) ** 0.25).to(torch.uint8)
    values = top * ((255 - image.float()) / 255) ** 4
    griffin_lim = torchaudio.transforms.GriffinLim(
        n_iter=32, power=1.0, length=len(samples), **sizes
    )
    return griffin_lim(inverse(values)).numpy()


SYSTEMS = {
    "librosa-32": (with_librosa, {"bins": 256, "iterations": 32}, [22050, 44100]),
    "librosa-64": (with_librosa, {"bins": 256, "iterations": 64}, [22050, 44100]),
    "torchaudio-32": (with_torchaudio, {"bins": 256, "iterations": 32}, [22050, 44100]),
    "torchaudio-64": (with_torchaudio, {"bins": 256, "iterations": 64}, [22050, 44100]),
    "audio-diffusion": (audio_diffusion, {}, [22050]),
    "riffusion": (riffusion, {}, [44100]),
}


def main():
    clips, output, names = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:] or list(SYSTEMS)
    for name in names:
        function, arguments, rates = SYSTEMS[name]
        for rate in rates:
            folder = output / name / str(rate)
            folder.mkdir(parents=True, exist_ok=True)
            for clip in sorted((clips / str(rate)).glob("*.wav")):
                if (folder / clip.name).exists():
                    continue
                samples, _ = soundfile.read(clip, dtype="float32")
                start = time.process_time()
                result = function(samples, rate, **arguments)
                with open(folder / "seconds.csv", "a") as file:
                    file.write(f"{clip.stem},{time.process_time() - start:.3f}\n")
                soundfile.write(folder / clip.name, result, rate, subtype="FLOAT")
                print(name, rate, clip.stem, flush=True)


if __name__ == "__main__":
    main()
