"""Help, versions and exit codes, seen from outside."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import only_json

from driftmatch import __version__
from driftmatch.cli.main import app

HEAVY = ["jax", "numpy", "scipy", "matplotlib", "equinox", "diffrax", "xarray", "driftmatch.sde"]
COMMANDS = [
    "demo", "embed", "infer", "simulate", "compare", "analyse", "export", "paper", "list"
]  # fmt: skip


ROOT = str(Path(__file__).parents[2])


def driftmatch(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "driftmatch", *arguments],
        capture_output=True, text=True, timeout=120, **options,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_command(cli, arguments):
    result = cli(*arguments, code=0 if arguments else 2)
    for command in COMMANDS:
        assert f" {command} " in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(cli, command):
    assert f"Usage: driftmatch {command}" in cli(command, "--help").stdout.replace(
        "root", "driftmatch"
    )


def test_every_option_is_explained():
    import typer

    for command in typer.main.get_command(app).commands.values():
        for parameter in command.params:
            assert parameter.help, f"{command.name} {parameter.name}"


def test_help_imports_nothing_heavy():
    """Help must answer in under half a second, and loading JAX alone takes longer."""
    code = f"""if True:
        import sys
        from driftmatch.cli.main import app
        for arguments in ([], *([c] for c in {COMMANDS})):
            try:
                app([*arguments, "--help"])
            except SystemExit as end:
                assert end.code == 0, end.code
        print([m for m in {HEAVY} if m in sys.modules])
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout.splitlines()[-1] == "[]", run.stdout + run.stderr


def test_version(cli):
    assert cli("--version").stdout == f"driftmatch {__version__}\n"


def test_a_mistyped_command_gets_a_suggestion(rejects):
    assert "Did you mean 'embed'?" in rejects("embd", "lorenz")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistyped_option_is_refused(rejects, command):
    assert "--jsn" in rejects(command, *(["x"] if command in COMMANDS[1:7] else []), "--jsn")


@pytest.mark.parametrize("command", COMMANDS[1:7])
def test_the_argument_is_not_optional(rejects, command):
    assert "Missing argument" in rejects(command)


def test_json_from_outside():
    run = driftmatch("list", "--json")
    assert run.returncode == 0
    assert run.stderr == ""
    assert only_json(run)["systems"]


def test_bad_input_from_outside_where_there_is_ascii_alone(tmp_path):
    """The file's name and what went wrong in it arrive whatever the terminal can show."""
    (tmp_path / "\u00e9.py").write_text("1 / 0")
    plain = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    run = driftmatch("embed", "./\u00e9.py", cwd=tmp_path, env=plain | {"PYTHONPATH": ROOT})
    assert (run.returncode, run.stdout) == (2, "")
    assert re.fullmatch(
        r"error: (\\xe9|\\xc3\\xa9)\.py, line 1: ZeroDivisionError: division by zero\n", run.stderr
    )


def test_tables_and_help_where_there_is_ascii_alone():
    code = """if True:
        import sys
        from driftmatch.cli.main import main
        for arguments in (["embed", "--help"], ["list"]):
            sys.argv = ["driftmatch", *arguments]
            try:
                main()
            except SystemExit as end:
                assert not end.code, end.code
    """
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=120,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": ROOT, "COLUMNS": "80"},
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, b"")
    shown = run.stdout.decode("ascii")
    assert "sigma of the system's additive noise" in " ".join(shown.replace("|", " ").split())
    assert "dx = -Bx dt + sqrt(2D) dB" in shown
    table = shown[shown.index("van-der-pol ") :]
    assert max(map(len, table.splitlines())) <= 80


def test_a_reader_that_goes_away_is_no_error():
    """As in ``driftmatch list | head -0``."""
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(
        [sys.executable, "-m", "driftmatch", "list"],
        stdout=write, stderr=subprocess.PIPE, text=True, timeout=60,
    )  # fmt: skip
    os.close(write)
    assert "Traceback" not in run.stderr
    assert "error" not in run.stderr


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_meter_is_for_terminals_and_an_interrupted_run_is_saved(tmp_path, sent, code):
    """Ctrl-C, or what schedulers send, once the meter shows that steps are being taken."""
    from driftmatch.storage.trajectories import load_trajectory

    out = tmp_path / "run.nc"
    terminal, stderr = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "driftmatch", "simulate", "double-well", "--duration", "1e7",
         "--dt", "0.01", "--save-every", "1000", "--out", out],
        stdout=subprocess.PIPE, stderr=stderr, text=True, env=os.environ | {"TERM": "xterm"},
            # Shells start background jobs with the interrupt ignored, which would be inherited.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    os.close(stderr)
    seen, deadline = b"", time.monotonic() + 100
    # A sample is kept every ten units of time, and there must be one.
    while not re.search(rb"t = \d{3}", seen) and time.monotonic() < deadline:
        seen += os.read(terminal, 4096)
    process.send_signal(sent)
    printed, _ = process.communicate(timeout=100)
    assert b"loading" in seen
    assert process.returncode == code
    assert "interrupted" in printed
    assert "\x1b" not in printed
    run = load_trajectory(out)
    assert 1 < run.times.size < 1_000_000
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]
