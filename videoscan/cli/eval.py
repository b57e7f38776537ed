"""``videoscan eval``: timelines against the truth, side by side; thresholds make it a guard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from videoscan import timecode
from videoscan.cli import options, output
from videoscan.errors import ConfigError, SourceNotFound, SourceUnsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from videoscan.eval import Score, Verdict
    from videoscan.truth import Truth

_LISTED = 12
"""So many missed and invented events are listed for people; `--json` has all of them."""

_SHARE = click.FloatRange(0, 1)
_POSITIVE = click.FloatRange(0)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound that somebody set, and how to read what it bounds; a figure that does not exist holds every bound."""

    flag: str
    bound: float
    least: bool
    of: Callable[[Verdict], float | None]

    def broken(self, verdict: Verdict) -> str | None:
        """What to say when it is not held."""
        found = self.of(verdict)
        if found is None or (found >= self.bound if self.least else found <= self.bound):
            return None
        return f"{self.flag} {self.bound:g} is not held: {found:.4g}"


_BOUNDS: tuple[tuple[str, bool, Callable[[Verdict], float | None]], ...] = (
    ("--min-recall", True, lambda verdict: verdict.events.recall),
    ("--min-precision", True, lambda verdict: verdict.events.precision),
    ("--min-coverage", True, lambda verdict: verdict.coverage),
    ("--max-start-error", False, lambda verdict: verdict.events.start_error),
    ("--max-end-error", False, lambda verdict: verdict.events.end_error),
    ("--max-duplicates", False, lambda verdict: verdict.events.repeated),
)


@click.command
@click.argument("truth", metavar="TRUTH", type=click.Path(path_type=Path))
@click.argument("timelines", nargs=-1, required=True, metavar="TIMELINE...")
@click.option(
    "--words", type=click.FloatRange(0, 100), metavar="0..100", help="How like the words must be, too. [default: time alone]"
)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Judge events with this tag only. Repeatable.")
@click.option("--min-recall", type=_SHARE, metavar="0..1", help="Exit with 1 below this share of true events told.")
@click.option("--min-precision", type=_SHARE, metavar="0..1", help="Exit with 1 below this share of told events that are so.")
@click.option("--min-coverage", type=_SHARE, metavar="0..1", help="Exit with 1 below this share of time described or unchanged.")
@click.option("--max-start-error", type=_POSITIVE, metavar="SECONDS", help="Exit with 1 above this mean error of starts.")
@click.option("--max-end-error", type=_POSITIVE, metavar="SECONDS", help="Exit with 1 above this mean error of ends.")
@click.option("--max-duplicates", type=_POSITIVE, metavar="N", help="Exit with 1 above so many repeats per recalled event.")
@options.json_lines
def command(
    *,
    truth: Path,
    timelines: tuple[str, ...],
    words: float | None,
    tags: tuple[str, ...],
    as_json: bool,
    **bounds: float | None,
) -> int:
    """Hold timelines against the truth.

    TRUTH is a CLIP.truth.json, or a folder of them; then each TIMELINE is the folder that a scan of those clips wrote. Or it is a
    timeline that people have reviewed: what they accepted, edited or added is the truth, what they rejected is not so, and what nobody
    reviewed is not judged. Several
    TIMELINEs, such as of two prompts or two models, stand side by side. Every bound is for each of them: one that is not held
    makes the exit code 1.
    """
    from videoscan.eval import Verdict, judge
    from videoscan.reviewing import selection as selection_of

    thresholds = [
        Threshold(flag, bound, least, of)
        for flag, least, of in _BOUNDS
        if (bound := bounds[flag.removeprefix("--").replace("-", "_")]) is not None
    ]
    results: list[tuple[str, Verdict]] = []
    gaps = False
    for argument in timelines:
        verdict = Verdict()
        for judged, told in _pairs(truth, argument):
            if told is None:
                gaps = True
                output.say(f"videoscan: {argument} has no timeline for {judged}: not judged")
                continue
            verdict += judge(_truth(judged), selection_of.read(told), likeness=words, tags=tags)
        results.append((argument, verdict))
    broken = [
        f"{argument}: {sentence}" for argument, verdict in results for each in thresholds if (sentence := each.broken(verdict))
    ]
    if as_json:
        _put_json(results, broken)
    else:
        _put_tables(results, by_tag=not tags)
    for sentence in broken:
        output.say(f"videoscan: {sentence}")
    return 1 if broken else (output.GAPS if gaps else 0)


def _pairs(truth: Path, argument: str) -> Iterator[tuple[Path, Path | None]]:
    """Each truth file with the timeline that is about the same clip, `None` where there is none."""
    from videoscan.folder import REVIEWS, TIMELINE
    from videoscan.reviewing import selection as selection_of
    from videoscan.truth import SUFFIX

    if not truth.is_dir() or (truth / TIMELINE).is_file():
        found = selection_of.files(argument)
        if len(found) > 1:
            raise ConfigError(
                f"{argument} holds {len(found)} timelines, but {truth} is the truth of one recording",
                hint="name one of its folders, or a folder of truth files",
            )
        yield truth, found[0]
        return
    files = sorted(truth.rglob(f"*{SUFFIX}"))
    reviewed = [] if files else [file for file in selection_of.below(truth) if (file.parent / REVIEWS).is_file()]
    if not files and not reviewed:
        raise SourceNotFound(f"there is no *{SUFFIX} in the folder {truth}", hint="nor a timeline that anybody has reviewed")
    if not Path(argument).is_dir():
        raise SourceUnsupported(
            f"{argument} is no folder, but {truth} is one", hint="give the folder that a scan of those clips wrote"
        )
    for judged in reviewed:
        folder = judged.parent.relative_to(truth)
        places = (Path(argument) / folder / TIMELINE, Path(argument) / folder.name / TIMELINE)
        yield judged, next((place for place in places if place.is_file()), None)
    for file in files:
        clip = file.relative_to(truth).with_name(file.name.removesuffix(SUFFIX)).with_suffix("")
        places = (Path(argument) / clip / TIMELINE, Path(argument) / clip.name / TIMELINE)
        yield file, next((place for place in places if place.is_file()), None)


def _truth(path: Path) -> Truth:
    """What a truth file says, or what people said of a timeline. Raises `SourceError`."""
    from videoscan import truth
    from videoscan.document import SCHEMA_ID
    from videoscan.eval import truth_of
    from videoscan.folder import TIMELINE
    from videoscan.reviewing import selection as selection_of

    if path.is_dir():
        path /= TIMELINE
    if path.is_file() and not path.name.endswith(truth.SUFFIX):
        with path.open("rb") as file:
            if SCHEMA_ID.encode() in file.read(200):
                reviewed = selection_of.read(path)
                if not any(event.review is not None for event in reviewed.events):
                    raise SourceUnsupported(
                        f"nobody has reviewed {path}: it says nothing about the truth",
                        hint="`videoscan review` accepts, rejects, edits",
                    )
                return truth_of(reviewed)
    return truth.read(path)


def _put_json(results: Sequence[tuple[str, Verdict]], broken: Sequence[str]) -> None:
    for argument, verdict in results:
        output.put_json({"timeline": argument, **verdict.record()})
    if len(results) > 1:
        output.put_json({"total": {"timelines": len(results), "passed": not broken}})


def _put_tables(results: Sequence[tuple[str, Verdict]], *, by_tag: bool) -> None:
    from videoscan.cli.tables import table

    verdicts = [verdict for _, verdict in results]
    rows: list[tuple[str, ...]] = [
        ("recalled", *(_of(v.events.recalled, v.events.true) for v in verdicts)),
        ("right", *(_of(v.events.right, v.events.told) for v in verdicts)),
        ("start error", *(_seconds(v.events.start_error) for v in verdicts)),
        ("end error", *(_seconds(v.events.end_error) for v in verdicts)),
        ("starts in bounds", *(_of(v.events.bounded, v.events.recalled) for v in verdicts)),
        ("told twice", *(str(v.events.duplicates) for v in verdicts)),
        ("merged", *(str(v.events.merged) for v in verdicts)),
        ("covered", *("-" if v.coverage is None else f"{v.coverage:.1%}" for v in verdicts)),
    ]
    if any(v.cuts.true or v.cuts.told for v in verdicts):
        rows += [
            ("cuts found", *(_of(v.cuts.found, v.cuts.true) for v in verdicts)),
            ("cuts right", *(_of(v.cuts.right, v.cuts.told) for v in verdicts)),
        ]
    if any(v.replays for v in verdicts):
        rows.append(("replays, not judged", *(str(v.replays) for v in verdicts)))
    columns = range(1, len(results) + 1)
    give = tuple(columns)
    heads = ("", *(argument for argument, _ in results))
    output.put(table(heads, rows, right=columns, give=give))
    every_tag = sorted({tag for v in verdicts for tag in v.by_tag})
    if by_tag and every_tag:
        output.put()
        cells = [(tag, *(_tag_cell(v.by_tag.get(tag)) for v in verdicts)) for tag in every_tag]
        output.put(table(("recalled, by tag", *heads[1:]), cells, right=columns, give=give))
    for argument, verdict in results:
        about = f" by {argument}" if len(results) > 1 else ""
        _list(f"missed{about}", [(true.start, true.end, true.what) for _, true in verdict.missed])
        _list(f"not so{about}", [(told.start, told.end, told.title) for _, told in verdict.invented])


def _list(head: str, found: Sequence[tuple[float, float, str]]) -> None:
    from videoscan.cli.tables import plain

    if not found:
        return
    output.put()
    output.put(f"{head}:")
    for start, end, words in found[:_LISTED]:
        output.put(f"  {timecode.short(start)}-{timecode.short(end)}  {plain(words)}")
    if len(found) > _LISTED:
        output.put(f"  and {len(found) - _LISTED} more; --json has all of them")


def _tag_cell(score: Score | None) -> str:
    return "-" if score is None else _of(score.recalled, score.true)


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}" if whole else "-"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
