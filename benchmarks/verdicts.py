"""Is the word success true?

Flows of dysts without noise, a third of them drawn at random, and systems of the bank, all embedded
with default settings; `embed`'s outcome, from a moment's look, beside what `compare` finds at
length. Unfaithful is a network whose density is 1.5 times its floor away and more than 0.05 nats or
0.02 standard deviations beyond it, whose spectrum is so and by 0.02, whose largest exponent is 15 %
and 4 standard errors off, or that leads more than 2 % of starts astray or loses as many paths.
`embed` misses it if it says success; a false alarm is another outcome where there is none of that.
What is UNJUDGED is neither, and left out of both shares.
"""

import jax
import numpy as np

import driftmatch as dm
from benchmarks import bank
from benchmarks.tables import Result
from driftmatch.systems.dysts import flow_names, from_dysts

SEED = 0  # of the draw
KEY = jax.random.key(0)


def run(quick: bool = False, neurons: int = 512) -> Result:
    """Embed and compare them in turn."""
    result = Result("Is the word success true?")
    chosen = np.random.default_rng(SEED).permutation(flow_names())
    flows = sorted(chosen[: len(chosen) // (30 if quick else 3)])
    systems = {f"dysts:{name}": lambda name=name: from_dysts(name) for name in flows}
    if not quick:
        systems |= OTHERS
    for name, build in systems.items():
        result.rows.append({"system": name} | _row(build, neurons))
        print(result.rows[-1], flush=True)
    known = [r for r in result.rows if r["faithful"] is not None]
    judged = [r for r in known if r["embed"] != "UNJUDGED"]
    missed = [r for r in judged if not r["faithful"] and r["embed"] == "SUCCESS"]
    alarms = [r for r in judged if r["faithful"] and r["embed"] != "SUCCESS"]
    unfaithful = sum(not r["faithful"] for r in judged)
    ours = [r for r in result.rows if r["system"].startswith("dysts")]
    small = sum(r["ε_f"] is not None and r["ε_f"] <= 1e-2 for r in ours)
    result.require("flows of dysts with ε_f ≤ 1e-2, of all", small / len(ours), 0.9, at_least=True)
    result.require("raw exceptions", sum("Error" in r["embed"] for r in result.rows), 0)
    result.require("unfaithful networks called so", 1 - len(missed) / max(unfaithful, 1), 0.95,
                   at_least=True)  # fmt: skip
    result.require("false alarms, of faithful ones",
                   len(alarms) / max(len(judged) - unfaithful, 1), 0.03)  # fmt: skip
    result.rows.append({"system": f"unjudged: {len(known) - len(judged)} of {len(known)}"})
    return result


OTHERS = {
    "Rössler": bank.rossler,
    "van der Pol 5": lambda: bank.van_der_pol(5.0),
    "van der Pol 20": lambda: bank.van_der_pol(20.0),
    "Hindmarsh–Rose": bank.hindmarsh_rose,
    "Chua": bank.chua,
    "Duffing": bank.duffing,
    "Stuart–Landau": bank.stuart_landau,
    "Rosenzweig–MacArthur": bank.rosenzweig,
    "epidemic": bank.epidemic,
    "Maier–Stein": bank.maier_stein,
    "Langevin": bank.langevin,
    "Lorenz": dm.systems.lorenz,
    "van der Pol": dm.systems.van_der_pol,
    "ring of wells": dm.systems.ring_of_wells,
}


def _row(build, neurons: int) -> dict:
    blank = dict.fromkeys(("ε_f", "ε_ℓ", "D over floor", "W", "W floor", "λ target", "λ network",
                           "astray", "faithful"))  # fmt: skip
    try:
        sde = build()
        samples = dm.sample(sde, key=KEY)
        embedding = dm.embed(sde, neurons, key=KEY, samples=samples)
    except (dm.InputError, dm.ComputationError) as error:  # refused in words
        return blank | {"embed": "refused", "reason": str(error)}
    except Exception as error:
        return blank | {"embed": type(error).__name__, "reason": str(error)}
    row = {"ε_f": embedding.report.drift_error, "ε_ℓ": embedding.report.local_error}
    said = {"embed": embedding.outcome.name, "reason": embedding.reason or ""}
    try:
        card = dm.compare(sde, embedding.network, key=KEY, samples=samples)
    except (dm.InputError, dm.ComputationError) as error:  # the network diverges
        return blank | row | said | {"faithful": False, "reason": f"compare: {error}"}
    except Exception as error:
        return blank | row | {"embed": type(error).__name__, "reason": str(error)}
    return row | {
        "D over floor": card.state_space_divergence / max(card.state_space_divergence_floor, 1e-9),
        "W": card.sliced_wasserstein,
        "W floor": card.sliced_wasserstein_floor,
        "λ target": float(card.lyapunov_target[0]),
        "λ network": float(card.lyapunov_network[0]),
        "astray": card.spurious_fraction,
        "faithful": _is_faithful(card),
    } | said  # fmt: skip


def _is_faithful(card: dm.Scorecard) -> bool:
    def is_off(distance, floor, least):
        return not (distance <= 1.5 * floor or distance <= floor + least)

    target, network = card.lyapunov_target[0], card.lyapunov_network[0]
    error = np.hypot(card.lyapunov_target_error[0], card.lyapunov_network_error[0])
    is_chaotic = target > max(4 * card.lyapunov_target_error[0], 1e-3 / card.time_scale)
    other = is_chaotic and not (abs(network - target) <= 0.15 * target + 4 * error)
    astray = max(
        f for f in (card.spurious_fraction, card.spurious_fraction_box, 0) if f is not None
    )
    return not (
        other
        or is_off(card.state_space_divergence, card.state_space_divergence_floor, 0.05)
        or is_off(card.spectrum_distance, card.spectrum_distance_floor, 0.02)
        or is_off(card.sliced_wasserstein, card.sliced_wasserstein_floor, 0.02)
        or astray > 0.02
        or card.escaped_fraction > 0.02
    )
