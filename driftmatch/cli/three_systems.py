"""The three systems that the paper embeds, as `demo` and `paper` embed them."""

from typing import TYPE_CHECKING, Any

from driftmatch.cli.targets import Target
from driftmatch.meters import SILENT, AbstractMeter

if TYPE_CHECKING:
    from driftmatch.abstract_sde import AbstractSDE
    from driftmatch.embedding.embed import Embedding

SYSTEMS = (("van-der-pol", 64), ("lorenz", 512), ("dadras", 1024))
LABELS = {"van-der-pol": "Van der Pol", "lorenz": "Lorenz", "dadras": "Dadras"}


def embedded(
    system: str, neurons: int, seed: int, meter: AbstractMeter = SILENT, method: Any = "refined"
) -> "tuple[AbstractSDE, Embedding]":
    """A system and its embedding, the same that `driftmatch embed` makes with that seed."""
    import jax

    from driftmatch.embedding.embed import embed

    sde = Target.given(system).build()
    return sde, embed(
        sde, neurons, key=jax.random.key(seed), method=method, check=False, meter=meter
    )
