"""Says in one sentence why a path cannot be opened, before and after a decoder has tried."""

from __future__ import annotations

from pathlib import Path

from videoscan.errors import SourceError, SourceNotFound, SourceUnsupported

_SNIFF = 4096


def is_url(uri: str) -> bool:
    """Whether the decoder, not the file system, must find it. A Windows drive (``C:``) is no scheme."""
    scheme, found, _ = uri.partition("://")
    return bool(found) and len(scheme) > 1 and scheme != "file"


def local_file(uri: str) -> Path:
    """The readable, non-empty regular file that `uri` names. Raises `SourceNotFound` or `SourceUnsupported`."""
    path = Path(uri.removeprefix("file://")).expanduser()
    try:
        if not path.exists():
            raise SourceNotFound(f"there is no file {uri!r}", hint="check the spelling, and that the disk is mounted")
        if path.is_dir():
            raise SourceUnsupported(
                f"{uri!r} is a folder, not a video", hint="name a file in it, or use the images source if it holds pictures"
            )
        if not path.is_file():
            raise SourceUnsupported(f"{uri!r} is not a regular file", hint="copy it to a file first, or use watch for devices")
        if path.stat().st_size == 0:
            raise SourceUnsupported(
                f"{uri!r} is empty (0 bytes)", hint="the recording or the copy did not finish; fetch it again"
            )
        path.open("rb").close()
    except PermissionError:
        raise SourceUnsupported(f"{uri!r} may not be read by this user", hint="check the file's permissions") from None
    except (OSError, ValueError) as error:
        # A name that is too long, or holds a NUL, is refused by the file system before anything can be looked at.
        raise SourceNotFound(
            f"{uri!r} cannot be looked at: {getattr(error, 'strerror', None) or error}", hint="check the path"
        ) from error
    return path


def head(path: Path, size: int = _SNIFF) -> bytes:
    """The file's first bytes; empty when even they cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def is_text(path: Path) -> bool:
    """Whether the file's first bytes are plain text: FFmpeg has a demuxer that would show such a file as a terminal's screen."""
    data = head(path)
    if not data or b"\0" in data:
        return False
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(data) - 4:
            return False
        text = data[: error.start].decode("utf-8")
    control = sum(character < " " and character not in "\t\r\n\f\x1b" for character in text)
    return control == 0


def unreadable(uri: str, path: Path | None, detail: str) -> SourceError:
    """The error for a file that a decoder refused: what is wrong with it as far as its first bytes tell."""
    data = head(path) if path else b""
    if path and not data:
        return SourceUnsupported(f"{uri!r} cannot be read: {detail}", hint="check the disk and the file's permissions")
    if path and is_text(path):
        return SourceUnsupported(f"{uri!r} holds text, not video", hint="name the video itself")
    if data[4:8] in {b"ftyp", b"mdat", b"moov", b"wide", b"free"}:
        return SourceUnsupported(
            f"{uri!r} is an MP4 whose index (moov) is missing or damaged: {detail}",
            hint="the recording was probably cut off before it was finished; a repair tool such as untrunc may restore it",
        )
    if data and not any(data):
        return SourceUnsupported(f"{uri!r} begins with nothing but zeros", hint="the copy did not finish; fetch it again")
    return SourceUnsupported(f"{uri!r} is no video that FFmpeg can read: {detail}", hint="play it to see whether it is whole")
