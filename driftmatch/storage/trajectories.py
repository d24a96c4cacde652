"""Trajectories in files: NetCDF or Zarr, with named dimensions, through xarray."""

import importlib.util
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from driftmatch.atomic import as_path, atomic
from driftmatch.errors import InputError
from driftmatch.outcomes import Outcome
from driftmatch.simulation.trajectory import NetworkTrajectory, Run, Trajectory
from driftmatch.storage.headers import (
    CHECKSUM,
    UNCHECKED,
    check_checksum,
    check_header,
    checksum,
    new_header,
)
from driftmatch.storage.runs import check_run, labels_of
from driftmatch.storage.seals import is_sealed, seal
from driftmatch.storage.stores import ARRAYS, check_store, is_own_store
from driftmatch.words import printable, spelled

if TYPE_CHECKING:
    import xarray

_ATTEMPTS = 5  # at reading a store that is replaced meanwhile


@spelled
def save_trajectory(
    path: str | os.PathLike[str],
    run: Run,
    *,
    neurons: bool = False,
    overwrite: bool = True,
) -> None:
    """Write a run to a NetCDF file (``.nc``) or a Zarr folder (``.zarr``), bit for bit.

    The dimensions are `trajectory`, `time` (with the times) and `component`, for `states` of an
    SDE or `latent` of a network, and `neuron` for `neurons`. Attributes tell the name, the step
    dt, how the run ended, version and date, and a checksum of all of it.

    **Arguments**

    - `path`: where to; what is there is replaced once the new file is complete, and not before.
    - `run`: what `simulate` returned.
    - `neurons`: whether to write the neurons of a network too; they are large, and while a run
      stays on the subspace they follow from `latent`.
    - `overwrite`: whether a file or a store of driftmatch's that is there, or appears meanwhile,
      may be replaced. Nothing else is.

    Raises `InputError` if it cannot be saved like this, `ComputationError` if the system refuses
    to write.
    """
    if not isinstance(run, (Trajectory, NetworkTrajectory)):
        raise InputError(
            f"only what simulate returns can be saved, got {type(run).__name__}; a network or an "
            "SDE must be simulated first"
        )
    suffix = _suffix(path)
    _xarray(suffix)
    dataset = _to_dataset(run, neurons)
    if suffix == ".nc":
        with atomic(path, overwrite=overwrite) as new:
            # By way of memory: on a full disk the HDF5 library would take the process with it.
            new.write_bytes(dataset.to_netcdf(engine="h5netcdf"))
            seal(new)
    else:
        with atomic(path, overwrite=overwrite, owned=is_own_store) as new:
            dataset.to_zarr(new, mode="w-", consolidated=False, write_empty_chunks=True)


@spelled
def load_trajectory(path: str | os.PathLike[str]) -> Trajectory:
    """The run that `save_trajectory` wrote, in memory.

    That of a network comes back with its latent coordinates as `states`, and with `neurons` where
    they were written. All that takes a run takes it: figures, `irreversibility`, `subspace`,
    `memory.dwell`; ``load_trajectory(path).to_xarray()`` is an xarray Dataset.

    Raises `InputError` if there is no such file, or if it is truncated, damaged, not a trajectory
    or written by a newer version.
    """
    dataset = read_dataset(path)
    states = dataset["states" if "states" in dataset else "latent"]
    return Trajectory(
        times=dataset["time"].values,
        states=states.values,
        outcome=Outcome(dataset.attrs["outcome"]),
        name=dataset.attrs["name"],
        dt=float(dataset.attrs["dt"]),
        reason=dataset.attrs.get("reason"),
        is_network="latent" in dataset,
        neurons=dataset["neurons"].values if "neurons" in dataset else None,
        private_noise=float(dataset.attrs.get("private_noise", 0.0)),
        **labels_of(dataset.attrs, states.shape[-1]),
    )


def read_dataset(path: str | os.PathLike[str]) -> "xarray.Dataset":
    """What is in the file, checked as `load_trajectory` does, with all of its attributes."""
    suffix = _suffix(path)
    file = Path(path)
    if not file.exists():
        raise InputError(f"there is no file {path}: check the path")
    if suffix == ".nc":
        return _load(file, suffix)
    for _ in range(_ATTEMPTS - 1):
        before = _identity(file)
        try:
            return _load(file, suffix)
        except InputError:
            if _identity(file) == before:  # it is the store's own fault
                raise
    return _load(file, suffix)


_SUFFIXES = (".nc", ".zarr")


def _load(path: Path, suffix: str) -> "xarray.Dataset":
    xr = _xarray(suffix)
    options: Any = {"consolidated": False, "zarr_format": 3}
    sealed = suffix == ".zarr"  # those hold nothing that a reader could be lost in
    try:
        if suffix == ".zarr":
            check_store(path)
            dataset = xr.load_dataset(path, engine="zarr", decode_cf=False, **options)
        else:
            if not path.is_file():
                raise ValueError("it is no file")
            with open(path, "rb") as file:  # opened once: its name may be given to another one
                sealed = _check_file(file)
                dataset = xr.load_dataset(file, engine="h5netcdf", decode_cf=False)
    except Exception as error:  # whatever readers make of a damaged file
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path} is truncated or not a {suffix} file ({reason}): copy it again, or save the "
            "run again"
        ) from error
    attributes = {name: _plain(value) for name, value in dataset.attrs.items()}
    if check_header(attributes, path, "a trajectory") != UNCHECKED and not sealed:
        raise InputError(
            f"{path} is truncated or not a {suffix} file (its end is missing): copy it again, or "
            "save the run again"
        )
    check_checksum(attributes, _arrays(dataset), path)
    try:
        check_run(dataset, attributes)
    except (InputError, ValueError) as error:
        raise InputError(f"{path} is damaged: {error}; save the run again") from error
    for name, value in attributes.items():
        if isinstance(value, str):
            attributes[name] = printable(value)
    dataset.attrs = attributes
    return dataset


def _check_file(file: BinaryIO) -> bool:
    """Whether a file ends with its checksum; raises ValueError if it is damaged, or sends its
    reader to other files, as HDF5 ones can."""
    import h5py

    sealed = is_sealed(file)
    with h5py.File(file, "r") as group:
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{name} in it is a link")
            member = group[name]
            if not isinstance(member, h5py.Dataset):
                raise ValueError(f"{name} in it is not of a trajectory")
            if member.external or member.is_virtual:
                raise ValueError(f"{name} lies in another file")
    return sealed


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        state = os.stat(path)
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _suffix(path: str | os.PathLike[str]) -> str:
    suffix = as_path(path).suffix
    if suffix not in _SUFFIXES:
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


def _to_dataset(run: Run, neurons: bool) -> "xarray.Dataset":
    if isinstance(run, NetworkTrajectory):
        dataset = run.to_xarray(neurons=neurons)
    elif neurons and run.neurons is None:
        raise InputError(f"{run.name} has no neurons: only runs of a network have")
    else:
        dataset = (run if neurons else replace(run, neurons=None)).to_xarray()
    for name in ("component", "unit"):  # words are kept as attributes, as JSON
        if name in dataset.coords:
            dataset.attrs[name] = json.dumps(dataset[name].values.tolist())
            dataset = dataset.drop_vars(name)
    for name in ("name", "reason"):
        if name in dataset.attrs:
            dataset.attrs[name] = printable(dataset.attrs[name])
    kind = NetworkTrajectory if run.is_network else Trajectory
    attributes = dataset.attrs = new_header(kind.__name__) | dataset.attrs
    dataset.attrs[CHECKSUM] = checksum(attributes, _arrays(dataset))
    for name in dataset.variables:
        dataset[name].encoding["_FillValue"] = None  # numbers are kept as they are, NaN too
    return dataset


def _arrays(dataset: "xarray.Dataset"):
    """What the checksum is of."""
    return {
        name: (tuple(map(str, dataset[name].dims)), dataset[name].values)
        for name in map(str, dataset.variables)
        if name in ARRAYS
    }


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
