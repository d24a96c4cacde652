"""Figures of records: each function draws what was computed elsewhere and returns what it drew.

Panels take the axes to draw in as ``ax=`` and return them; sheets take a figure, or a part of one,
as ``fig=`` and return it; both make one of their own by default. None goes through pyplot, so they
work without a display and leave no figure open; `save` writes them. In every figure the target is
blue and the network vermilion. What figures are built of is in `parts`.
"""

from typing import TYPE_CHECKING

from driftmatch.figures.asymmetry import asymmetry_front as asymmetry_front
from driftmatch.figures.attractors import Comparison as Comparison
from driftmatch.figures.attractors import attractor as attractor
from driftmatch.figures.attractors import compare_attractors as compare_attractors
from driftmatch.figures.balance import balance as balance
from driftmatch.figures.bifurcation import bifurcation as bifurcation
from driftmatch.figures.curves import capacity as capacity
from driftmatch.figures.curves import recall_curve as recall_curve
from driftmatch.figures.curves import success as success
from driftmatch.figures.densities import densities as densities
from driftmatch.figures.dwell import jump_rates as jump_rates
from driftmatch.figures.dwell import survival as survival
from driftmatch.figures.dwell import transitions as transitions
from driftmatch.figures.dwell import turns as turns
from driftmatch.figures.dwell import visits as visits
from driftmatch.figures.files import save as save
from driftmatch.figures.films import animate_switching as animate_switching
from driftmatch.figures.films import animate_walk as animate_walk
from driftmatch.figures.first_passage import first_passage as first_passage
from driftmatch.figures.fixed_points import eigenvalues as eigenvalues
from driftmatch.figures.fixed_points import fixed_points as fixed_points
from driftmatch.figures.helmholtz_hodge import helmholtz_hodge as helmholtz_hodge
from driftmatch.figures.inference import inference as inference
from driftmatch.figures.irreversibility import compare_irreversibility as compare_irreversibility
from driftmatch.figures.irreversibility import irreversibility as irreversibility
from driftmatch.figures.landscape import landscape as landscape
from driftmatch.figures.lyapunov import lyapunov as lyapunov
from driftmatch.figures.lyapunov import lyapunov_history as lyapunov_history
from driftmatch.figures.network import network_schematic as network_schematic
from driftmatch.figures.parts.projection import View as View
from driftmatch.figures.parts.style import style as style
from driftmatch.figures.recall import recall as recall
from driftmatch.figures.recall_film import animate_recall as animate_recall
from driftmatch.figures.robustness import robustness_front as robustness_front
from driftmatch.figures.scorecard import scorecard as scorecard
from driftmatch.figures.spectra import spectra as spectra
from driftmatch.figures.stationary import potential as potential
from driftmatch.figures.stationary import stationary as stationary
from driftmatch.figures.subspace import Recovery as Recovery
from driftmatch.figures.subspace import subspace as subspace
from driftmatch.figures.summary import summary as summary
from driftmatch.figures.switching import switching as switching
from driftmatch.figures.symmetry import symmetry as symmetry
from driftmatch.figures.symmetry import symmetry_sheet as symmetry_sheet
from driftmatch.figures.tilted_minima import tilted_minima as tilted_minima
from driftmatch.figures.traces import neuron_traces as neuron_traces
from driftmatch.figures.walk import walk as walk
from driftmatch.figures.walk_curve import walk_curve as walk_curve
from driftmatch.words import no_attribute

if not TYPE_CHECKING:  # or else every name would pass

    def __getattr__(name: str):
        raise no_attribute(__name__, name, [n for n in globals() if n[0] != "_"])
