"""The peers' side of compare.py: librosa, torchaudio and PyTorch, each used as its own manual says.

    python peers.py mel|griffin-lim|mel-to-audio librosa|torchaudio RATE INPUT.npy OUTPUT.npy THREADS
    python peers.py forward|train eager|compile BATCH float32|bfloat16 INPUTS OUTPUT THREADS

Drives the work as Sources/Harness does it: one line of JSON when warm, one for each line of the
standard input, one at its end.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

FFT_SIZE, HOP, MEL_BINS, ITERATIONS, MOMENTUM = 2048, 512, 128, 32, 0.99
# Sources/Spectro scales magnitudes by 2 / sum(window), Hann here, and takes ln(max(mel, 1e-11)).
SCALE = (2 / (FFT_SIZE / 2)) ** 2
FLOOR = 1e-11 / SCALE
# Seconds of work after which a program needs no more warming up.
SLOW = 5


def serve(version, work, save, compiles=False):
    def answer(**values):
        print(json.dumps(values), flush=True)

    def measured(repetitions, work=work):
        start, cpu_start = time.perf_counter(), time.process_time()
        for _ in range(repetitions):
            work()
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_start
        return {"seconds": seconds / repetitions, "cpuSeconds": cpu / repetitions}

    first = []
    ready = measured(1, lambda: first.append(work()))
    save(first.pop())
    if compiles or ready["seconds"] < SLOW:
        work()  # torch.compile may compile again for the second call
        ready = measured(1)
    answer(version=version, **ready)
    for line in sys.stdin:
        answer(**measured(int(line)))
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    answer(peakBytes=peak * 1024)


def use_torch(threads):
    import torch

    torch.set_num_threads(threads)
    return torch


def use_torchaudio(threads):
    """torchaudio 2.11, the newest, refuses a torch built for another CUDA; here none is used."""
    torch = use_torch(threads)
    torch.version.cuda = None
    import torchaudio

    return torch, torchaudio


def librosa_mel(source, rate, threads):
    import librosa

    y = np.load(source)

    def work():
        mel = librosa.feature.melspectrogram(
            y=y, sr=rate, n_fft=FFT_SIZE, hop_length=HOP, n_mels=MEL_BINS, pad_mode="reflect"
        )
        return np.log(np.maximum(mel, FLOOR))

    return librosa.__version__, work, lambda mel: mel + np.log(SCALE)


def librosa_griffin_lim(source, rate, threads):
    import librosa

    magnitudes = np.load(source)

    def work():
        return librosa.griffinlim(
            magnitudes, n_iter=ITERATIONS, hop_length=HOP, momentum=MOMENTUM, random_state=1
        )

    return librosa.__version__, work, lambda y: y


def librosa_mel_to_audio(source, rate, threads):
    import librosa

    mel = np.load(source)

    def work():
        return librosa.feature.inverse.mel_to_audio(
            mel, sr=rate, n_fft=FFT_SIZE, hop_length=HOP, n_iter=ITERATIONS
        )

    return librosa.__version__, work, lambda y: y


def torchaudio_mel(source, rate, threads):
    torch, torchaudio = use_torchaudio(threads)
    y = torch.from_numpy(np.load(source))
    transform = torchaudio.transforms.MelSpectrogram(
        rate, FFT_SIZE, hop_length=HOP, n_mels=MEL_BINS, norm="slaney", mel_scale="slaney"
    )

    @torch.inference_mode()
    def work():
        return transform(y).clamp(min=FLOOR).log()

    return torchaudio.__version__, work, lambda mel: mel.numpy() + np.log(SCALE)


def torchaudio_griffin_lim(source, rate, threads):
    torch, torchaudio = use_torchaudio(threads)
    magnitudes = torch.from_numpy(np.load(source))
    transform = torchaudio.transforms.GriffinLim(
        FFT_SIZE, n_iter=ITERATIONS, hop_length=HOP, power=1, momentum=MOMENTUM
    )

    @torch.inference_mode()
    def work():
        return transform(magnitudes)

    return torchaudio.__version__, work, lambda y: y.numpy()


def torchaudio_mel_to_audio(source, rate, threads):
    torch, torchaudio = use_torchaudio(threads)
    mel = torch.from_numpy(np.load(source))
    # Its default driver wants filters none of which is empty or like another.
    inverse = torchaudio.transforms.InverseMelScale(
        FFT_SIZE // 2 + 1, mel.shape[-2], rate, norm="slaney", mel_scale="slaney", driver="gelsd"
    )
    griffin_lim = torchaudio.transforms.GriffinLim(
        FFT_SIZE, n_iter=ITERATIONS, hop_length=HOP, power=2, momentum=MOMENTUM
    )

    @torch.inference_mode()
    def work():
        return griffin_lim(inverse(mel))

    return torchaudio.__version__, work, lambda y: y.numpy()


def network(mode, batch, dtype, source, threads):
    """The U-Net with the weights of the file, compiled if `mode` says so, and the batch."""
    torch = use_torch(threads)
    from safetensors import safe_open

    sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts/goldens"))
    from unet import UNet

    with safe_open(source, "pt") as file:
        config = json.loads(file.metadata()["network"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    model = UNet(config).to(memory_format=torch.channels_last)
    prefix = "weights."
    weights = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    model.load_state_dict(weights)
    inputs = {n.removeprefix("input."): t[:batch] for n, t in tensors.items() if n.startswith("in")}
    inputs["labels"] = torch.zeros(batch, dtype=torch.int64)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16")
    return torch, model, torch.compile(model) if mode == "compile" else model, inputs, autocast


def forward(*arguments):
    torch, _, model, inputs, autocast = network(*arguments)
    noise_levels = inputs["sigmas"].log() / 4

    @torch.inference_mode()
    def work():
        with autocast:
            return model(
                inputs["noise"], noise_levels, inputs["labels"], inputs["known"], inputs["mask"]
            )

    return torch.__version__, work, lambda y: y


def train(*arguments):
    torch, model, compiled, inputs, autocast = network(*arguments)
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
    from unet import Denoiser

    denoiser = Denoiser(compiled)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.99))
    decaying = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decaying, "weight_decay": 0.01}, {"params": others, "weight_decay": 0}],
        lr=5e-4, betas=(0.9, 0.99), fused=True,
    )  # fmt: skip

    def work():
        with autocast:
            loss = denoiser.loss(
                inputs["signal"], inputs["noise"], inputs["sigmas"], inputs["labels"],
                inputs["known"], inputs["mask"],
            ).mean()  # fmt: skip
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        average.update_parameters(model)
        return torch.stack([loss.detach(), norm])

    return torch.__version__, work, lambda y: y


def main(work, engine, *rest):
    if work in ("mel", "griffin-lim", "mel-to-audio"):
        rate, source, output, threads = rest
        make = globals()[f"{engine}_{work.replace('-', '_')}"]
        version, run, result = make(source, int(rate), int(threads))
        serve(version, run, lambda y: np.save(output, result(y)))
    else:
        from safetensors.torch import save_file

        batch, dtype, source, output, threads = rest
        make = {"forward": forward, "train": train}[work]
        version, run, result = make(engine, int(batch), dtype, source, int(threads))
        save = lambda y: save_file({"output": result(y).contiguous()}, output)
        serve(version, run, save, compiles=engine == "compile")


if __name__ == "__main__":
    main(*sys.argv[1:])
