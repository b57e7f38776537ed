"""Everything that can go wrong, as a tree. The number is the exit code of the command line.

::

    VideoscanError                        1   an unexpected fault of our own
    ├── ConfigError                       2   a flag, a profile or an environment variable is wrong
    ├── SourceError                       3   a video could not be read
    │   ├── SourceNotFound                    there is nothing at that path
    │   ├── SourceUnsupported                 there is something, but no video that can be decoded
    │   └── SourceLost                        decoding began and could not go on (crash, hang, unplugged disk)
    ├── DescribeError                     4   the model could not be used
    │   ├── EndpointUnreachable               no answer: name, address, port, TLS, timeout
    │   ├── EndpointThrottled                 429 or 503, and patience ended
    │   ├── EndpointRefused                   401, 403, 404: asking again cannot help
    │   ├── EndpointFailed                    5xx, or the connection broke in the middle of an answer
    │   ├── RequestRejected                   400, 413, 422: this request, as it stands, is not taken
    │   ├── ContentFiltered                   the endpoint will not look at these pictures
    │   ├── BadReply                          an answer came that cannot be read
    │   └── BudgetSpent                   6   one more request could cost more than the budget has left
    ├── StoreError                        5   a file could not be written or read back
    └── ScanAborted                       4   so many windows failed that going on would only cost money

A failed *window* is not an exception: after retries its failure is a value inside its description. What is raised ends the
scan of that input. `asyncio.CancelledError` is never translated.
"""

from __future__ import annotations

from typing import ClassVar


class VideoscanError(Exception):
    """One sentence about what was wrong, with the value; `hint` says what to do next."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # The default would call the class with `args` alone and lose what was given by keyword; errors cross processes here.
        return _rebuild, (type(self), self.__dict__.copy(), self.args)


def _rebuild(kind: type[VideoscanError], state: dict[str, object], args: tuple[object, ...]) -> VideoscanError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(VideoscanError):
    """A flag, a profile or an environment variable is wrong; the message names the key's path and the allowed values."""

    exit_code = 2


class SourceError(VideoscanError):
    """A video could not be read."""

    exit_code = 3


class SourceNotFound(SourceError):
    """There is nothing at that path."""


class SourceUnsupported(SourceError):
    """There is something at that path, but no video in it that can be decoded."""


class SourceLost(SourceError):
    """Decoding began and could not go on: the decoder crashed or hung, the disk went away."""


class DescribeError(VideoscanError):
    """The model could not be used. `retryable`: the same request may succeed later; `status`: the HTTP status, if any."""

    exit_code = 4
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        raw: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after
        self.raw = raw


class EndpointUnreachable(DescribeError):
    """No answer came: name, address, port, TLS or timeout."""

    retryable = True


class EndpointThrottled(DescribeError):
    """429 or 503; `retry_after` is what the server asked for, in seconds."""

    retryable = True


class EndpointFailed(DescribeError):
    """5xx, 408 or 409, or the connection broke in the middle of an answer."""

    retryable = True


class EndpointRefused(DescribeError):
    """401, 403 or 404: the key, the address or the model's name is wrong. The scan stops at once."""


class RequestRejected(DescribeError):
    """400, 413 or 422: this request, as it stands, is not taken."""


class ContentFiltered(DescribeError):
    """The endpoint's content filter refused these pictures: that window fails, nothing else."""


class BadReply(DescribeError):
    """An answer came that cannot be read; `raw` is its text."""

    retryable = True


class BudgetSpent(DescribeError):
    """One more request could cost more than the budget has left, so it was not sent. Its window is skipped, not failed."""

    exit_code = 6


class StoreError(VideoscanError):
    """A file of the output could not be written or read back."""

    exit_code = 5


class ScanAborted(VideoscanError):
    """So many windows failed that going on would only cost money."""

    exit_code = 4
