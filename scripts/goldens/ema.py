#!/usr/bin/env python3
"""Writes Tests/MusicDiffusionTests/Goldens/ema.json: coefficients of post-hoc EMAs.

From the definitions in Karras et al. 2024 (arXiv:2312.02696), section 3.2, with nothing solved in
closed form: gamma by scipy's root finder, inner products of profiles by adaptive quadrature, the
coefficients by least squares. Needs numpy and scipy.
"""

import json
import pathlib

import numpy
from scipy import integrate, optimize


def gamma(width):
    """The exponent whose profile has this standard deviation relative to its length."""

    def deviation(g):
        mean = integrate.quad(lambda u: u * (g + 1) * u**g, 0, 1, epsabs=1e-13)[0]
        square = integrate.quad(lambda u: u * u * (g + 1) * u**g, 0, 1, epsabs=1e-13)[0]
        return numpy.sqrt(square - mean * mean) - width

    return optimize.brentq(deviation, 0.01, 300, xtol=1e-13)


def profile(width, end):
    g = gamma(width)
    return lambda tau: (g + 1) * tau**g / end ** (g + 1) if tau <= end else 0.0


def product(p, q, end):
    return integrate.quad(lambda tau: p(tau) * q(tau), 0, end, epsabs=1e-14, epsrel=1e-12, limit=200)[0]


cases = []
for steps, target_step, width in [
    ([100, 200, 300, 400], 400, 0.08),
    ([100, 200, 300, 400], 300, 0.15),
    ([250, 500, 750, 1000, 1250, 1400], 1400, 0.03),
    ([250, 500, 750, 1000, 1250, 1400], 1400, 0.05),
]:
    snapshots = [(w, s) for s in steps for w in (0.05, 0.10)]
    profiles = [profile(w, s) for w, s in snapshots]
    target = profile(width, target_step)
    ends = [s for _, s in snapshots]
    a = numpy.array(
        [[product(p, q, min(s, t)) for q, t in zip(profiles, ends)] for p, s in zip(profiles, ends)])
    b = numpy.array([product(p, target, min(s, target_step)) for p, s in zip(profiles, ends)])
    x = numpy.linalg.lstsq(a, b, rcond=None)[0]
    square = product(target, target, target_step)
    error = numpy.sqrt(max(0.0, square - 2 * x @ b + x @ a @ x) / square)
    cases.append({
        "widths": [w for w, _ in snapshots], "steps": ends, "width": width, "step": target_step,
        "coefficients": x.tolist(), "error": float(error)})

folder = pathlib.Path(__file__).resolve().parents[2] / "Tests/MusicDiffusionTests/Goldens"
(folder / "ema.json").write_text(json.dumps({"cases": cases}) + "\n")
