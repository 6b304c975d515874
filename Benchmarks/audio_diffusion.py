"""audio-diffusion's recipe (github.com/teticio/audio-diffusion), by diffusers and librosa.

    python audio_diffusion.py train DATASET MODEL HOURS THREADS [SIZE]
    python audio_diffusion.py generate MODEL FOLDER COUNT THREADS

What its README and scripts say, and nothing else: mel images of 8 bits, 80 dB below the loudest of each
slice, slices one after the other; DDPM of 1000 linear steps that predicts epsilon, AdamW at 1e-4 with
betas 0.95 and 0.999 and 500 steps of warm-up before a cosine, batches of 16 (at 256: 8 of 2), gradients
clipped at 1, an EMA of power 3/4; 50 steps of DDIM; librosa's Griffin-Lim. SIZE is 256 (by default,
hop 512) or 64 (hop 1024), the two that its README trains. Both steps run in bfloat16 where the processor
has it, which its scripts offer as --mixed_precision bf16. The cosine ends with the hours, not with 100
epochs, which would take a processor weeks. A run that was cut goes on from its last save.
"""

import json
import math
import sys
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel
from diffusers.training_utils import EMAModel

RATE, FFT, TOP_DB = 22050, 2048, 80
WARM_UP, SAVE_SECONDS = 500, 300


def hop(size):
    return 512 if size == 256 else 1024


def images(dataset, size):
    """All slices of all files, uint8, [slices, mel bins, frames]."""
    length, result = size * hop(size) - 1, []
    for path in sorted(Path(dataset).rglob("*")):
        if path.suffix.lower() not in (".wav", ".flac", ".ogg", ".mp3"):
            continue
        sound, _ = librosa.load(path, sr=RATE, mono=True)
        for start in range(0, len(sound) - length + 1, length):
            mel = librosa.feature.melspectrogram(
                y=sound[start : start + length], sr=RATE, n_fft=FFT, hop_length=hop(size), n_mels=size
            )
            decibels = librosa.power_to_db(mel, ref=np.max, top_db=TOP_DB)
            scaled = (decibels + TOP_DB) * 255 / TOP_DB
            result.append((scaled.clip(0, 255) + 0.5).astype(np.uint8))
    return np.stack(result)


def sound_of(image, size):
    mel = librosa.db_to_power(image.astype(float) * TOP_DB / 255 - TOP_DB)
    return librosa.feature.inverse.mel_to_audio(
        mel, sr=RATE, n_fft=FFT, hop_length=hop(size), n_iter=32
    )


def network(size):
    down, up = ["DownBlock2D"] * 6, ["UpBlock2D"] * 6
    down[4], up[1] = "AttnDownBlock2D", "AttnUpBlock2D"
    model = UNet2DModel(
        sample_size=(size, size), in_channels=1, out_channels=1, layers_per_block=2,
        block_out_channels=(128, 128, 256, 256, 512, 512), down_block_types=down,
        up_block_types=up,
    )  # fmt: skip
    return model.to(memory_format=torch.channels_last)


def autocast():
    flags = Path("/proc/cpuinfo").read_text()
    return torch.autocast("cpu", torch.bfloat16, enabled="avx512_bf16" in flags)


def train(dataset, model_folder, hours, size=256):
    torch.manual_seed(0)
    folder = Path(model_folder)
    folder.mkdir(parents=True, exist_ok=True)
    data = torch.from_numpy(images(dataset, size)).unsqueeze(1)
    model = network(size).train()
    average = EMAModel(
        model.parameters(), use_ema_warmup=True, inv_gamma=1.0, power=0.75, decay=0.9999
    )
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6, eps=1e-8, fused=True
    )
    noises = DDPMScheduler(num_train_timesteps=1000)
    micro, parts = (2, 8) if size == 256 else (16, 1)
    step, spent, order, saved = 0, 0.0, torch.empty(0, dtype=torch.int64), 0.0
    state = folder / "state.pt"
    if state.exists():
        old = torch.load(state)
        model.load_state_dict(old["model"])
        average.load_state_dict(old["average"])
        optimizer.load_state_dict(old["optimizer"])
        step, spent, order = old["step"], old["spent"], old["order"]
        torch.set_rng_state(old["random"])
        saved = spent

    def save():
        values = {
            "model": model.state_dict(), "average": average.state_dict(),
            "optimizer": optimizer.state_dict(), "step": step, "spent": spent, "order": order,
            "random": torch.get_rng_state(),
        }  # fmt: skip
        torch.save(values, folder / "state.new")
        (folder / "state.new").rename(state)

    limit = hours * 3600
    while spent < limit:
        start = time.perf_counter()
        warm = min(1, (step + 1) / WARM_UP)
        for group in optimizer.param_groups:
            group["lr"] = 1e-4 * warm * 0.5 * (1 + math.cos(math.pi * min(1, spent / limit)))
        total = 0.0
        for _ in range(parts):
            if len(order) < micro:
                order = torch.randperm(len(data))
            batch, order = data[order[:micro]].float() / 127.5 - 1, order[micro:]
            noise, times = torch.randn_like(batch), torch.randint(0, 1000, (micro,))
            with autocast():
                noisy = noises.add_noise(batch, noise, times)
                guess = model(noisy.contiguous(memory_format=torch.channels_last), times).sample
            loss = torch.nn.functional.mse_loss(guess.float(), noise)
            (loss / parts).backward()
            total += loss.item() / parts
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.step(model.parameters())
        optimizer.zero_grad()
        step += 1
        spent += time.perf_counter() - start
        if step % 10 == 0:
            print(f"step {step}  loss {total:.4f}  {spent / 3600:.3f} h", flush=True)
        if spent - saved > SAVE_SECONDS or spent >= limit:
            saved = spent
            save()
    average.copy_to(model.parameters())
    model.save_pretrained(folder)
    facts = {"steps": step, "images": step * 16, "slices": len(data), "seconds": spent}
    (folder / "run.json").write_text(json.dumps(facts))


def generate(model_folder, output, count):
    model = UNet2DModel.from_pretrained(model_folder).eval()
    model = model.to(memory_format=torch.channels_last)
    size = model.config.sample_size[0]
    scheduler = DDIMScheduler(num_train_timesteps=1000)
    scheduler.set_timesteps(50)
    folder, batch, start = Path(output), 4, time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, count, batch):
        seeds = range(first, min(first + batch, count))
        x = torch.stack(
            [torch.randn(1, size, size, generator=torch.Generator().manual_seed(s)) for s in seeds]
        )
        with torch.inference_mode(), autocast():
            for t in scheduler.timesteps:
                noise = model(x.contiguous(memory_format=torch.channels_last), t).sample.float()
                x = scheduler.step(noise, t, x).prev_sample
        pictures = ((x / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
        for seed, picture in zip(seeds, pictures):
            sound = sound_of(picture[0], size)
            soundfile.write(folder / f"clip-{seed:03}.wav", sound / max(1, np.abs(sound).max()), RATE)
    print(f"{(time.perf_counter() - start) / count:.2f} seconds a clip")


def main(command, *rest):
    if command == "train":
        dataset, model, hours, threads, *size = rest
        torch.set_num_threads(int(threads))
        train(dataset, model, float(hours), *map(int, size))
    else:
        model, output, count, threads = rest
        torch.set_num_threads(int(threads))
        generate(model, output, int(count))


if __name__ == "__main__":
    main(*sys.argv[1:])
