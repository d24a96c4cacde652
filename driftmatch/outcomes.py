"""How a computation ended, as an enumeration whose values are sentences."""

import enum


class Outcome(enum.Enum):
    """The outcome that records carry in their field ``outcome``; ``str()`` gives the sentence."""

    SUCCESS = "success"
    MORE_NEURONS = "the drift error is above 10 %: use more neurons"
    MORE_NEURONS_DIFFUSION = "the diffusion error is above 10 %: use more neurons"
    FRAGILE = "readout weights are so large that single precision or noise spoils the drift"
    ESCAPES = "the network leaves the states that its target visits"
    OTHER_DENSITY = "the network's stationary density is not its target's"
    OTHER_SPECTRUM = "the network's rhythm, its power spectrum, is not its target's"
    OTHER_EXPONENT = "the network's largest Lyapunov exponent is not its target's"
    UNJUDGED = (
        "what was seen in a moment agrees with the target, whose trajectories mix too slowly to "
        "see more: compare them at length"
    )
    OFF_SUBSPACE = "neurons leave the subspace: give each more inputs, or lower tau"
    STRAYS = "from far away the network ends where its target does not"
    NON_FINITE = "the run became non-finite"
    OUTSIDE_INPUTS = "the input left the range on which the network was matched: see network.inputs"
    DRIFTING = "the trajectories still drift after all the steps that were allowed: start nearer"
    NOT_MIXING = "trajectories stay on attractors of their own, with unknown weights"
    UNCONFINED = "trajectories leave for ever: there is no stationary density"
    FREE = "nothing depends on a coordinate that moves for ever: there is no stationary density"
    ABSORBED = "trajectories are absorbed where the noise vanishes: nothing else is stationary"
    MOVING_TOGETHER = (
        "trajectories still settle or move together: the errors, though widened where that shows, "
        "may be too small; lengthen burn_in"
    )
    PARALLEL_TANGENTS = (
        "tangents turn parallel between two factorisations, so small exponents are lost: lower "
        "qr_every"
    )
    INTERRUPTED = "interrupted: what had been computed until then is kept"
    CLIPPED = "probability sits at the walls of the grid: use a wider box"
    COARSE = "the grid is too coarse for so little noise: use more cells or a smaller box"
    UNCONVERGED = "the sparse solver did not converge: use fewer cells or more noise"
    RARE_PASSAGES = (
        "passages between wells are so rare that rounding errors hide them: use more noise, or a "
        "grid around one of the wells"
    )
    OVERSHOT = "steps of dt lead further than the states are wide: lower dt"
    SEVERAL_ATTRACTORS = (
        "trajectories differ by more than their own scatter: they are on several attractors; "
        "choose one by start"
    )
    TRANSIENT = "the trajectories are not stationary yet: leave out their beginning, or run longer"
    CUT_SHORT = (
        "the run was cut short, lest it take minutes, so its errors are larger: pass a route with "
        "a duration, if they are to be smaller"
    )
    UNDERSAMPLED = "there are too few samples for so many features: run longer"
    UNRESOLVED = "the features do not resolve the score: use more of them, or another method"
    COARSE_SAMPLING = "the samples are too far apart in time for a path's currents: use a finer dt"
    NO_CLEAR_GAP = "the spectrum has no clear gap: record for longer, or give num_components"
    FEW_SAMPLES = "there are too few samples for so many components: record for longer"
    OTHER_SUBSPACE = "the recorded subspace is not the network's: latent states are not recovered"
    CONTINUUM = "the fixed points form a continuum, of which a few are given"
    SLOW_CONTINUUM = "the slow points form a continuum, of which a few are given"
    MISSED_POINTS = (
        "the flow enters the box everywhere, but the indices of the fixed points do not add up to "
        "one: use more starts"
    )
    UNVISITED = "a region was never visited: record for longer, or begin there"
    FEW_EVENTS = "there were fewer than ten events, so the rate says little: record for longer"
    CENSORED = "some had not arrived when the run ended: lengthen it, or trust exponential times"
    OTHER_DRIFT = "what was left out changes the drift by more than 10 %: raise the rank"
    OTHER_STABILITY = "what was left out decides whether the rest state is stable: raise the rank"
    PATHS_PART = (
        "paths of the whole network and of what was kept end apart: raise the rank, unless the "
        "network is chaotic"
    )
    FEW_HITS = "a point was reached from one start only, others may be missing: use more starts"

    COARSE_RECORDING = (
        "the samples are too far apart for the dynamics: record with a shorter interval"
    )
    MODEL_LEAVES = (
        "the model, simulated, leaves what was recorded: record for longer, or over more of the "
        "states"
    )
    UNCERTAIN_DRIFT = "the recording is too short to tell its drift: record for longer"
    UNCERTAIN_DIFFUSION = "the recording is too short to tell its diffusion: record for longer"
    MEASUREMENT_NOISE = (
        "measurement noise hides the diffusion or was not corrected for: record with less of it, "
        "or for longer, and leave measurement_noise out"
    )
    NOT_MARKOV = (
        "what the model leaves over is not white: something that was not recorded has a memory; "
        "add coordinates or delays, or pass a larger lag"
    )
    NOT_NORMAL = "what the model leaves over is not normal: remove outliers and jumps"
    FORCED_DIFFUSION = (
        "the diffusion was kept positive by force at many states: record for longer there"
    )
    OTHER_STATES = (
        "the model, simulated, does not visit the states as the recording does: record for longer"
    )

    def __str__(self) -> str:
        return self.value

    @property
    def ok(self) -> bool:
        """Whether the result can be used without a second thought."""
        return self is Outcome.SUCCESS
