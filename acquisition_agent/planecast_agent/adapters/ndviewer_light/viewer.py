"""ndviewer_light's calls, each turned into events of planecast."""

import atexit
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from planecast_agent.acquisition import Acquisition
from planecast_agent.adapters.caretaker import Caretaker
from planecast_agent.adapters.ndviewer_light.compass import Compass
from planecast_agent.adapters.ndviewer_light.dataset import Dataset
from planecast_agent.adapters.ndviewer_light.layouts import Announced
from planecast_agent.adapters.ndviewer_light.places import Places
from planecast_agent.adapters.ndviewer_light.run import Run
from planecast_agent.adapters.ndviewer_light.stores import FovStores, RegionStores, Stores
from planecast_agent.adapters.place import Place
from planecast_protocol.errors import PlanecastError
from planecast_protocol.limits import MAX_NAME_CHARS
from planecast_protocol.paths import Roots

logger = logging.getLogger(__name__)

LATE_NOTICES_S = 12.0
"""How long after `end_zarr_acquisition` notices of planes may still come; Squid's took 11 s."""


class PushViewer:
    """The public methods of ndviewer_light's viewer. Any thread; none waits for a network.

    What ndviewer_light tolerates is tolerated: calls before a start and after an end, planes
    that do not fit. They are logged, counted, and said in `alarm`. A description that can't be
    published (no agent is needed for that, but a folder to write in) is logged too; the
    acquisition goes on without being shown.
    """

    def __init__(
        self,
        dataset_path: str = "",
        *,
        agent: str | None = None,
        roots: Roots | None = None,
        spool_dir: str | Path | None = None,
        late_s: float = LATE_NOTICES_S,
    ) -> None:
        """`dataset_path` is a folder to show at once; the rest is as for `Acquisition.start`."""
        self.dataset_path = ""
        self.ndv_viewer = None
        """ndviewer_light has the widget of ndv here; there is none in this process."""
        self._agent, self._roots, self._spool_dir = agent, roots, spool_dir
        self._late_s = late_s
        self._caretaker = Caretaker()
        self._compass = Compass(agent)
        self._run: Run | None = None
        self._stores: Stores | None = None
        self._dataset: Dataset | None = None
        self._fov_labels: list[str] = []
        self._channels: dict[str, int] = {}
        self._zarr_active = False
        self._trouble = ""
        self._warned_idle = False
        atexit.register(self._close_all)
        if dataset_path:
            self.load_dataset(dataset_path)

    @property
    def alarm(self) -> str:
        """What an operator must know; empty: nothing."""
        return self._trouble or ("" if self._run is None else self._run.alarm)

    @property
    def acquisition_id(self) -> str | None:
        """The id of the acquisition that was started last; `None` if it is not shown."""
        return None if self._run is None else self._run.acquisition.id

    # ------------------------------------------------------------ one file a plane, or pages

    def start_acquisition(
        self,
        channels: Sequence[str],
        num_z: int,
        height: int,
        width: int,
        fov_labels: Sequence[str],
    ) -> None:
        """Announce an acquisition whose planes come by `register_image`."""
        self._stores, self._zarr_active = None, False
        self._start("", channels, num_z, height, width, fov_labels, Places(), 0.0)

    def register_image(
        self, t: int, fov_idx: int, z: int, channel: str, filepath: str, page_idx: int = 0
    ) -> None:
        """Announce a plane, in a file that need not exist yet or ever.

        Squid names files that it does not write in some of its modes; the plane is then found
        in the multi-page file beside it. `page_idx` is the page, for controllers that know it.
        Raises `ValueError` for one below 0.
        """
        if page_idx < 0:
            raise ValueError(f"page_idx must be >= 0, got {page_idx}")
        run = self._running("register_image")
        if run is None:
            return
        plane = Announced(t, fov_idx, z, channel, self._channels.get(channel, 0), str(filepath))
        if page_idx:
            run.register(plane, Place(plane.path, page=page_idx))
        else:
            run.announce(plane)
            self._caretaker.wake()

    def end_acquisition(self) -> None:
        """Say that no more planes will come. `load_fov` and `go_to_well_fov` go on working."""
        if self._run is not None and self._stores is None:
            self._run.end()
            self._caretaker.wake()

    # ------------------------------------------------------------ zarr

    def start_zarr_acquisition(
        self,
        fov_paths: Sequence[str],
        channels: Sequence[str],
        num_z: int,
        fov_labels: Sequence[str],
        height: int,
        width: int,
    ) -> None:
        """Announce an acquisition with one store a fov, axes T, C, Z, Y, X.

        Raises `ValueError` if there are no `fov_paths`.
        """
        if not fov_paths:
            raise ValueError("fov_paths must not be empty")
        if len(fov_paths) != len(fov_labels):
            logger.warning(
                "%d fov_paths and %d fov_labels: the longer list is cut",
                len(fov_paths),
                len(fov_labels),
            )
        n_fovs = min(len(fov_paths), len(fov_labels))
        paths = [str(path) for path in fov_paths[:n_fovs]]
        self._start_zarr(FovStores(paths), channels, num_z, height, width, fov_labels[:n_fovs])

    def start_zarr_acquisition_6d(
        self,
        region_paths: Sequence[str],
        channels: Sequence[str],
        num_z: int,
        fovs_per_region: Sequence[int],
        height: int,
        width: int,
        region_labels: Sequence[str] | None = None,
    ) -> None:
        """Announce an acquisition with one store a region, axes FOV, T, C, Z, Y, X.

        Raises `ValueError` for lists that are empty or do not fit each other.
        """
        stores = RegionStores([str(path) for path in region_paths], list(fovs_per_region))
        labels = stores.fov_labels(region_labels)
        self._start_zarr(stores, channels, num_z, height, width, labels)

    def notify_zarr_frame(
        self, t: int, fov_idx: int, z: int, channel: str, region_idx: int = 0
    ) -> None:
        """Announce a plane in a store. With regions, `fov_idx` counts within its region."""
        run = self._running("notify_zarr_frame")
        stores = self._stores
        if run is None:
            return
        number = self._channels.get(channel)
        place = None
        if stores is not None and number is not None:
            place = stores.place(t, fov_idx, z, number, region_idx)
        if stores is None or number is None or place is None:
            run.refuse(
                f"notify_zarr_frame(t={t}, fov_idx={fov_idx}, z={z}, channel={channel!r}, "
                f"region_idx={region_idx}): this acquisition has no such plane"
            )
            return
        fov = stores.flat_fov(fov_idx, region_idx)
        run.register(Announced(t, fov, z, channel, number, place.path), place)

    def end_zarr_acquisition(self) -> None:
        """Say that no more planes will be acquired; their notices may still come for a while."""
        self._zarr_active = False
        if self._run is not None and self._stores is not None:
            self._run.end()
            self._caretaker.wake()

    # ------------------------------------------------------------ where viewers look

    def load_fov(self, fov: int, t: int | None = None, z: int | None = None) -> None:
        """Have viewers show a fov; `None` leaves an axis where it is."""
        if self._dataset is not None:
            self._compass.point(fov=fov, t=t, z=z)
        elif self._run is not None:
            self._compass.point(fov=fov, t=t, z=z, acquisition=self.acquisition_id)

    def go_to_well_fov(self, well_id: str, fov_index: int) -> bool:
        """Have viewers show a fov of a well; `False` if the acquisition does not have it."""
        try:
            fov = self._fov_labels.index(f"{well_id}:{fov_index}")
        except ValueError:
            return False
        self.load_fov(fov)
        return True

    def set_current_index(self, dim: str, value: int) -> bool:
        """Have viewers move one axis of a folder that was loaded; `False` if it has no such."""
        fovs = self.get_fov_list()
        if dim == "fov" and 0 <= value < len(fovs):
            self._compass.point(label=f"{fovs[value]['region']}:{fovs[value]['fov']}")
            return True
        if dim not in ("t", "z", "time", "z_level") or self._dataset is None:
            return False
        is_time = dim[0] == "t"
        self._compass.point(t=value if is_time else None, z=None if is_time else value)
        return True

    def is_push_mode_active(self) -> bool:
        """Tell whether an acquisition was started, even if it has ended since."""
        return bool(self._fov_labels) or self._zarr_active

    def is_zarr_push_mode_active(self) -> bool:
        """Tell whether the acquisition that was started last is in zarr stores."""
        return self._zarr_active or self._stores is not None

    # ------------------------------------------------------------ folders

    def load_dataset(self, path: str) -> None:
        """Publish the folder of an acquisition, what is in it and what comes."""
        self._close_dataset()
        if self._run is None or self._run.is_ending:
            # Wells are looked for in the folder from now on.
            self._fov_labels, self._zarr_active = [], False
        self.dataset_path = os.fspath(path)
        try:
            self._dataset = Dataset(
                self.dataset_path,
                agent=self._agent,
                roots=self._roots,
                spool_dir=self._spool_dir,
            )
        except (PlanecastError, OSError) as trouble:
            self._complain(f"{path} is not shown: {trouble}")

    def refresh(self) -> None:
        """Do nothing: a loaded folder is watched, what comes is shown by itself."""

    def get_fov_list(self) -> list[dict[str, str | int]]:
        """Return `{"region": well, "fov": number in it}` for each fov of the loaded folder."""
        fovs = [] if self._dataset is None else self._dataset.fovs()
        return [{"region": region, "fov": fov} for region, fov in fovs]

    def has_fov_dimension(self) -> bool:
        """Tell whether the loaded folder has more than one fov."""
        return len(self.get_fov_list()) > 1

    # ------------------------------------------------------------ the end

    def close(self) -> bool:
        """End what runs and deliver what can be delivered, in a few seconds at most."""
        self._close_all()
        return True

    def _close_all(self) -> None:
        self._close_dataset()
        self._compass.close()
        self._caretaker.close()
        atexit.unregister(self._close_all)

    def _close_dataset(self) -> None:
        if self._dataset is not None:
            self._dataset.close()
            self._dataset = None

    # ------------------------------------------------------------ inside

    def _start_zarr(
        self,
        stores: Stores,
        channels: Sequence[str],
        num_z: int,
        height: int,
        width: int,
        fov_labels: Sequence[str],
    ) -> None:
        self._stores, self._zarr_active = stores, True
        self._start(stores.name, channels, num_z, height, width, fov_labels, None, self._late_s)

    def _start(
        self,
        name: str,
        channels: Sequence[str],
        num_z: int,
        height: int,
        width: int,
        fov_labels: Sequence[str],
        places: Places | None,
        late_s: float,
    ) -> None:
        self._close_dataset()
        if self._run is not None:
            self._run.end("aborted", "another acquisition was started")
            self._caretaker.wake()
        self._run, self._trouble, self._warned_idle = None, "", False
        self._fov_labels = list(fov_labels)
        # ndviewer_light takes a name twice, and shows the same planes for both.
        self._channels = {name: n for n, name in enumerate(dict.fromkeys(channels))}
        try:
            acquisition = Acquisition.start(
                name[:MAX_NAME_CHARS] or "acquisition",
                list(self._channels),
                max(1, num_z),
                height,
                width,
                self._fov_labels or ["0:0"],
                agent=self._agent,
                roots=self._roots,
                spool_dir=self._spool_dir,
            )
        except (PlanecastError, OSError) as trouble:
            self._complain(f"this acquisition is not shown: {trouble}")
            return
        self._run = Run(acquisition, places, late_s)
        self._caretaker.take(self._run)

    def _running(self, call: str) -> Run | None:
        if self._run is None and not self._warned_idle:
            self._warned_idle = True
            logger.warning("%s without an acquisition: planes are not shown", call)
        return self._run

    def _complain(self, trouble: str) -> None:
        self._trouble = trouble
        logger.error("%s", trouble)
