"""``videoscan tune``: what the settings would miss on one's own footage, measured with planted figures, and which to take."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from videoscan.cli import options, output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videoscan.cli.options import Choices
    from videoscan.config import Profile
    from videoscan.folder import OutputFolder
    from videoscan.request import Request
    from videoscan.tuning import Demand, Tuning


@click.command
@click.argument("source", metavar="INPUT")
@options.sampling_and_asking
@click.option(
    "--height",
    type=click.FloatRange(0.005, 0.5),
    default=0.02,
    show_default=True,
    metavar="SHARE",
    help="Nobody of this share of the picture's height, or taller, may be missed.",
)
@click.option(
    "--contrast",
    type=click.FloatRange(5, 100),
    default=25.0,
    show_default=True,
    metavar="LEVELS",
    help="By how many of 255 grey levels the figures are lighter or darker than what is behind them.",
)
@click.option(
    "--lasting",
    type=options.Time(),
    default=2.0,
    show_default=True,
    metavar="T",
    help="The shortest time that somebody is in sight.",
)
@click.option("--figures", type=click.IntRange(4, 1000), default=20, show_default=True, help="Figures of each height.")
@click.option(
    "--samples",
    type=click.IntRange(10, 100_000),
    default=600,
    show_default=True,
    help="Pictures to look at, at most: of longer footage, excerpts spread over all of it.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another one plants elsewhere.")
@click.option("--images", type=click.Path(path_type=Path), metavar="DIR", help="Save pictures that show such figures.")
@options.json_lines
def command(
    *,
    source: str,
    choices: Choices,
    height: float,
    contrast: float,
    lasting: float,
    figures: int,
    samples: int,
    seed: int,
    images: Path | None,
    as_json: bool,
) -> int:
    """Find the settings for a camera, on its own footage.

    Plants small made figures into the footage at known times, measures what the settings would miss and what they cost, and
    recommends values: a table, and a piece of TOML for a profile. Nothing is described and nothing is sent.
    """
    from videoscan import config
    from videoscan.cli import sampling, tuned
    from videoscan.cli.plan import ASSUMED
    from videoscan.folder import OutputFolder
    from videoscan.recordings import inputs
    from videoscan.tuning import Demand

    demand = Demand(height, contrast, lasting, figures, samples, seed)
    given = inputs.single(source)
    asked = sampling.settle(given, choices)
    # What the profile says without --set: a recommendation must hold for what it is pasted into.
    baseline = config.load(choices.profile, overrides=choices.overrides, uri=given.uri).profile
    assumed = asked.resolved.profile.describer["kind"] == "offline"
    folder = OutputFolder(images) if images is not None else None
    if folder is not None:
        folder.prepare()
    with _bar(given.name) as told:
        tuning = _tune(asked, demand, stills=images is not None, assumed=assumed, told=told)
    if folder is not None:
        _save(tuning, asked.resolved.profile, folder)
    if as_json:
        output.put_json(tuned.record(tuning, given.uri, baseline, ASSUMED["model"] if assumed else None))
    else:
        output.put(tuned.text(tuning, given.uri, baseline))
        if assumed:
            output.say(f"no endpoint is set: tokens are for {ASSUMED['model']}; give --endpoint and --model for yours")
    for lost in tuning.material.lost:
        output.say(f"lost from {lost.start:.3f} to {lost.end:.3f} s: {lost.reason}")
    return output.GAPS if tuning.material.lost else 0


def _tune(asked: Request, demand: Demand, *, stills: bool, assumed: bool, told: Any) -> Tuning:
    import asyncio

    from videoscan.cli import sampling
    from videoscan.cli.plan import ASSUMED, limits_of
    from videoscan.spending import tokens
    from videoscan.tuning import Price, tune

    profile = asked.resolved.profile
    limits = asyncio.run(limits_of(ASSUMED if assumed else profile.describer))
    return tune(
        sampling.spec(asked, limits),
        profile,
        Price(limits, tokens.of_words(asked.prompt), tokens.LABEL_TOKENS),
        demand,
        stills=stills,
        told=told,
    )


def _save(tuning: Tuning, profile: Profile, folder: OutputFolder) -> None:
    import cv2

    from videoscan.tuning import stills

    demand = tuning.demand
    for number, time, still in tuning.material.stills:
        picture = stills.example(still, demand.heights, demand.contrast, profile.regions.regions, demand.seed + number)
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
        folder.write(f"figures-{time:010.3f}.jpg", data.tobytes())
    many = len(tuning.material.stills)
    output.say(f"{many} picture{'s' if many != 1 else ''} with figures in {folder.path}")


@contextlib.contextmanager
def _bar(title: str) -> Iterator[Any]:
    """What is being done, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _what, _share: None
        return
    from videoscan.cli.progress import new_bar

    bar = new_bar(title)

    def told(what: str, share: float | None) -> None:
        with contextlib.suppress(OSError):
            bar.update(bar.task_ids[0], total=None if share is None else 1.0, completed=share or 0.0, stage=what)

    with bar:
        yield told
