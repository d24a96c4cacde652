"""`infer` on the command line, with an invented inference in place of a long one."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from commands import only_json
from inferred import INFERENCE

import driftmatch as dm
from driftmatch.storage.models import read_header

GOOD = replace(
    INFERENCE, outcome=dm.Outcome.SUCCESS, reason=None, entropy_production=1.5,
    entropy_production_error=0.2, findings=("corrected for the interval",),
)  # fmt: skip


@pytest.fixture
def given(monkeypatch):
    """`infer` replaced by a record of its calls; `found` is what it returns."""
    calls = []

    def infer(recording, **options):
        calls.append({"recording": recording} | options)
        return infer.found

    infer.found = GOOD
    monkeypatch.setattr("driftmatch.inference.infer.infer", infer)
    return calls, infer


@pytest.fixture
def fish(tmp_path):
    t = 0.12 * np.arange(60)
    rows = np.column_stack([t, np.sin(t), np.cos(t), np.arange(60) // 30])
    np.savetxt(tmp_path / "fish.csv", rows, delimiter=",", header="when,mx,my,shoal", comments="")
    return "fish.csv"


def test_a_report(cli, given, fish):
    shown = cli("infer", fish, "--columns", "mx,my", "--dt", "0.12").stdout
    words = " ".join(shown.split())
    assert "a cell: 40 samples of V, phase, every 0.100, in 2 pieces" in words
    assert "expected drift error 10 %" in words
    assert "expected diffusion error 5.0 %" in words
    assert "sampling, Δt‖∇f‖ coarse, 0.10" in words
    assert "entropy production, k_B per unit time 1.5 ± 0.2" in words
    assert "\nsuccess\n– corrected for the interval\n" in shown
    assert "next driftmatch infer fish.csv --neurons 128" in words
    assert "saved" not in shown


def test_what_speaks_against_it_is_said_once(cli, given, fish):
    given[1].found = replace(INFERENCE, findings=(*INFERENCE.findings, "corrected for noise"))
    shown = cli("infer", fish, "--columns", "mx,my", "--dt", "0.12").stdout
    assert shown.count("what is left over of steps is correlated, by up to 0.3") == 1
    assert "– corrected for noise" in shown
    (line,) = [line for line in shown.splitlines() if line.startswith("entropy production")]
    assert line.split()[-1] == "–"


def test_the_file_is_read_as_it_was_told(cli, given, fish):
    cli("infer", fish, "--columns", "2,mx", "--time", "when", "--segment", "shoal", "--units",
        "rad,", "--periodic", "6.3,-", "--components", "1", "--lag", "2", "--chunks")  # fmt: skip
    (call,) = given[0]
    recording = call["recording"]
    assert recording.coordinates == ("my", "mx")
    assert recording.units == ("rad", "")
    assert recording.periodic == (6.3, None)
    assert recording.num_segments == 2
    assert recording.dt == pytest.approx(0.12)
    assert isinstance(recording.states, np.memmap)
    assert (call["components"], call["lag"]) == (1, 2)


def test_a_network_is_saved_with_what_is_known_of_its_target(cli, given, fish, embedded):
    shown = cli("infer", fish, "--dt", "1", "--columns", "mx,my", "--neurons", "32").stdout
    assert "in 32 neurons" in shown
    assert "saved  fish.safetensors" in shown
    assert "next   driftmatch analyse fish.safetensors" in shown
    assert embedded[0]["sde"] is GOOD.sde
    assert dm.load("fish.safetensors").num_neurons == 32
    header = read_header("fish.safetensors")
    assert header["recording"] == "a cell"
    assert header["inference"]["outcome"] == "success"
    assert "fish.safetensors exists already" in cli(
        "infer", fish, "--neurons", "32", code=2
    ).stderr.replace("\n", " ")


def test_without_neurons_all_that_was_inferred_is_saved(cli, given, fish):
    cli("infer", fish, "--dt", "1", "--columns", "mx,my", "--out", "all.safetensors")
    found = dm.load("all.safetensors")
    assert isinstance(found, dm.Inference)
    z = jnp.array([-60.0, 10.0])
    np.testing.assert_allclose(found.sde.drift(z), GOOD.sde.drift(z))


def test_a_figure_is_drawn(cli, given, fish, tmp_path):
    shown = cli("infer", fish, "--dt", "1", "--columns", "mx,my", "--figure", "fish.png").stdout
    assert "drawn  fish.png" in shown
    assert (tmp_path / "fish.png").read_bytes()[:4] == b"\x89PNG"


def test_json(cli, given, fish):
    options = "infer", fish, "--dt", "1", "--columns", "mx,my", "--json"
    record = only_json(cli(*options))
    assert record["recording"] == "fish.csv"
    assert record["coordinates"] == ["V", "phase"]
    assert record["outcome"] == "success"
    assert record["sampling"] == "coarse"
    assert record["measurement_noise"] == [[0.01, 0.0], [0.0, 0.01]]
    assert (record["embedding"], record["out"], record["figure"]) == (None, None, None)
    given[1].found = INFERENCE
    assert only_json(cli(*options))["entropy_production"] is None


def test_json_of_a_network(cli, given, fish, embedded):
    record = only_json(cli("infer", fish, "--dt", "1", "--columns", "mx,my", "-n", "16", "--json"))
    assert record["embedding"]["neurons"] == 16
    assert record["embedding"]["report"]["drift_error"] == 1e-3
    assert record["out"] == "fish.safetensors"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--columns", "mx,mz"), "has no column 'mz'"),
        (("--columns", "mx"), "pass dt"),
        (("--columns", "mx", "--dt", "0.1", "--periodic", "x"), "--periodic must be periods"),
        (("--columns", "mx", "--dt", "0.1", "--units", "a,b"), "units must be"),
        (("--dt", "-1"), "dt must be"),
        (("--out", "net.txt"), "--out must end in .safetensors"),
        (("--figure", "fish.gif"), "--figure must end in"),
    ],
)
def test_what_is_wrong_is_one_sentence(fails, given, fish, options, message):
    assert message in fails("infer", fish, *options)


def test_there_is_no_such_file(fails):
    assert "there is no file gone.csv" in fails("infer", "gone.csv")


def test_a_recording_that_says_nothing(fails, tmp_path):
    """The refusal of the library itself."""
    np.savetxt(tmp_path / "still.csv", np.ones((99, 1)))
    assert "must change" in fails("infer", "still.csv", "--dt", "1")
