"""``python -m benchmarks.markdown FILE … > docs/benchmarks.md``: results as a page of the docs."""

import json
import sys

INTRODUCTION = """# Benchmarks

`python -m benchmarks` (after `pip install -e '.[bench]'`; torchsde is used if it is there) answers
the questions below, each beside a peer in the same run, and exits with 1 if a requirement is
missed; `python -m benchmarks.markdown` writes this page from its JSON. Shared machines are noisy:
ratios say more than seconds.

To read with care: the requirements on seconds are for the fit alone; with the simulation of the
target and compilation ("all seconds") the ratios to back-propagation are 0.42, 0.27 and 0.28. The
number of refined steps was chosen on these systems with this table in view. Peak memory is that of
the process, and compilation's own peak hides what a network of 10⁵ neurons adds: that row shows no
more than an upper bound. The limits on errors in the ten-seed table are a third of Adam's (all of
it for Dadras) in the table of fits; they were set after Adam had been measured. Seconds of
`driftmatch demo` and `--help` were taken by hand with the shell's `time`. Seconds in the table of
memories were taken beside other work, so they are upper bounds. Of twelve 95 % intervals for
ln k₊/k₋ one may miss: two or more do in 12 % of runs.
"""


def cell(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    if isinstance(value, float) and value != value:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list):
        return ", ".join(cell(v) for v in value)
    return str(value).replace("|", "\\|")


def table(rows: list[dict]) -> str:
    columns = list(rows[0])
    lines = [
        "| " + " | ".join(columns) + " |",
        "|" + "|".join("--:" if i else "---" for i in range(len(columns))) + "|",
    ]
    lines += ["| " + " | ".join(cell(r.get(c, "")) for c in columns) + " |" for r in rows]
    return "\n".join(lines)


def main() -> None:
    print(INTRODUCTION)
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            answers = json.load(file)
        machine = answers.pop("machine")
        for result in answers.values():
            print(f"## {result['question']}\n")
            print(
                f"{machine['date']}, {machine['processor']}, {machine['cores']} cores, "
                f"JAX {machine['jax']}, NumPy {machine['numpy']}.\n"
            )
            print(table(result["rows"]) + "\n")
            print(table(result["verdicts"]) + "\n")


if __name__ == "__main__":
    main()
