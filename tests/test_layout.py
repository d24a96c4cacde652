"""The order of the rooms: who may import whom."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import driftmatch

PACKAGE = Path(driftmatch.__file__).parent
MAX_LINES = 400
MAX_FUNCTION_LINES = 80

# From the ground up. A room may import from those on lower lines, and from itself.
GROUND = "abstract_sde drift_and_diffusion sde errors outcomes meters words activations precision "
GROUND += "evaluate grids shapes atomic "
GROUND += "version randomness flows arguments domain wrappers records closures compilation "
GROUND += "optional"
STOREYS = [
    [set(GROUND.split())],
    [{"network"}],
    [{"systems"}, {"simulation"}],
    [{"recordings"}],
    [{"sampling"}],
    [{"matching"}],
    [{"analysis"}],
    [{"embedding"}, {"inference"}],
    [{"memory"}],
    [{"figures"}, {"storage"}, {"export"}],
    [{"cli", "sweeps", "explorer", "__main__"}],
]
FORBIDDEN = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}

FILES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
MODULES = [name for name in FILES if name != "driftmatch"]


def place(module: str) -> tuple[int, int]:
    """The storey of a module and the room on it."""
    part = module.split(".")[1]
    for storey, rooms in enumerate(STOREYS):
        for room, names in enumerate(rooms):
            if part in names:
                return storey, room
    raise AssertionError(f"{module} belongs to no room: give it one in STOREYS")


def imports(tree: ast.AST, *, only_at_run_time: bool = False) -> set[str]:
    """Absolute names of what a module imports, anywhere in it: ``a.b`` for ``from a import b``."""
    skipped: set[ast.AST] = set()
    found = set()
    for node in ast.walk(tree):
        if only_at_run_time and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            skipped.update(n for child in node.body for n in ast.walk(child))
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def inside(names: set[str]) -> set[str]:
    """The modules of the package among these names; an attribute counts as the module it is in."""
    modules = set()
    for name in names:
        while name.startswith("driftmatch") and name not in FILES:
            name = name.rpartition(".")[0]
        if name.startswith("driftmatch"):
            modules.add(name)
    return modules


def violations(module: str, names: set[str]) -> list[str]:
    """Imports of a module that go up, or across to a neighbour."""
    storey, room = place(module)
    bad = []
    for other in inside(names) - {"driftmatch"}:
        other_storey, other_room = place(other)
        if other_storey > storey or (other_storey == storey and other_room != room):
            bad.append(other)
    return bad


def cycles(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    assert violations(module, imports(TREES[module])) == []


@pytest.mark.parametrize("module", MODULES)
def test_nothing_below_leans_on_the_public_face(module):
    """``driftmatch`` itself gathers everything, and nothing is taken from it."""
    own = {n for n in imports(TREES[module]) if inside({n}) == {"driftmatch"}}
    used = {
        f"driftmatch.{node.attr}"
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "driftmatch"
    }
    assert own | used == set()


def test_no_cycles():
    graph = {
        name: inside(imports(TREES[name], only_at_run_time=True)) - {name, "driftmatch"}
        for name in MODULES
    }
    assert cycles(graph) == []


@pytest.mark.parametrize("module", FILES)
def test_modules_are_one_idea(module):
    assert len(FILES[module].read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("module", FILES)
def test_nothing_runs_code_from_files(module):
    assert not {name.split(".")[0] for name in imports(TREES[module])} & FORBIDDEN


def test_every_test_mirrors_a_module():
    tests = Path(__file__).parent
    for path in tests.rglob("test_*.py"):
        folder = path.relative_to(tests).parent
        assert (PACKAGE / folder).is_dir(), f"{path} mirrors no folder of the package"


@pytest.mark.parametrize(
    ("module", "line", "bad"),
    [
        ("driftmatch.systems.chaos", "from driftmatch.sde import SDE", False),
        ("driftmatch.systems.chaos", "from driftmatch.systems import linear", False),
        ("driftmatch.systems.chaos", "import driftmatch.simulation", True),
        ("driftmatch.systems.chaos", "from driftmatch.simulation.loop import run", True),
        ("driftmatch.systems.chaos", "from driftmatch import simulation", True),
        ("driftmatch.systems.chaos", "def f():\n    from driftmatch.cli import main", True),
        ("driftmatch.sde", "from driftmatch.network import Network", True),
        ("driftmatch.analysis.compare", "from driftmatch.figures import style", True),
        ("driftmatch.cli.main", "from driftmatch.figures import style", False),
    ],
)
def test_the_order_can_be_broken(module, line, bad):
    """The negative twin of `test_imports_go_down`."""
    assert bool(violations(module, imports(ast.parse(line)))) == bad


def test_a_cycle_is_found():
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def code_lines(function: ast.FunctionDef) -> int:
    """Of a function, without its docstring."""
    documented = ast.get_docstring(function) is not None
    first = function.body[0]
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


@pytest.mark.parametrize("module", MODULES)
def test_functions_are_read_at_a_glance(module):
    tree = ast.parse(FILES[module].read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert not [f.name for f in functions if code_lines(f) > MAX_FUNCTION_LINES]


def test_the_count_of_lines_leaves_out_docstrings():
    source = 'def f():\n    """One.\n\n    Two.\n    """\n    return 1\n'
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert code_lines(function) == 2
