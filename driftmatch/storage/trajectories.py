"""Trajectories in files: NetCDF or Zarr, with named dimensions, through xarray."""

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from driftmatch.errors import InputError
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory
from driftmatch.storage.atomic import atomic
from driftmatch.storage.headers import check_header, new_header

if TYPE_CHECKING:
    import xarray


def save_trajectory(
    path: str | os.PathLike, run: Trajectory | NetworkTrajectory, *, neurons: bool = False
) -> None:
    """Write a run to a NetCDF file (``.nc``) or a Zarr folder (``.zarr``), bit for bit.

    The dimensions are `trajectory`, `time` (with the times) and `component`, for `states` of an
    SDE or `latent` of a network, and `neuron` for `neurons`. Attributes tell the name, the step
    dt, how the run ended, version and date.

    **Arguments**

    - `path`: where to; what is there is replaced once the new file is complete, and not before.
    - `run`: what `simulate` returned.
    - `neurons`: whether to write the neurons of a network too; they are large, and while a run
      stays on the subspace they follow from `latent`.

    Raises `InputError` if it cannot be saved like this, `ComputationError` if the system refuses
    to write.
    """
    if not isinstance(run, (Trajectory, NetworkTrajectory)):
        raise InputError(
            f"only what simulate returns can be saved, got {type(run).__name__}; a network or an "
            "SDE must be simulated first"
        )
    suffix = _suffix(path)
    dataset = _to_dataset(_xarray(suffix), run, neurons)
    with atomic(path) as new:
        if suffix == ".nc":
            # By way of memory: on a full disk the HDF5 library would take the process with it.
            new.write_bytes(dataset.to_netcdf(engine="h5netcdf"))
        else:
            dataset.to_zarr(new, mode="w", consolidated=False)


def load_trajectory(path: str | os.PathLike) -> "xarray.Dataset":
    """The run that `save_trajectory` wrote, in memory, as an xarray Dataset.

    Raises `InputError` if there is no such file, or if it is truncated, not a trajectory or
    written by a newer version.
    """
    suffix = _suffix(path)
    if not Path(path).exists():
        raise InputError(f"there is no file {path}: check the path")
    xr = _xarray(suffix)
    options = {"consolidated": False} if suffix == ".zarr" else {}
    try:
        dataset = xr.load_dataset(path, engine=_ENGINES[suffix], **options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(
            f"{path} is truncated or not a {suffix} file ({error}): copy it again, or save the "
            "run again"
        ) from error
    check_header(dataset.attrs, path, "a trajectory")
    return dataset


_ENGINES = {".nc": "h5netcdf", ".zarr": "zarr"}


def _suffix(path: str | os.PathLike) -> str:
    suffix = Path(path).suffix
    if suffix not in _ENGINES:
        raise InputError(
            f"trajectories are kept in .nc files (NetCDF) or .zarr folders, got {path}"
        )
    return suffix


def _xarray(suffix: str):
    """xarray, once it is known to have the engine that it needs; imported late, for it is slow."""
    if suffix == ".zarr" and importlib.util.find_spec("zarr") is None:
        raise InputError(
            ".zarr folders need the package zarr: pip install 'driftmatch[zarr]', or use .nc"
        )
    import xarray

    return xarray


def _to_dataset(xr, run: Trajectory | NetworkTrajectory, neurons: bool) -> "xarray.Dataset":
    paths = ("trajectory", "time")
    if isinstance(run, Trajectory):
        if neurons:
            raise InputError(f"{run.name} has no neurons: only runs of a network have")
        variables = {"states": ((*paths, "component"), run.states)}
    else:
        variables = {"latent": ((*paths, "component"), run.latent)}
        if neurons:
            variables["neurons"] = ((*paths, "neuron"), run.neurons)
    attributes = new_header(type(run).__name__) | {
        "name": run.name,
        "dt": run.dt,
        "outcome": str(run.outcome),
    }
    if run.reason is not None:
        attributes["reason"] = run.reason
    dataset = xr.Dataset(variables, coords={"time": run.times}, attrs=attributes)
    for name in dataset.variables:
        dataset[name].encoding["_FillValue"] = None  # numbers are kept as they are, NaN too
    return dataset
