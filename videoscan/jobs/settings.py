"""What whoever runs a service decides: where it keeps things, what may be submitted, and which model it asks."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

DAY, DAYS = "day", "days"
"""In a stream's folder: the file that names the day that was watched last, and the folder of all days. A day's job has such a file too."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one service.

    `data` holds the database and a folder per job. A path that is submitted must lie below one of `roots`; without any, only uploads
    and addresses are taken. `profile` is what a job gets that names none; `sets` lies over every job's profile, so that a job decides
    neither where pictures are sent nor which key goes along.
    """

    data: Path
    roots: tuple[Path, ...] = ()
    profile: str = "default"
    sets: tuple[str, ...] = ()
    library: Path | None = None
    """The library that its jobs go into; by default one of its own."""
    endpoint: str | None = None
    model: str | None = None
    budget: tuple[str, ...] = ()
    at_once: int = 1
    """Jobs that are worked on side by side."""
    most_waiting: int = 10_000
    """Jobs that may wait. One more is refused with 503."""
    most_bytes: int = 64 << 30
    """The largest upload or download, in bytes."""
    spare_bytes: int = 1 << 30
    """What must stay free on the disk. An upload that would take it is refused with 507."""
    preview_bytes: int = 8 << 30
    """What previews for the review page may take of the disk, all together; one takes at most a quarter of it."""
    private_addresses: bool = False
    """Whether sources may be fetched from loopback, private and link-local addresses."""
    cameras: tuple[str, ...] = ()
    """Hosts of live sources that may be watched wherever they are: names, patterns such as ``*.cameras.lan``, addresses, networks."""
    grace: float = 0.0
    """Seconds that running jobs get to come to their end when the service is stopped, before they are parked."""
    buckets: tuple[str, ...] = ()
    """Buckets of an S3-compatible store whose objects may be submitted."""
    s3_endpoint: str | None = None
    """Where that store is; `None` leaves it to the environment."""
    most_streams: int = 64
    """Live sources that are watched side by side. One more is refused with 409."""
    most_attempts: int = 3
    """A job during which the service ended so often is given up: it may be what ended it."""
    keep_days: float | None = None
    """Jobs that ended longer ago are forgotten, with their output; `None` keeps them."""
    keep_bytes: int | None = None
    """What the jobs' folders may hold together: those that ended longest ago are forgotten beyond it. `None` keeps them."""
    keep_upload: float = 86_400.0
    """Seconds that an upload may go without a byte, or without being submitted, before it is taken away."""
    stall: float = 60.0
    """Seconds that a sender may be silent in the middle of a body."""

    @property
    def jobs(self) -> Path:
        """Where every job has its folder."""
        return self.data / "jobs"

    def folder(self, job: str) -> Path:
        """A job's own folder."""
        return self.jobs / job

    def output(self, job: str) -> Path:
        """Where a job's timeline and pictures lie; of a stream those of the day that was watched last."""
        folder = self.folder(job)
        with contextlib.suppress(OSError):
            place = PurePosixPath((folder / DAY).read_text(encoding="utf-8").strip())
            if len(place.parts) == 4 and place.parts[1] == DAYS and ".." not in place.parts:
                return self.jobs / place
        return folder / "output"

    @property
    def library_file(self) -> Path:
        """Where the library is."""
        return self.library or self.data / "library.db"

    @property
    def database(self) -> Path:
        """Where the jobs are kept."""
        return self.data / "service.db"

    @property
    def uploads(self) -> Path:
        """Where uploads grow until they are whole."""
        return self.data / "uploads"

    def shown(self, source: str) -> str:
        """A source as a caller may see it: below its root, or by name; never where things lie on this machine."""
        if "://" in source:
            return source
        # Texts, and no paths: a list of jobs asks this 500 times.
        for root in self.roots:
            place = str(root)
            if source == place:
                return root.name
            if source.startswith(place + os.sep):
                return f"{root.name}/{source[len(place) + 1 :].replace(os.sep, '/')}"
        return Path(source).name
