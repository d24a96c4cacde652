"""Figures of records: each function draws what was computed elsewhere and returns what it drew.

Single panels take ``ax=None`` and return the axes; sheets take ``fig=None`` and return the figure.
None goes through pyplot, so they work without a display and leave no figure open; `save` writes
them. In every figure the target is blue and the network vermilion.
"""

from driftmatch.figures.attractors import Comparison as Comparison
from driftmatch.figures.attractors import attractor as attractor
from driftmatch.figures.attractors import compare_attractors as compare_attractors
from driftmatch.figures.densities import densities as densities
from driftmatch.figures.files import save as save
from driftmatch.figures.network import network_schematic as network_schematic
from driftmatch.figures.projection import View as View
from driftmatch.figures.scorecard import scorecard as scorecard
from driftmatch.figures.spectra import spectra as spectra
from driftmatch.figures.style import style as style
from driftmatch.figures.traces import neuron_traces as neuron_traces
