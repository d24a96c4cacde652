"""``python -m benchmarks [names] [--quick] [--json FILE]``: answer every question in turn."""

import argparse
import json
import sys

from rich.console import Console

from benchmarks import (
    breadth,
    circuits,
    demo,
    fidelity,
    fit,
    inference,
    irreversibility,
    lyapunov,
    memory,
    neurons,
    simulation,
    stationary,
    subspace,
    verdicts,
)
from benchmarks.tables import machine
from driftmatch.atomic import atomic

QUESTIONS = {
    "simulation": simulation.run,
    "fit": fit.run,
    "diffusion": fidelity.diffusion,
    "fidelity": fidelity.run,
    "exponent": fidelity.exponent,
    "lyapunov": lyapunov.run,
    "stationary": stationary.run,
    "irreversibility": irreversibility.run,
    "irreversibility-peers": irreversibility.peers,
    "subspace": subspace.run,
    "inference": inference.grid,
    "inference-million": inference.million,
    "memory": memory.run,
    "neurons": neurons.run,
    "breadth": breadth.run,
    "circuits": circuits.run,
    "circuits-steered": circuits.steered,
    "circuits-sizes": circuits.sizes,
    "circuits-large": circuits.large,
    "verdicts": verdicts.run,
    "demo": demo.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(QUESTIONS)}; default all")
    parser.add_argument("--quick", action="store_true", help="a smaller version of each")
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in QUESTIONS:
            parser.error(f"there is no benchmark {name!r}: choose from {', '.join(QUESTIONS)}")
    console = Console(width=180)
    answers = {"machine": machine()}
    console.print(answers["machine"])
    for name in arguments.names or QUESTIONS:
        result = QUESTIONS[name](quick=arguments.quick)
        result.show(console)
        answers[name] = vars(result)
        if arguments.json:
            text = json.dumps(answers, indent=1, ensure_ascii=False, default=float)
            with atomic(arguments.json) as new:
                new.write_text(text, encoding="utf-8")
    missed = [v for a in answers.values() for v in a.get("verdicts", []) if not v["met"]]
    console.print(f"{len(missed)} requirements missed" if missed else "all requirements met")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
