import copy

import matplotlib as mpl
import pytest


@pytest.fixture(autouse=True)
def leaves_matplotlib_as_it_was():
    """No figure changes a global setting or leaves a figure with pyplot."""
    import matplotlib.pyplot as plt

    before = copy.deepcopy(dict(mpl.rcParams))
    yield
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []
