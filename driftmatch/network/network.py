r"""The low-rank recurrent network, an SDE in its latent coordinates and another one in its neurons.

    τ dx = [−x + W φ(x) + b + I(t)] dt + τ Γ S(x) dB + s√(2τ) dξ,    x ∈ R^n,    W = Γ W_s

The columns of Γ (``gamma``, n×k) are the "encoders" of the Neural Engineering Framework and the
vectors m of low-rank-RNN papers; the rows of W_s (``readout``, k×n) its decoders and the vectors n.
W is formed only when asked for: a step costs O(nk) and a network stores O(nk).
"""

import warnings
from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

import equinox as eqx
import numpy as np
from jaxtyping import Array, Complex, Float
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractNamed, AbstractSDE, check_starts
from driftmatch.activations import Activation, get_activation
from driftmatch.arguments import (
    as_list,
    check_array,
    check_count,
    check_non_negative,
    check_positive,
    check_text,
    check_vector,
    or_none,
)
from driftmatch.domain import check_coordinates
from driftmatch.errors import InputError, TruncationWarning
from driftmatch.network.connectivity import AbstractConnectivity, LowRank
from driftmatch.network.factors import factored
from driftmatch.network.lift import FEW, AbstractLift, affine, as_latent
from driftmatch.network.nengo_reader import read_nengo
from driftmatch.network.neural import NeuralSDE
from driftmatch.network.shared_noise import SharedNoise, check_shared_noise
from driftmatch.network.steering import InputRange, at_input, check_inputs, latent_input, range_of
from driftmatch.network.torch_reader import read_torch
from driftmatch.precision import like
from driftmatch.wrappers import Forced, Input, OverTau

Matrix = np.ndarray
NEGLIGIBLE = 0.01  # of ‖W‖²_F, which may be left out without a word


class Options(TypedDict, total=False):
    """What a `Network` takes by name, whichever way its connectivity comes."""

    shared_noise: SharedNoise | ArrayLike
    private_noise: float
    start: ArrayLike | None
    inputs: InputRange | None
    name: str
    time_scale: float | None
    coordinates: Sequence[str] | None
    units: Sequence[str] | None


class Network(AbstractNamed):
    r"""A continuous-time recurrent network of n neurons with connectivity W = Γ W_s of rank k.

        τ dx = [−x + W φ(x) + b + I(t)] dt + τ Γ S(x) dB + s√(2τ) dξ

    On its invariant affine subspace x = Γz + b it is the k-dimensional SDE

        dz = τ⁻¹[−z + W_s φ(Γz + b) + u(t)] dt + S dB

    exactly, at every n. This is the SDE that a `Network` is wherever one is taken; private noise
    leaves the subspace and is no part of it. In all of R^n it is an n-dimensional one (`neural`).

    If it is steered, I(t) = Γ_u u(t) with u ∈ R^p, which neurons filter, τ dū = (−ū + u) dt: ū are
    the last p latent coordinates, Γ = [Γ_z, Γ_u], and the last p rows of W_s are 0; see `at`.

    **Fields** (arrays are kept in float64 and used in the precision that JAX is set to)

    - `connectivity`: W and the `lift` of latent coordinates into neurons, made from
      `gamma`: Γ, shape (n, k); `readout`: W_s, shape (k, n); `bias`: b, shape (n,).
    - `tau`: the neural time constant τ > 0, in units of time.
    - `activation`: φ.
    - `shared_noise`: S; see `SharedNoise`.
    - `private_noise`: s ≥ 0, in units of x: alone it makes every neuron fluctuate with standard
      deviation s.
    - `starts`: latent states near the attractors, shape (A, k), or None; given as `start`, of this
      shape or of shape (k,).
    - `inputs`: the `InputRange`, of p dimensions, of what steers it, or None.
    - `name`: what it embeds; `coordinates`, `units`: names and units of z, or None.

    Arrays may be traced, under ``jax.jit``, ``jax.grad`` and ``jax.vmap``; only their shapes are
    checked then.
    """

    connectivity: AbstractConnectivity
    shared_noise: SharedNoise
    tau: float = eqx.field(static=True)
    private_noise: float = eqx.field(static=True)
    activation: Activation = eqx.field(static=True)
    _input_range: Float[Array | Matrix, "2 p"] | None

    def __init__(
        self,
        gamma: ArrayLike,
        readout: ArrayLike,
        bias: ArrayLike,
        *,
        tau: float = 1.0,
        activation: str | Activation = "tanh",
        shared_noise: SharedNoise | ArrayLike = 0.0,
        private_noise: float = 0.0,
        start: ArrayLike | None = None,
        inputs: InputRange | None = None,
        name: str = "network",
        time_scale: float | None = None,
        coordinates: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
    ):
        lift = affine(gamma, bias)
        n, k = lift.num_neurons, lift.latent_dim
        self.connectivity = LowRank(lift, check_array("readout", readout, (k, n)).copy())
        self.tau = check_positive("tau", tau)
        self.private_noise = check_non_negative("private_noise", private_noise)
        self.activation = get_activation(activation)
        self._input_range = check_inputs(inputs, self.readout)
        self.shared_noise = check_shared_noise(shared_noise, n, k, k - self.input_dim)
        self._starts = None if start is None else check_starts(start, k)
        self._name = check_text("name", name)
        self._time_scale = or_none(check_positive)("time_scale", time_scale)
        self._coordinates, self._units = check_coordinates(coordinates, units, k)

    @classmethod
    def from_connectivity(
        cls,
        W: ArrayLike | None = None,
        *,
        m: ArrayLike | None = None,
        n: ArrayLike | None = None,
        bias: ArrayLike | None = None,
        tau: float = 1.0,
        activation: str | Activation = "tanh",
        rank: int | None = None,
        **options: Unpack[Options],
    ) -> "Network":
        r"""The network  τ dx = [−x + W φ(x) + b] dt  of a matrix W, or of W = m n.

        Of W = U s Vᵀ the k largest components are kept, as Γ = √N U_k and W_s = s_k V_kᵀ/√N: then
        |z| is the root mean square of x − b over neurons, z_1 belongs to the largest component,
        and the largest entry of each column of Γ is positive. W itself, and all that the neurons
        do, is free of this choice.

        - `W`: shape (N, N). - `m`, `n`: connectivity vectors instead, shapes (N, k) and (k, N),
          kept as Γ and W_s; if columns of m depend on each other, coordinates are those of W.
        - `bias`: b, shape (N,), or None for 0. - `tau`: τ. - `activation`: φ.
        - `rank`: k. By default the numerical rank: of the singular values those above N ε s₁, with
          ε of the precision that W comes in.
        - `options`: as `Network` takes them. `start` may also be neurons, shape (N,) or (A, N), of
          which the nearest states of the subspace are taken, and if N = k is latent.

        Raises `InputError` for a W whose rank is above N/2 without `rank`, saying its spectrum, and
        for a time constant of each neuron's own. Warns by a `TruncationWarning` if more than 1 % of
        ‖W‖²_F is left out; `truncation` says what that does.

        Source of the vectors m and n: F. Mastrogiuseppe, S. Ostojic, Neuron 99, 609 (2018).
        """
        if as_list(tau) is not None:
            raise InputError(
                "tau must be one number for all neurons: with several, x = Γz + b is no invariant "
                "subspace; simulate the neurons themselves, as a driftmatch.SDE of N dimensions"
            )
        gamma, readout, left_out = factored(W, m, n, rank)
        lift = affine(gamma, np.zeros(len(gamma)) if bias is None else bias)
        if (start := options.get("start")) is not None:
            options["start"] = as_latent("start", start, lift)  # pyright: ignore[reportArgumentType]
        if left_out > NEGLIGIBLE:
            warnings.warn(
                f"rank {lift.latent_dim} leaves out {100 * left_out:.3g} % of ‖W‖²_F: "
                "driftmatch.truncation says what that does",
                TruncationWarning,
                stacklevel=2,
            )
        return cls(lift.gamma, readout, lift.bias, tau=tau, activation=activation, **options)

    @classmethod
    def from_torch(
        cls,
        source: Any,
        *,
        recurrent: str | Sequence[str] | None = None,
        bias: str | Sequence[str] | None = None,
        tau: float | None = None,
        dt: float | None = None,
        alpha: float | None = None,
        activation: str | Activation | None = None,
        rank: int | None = None,
        **options: Unpack[Options],
    ) -> "Network":
        r"""The network that was trained as  x ← x + α(−x + Wφ(x) + b)  in PyTorch.

        Rates that are filtered behind φ, r ← r + α(−r + φ(Wr + b)), are the same network: the
        currents x = Wr + b obey the first equation exactly. Weights of inputs and outputs are left
        to you: an input W_in u is the neural input I.

        - `source`: an ``nn.Module``, a state dict, or the path to a file with one, which
          ``torch.save`` or safetensors wrote; no code of a file is run. Dicts in dicts have names
          with dots.
        - `recurrent`: the name of W, or of its factors m (N, k) and n (k, N); if both are of shape
          (N, k) W = m nᵀ/N, as in papers. Found by itself if it is W, J, w_rec, W_hh, h2h.weight,
          recurrent.weight or the like and square, or m and n.
        - `bias`: the name of b, or of several vectors, which are added; () for none. Found by
          itself if there is one.
        - `tau`, or `dt` and `alpha`: the time constant, dt/α.
        - `activation`: φ; tanh by default, or what the module says.
        - `rank`, `options`: as in `from_connectivity`.

        ``nn.RNN`` is the map h ← φ(Wh + b), α = 1: it needs `alpha` = 1, and its rhythms are those
        of the network in Euler steps of dt = tau only. Modules of `export.torch` come back whole.

        Raises `InputError` for what is not clear, saying which names there are, and for a file that
        would run code.
        """
        found = read_torch(source, recurrent, bias, tau, dt, alpha, activation)
        found.update(options)
        return cls.from_connectivity(rank=rank, **found)

    @classmethod
    def from_nengo(
        cls,
        source: Any,
        *,
        connection: Any = None,
        rank: int | None = None,
        **options: Unpack[Options],
    ) -> "Network":
        r"""The network that an ensemble of Nengo makes with a connection to itself.

        Of encoders e, gains and biases, decoders and a low-pass synapse of constant τ,

            Γ = gain e/radius,    W_s = amplitude · transform · decoders,    b = bias,    z = input

        with z, b and time in Nengo's units. What else reaches the ensemble, inputs and noise, is
        left out. A connection between the neurons themselves is W.

        - `source`: a ``nengo.Simulator``, whose decoders are those of its run; of a
          ``nengo.Network`` one is built, whose decoders are others each time unless it has a seed.
        - `connection`: which one, if several lead from an ensemble to itself.
        - `rank`, `options`: as in `from_connectivity`.

        Raises `InputError` for neurons other than Tanh, Sigmoid and RectifiedLinear, and for other
        synapses than Lowpass. Source: C. Eliasmith, C. Anderson, *Neural Engineering* (2003).
        """
        found = read_nengo(source, connection)
        found.update(options)
        return cls.from_connectivity(rank=rank, **found)

    @property
    def lift(self) -> AbstractLift:
        """How latent coordinates lie in the neurons: ``lift(z)`` is x = Γz + b."""
        return self.connectivity.lift

    @property
    def gamma(self) -> Float[Array | Matrix, "n k"]:
        """Γ, shape (n, k)."""
        return self.lift.gamma

    @property
    def bias(self) -> Float[Array | Matrix, " n"]:
        """b, shape (n,)."""
        return self.lift.bias

    @property
    def readout(self) -> Float[Array | Matrix, "k n"]:
        """W_s, shape (k, n)."""
        return self.connectivity.readout

    @property
    def num_neurons(self) -> int:
        """n."""
        return self.lift.num_neurons

    @property
    def dim(self):
        return self.lift.latent_dim

    @property
    def latent_dim(self) -> int:
        """k, the `dim` of this SDE: the rank of the connectivity, and p more if it is steered."""
        return self.dim

    @property
    def inputs(self) -> InputRange | None:
        """The range of the input that steers it, or None."""
        return range_of(self)

    @property
    def input_dim(self):
        return 0 if self._input_range is None else self._input_range.shape[1]

    def at(self, input: ArrayLike) -> "Network":
        """The steered network at a constant u, shape (p,): of bias b + Γ_u u, without ū. Warns by
        an `ExtrapolationWarning` outside the range of `inputs`."""
        if self.input_dim == 0:
            return super().at(input)  # pyright: ignore[reportReturnType]
        return at_input(self, check_vector("input", input, self.input_dim))

    @property
    def noise_dim(self):
        return self.shared_noise.constant.shape[1]

    @property
    def has_constant_diffusion(self):
        return self.shared_noise.readout is None

    @property
    def W(self) -> Float[Array | Matrix, "n n"]:
        """The connectivity as one dense matrix, formed when asked for: n² numbers."""
        return self.connectivity.block(slice(None), slice(None))

    def eigenvalues(self) -> Complex[np.ndarray, " n"]:
        """Of W, the largest first, without forming it."""
        return self.connectivity.eigenvalues()

    def _rates(self, z):
        return self.activation(self.lift.spread(z))

    def drift(self, z):
        return (like(self.readout, z) @ self._rates(z) - z) / self.tau

    def diffusion(self, z):
        if self.has_constant_diffusion:
            return like(self.shared_noise.constant, z)
        return self.shared_noise(self._rates(z))

    def noise(self, z, dB):
        S = self.diffusion(z)
        if S.shape[1] > FEW:
            return S @ dB
        total = S[:, 0] * dB[0]
        for j in range(1, S.shape[1]):
            total = total + S[:, j] * dB[j]
        return total

    def latent(self, *, input: Input | None = None) -> AbstractSDE:
        """The SDE in z ∈ R^k without private noise, which leaves the subspace.

        `input`: u(t) of shape (k,), in units of z; it enters as the neural input I = Γu. Of shape
        (p,) it steers.
        """
        silent = self if self.private_noise == 0 else self.with_private_noise(0.0)
        if input is None:
            return silent
        return Forced(silent, OverTau(latent_input(self, input, (self.dim,)), self.tau))

    def neural(self, *, input: Input | None = None) -> NeuralSDE:
        """The network as n neurons, an SDE in x ∈ R^n.

        `input`: I(t) of shape (n,), or u(t) of shape (k,) for I = Γu, or of (p,) for Γ_u u.
        """
        return NeuralSDE(self, latent_input(self, input, (self.dim, self.num_neurons)))

    def project(self, x: Float[Any, "... n"]) -> Float[Any, "... k"]:
        """z = Γ⁺(x − b), the coordinates of the nearest point of the subspace."""
        return self.lift.project(x)

    @property
    def stays_on_subspace(self) -> bool:
        """Whether neurons that begin on x = Γz + b stay there."""
        return self.private_noise == 0 and self.connectivity.keeps_subspace

    def with_private_noise(self, private_noise: float) -> "Network":
        """The same network with another private noise s."""
        return self._with(private_noise=check_non_negative("private_noise", private_noise))

    def split(self, copies: int) -> "Network":
        """A network of `copies` times as many neurons with the same latent SDE.

        The copies of a neuron receive what it received and send together what it sent; private
        noise, which they do not share, moves z by √copies less.
        """
        copies = check_count("copies", copies)
        W, S = self.connectivity.split(copies), self.shared_noise.split(copies)
        return self._with(connectivity=W, shared_noise=S)

    def for_loop(self) -> "Network":
        """The same network, laid out for a loop, and not to be changed."""
        return self._with(connectivity=self.connectivity.for_loop())

    def _with(self, **fields: Any) -> "Network":
        """The same network but for these fields."""
        other = object.__new__(type(self))
        for name in type(self).__dataclass_fields__:
            object.__setattr__(other, name, fields.get(name, getattr(self, name)))
        return other

    def __repr__(self):
        private = f", private_noise={self.private_noise:g}" if self.private_noise else ""
        return (
            f"Network({self.name!r}, {self.num_neurons} neurons of rank "
            f"{self.dim - self.input_dim}, tau={self.tau:g}, {self.activation.name}{private}"
            f"{f', input_dim={self.input_dim}' * (self.input_dim > 0)})"
        )
