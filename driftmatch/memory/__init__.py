"""Memories: attractors that inputs switch between and that currents walk through."""

from typing import TYPE_CHECKING

from driftmatch.memory.associative import AssociativeMemory, associative_memory
from driftmatch.memory.capacity import Capacity, capacity
from driftmatch.memory.curves import RecallCurve, recall_curve
from driftmatch.memory.dwell import Dwell, dwell
from driftmatch.memory.first_passage import GridFunction, committor, mean_first_passage
from driftmatch.memory.hopfield import HopfieldNetwork, HopfieldRecall
from driftmatch.memory.landscape import Landscape, landscape
from driftmatch.memory.passage_times import PassageTimes, passage_times
from driftmatch.memory.rates import Rate
from driftmatch.memory.recall import Recall, corrupt, recall
from driftmatch.memory.recall_experiment import RecallExperiment, recall_experiment
from driftmatch.memory.regions import Regions, cores
from driftmatch.memory.sequential import Walk, WalkCurve, walk, walk_curve
from driftmatch.memory.switching import Switching, switch
from driftmatch.memory.switching_experiment import SwitchingExperiment, switching_experiment
from driftmatch.memory.tilt import Tilt, reachable, tilt_toward
from driftmatch.memory.tilted_minima import TiltedMinima, follow_minima
from driftmatch.memory.trials import AbstractTrials, Pooled, pooled
from driftmatch.memory.walk_experiment import WalkExperiment, walk_experiment
from driftmatch.words import no_attribute

__all__ = [
    "AbstractTrials",
    "AssociativeMemory",
    "Capacity",
    "Dwell",
    "GridFunction",
    "HopfieldNetwork",
    "HopfieldRecall",
    "Landscape",
    "PassageTimes",
    "Pooled",
    "Rate",
    "Recall",
    "RecallCurve",
    "RecallExperiment",
    "Regions",
    "Switching",
    "SwitchingExperiment",
    "Tilt",
    "TiltedMinima",
    "Walk",
    "WalkCurve",
    "WalkExperiment",
    "associative_memory",
    "capacity",
    "committor",
    "cores",
    "corrupt",
    "dwell",
    "follow_minima",
    "landscape",
    "mean_first_passage",
    "passage_times",
    "pooled",
    "reachable",
    "recall",
    "recall_curve",
    "recall_experiment",
    "switch",
    "switching_experiment",
    "tilt_toward",
    "walk",
    "walk_curve",
    "walk_experiment",
]

if not TYPE_CHECKING:  # or else every name would pass

    def __getattr__(name: str):
        raise no_attribute(__name__, name, __all__)
