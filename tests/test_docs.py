"""The README and the docs: their examples run, their commands parse, their links lead somewhere."""

import inspect
import re
import shlex
from pathlib import Path

import pytest
import typer.main

import driftmatch as dm
from driftmatch.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}

# Pages whose examples train and judge many networks
SLOW = {"README.md"} | {
    f"docs/{page}.md"
    for page in (
        "analysis", "dwell", "embedding", "extending", "files", "figures", "fixed-points",
        "inference", "irreversibility", "lyapunov", "memory", "recall", "scorecard", "steering",
    )
}  # fmt: skip

_BLOCK = re.compile(r"^(<!-- not run -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str) -> list[tuple[int, str]]:
    """The code blocks of a language that are to be run, each with the number of its first line."""
    return [
        (text.count("\n", 0, match.start(3)) + 1, match[3])
        for match in _BLOCK.finditer(text)
        if match[2] == language and not match[1]
    ]


def run(text: str, name: str) -> None:
    """Run a page's Python blocks one after the other, as one program."""
    namespace = {"__name__": "page"}
    for line, code in blocks(text, "python"):
        # Padded, so that a traceback names the line of the page.
        exec(compile("\n" * (line - 1) + code, name, "exec"), namespace)


def commands(text: str) -> list[list[str]]:
    """The words of every `driftmatch` command in a page's bash blocks."""
    lines = (line for _, code in blocks(text, "bash") for line in code.splitlines())
    split = (shlex.split(line, comments=True) for line in lines)
    return [words[1:] for words in split if words and words[0] == "driftmatch"]


def parse(words: list[str]) -> None:
    """Parse a command line without running it; raises if there is no such command or option."""
    group = typer.main.get_command(app)
    group.commands[words[0]].make_context(words[0], words[1:])


def dead_links(text: str, folder: Path) -> list[str]:
    """The relative links of a page that lead to no file or, in a page, to no heading."""
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, heading = target.partition("#")
        if ":" in path:
            continue
        page = folder / path
        if not page.exists() or (heading and heading not in headings(page)):
            dead.append(target)
    return dead


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in found}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name, text in TEXTS.items()
        if blocks(text, "python")
    ],
)
def test_examples_run(name, tmp_path, monkeypatch, shapes_unchecked):  # as users run them
    monkeypatch.chdir(tmp_path)
    # The pages fit and judge networks thoroughly; here it is enough that they do so at all.
    monkeypatch.setitem(inspect.unwrap(dm.embed).__kwdefaults__, "method", "least-squares")
    for argument, value in {"duration": 60.0, "num_trajectories": 32, "num_starts": 16}.items():
        monkeypatch.setitem(inspect.unwrap(dm.compare).__kwdefaults__, argument, value)
    monkeypatch.setattr("driftmatch.analysis.fokker_planck.stationary._CELLS", {1: 200, 2: 96})
    monkeypatch.setattr("driftmatch.analysis.summary.TIMES", 20)
    if "Symmetric" in TEXTS[name]:  # which no other fit makes
        steps = dm.Refined(iterations=(4, 1))
        monkeypatch.setitem(inspect.unwrap(dm.embed).__kwdefaults__, "method", steps)
    run(TEXTS[name], name)


@pytest.mark.parametrize(
    "words", [w for text in TEXTS.values() for w in commands(text)], ids=" ".join
)
def test_commands_parse(words):
    parse(words)


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name):
    assert dead_links(TEXTS[name], (ROOT / name).parent) == []


def test_every_public_name_is_in_the_docs():
    words = set(re.findall(r"\w+", "".join(TEXTS.values())))
    assert set(dm.__all__) - {"__version__"} <= words


PAGE = """# A page

```python
x = 1
```

<!-- not run -->
```python
x = 2
```

```bash
driftmatch embed lorenz --seed 1  # a comment
python -m something
```

```python
assert x == {}
```

[here](#a-page)
"""


def test_blocks_are_found_and_share_a_namespace():
    assert [code for _, code in blocks(PAGE, "python")] == ["x = 1\n", "assert x == {}\n"]
    run(PAGE.format(1), "page")
    assert commands(PAGE) == [["embed", "lorenz", "--seed", "1"]]


def test_a_wrong_example_fails_at_its_line():
    with pytest.raises(AssertionError) as caught:
        run(PAGE.format(2), "page")
    assert caught.traceback[-1].lineno + 1 == PAGE.splitlines().index("assert x == {}") + 1


@pytest.mark.parametrize("words", [["embed", "lorenz", "--neuron", "9"], ["imbed"], ["embed"]])
def test_a_wrong_command_fails(words):
    with pytest.raises(Exception):  # noqa: B017, PT011
        parse(words)


def test_dead_links_are_found(tmp_path):
    (tmp_path / "page.md").write_text("# Here: a heading")
    text = "[a](page.md#here-a-heading) [b](page.md#there) ![c](c.png) [d](https://example.org)"
    assert dead_links(text, tmp_path) == ["page.md#there", "c.png"]
