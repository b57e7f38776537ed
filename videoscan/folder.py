"""One scan's output folder: files appear whole or not at all, and a write that fails says so in one sentence."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import socket
from typing import IO, TYPE_CHECKING

from videoscan.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from filelock import BaseFileLock

    from videoscan.model import Picture

TIMELINE = "timeline.json"
REPORT = "report.html"
JOURNAL = "journal.jsonl"
SAMPLING = "sampling.jsonl"
REVIEWS = "reviews.jsonl"
"""A person's corrections: `videoscan.reviewing.reviews`."""
FITTED = "fitted.json"
"""What a scan into this folder was made smaller by, for its budget: `videoscan.planning.fitting`."""
WHOLE = "whole"
"""Then: all pictures that were sampled, of which those that were sent are a part."""
LOCK = ".lock"
_CORRECTING = ".reviews.lock"
_PATIENCE = 30.0
"""Seconds to wait for another process that writes corrections, or the timeline that shows them; it takes a second or two."""
PICTURES = "frames"

# A file system without locks: NFS whose lock service is not running, some FUSE ones.
_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP})


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal into a `StoreError` that names the path."""
    try:
        yield
    except OSError as fault:
        full = fault.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        hint = "free some space; what is described is kept" if full else "choose another place, one that can be written"
        raise StoreError(f"cannot write {path}: {fault.strerror or fault}", hint=hint) from fault


class OutputFolder:
    """The folder of one timeline. Made on the first write; `discard` takes away what a failed first run left."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._was_there = path.exists()
        self._saved: set[str] = set()
        self._parents_made: list[Path] = []

    def prepare(self) -> None:
        """Make the folder and try to write into it, so that a scan does not learn at its end that it cannot."""
        with storing(self.path):
            missing = [parent for parent in (self.path, *self.path.parents) if not parent.exists()]
            self.path.mkdir(parents=True, exist_ok=True)
            self._parents_made = missing
            probe = self.path / f".probe-{secrets.token_hex(4)}"
            probe.write_bytes(b"videoscan")
            probe.unlink(missing_ok=True)  # whoever holds the folder may have tidied it up

    @contextlib.contextmanager
    def lock(self, *, option: str = "--out") -> Iterator[None]:
        """Hold the folder for this process, as long as it lives. Raises `StoreError`, naming who holds it, when another one does.

        `option` is the one of the command line that names another folder.

        The system's own lock goes with its process, however that ends: a file that a killed one left holds nobody up. What such a
        process was writing beside its place is taken away.
        """
        with storing(self.path):
            holding = _hold(self.path / LOCK, option)
        try:
            self._tidy()
            yield
        finally:
            # While it is held: whoever waits for it finds that its file is gone, and makes a new one (filelock looks after that).
            with contextlib.suppress(OSError):
                (self.path / LOCK).unlink()
            holding.release()

    @contextlib.contextmanager
    def correcting(self) -> Iterator[None]:
        """Hold the right to write corrections, or files that show them. Held for moments, and waited for. Raises `StoreError`."""
        from filelock import FileLock, Timeout

        with storing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            holding = FileLock(self.path / _CORRECTING, timeout=_PATIENCE)
            try:
                holding.acquire()
            except Timeout:
                raise StoreError(
                    f"another videoscan has been writing corrections into {self.path} for more than {_PATIENCE:g} s",
                    hint="end it",
                ) from None
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # while it is held, as in `lock`
                (self.path / _CORRECTING).unlink()
            holding.release()

    def _tidy(self) -> None:
        # Only a scan writes these, and the scan is ours; an export into the same folder has names of its own.
        for pattern in (f"{PICTURES}/.*.part", ".timeline.*.part", f".{REPORT}.*.part", ".*.jsonl.*.part", ".probe-*"):
            with contextlib.suppress(OSError):
                for path in self.path.glob(pattern):
                    path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """A file to write `name` into, beside its place; renamed when the block ends well: a reader never sees a half.

        Synced, the renaming as well: what is written after it never survives a power cut without it.
        """
        path = self.path / name
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        with storing(path):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with beside.open("wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(path)
                _sync(path.parent)
            finally:
                beside.unlink(missing_ok=True)

    def write(self, name: str, data: bytes) -> Path:
        """Write a whole file; see `writing`."""
        with self.writing(name) as file:
            file.write(data)
        return self.path / name

    def save(self, pictures: Iterable[Picture]) -> None:
        """Save pictures that are not there yet. Not synced one by one: a lost picture is made again, a slow disk is not."""
        folder = self.path / PICTURES
        with storing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            self._saved.add(picture.name)
            path = folder / picture.name
            beside = folder / f".{picture.name}.{secrets.token_hex(4)}.part"
            with storing(path):
                if path.exists() and path.stat().st_size == len(picture.data) and path.read_bytes() == picture.data:
                    continue
                try:
                    beside.write_bytes(picture.data)
                    beside.replace(path)
                finally:
                    beside.unlink(missing_ok=True)

    def add(self, pictures: Iterable[Picture]) -> None:
        """Save pictures of frames that have none yet; where there is one, under the same name, it stays."""
        there = self.path / PICTURES
        pictures = list(pictures)
        with storing(there):
            fresh = [picture for picture in pictures if not (there / picture.name).exists()]
        self._saved.update(picture.name for picture in pictures)
        self.save(fresh)

    def hold(self, names: Sequence[str]) -> bool:
        """Whether pictures of these names are all there; then `keep_only` leaves them there."""
        there = self.path / PICTURES
        if not all(name and (there / name).is_file() for name in names):
            return False
        self._saved.update(names)
        return True

    def keep_only(self, frames: set[int]) -> None:
        """Take away pictures of an earlier run that this timeline does not show; names begin with the frame's index.

        Where this run saved pictures, it saved all that its timeline shows: a frame's crop, or its picture in another format, of a
        run with other settings goes too. It may show what is to be black now.
        """
        folder = self.path / PICTURES
        if folder.is_dir():
            with storing(folder):
                for path in folder.iterdir():
                    index = path.name[:8]
                    shown = index.isdecimal() and int(index) in frames and (not self._saved or path.name in self._saved)
                    if path.is_file() and not shown:
                        path.unlink()

    def forget(self) -> None:
        """Take away what an earlier run sampled; its timeline and pictures stay until they are replaced."""
        with storing(self.path):
            (self.path / SAMPLING).unlink(missing_ok=True)
            (self.path / FITTED).unlink(missing_ok=True)
        shutil.rmtree(self.path / WHOLE, ignore_errors=True)

    def discard(self) -> None:
        """Take away what this run made, if the folder was not there before it. Best effort: the scan has failed already."""
        if self._was_there:
            return
        shutil.rmtree(self.path, ignore_errors=True)
        for parent in self._parents_made[1:]:
            with contextlib.suppress(OSError):
                parent.rmdir()


def _hold(path: Path, option: str) -> BaseFileLock:
    """The lock at `path`, held. Where a network's file system has none of its own, a file that names its holder stands for one."""
    # Imported here: it brings asyncio along, and `--help` reads this module too.
    from filelock import FileLock, SoftFileLock, Timeout

    holding: BaseFileLock = FileLock(path, timeout=0, fallback_to_soft=False)
    stands_for = path.with_name(f"{path.name}-holder")
    try:
        holding.acquire()
    except Timeout:
        raise _held(path, f"wait for it, or give this one another folder with {option}") from None
    except OSError as fault:
        if fault.errno not in _NO_LOCKS:
            raise
        holding = SoftFileLock(stands_for, timeout=0)
        try:
            with contextlib.suppress(Timeout):
                holding.acquire()
            if not holding.is_locked:  # the first attempt takes away what a process of this machine left that is gone
                holding.acquire()
        except Timeout:
            raise _held(stands_for, f"wait for it; if that machine is gone, remove {stands_for}") from None
    with contextlib.suppress(OSError):  # a system that lets nobody write into a locked file
        path.write_text(f"{os.getpid()}\n{socket.gethostname()}\n", encoding="utf-8")
    return holding


def _held(path: Path, hint: str) -> StoreError:
    """Somebody else holds the lock at `path`, whose two first lines are the process and its machine, where it could write them."""
    who = ""
    with contextlib.suppress(OSError, ValueError):
        pid, host, *_ = path.read_text(encoding="utf-8").splitlines()
        who = f" (process {int(pid)} on {host})"
    return StoreError(f"another videoscan{who} is writing into {path.parent}", hint=hint)


def _sync(folder: Path) -> None:
    """Have a folder's entries on disk, where the system knows such a thing."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
