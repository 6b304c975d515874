"""Writes the reference values of Tests/MusicDiffusionTests for the diffusion's parts: samplers,
noise levels, schedules, preconditioning and guidance, from k-diffusion, diffusers and SciPy, all in
float64.

    pip install torch numpy scipy diffusers
    pip install --no-deps k-diffusion==0.1.1.post1
    python scripts/goldens/samplers.py

Every sampler runs on the exact denoiser of a mixture of two normal distributions, which the Swift
tests write again, and on noise that is kept with the results.
"""

import ast
import importlib.metadata
import importlib.util
import json
import sys
import types
from pathlib import Path
from unittest.mock import MagicMock

import diffusers
import numpy as np
import scipy.special
import scipy.stats
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EDMEulerScheduler,
    FlowMatchEulerDiscreteScheduler,
)
from diffusers.schedulers import scheduling_ddpm

# k-diffusion's package imports all that its training needs. Of it, sampling and layers are used
# here; what those import and do not call is replaced where it is absent.
spec = importlib.util.find_spec("k_diffusion")
package = types.ModuleType("k_diffusion")
package.__path__ = spec.submodule_search_locations
sys.modules["k_diffusion"] = package
for name in ["torchdiffeq", "torchsde", "torchvision", "torchvision.transforms", "dctorch",
             "einops", "PIL", "skimage", "clip",
             "accelerate"]:  # fmt: skip
    try:
        importlib.import_module(name)
    except ImportError:
        sys.modules[name] = MagicMock()
from k_diffusion import external, layers, sampling, utils  # noqa: E402

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


def add(name, sampler, eta, sigmas, start, noise, result, churn=None):
    cases.append(
        {
            "name": name, "sampler": sampler, "eta": eta, "churn": churn, "sigmas": sigmas.tolist(),
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


# Heun with churn draws noise in every step, used or not.
churn = {"amount": 4.0, "sigmaMin": 0.05, "sigmaMax": 30.0, "noise": 1.003}
draws = iter(noise)
randn_like, torch.randn_like = torch.randn_like, lambda _: next(draws)
result = sampling.sample_heun(
    model, start, sigmas, disable=True, s_churn=churn["amount"], s_tmin=churn["sigmaMin"],
    s_tmax=churn["sigmaMax"], s_noise=churn["noise"],
)  # fmt: skip
torch.randn_like = randn_like
add("k-diffusion heun, churn", "heun", 0, sigmas, start, noise, result, churn)

# The solvers of SDEs, with the kept noise in place of a Brownian tree's.
exponential = sampling.get_sigmas_exponential(steps, 0.002, 80)
for name, sample in [
    ("dpm++2m-sde", sampling.sample_dpmpp_2m_sde),
    ("dpm++3m-sde", sampling.sample_dpmpp_3m_sde),
]:
    for levels, eta in [(sigmas, 1.0), (exponential, 1.0), (sigmas, 0.4), (sigmas, 0.0)]:
        draws = iter(noise)
        result = sample(
            model, start, levels, eta=eta, noise_sampler=lambda *_: next(draws), disable=True
        )
        kind = "Karras" if levels is sigmas else "exponential"
        add(f"k-diffusion {name}, eta {eta}, {kind}", name, eta, levels, start, noise, result)


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


# Karras' sigmas again for diffusers' solver of the SDE, which rounds them to float32.
scheduler = DPMSolverMultistepScheduler(
    algorithm_type="sde-dpmsolver++", solver_type="midpoint", prediction_type="sample",
    final_sigmas_type="zero", lower_order_final=False, euler_at_final=True,
)  # fmt: skip
scheduler.set_timesteps(steps)
scheduler.sigmas = sigmas
x = start / (1 + sigmas[0] ** 2).sqrt()
for i, timestep in enumerate(scheduler.timesteps):
    denoised = denoise(x * (1 + sigmas[i] ** 2).sqrt(), sigmas[i])
    x = scheduler.step(denoised, timestep, x, variance_noise=noise[i]).prev_sample
add("diffusers DPMSolverMultistepScheduler, sde-dpmsolver++", "dpm++2m-sde", 1, sigmas, start,
    noise, x)  # fmt: skip

# Rectified flow, whose x is (1 - t) signal + t noise.
flow = []
for shift in [1, 3]:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    last = 80 / shift / (1 + 80 / shift)
    scheduler.set_timesteps(sigmas=[last * (1 - i / steps) for i in range(steps)])
    times = scheduler.sigmas.double()
    levels = times / (1 - times)
    flow.append({"steps": steps, "max": 80, "shift": shift, "sigmas": levels.tolist()})
    scheduler.sigmas = times
    x = start * (1 - times[0])
    for i, timestep in enumerate(scheduler.timesteps):
        velocity = (x - denoise(x / (1 - times[i]), levels[i])) / times[i]
        x = scheduler.step(velocity, timestep, x).prev_sample
    add(f"diffusers FlowMatchEulerDiscreteScheduler, shift {shift}", "flow", 0, levels, start, [], x)


def write(name, values):
    (goldens / f"{name}.json").write_text(json.dumps({"versions": versions, **values}) + "\n")


write("samplers", {"mixture": mixture, "cases": cases})

# Karras' sigmas, of k-diffusion in float64 and of diffusers, which computes in float32.
karras = []
for n, low, high, rho in [(20, 0.002, 80, 7), (2, 0.002, 80, 7), (35, 0.01, 25, 5), (9, 0.01, 25, 1)]:
    euler = EDMEulerScheduler(sigma_min=low, sigma_max=high, rho=rho)
    euler.set_timesteps(n)
    sigmas = sampling.get_sigmas_karras(n, low, high, rho)
    np.testing.assert_allclose(euler.sigmas, sigmas, rtol=1e-4)
    karras.append({"steps": n, "min": low, "max": high, "rho": rho, "sigmas": sigmas.tolist()})
exponential = [
    {"steps": n, "min": low, "max": high,
     "sigmas": sampling.get_sigmas_exponential(n, low, high).tolist()}
    for n, low, high in [(20, 0.002, 80), (2, 0.01, 25)]
]  # fmt: skip
# The cosine schedule's steps are equal in the time of v-diffusion.
v = external.VDenoiser(None)
cosine = []
for n, low, high in [(20, 0.002, 80), (2, 0.01, 25)]:
    times = torch.linspace(v.sigma_to_t(torch.tensor(high)), v.sigma_to_t(torch.tensor(low)), n)
    sigmas = [*v.t_to_sigma(times).tolist(), 0]
    cosine.append({"steps": n, "min": low, "max": high, "sigmas": sigmas})
# Few of the thousand timesteps of DDPM, whose alphas diffusers has in float32: the products are
# taken again in float64 of its betas.
timesteps = []
for betas, name in [("linear", "linear"), ("squaredcos_cap_v2", "cosine")]:
    for spacing in ["leading", "trailing"]:
        for n in [10, 7, 50]:
            scheduler = DDIMScheduler(beta_schedule=betas, timestep_spacing=spacing)
            scheduler.set_timesteps(n)
            bars = torch.cumprod(1 - scheduler.betas.double(), 0)
            levels = ((1 - bars) / bars).sqrt()[scheduler.timesteps]
            timesteps.append(
                {
                    "betas": name, "spacing": spacing, "steps": n,
                    "timesteps": scheduler.timesteps.tolist(), "sigmas": [*levels.tolist(), 0],
                }  # fmt: skip
            )
write(
    "sigmas",
    {"karras": karras, "exponential": exponential, "cosine": cosine, "flow": flow,
     "timesteps": timesteps},
)  # fmt: skip

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
# Of the other predictions: v of data of any deviation and epsilon of data of deviation 1 are
# k-diffusion's, x0 and flow are what diffusers' schedulers make of a network's output.
sigmas = torch.tensor([0.002, 0.05, 0.5, 2, 80])
v = external.VDenoiser(None)
predictions = []


def add_prediction(name, sigma_data, skip, out, scale_in):
    values = {"cSkip": skip, "cOut": out, "cIn": scale_in}
    predictions.append(
        {"prediction": name, "sigmaData": sigma_data, "sigmas": sigmas.tolist()}
        | {key: value.expand(5).tolist() for key, value in values.items()}
    )


for sigma_data in [0.5, 1, 1.3]:
    v.sigma_data = sigma_data
    add_prediction("v", sigma_data, *v.get_scalings(sigmas))
epsilon = external.DiscreteEpsDDPMDenoiser(None, torch.linspace(0.99, 0.01, 10), quantize=False)
out, scale_in = epsilon.get_scalings(sigmas)
add_prediction("epsilon", 1, torch.ones(5), out, scale_in)
ddim = DDIMScheduler(prediction_type="sample", clip_sample=False)
ones, zeros = torch.ones(1), torch.zeros(1)
skip, out, scale_in = [], [], []
for sigma in sigmas:
    ddim.alphas_cumprod = (1 / (1 + sigma**2)).expand(1000)
    ddim.set_timesteps(1000)
    skip.append(ddim.step(zeros, 500, ones).pred_original_sample.item())
    out.append(ddim.step(ones, 500, zeros).pred_original_sample.item())
    scale_in.append(ddim.alphas_cumprod[0].sqrt().item())
add_prediction("x0", 1, *[torch.tensor(values) for values in (skip, out, scale_in)])
# A step to t = 0 of one network output lands on the estimate of the signal.
skip, out, scale_in = [], [], []
for sigma in sigmas:
    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(sigmas=[1.0])
    time = sigma / (1 + sigma)
    scheduler.sigmas = torch.stack([time, torch.tensor(0.0)])
    alpha = 1 - time
    first = scheduler.timesteps[0]
    skip.append((alpha * scheduler.step(zeros, first, ones).prev_sample).item())
    scheduler._step_index = None
    out.append(scheduler.step(ones, first, zeros).prev_sample.item())
    scale_in.append(alpha.item())
add_prediction("flow", 1, *[torch.tensor(values) for values in (skip, out, scale_in)])
write("preconditioning", {"cases": preconditioning, "predictions": predictions})

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

# Training's noise levels at some quantiles. k-diffusion draws them from torch.rand.
quantiles = torch.tensor([0.001, 0.02, 0.3, 0.5, 0.77, 0.98, 0.999])
rand, torch.rand = torch.rand, lambda *_, **__: quantiles
cosine = utils.rand_v_diffusion((7,), 0.5, 0.5e-3, 0.5e3, dtype=torch.float64)
torch.rand = rand
log_snr = scipy.stats.laplace(loc=0.3, scale=0.5).ppf(1 - quantiles.numpy())
times = scipy.special.expit(scipy.stats.norm(0.2, 0.9).ppf(quantiles.numpy()))
betas = DDPMScheduler(beta_schedule="linear").betas.double()
bars = torch.cumprod(1 - betas, 0)[(quantiles * 1000).long()]
write(
    "noise-levels",
    {
        "sigmaData": 0.5, "quantiles": quantiles.tolist(), "cosine": cosine.tolist(),
        "linear": (0.5 * ((1 - bars) / bars).sqrt()).tolist(),
        "laplace": {"mean": 0.3, "scale": 0.5, "sigmas": (0.5 * np.exp(-log_snr / 2)).tolist()},
        "logitNormal": {
            "mean": 0.2, "standardDeviation": 0.9, "sigmas": (0.5 * times / (1 - times)).tolist(),
        },
    },  # fmt: skip
)

# diffusers' rescaled guidance. The module that holds it imports the text encoders of its pipeline.
source = Path(diffusers.__file__).parent / "pipelines/stable_diffusion/pipeline_stable_diffusion.py"
tree = ast.parse(source.read_text())
[function] = [node for node in tree.body if getattr(node, "name", "") == "rescale_noise_cfg"]
scope = {"torch": torch}
exec(ast.unparse(function), scope)
better, worse = torch.randn(2, 2, 1, 3, 4, generator=generator) + 0.3
guided = worse + 4 * (better - worse)
write(
    "guidance",
    {
        "shape": list(better.shape), "better": better.flatten().tolist(),
        "worse": worse.flatten().tolist(), "scale": 4, "rescale": 0.7,
        "guided": guided.flatten().tolist(),
        "rescaled": scope["rescale_noise_cfg"](guided, better, 0.7).flatten().tolist(),
    },  # fmt: skip
)
