r"""The latent subspace of a network, found from recordings of its neurons."""

from dataclasses import field
from typing import Any

import numpy as np
import scipy.linalg
from jaxtyping import ArrayLike, Float

from driftmatch.analysis.neuron_pieces import NeuronPieces
from driftmatch.analysis.principal import PrincipalComponents, weighed
from driftmatch.arguments import check_array, check_count
from driftmatch.errors import InputError
from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory
from driftmatch.words import spelled

Matrix = np.ndarray

CLEAR_GAP = 3.0  # ratio of standard deviations that parts signal from noise
FAR_OFF = 0.5  # radians between two subspaces that are not the same one


class Alignment(Record):
    r"""The map from a recording's principal components to a network's latent coordinates.

        z = A · score + c,    A = Γ⁺U,    c = Γ⁺(x̄ − b)

    - `matrix`: A, shape (k, d), in units of z per x; `offset`: c, shape (k,), in units of z.
    - `principal_angles`: between span U and span Γ, in radians, largest first; min(k, d) of them.
    - `error`: the root-mean-square distance of recovered from true latent states, in standard
      deviations of the latter; None if no recording was given to measure it on.
    - `outcome`: whether the two subspaces are one.
    """

    matrix: Float[Matrix, "k d"]
    offset: Float[Matrix, " k"]
    principal_angles: Float[Matrix, " a"]
    error: float | None
    outcome: Outcome
    subspace: "Subspace" = field(repr=False)

    def latent(self, x: Float[ArrayLike, "*batch n"]) -> Float[Matrix, "*batch k"]:
        """z of neurons x."""
        return self.subspace.scores(x) @ self.matrix.T + self.offset


class Subspace(Record):
    """The affine subspace x̄ + span U in which a recording lies, but for noise.

    - `mean`: x̄, shape (n,); `components`: U, shape (n, k), orthonormal, by descending variance.
    - `variance`: the variance of the recording along its principal components, descending, shape
      (p,) with k ≤ p ≤ n, in units of x². All of them up to some 700 neurons; of more, the largest,
      of which those of pure noise are lower bounds.
    - `total_variance`: their sum over all n components.
    - `num_samples`: how many samples were read.
    - `outcome`: whether the number of components could be told from the spectrum.
    """

    mean: Float[Matrix, " n"]
    components: Float[Matrix, "n k"]
    variance: Float[Matrix, " p"]
    total_variance: float
    num_samples: int
    outcome: Outcome

    @property
    def dimension(self) -> int:
        """k."""
        return self.components.shape[1]

    @property
    def gap(self) -> float:
        """The ratio of standard deviations within and beyond the subspace; infinite if the latter
        are zero, NaN if they are not known."""
        if self.dimension == len(self.variance):
            return np.nan
        inside, beyond = self.variance[self.dimension - 1 : self.dimension + 1]
        return float(np.sqrt(inside / beyond)) if beyond > 0 else np.inf

    def scores(self, x: Float[ArrayLike, "*batch n"]) -> Float[Matrix, "*batch k"]:
        """Uᵀ(x − x̄), the coordinates along the components."""
        x = check_array("x", x, (..., len(self.mean)), finite=False)
        return (x - self.mean) @ self.components

    def project(self, x: Float[ArrayLike, "*batch n"]) -> Float[Matrix, "*batch n"]:
        """x̄ + UUᵀ(x − x̄), the nearest point of the subspace."""
        return self.mean + self.scores(x) @ self.components.T

    def align(
        self,
        network: Network,
        neurons: Any = None,
        *,
        latent: Float[ArrayLike, "*samples k"] | None = None,
    ) -> Alignment:
        """The latent coordinates of this network from the components.

        - `network`: of which (Γ, b) are used.
        - `neurons`: what to measure the error on: an array (..., n) or a network's run.
        - `latent`: the true latent states of these; by default those of the run, or Γ⁺(x − b).

        Raises `InputError` if the numbers of neurons differ or nothing was given to compare with.
        """
        if not isinstance(network, Network):
            raise InputError(f"align needs a Network, got {type(network).__name__}")
        n, k = network.num_neurons, network.latent_dim
        if n != len(self.mean):
            raise InputError(
                f"the recording has {len(self.mean)} neurons and the network {n}: align with the "
                "network that was recorded"
            )
        if isinstance(neurons, NetworkTrajectory | Trajectory):
            latent = neurons.states if latent is None else latent
            neurons = neurons.neurons
        elif neurons is not None:
            neurons = check_array("neurons", neurons, (..., n))
        if latent is not None:
            latent = check_array("latent", latent, (..., k))
        lift = network.lift
        matrix, offset = lift.components(self.components.T).T, lift.project(self.mean)
        angles = scipy.linalg.subspace_angles(self.components, lift.gamma)
        is_other = self.dimension < k or angles.max() > FAR_OFF
        outcome = Outcome.OTHER_SUBSPACE if is_other else Outcome.SUCCESS
        alignment = Alignment(matrix, offset, angles, None, outcome, self)
        if neurons is None:
            if latent is not None:
                raise InputError("latent states need the neurons that they belong to: pass neurons")
            return alignment
        found = alignment.latent(neurons)
        if latent is None:
            latent = lift.project(neurons)
        error = _relative_error(found, latent)
        return Alignment(matrix, offset, angles, error, outcome, self)


@spelled
def subspace(neurons: Any, num_components: int | None = None) -> Subspace:
    r"""The principal components of recorded neurons, read piece by piece.

        x ≈ x̄ + U · score,    score = Uᵀ(x − x̄)

    A network without private noise stays on x = Γz + b, so exactly k components are not zero, and
    span U = span Γ. Private noise lifts the others; k is then where the spectrum falls: the last
    place where the standard deviation drops threefold from one component to the next. What is below
    the rounding of the recorded numbers counts as zero.

    Components come from singular values of the centred samples, merged piece by piece in float64,
    never from a covariance matrix, in which weak components would drown. Of up to 724 neurons they
    are exact; of more, 2¹⁹/n directions and at least 64 are carried along, so that memory does not
    grow with the recording, and one that can be read twice is weighed again at the end.

    **Arguments**

    - `neurons`: the neurons x, not their rates: an array of shape (time, n) or (trials, time, n),
      in memory, memory-mapped, of h5py or Zarr, or an xarray `DataArray`; what `simulate` returned
      for a network; a `Recording` whose coordinates are neurons, of which samples with a missing
      number are left out; an iterable of chunks of shape (time, n), or a function without arguments
      that gives one.
    - `num_components`: k, if it is known.

    Raises `InputError` if a value is not finite, a piece has another number of neurons, the
    recording is constant, or there are fewer samples than components.

    Source: for the merging, A. Levy, M. Lindenbaum, IEEE Trans. Image Process. 9, 1371 (2000);
    D. Ross et al., Int. J. Comput. Vis. 77, 125 (2008).
    """
    wanted = None if num_components is None else check_count("num_components", num_components)
    recording = NeuronPieces.of(neurons)
    sketch, resolution, largest = None, 0.0, np.zeros(1)
    for piece in recording.pieces():
        if sketch is None:
            sketch = PrincipalComponents(piece.samples.shape[1], wanted or 1)
        sketch.add(piece.samples)
        largest = np.maximum(largest, np.abs(piece.samples).max(axis=0))
        resolution = max(resolution, piece.resolution)
    if sketch is None or sketch.count < 2:
        raise InputError(
            f"a subspace needs at least two samples, got {0 if sketch is None else sketch.count}"
        )
    n, N = len(sketch.mean), sketch.count
    rank = min(n, N - 1)
    if wanted is not None and wanted > rank:
        raise InputError(
            f"{n} neurons and {N} samples have at most {rank} components, got num_components = "
            f"{wanted}"
        )
    mean, directions, sizes, lost = sketch.principal()
    rounding = resolution * np.linalg.norm(largest) * np.sqrt(N)
    if np.sum(sizes**2) + lost <= (10 * rounding) ** 2:
        raise InputError("the recording is constant: there is nothing to find components of")
    if recording.is_lasting and sketch.is_partial:
        directions, sizes, lost = weighed(recording, mean, directions)
    directions, sizes = directions[:, :rank], sizes[:rank]
    floor = max(rounding, 1e2 * np.finfo(float).eps * sizes[0])
    k, outcome = _dimension(sizes, lost, floor, n, N) if wanted is None else (wanted, None)
    if outcome is None:
        outcome = Outcome.FEW_SAMPLES if 2 * k >= N - 1 else Outcome.SUCCESS
    components = directions[:, :k]
    components = components * np.sign(components[np.abs(components).argmax(axis=0), range(k)])
    return Subspace(
        mean, components, sizes**2 / (N - 1), float(np.sum(sizes**2) + lost) / (N - 1), N, outcome
    )


def _dimension(sizes, lost, floor, n, num_samples) -> tuple[int, Outcome | None]:
    """How many singular values are signal; with an outcome if it is not clear."""
    rank = min(n, num_samples - 1)
    if rank == 1:
        return 1, None if n == 1 else Outcome.FEW_SAMPLES
    # Directions that were left out are at most as strong as those kept, and at least this on
    # average; those kept may have come out too weak.
    tail = np.cumsum((sizes**2)[::-1])[::-1] + lost
    average = np.sqrt(tail[1:] / (rank - np.arange(1, len(sizes)))) if lost > 0 else 0.0
    ratios = np.maximum(sizes[:-1], floor) / np.maximum(np.maximum(sizes[1:], average), floor)
    if rank < n or num_samples < 2 * n:
        # With so few samples pure noise has a spectrum that falls to zero at its end.
        above = np.count_nonzero(sizes > floor)
        ratios = ratios[: max(1, above if above < rank else rank // 2)]
    clear = np.flatnonzero(ratios >= CLEAR_GAP)
    if len(clear) > 0:
        return int(clear[-1]) + 1, None
    return int(np.argmax(ratios)) + 1, Outcome.NO_CLEAR_GAP


def _relative_error(found, truth) -> float:
    if found.shape != truth.shape:
        raise InputError(
            f"latent states must have shape {found.shape}, as recovered, got {truth.shape}"
        )
    k = truth.shape[-1]
    found, truth = found.reshape(-1, k), truth.reshape(-1, k)
    spread = np.mean(np.sum((truth - truth.mean(axis=0)) ** 2, axis=1))
    return float(np.sqrt(np.mean(np.sum((found - truth) ** 2, axis=1)) / spread))
