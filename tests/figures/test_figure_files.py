import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from driftmatch.errors import ComputationError, InputError
from driftmatch.figures import save, style
from driftmatch.figures.style import panel


@pytest.fixture
def fig():
    fig = Figure(figsize=(1, 1))
    fig.add_subplot().plot([0, 1])
    return fig


@pytest.mark.parametrize(
    ("ending", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?")]
)
def test_files_are_what_their_ending_says_and_the_same_each_time(fig, tmp_path, ending, magic):
    first = save(fig, tmp_path / f"a.{ending}").read_bytes()
    second = save(fig, tmp_path / f"b.{ending.upper()}").read_bytes()
    assert first.startswith(magic)
    assert first == second
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"a.{ending}", f"b.{ending.upper()}"]


def test_a_failure_leaves_the_old_file_and_nothing_else(fig, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def full_disk(self, name, **kwargs):
        with open(name, "wb") as file:
            file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full_disk)
    with pytest.raises(ComputationError, match="no space left"):
        save(fig, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_bad_paths_are_refused(fig, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"\.png, \.pdf or \.svg"):
        save(fig, tmp_path / "a.txt")
    with pytest.raises(InputError, match="is no folder"):
        save(fig, tmp_path / "file" / "a.png")


def test_style_holds_inside_and_is_undone_by_an_error():
    before = mpl.rcParams["font.size"]

    @style()
    def fails():
        assert mpl.rcParams["font.size"] != before
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert mpl.rcParams["font.size"] == before


def test_axes_and_their_parts_are_saved_whole(fig, tmp_path):
    whole, of_axes = tmp_path / "whole.png", tmp_path / "axes.png"
    save(fig, whole)
    save(fig.axes[0], of_axes)
    assert whole.read_bytes() == of_axes.read_bytes()


def test_the_other_order_is_named(fig, tmp_path):
    with pytest.raises(InputError, match=r"the figure first and then the path: save\(fig, path\)"):
        save(tmp_path / "a.png", fig)
    with pytest.raises(InputError, match="fig must be a figure or axes of one, got int"):
        save(3, tmp_path / "a.png")


def test_notebooks_show_figures_and_axes():
    ax = panel(None)
    ax.plot([0, 1], [0, 1])
    for picture in (ax._repr_png_(), ax.figure._repr_png_()):
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 2000
