"""A scorecard of a faithful network, for tests of what is made of one."""

import numpy as np

from driftmatch.analysis.compare import Scorecard

CARD = Scorecard(
    drift_error=1e-3,
    noisy_drift_error=5e-3,
    local_error=2e-3,
    diffusion_error=0.0,
    state_space_divergence=0.011,
    state_space_divergence_floor=0.01,
    spectrum_distance=0.02,
    spectrum_distance_floor=0.019,
    sliced_wasserstein=0.01,
    sliced_wasserstein_floor=0.01,
    lyapunov_target=np.array([0.0, -1.0]),
    lyapunov_network=np.array([0.001, -1.01]),
    lyapunov_target_error=np.array([0.01, 0.02]),
    lyapunov_network_error=np.array([0.01, 0.02]),
    kaplan_yorke_target=1.0,
    kaplan_yorke_network=1.0,
    spurious_fraction=0.0,
    spurious_interval=(0.0, 0.01),
    spurious_fraction_box=None,
    spurious_interval_box=None,
    escaped_fraction=0.0,
    escaped_interval=(0.0, 0.01),
    num_starts=512,
    num_paths=512,
    time_scale=1.0,
    duration=1000.0,
    dt=0.04,
    num_trajectories=128,
)
