"""How far apart two systems are in time: the distance of their power spectra."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from driftmatch.arguments import check_array, check_non_negative
from driftmatch.errors import InputError
from driftmatch.words import spelled


def power_spectrum(
    states: Float[np.ndarray, "*M T k"], *, smoothing: float = 20.0
) -> Float[np.ndarray, "F k"]:
    r"""The smoothed power spectrum of every coordinate, normalised to sum to one.

        P_i(ω) ∝ G ∗ 1/M Σ_m |Σ_t (z_i^m(t) − μ_i) e^{−iωt}|²

    The mean μ is taken over all M trajectories, the squared amplitudes are averaged over them, and
    only then smoothed with a Gaussian G. Bin f of the F = T//2 + 1 stands for the frequency
    f/(T·Δt), where Δt is the time between two samples. Bin 0 is kept; a constant coordinate has all
    of its power there.

    **Arguments**

    - `states`: equally spaced samples, shape (M, T, k), or (T, k) for one trajectory.
    - `smoothing`: the standard deviation of G in bins; 0 for none.

    Raises `InputError` for fewer than four samples or another number of dimensions.
    """
    states = np.asarray(states)
    if states.ndim == 2:
        states = states[None]
    if states.ndim != 3 or states.shape[1] < 4:
        raise InputError(
            f"states must have shape (M, T, k) with at least 4 samples, got {states.shape}"
        )
    centred = states - states.mean(axis=(0, 1), dtype=np.float64)
    deviation = centred.std(axis=(0, 1))
    centred /= np.where(deviation > 0, deviation, 1.0)
    power = np.zeros((states.shape[1] // 2 + 1, states.shape[2]))
    for one in centred:  # one by one: all transforms at once take several times the memory
        power += np.abs(np.fft.rfft(one, axis=0)) ** 2
    power[0, deviation == 0] = 1.0
    if smoothing > 0:
        power = gaussian_filter1d(power, smoothing, axis=0)
    return power / power.sum(axis=0)


@spelled
def spectrum_distance(
    reference: Float[np.ndarray, "*M T k"],
    other: Float[np.ndarray, "*N T k"],
    *,
    smoothing: float = 20.0,
) -> float:
    r"""The Hellinger distance D_H of two systems' power spectra, in [0, 1].

        D_H = 1/k Σ_i sqrt(1 − Σ_ω sqrt(P_i(ω) Q_i(ω)))

    with P and Q from `power_spectrum`. The two sets need one T and one time between samples; the
    number of trajectories may differ.

    Raises `InputError` if T or k differ.

    Source: M. Mikhaeil, Z. Monfared, D. Durstewitz, NeurIPS 35 (2022).
    """
    smoothing = check_non_negative("smoothing", smoothing)
    reference = check_array("reference", reference, ("T", "k"), ("M", "T", "k"))
    other = check_array("other", other, ("T", "k"), ("M", "T", "k"))
    if np.shape(reference)[-2:] != np.shape(other)[-2:]:
        raise InputError(
            "both sets must have the same number of samples a trajectory and the same dimension, "
            f"got shapes {np.shape(reference)} and {np.shape(other)}"
        )
    return hellinger(*(power_spectrum(x, smoothing=smoothing) for x in (reference, other)))


def hellinger(p: Float[np.ndarray, "F k"], q: Float[np.ndarray, "F k"]) -> float:
    """The Hellinger distance of distributions along the first axis, averaged over the second."""
    # ½ Σ (√p − √q)² is 1 − Σ √(pq) without the cancellation.
    return float(np.mean(np.sqrt(0.5 * np.sum((np.sqrt(p) - np.sqrt(q)) ** 2, axis=0))))
