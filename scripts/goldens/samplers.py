"""Writes the reference values of Tests/MusicDiffusionTests for the diffusion's parts: samplers,
noise levels and preconditioning, from k-diffusion, diffusers and SciPy, all in float64.

    pip install torch numpy scipy diffusers
    pip install --no-deps k-diffusion==0.1.1.post1
    python scripts/goldens/samplers.py

Every sampler runs on the exact denoiser of a mixture of two normal distributions, which the Swift
tests write again, and on noise that is kept with the results.
"""

import importlib.metadata
import importlib.util
import json
import sys
import types
from pathlib import Path
from unittest.mock import MagicMock

import diffusers
import numpy as np
import scipy.stats
import torch
from diffusers import DDIMScheduler, DDPMScheduler, EDMEulerScheduler
from diffusers.schedulers import scheduling_ddpm

# k-diffusion's package imports all that its training needs. Of it, sampling and layers are used
# here; what those import and do not call is replaced where it is absent.
spec = importlib.util.find_spec("k_diffusion")
package = types.ModuleType("k_diffusion")
package.__path__ = spec.submodule_search_locations
sys.modules["k_diffusion"] = package
for name in ["torchdiffeq", "torchsde", "torchvision", "torchvision.transforms", "dctorch",
             "einops", "PIL", "skimage", "clip"]:  # fmt: skip
    try:
        importlib.import_module(name)
    except ImportError:
        sys.modules[name] = MagicMock()
from k_diffusion import layers, sampling  # noqa: E402

torch.set_default_dtype(torch.float64)
goldens = Path(__file__).parents[2] / "Tests/MusicDiffusionTests/Goldens"
versions = {
    "diffusers": diffusers.__version__,
    "k-diffusion": importlib.metadata.version("k-diffusion"),
    "scipy": scipy.__version__,
    "torch": torch.__version__,
}

# Weights, means and standard deviations of the two parts.
mixture = {"weights": [0.3, 0.7], "means": [-0.8, 0.6], "deviations": [0.1, 0.3]}


def denoise(x, sigma):
    """E[signal | x], Bayes' rule for each part."""
    likelihoods, estimates = [], []
    for weight, mean, deviation in zip(*mixture.values()):
        variance = deviation**2 + sigma**2
        likelihoods.append(weight / variance**0.5 * torch.exp(-((x - mean) ** 2) / (2 * variance)))
        estimates.append((mean * sigma**2 + x * deviation**2) / variance)
    total = likelihoods[0] + likelihoods[1]
    return (likelihoods[0] * estimates[0] + likelihoods[1] * estimates[1]) / total


def model(x, sigma):
    return denoise(x, sigma.reshape(-1, 1))


generator = torch.Generator().manual_seed(1)
cases = []


def add(name, sampler, eta, sigmas, start, noise, result):
    cases.append(
        {
            "name": name, "sampler": sampler, "eta": eta, "sigmas": sigmas.tolist(),
            "start": start.flatten().tolist(), "noise": [n.flatten().tolist() for n in noise],
            "result": result.flatten().tolist(),
        }  # fmt: skip
    )


# k-diffusion, on Karras' sigmas.
steps, size = 10, 12
sigmas = sampling.get_sigmas_karras(steps, 0.002, 80)
start = 80 * torch.randn(1, size, generator=generator)
noise = torch.randn(steps, 1, size, generator=generator)
for name, sample in [
    ("euler", sampling.sample_euler),
    ("heun", sampling.sample_heun),
    ("dpm++2m", sampling.sample_dpmpp_2m),
]:
    result = sample(model, start, sigmas, disable=True)
    add(f"k-diffusion {name}", name, 0, sigmas, start, [], result)
for eta in [0.5, 1]:
    draws = iter(noise)
    result = sampling.sample_euler_ancestral(
        model, start, sigmas, eta=eta, noise_sampler=lambda *_: next(draws), disable=True
    )
    add(f"k-diffusion euler_ancestral, eta {eta}", "ddim", eta, sigmas, start, noise, result)


# diffusers' schedulers keep x / sqrt(1 + sigma^2), with sigma^2 = (1 - alphaBar) / alphaBar.
def run(scheduler, step):
    scheduler.set_timesteps(steps)
    bars = scheduler.alphas_cumprod.double()
    levels = ((1 - bars) / bars).sqrt()
    sigmas = torch.cat([levels[scheduler.timesteps], torch.zeros(1)])
    start = sigmas[0] * torch.randn(1, size, generator=generator)
    noise = torch.randn(steps, 1, size, generator=generator)
    x = start / (1 + sigmas[0] ** 2).sqrt()
    for i, timestep in enumerate(scheduler.timesteps):
        signal_and_noise = x * (1 + sigmas[i] ** 2).sqrt()
        epsilon = (signal_and_noise - denoise(signal_and_noise, sigmas[i])) / sigmas[i]
        x = step(epsilon, timestep, x, noise[i])
    return sigmas, start, noise, x


schedule = {"num_train_timesteps": 1000, "clip_sample": False, "timestep_spacing": "leading"}
for eta in [0, 0.3]:
    scheduler = DDIMScheduler(**schedule)
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
    sigmas, start, noise, result = run(
        scheduler,
        lambda epsilon, t, x, n: scheduler.step(
            epsilon, t, x, eta=eta, variance_noise=n if eta else None
        ).prev_sample,
    )
    add(f"diffusers DDIMScheduler, eta {eta}", "ddim", eta, sigmas, start, noise, result)


def ddpm_step(scheduler):
    def step(epsilon, t, x, n):
        scheduling_ddpm.randn_tensor = lambda *_, **__: n
        return scheduler.step(epsilon, t, x).prev_sample

    return step


scheduler = DDPMScheduler(**schedule, variance_type="fixed_small")
scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
scheduler.one = torch.tensor(1.0)
sigmas, start, noise, result = run(scheduler, ddpm_step(scheduler))
add("diffusers DDPMScheduler, fixed_small", "ddpm", 1, sigmas, start, noise, result)


def write(name, values):
    (goldens / f"{name}.json").write_text(json.dumps({"versions": versions, **values}) + "\n")


write("samplers", {"mixture": mixture, "cases": cases})

# Karras' sigmas, of k-diffusion in float64 and of diffusers, which computes in float32.
karras = []
for n, low, high, rho in [(20, 0.002, 80, 7), (2, 0.002, 80, 7), (35, 0.01, 25, 5)]:
    euler = EDMEulerScheduler(sigma_min=low, sigma_max=high, rho=rho)
    euler.set_timesteps(n)
    sigmas = sampling.get_sigmas_karras(n, low, high, rho)
    np.testing.assert_allclose(euler.sigmas, sigmas, rtol=1e-4)
    karras.append({"steps": n, "min": low, "max": high, "rho": rho, "sigmas": sigmas.tolist()})
write("sigmas", {"karras": karras})

# Scalings of k-diffusion, and diffusers' beside them.
preconditioning = []
for sigma_data in [0.5, 1.3]:
    sigmas = torch.tensor([0.002, 0.05, 0.5, 2, 80])
    skip, out, scale_in = layers.Denoiser(None, sigma_data=sigma_data).get_scalings(sigmas)
    euler = EDMEulerScheduler(sigma_data=sigma_data)
    ones, zeros = torch.ones(5), torch.zeros(5)
    np.testing.assert_allclose(euler.precondition_inputs(ones, sigmas), scale_in)
    np.testing.assert_allclose(euler.precondition_outputs(ones, zeros, sigmas), skip)
    np.testing.assert_allclose(euler.precondition_outputs(zeros, ones, sigmas), out)
    preconditioning.append(
        {
            "sigmaData": sigma_data, "sigmas": sigmas.tolist(), "cSkip": skip.tolist(),
            "cOut": out.tolist(), "cIn": scale_in.tolist(),
            "cNoise": [float(euler.precondition_noise(sigma)) for sigma in sigmas],
        }  # fmt: skip
    )
write("preconditioning", {"cases": preconditioning})

probabilities = [1e-12, 1e-6, 0.001, 0.025, 0.31, 0.5, 0.75, 0.975, 0.999999]
log_normal = scipy.stats.lognorm(s=1.2, scale=np.exp(-0.4))
write(
    "normal",
    {
        "probabilities": probabilities,
        "quantiles": scipy.stats.norm.ppf(probabilities).tolist(),
        "logMean": -0.4,
        "logStandardDeviation": 1.2,
        "count": 16,
        "offset": 0.25,
        "sigmas": log_normal.ppf((np.arange(16) + 0.25) / 16).tolist(),
    },
)
