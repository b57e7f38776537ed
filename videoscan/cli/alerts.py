"""``videoscan alerts``: what rules would have told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from videoscan import timecode
from videoscan.cli import options, output
from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.alerts.trial import Alert, NearMiss, Trial
    from videoscan.document import Event

_OUTCOMES = ("sent", "silent", "asked")


@click.group
def command() -> None:
    """Try alert rules on timelines that there are.

    Rules stand in a profile, as `[[alerts]]`. `videoscan watch` tells of an event at once; a scan writes into the timeline which rules
    an event has met.
    """


@command.command("test")
@click.argument("rules", metavar="RULES")
@click.argument("timelines", nargs=-1, required=True, metavar="TIMELINE...")
@click.option(
    "--misses",
    type=click.IntRange(0, 1000),
    default=5,
    show_default=True,
    help="Of each rule, show so many events that it nearly takes.",
)
@options.json_lines
def test(*, rules: str, timelines: tuple[str, ...], misses: int, as_json: bool) -> int:
    """Show which alerts would have been sent, and why others would not.

    RULES is a profile with [[alerts]], by name or file. TIMELINE is a timeline.json, the folder that a scan wrote, or a folder of such.
    Nothing is sent, and no model is asked: where a rule asks one, that is said.
    """
    from videoscan import registry
    from videoscan.alerts import trial
    from videoscan.reviewing import selection

    resolved, *_ = registry.check(rules)
    given = resolved.profile.alerts
    if not given:
        raise ConfigError(
            f"{rules} has no alert rules", hint="write them into the profile as [[alerts]]; docs/how-to/alerts.md shows how"
        )
    chosen = selection.by_clock(selection.select(selection.load(timelines), selection.Filters()))
    trials = trial.tried((each.timeline for each in chosen), given)
    files = [str(each.file) for each in chosen]
    if as_json:
        _put_json(files, trials, misses)
    else:
        _put_tables(trials, misses)
    return 0


def _put_json(files: Sequence[str], trials: Sequence[Trial], misses: int) -> None:
    for file, each in zip(files, trials, strict=True):
        output.put_json(
            {
                "timeline": file,
                **_counts(each),
                "alerts": [
                    {**_record(alert), "outcome": alert.outcome, "why": alert.why, "to": _kinds(alert)} for alert in each.alerts
                ],
                "misses": [
                    {**_record(miss), "missed": {one.key: one.words for one in miss.missed}} for miss in _few(each.misses, misses)
                ],
            }
        )
    if len(trials) > 1:
        total = dict.fromkeys(_OUTCOMES, 0)
        for each in trials:
            for outcome, count in _counts(each).items():
                total[outcome] += count
        output.put_json({"total": {"timelines": len(trials), **total}})


def _counts(trial: Trial) -> dict[str, int]:
    return {outcome: sum(alert.outcome == outcome for alert in trial.alerts) for outcome in _OUTCOMES}


def _record(told: Alert | NearMiss) -> dict[str, Any]:
    event = told.event
    return {
        "rule": told.rule.name,
        "camera": told.camera,
        "event": event.id,
        "title": event.title,
        "start": event.start,
        "end": event.end,
        "clock": told.wall,
    }


def _kinds(alert: Alert) -> list[str]:
    return [str(each["kind"]) for each in alert.rule.to]


def _few(misses: Sequence[NearMiss], most: int) -> list[NearMiss]:
    counts: dict[str, int] = {}
    few = []
    for miss in misses:
        counts[miss.rule.name] = counts.get(miss.rule.name, 0) + 1
        if counts[miss.rule.name] <= most:
            few.append(miss)
    return few


def _put_tables(trials: Sequence[Trial], misses: int) -> None:
    from videoscan.cli.tables import table

    alerts = [alert for each in trials for alert in each.alerts]
    if alerts:
        rows = [
            (_when(alert.event, alert.wall), alert.camera, alert.rule.name, alert.event.title, _what(alert)) for alert in alerts
        ]
        output.put(table(("time", "camera", "rule", "event", "what happens"), rows, give=(3, 4)))
    sent, silent, asked = (sum(alert.outcome == name for alert in alerts) for name in ("sent", "silent", "asked"))
    said = [_counted(sent, "alert") + " sent"]
    said += [f"{silent} silent, too soon after another"] if silent else []
    said += [f"{asked} for the model to decide"] if asked else []
    output.put(f"{', '.join(said)}; {_counted(len(trials), 'timeline')}.")
    missed = [miss for each in trials for miss in _few(each.misses, misses)]
    if missed:
        output.put()
        rows = [
            (_when(miss.event, miss.wall), miss.camera, miss.rule.name, miss.event.title, "; ".join(m.words for m in miss.missed))
            for miss in missed
        ]
        output.put(table(("time", "camera", "rule", "nearest misses", "why not"), rows, give=(3, 4)))


def _when(event: Event, wall: str | None) -> str:
    return wall[:19].replace("T", " ") if wall is not None else timecode.short(event.start)


def _what(alert: Alert) -> str:
    if alert.why is not None:
        return alert.why
    kinds = _kinds(alert)
    return f"to {', '.join(kinds)}" if kinds else "nobody is told: to is empty"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
