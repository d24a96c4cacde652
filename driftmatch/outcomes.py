"""How a computation ended, as an enumeration whose values are sentences."""

import enum


class Outcome(enum.Enum):
    """The outcome that records carry in their field ``outcome``; ``str()`` gives the sentence."""

    SUCCESS = "success"
    MORE_NEURONS = "the drift error is above 10 %: use more neurons"
    MORE_NEURONS_DIFFUSION = "the diffusion error is above 10 %: use more neurons"
    FRAGILE = "readout weights are so large that single precision or noise spoils the drift"
    NON_FINITE = "the run became non-finite"
    INTERRUPTED = "interrupted: what had been computed until then is kept"

    def __str__(self) -> str:
        return self.value

    @property
    def ok(self) -> bool:
        """Whether the result can be used without a second thought."""
        return self is Outcome.SUCCESS
