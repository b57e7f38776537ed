"""What a scan may send beside its windows: second looks, up to what the profile allows, requests about doubtful pairs, alert rules' questions, and a summary's.

How many answers will be in doubt, and how many events there will be, nobody knows before. So second looks, doubtful pairs and questions count in the
upper figures only, with all that they may be; and the summary's requests are estimated from the number of windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from videoscan.alerts import questions
from videoscan.doubting import settling
from videoscan.doubting.doubt import Allowance
from videoscan.folding.reconcile import DOUBTS_EACH
from videoscan.planning.demand import Demand
from videoscan.planning.forecast import Band, Experience, Forecast, Pace, forecast
from videoscan.reading.reducing import ZOOM_PIXELS
from videoscan.spending import tokens
from videoscan.summary import summarize
from videoscan.writing import shares

if TYPE_CHECKING:
    from typing import Any

    from videoscan.config import Profile
    from videoscan.planning.sketch import Sketch
    from videoscan.seams import Limits
    from videoscan.spending.money import Prices

_EVENTS = Band(0.2, 1.0, 3.0)
"""Events of a window, joined ones counted once: from hardly any at night to several of a match."""
_LINE = Band(35, 60, 120)
"""Tokens of an event's line, and of a part's chapter in the next request."""
_WRITTEN = Band(150, 500, 1_000)
"""Tokens of a summary with its chapters."""
_TOLD = 130
"""Tokens of an event's words in a rule's question."""
_ASKING = 60
"""Tokens by which a second look's prompt is longer, the sentence about crops included."""


@dataclass(frozen=True, slots=True)
class Beside:
    """`second` is the most that second looks send, `pairs` that questions about doubtful pairs do, `alerts` those of alert rules; `summary` low, likely and high, all zero where no model writes it."""

    second: Demand = Demand()
    summary: tuple[Demand, Demand, Demand] = (Demand(), Demand(), Demand())
    forecast: Forecast = Forecast()
    pairs: Demand = Demand()
    alerts: Demand = Demand()

    def __add__(self, other: Beside) -> Beside:
        low, likely, high = (one + two for one, two in zip(self.summary, other.summary, strict=True))
        return Beside(
            self.second + other.second,
            (low, likely, high),
            self.forecast + other.forecast,
            self.pairs + other.pairs,
            self.alerts + other.alerts,
        )

    @property
    def requests(self) -> Band:
        """How many there are beside those for windows."""
        low, likely, high = (each.requests for each in self.summary)
        return Band(low, likely, high + self.second.requests + self.pairs.requests + self.alerts.requests)

    def record(self) -> dict[str, Any]:
        """For ``--json``; nothing for what there is none of."""
        figures: dict[str, Any] = {}
        if self.second.requests:
            most = self.second.record()
            figures["second_looks"] = {"at_most": {key: value for key, value in most.items() if key != "windows"}}
        if self.pairs.requests:
            figures["doubtful_pairs"] = {
                "at_most": {"requests": self.pairs.requests, "prompt_tokens": self.pairs.prompt_tokens},
            }
        if self.alerts.requests:
            most = self.alerts.record()
            figures["alert_questions"] = {"at_most": {key: value for key, value in most.items() if key != "windows"}}
        if self.summary[2].requests:
            low, likely, high = self.summary
            figures["summary"] = {
                "requests": Band(low.requests, likely.requests, high.requests).record(),
                "prompt_tokens": Band(low.prompt_tokens, likely.prompt_tokens, high.prompt_tokens).record(),
            }
        return figures


def beside(
    sketch: Sketch,
    profile: Profile,
    limits: Limits,
    demands: tuple[Demand, Demand, Demand],
    experience: Experience,
    pace: Pace,
    *,
    words: int,
    prices: Prices | None,
    summary_prices: Prices | None,
    pairs_prices: Prices | None,
) -> Beside:
    """What may come on top of the demands of windows. `words` is the text of one window's prompt, in tokens."""
    second = second_looks(sketch, profile, limits, demands[2], words=words)
    upper = _at_most(forecast((second, second, second), experience, pace, prices))
    alerts = alert_questions(sketch, profile, limits, demands[2])
    if alerts.requests:
        upper += _at_most(forecast((alerts, alerts, alerts), experience, pace, prices))
    pairs = doubtful_pairs(profile, demands[2])
    if pairs.requests:
        answer, _ = shares(profile.reconcile.max_tokens, 0)
        answering = Pace(pace.concurrency, pace.requests_per_minute, pace.tokens_per_minute, answer)
        most = Experience(answer=Band(answer, answer, answer))
        upper += _at_most(forecast((pairs, pairs, pairs), most, answering, pairs_prices))
    summary = summaries(profile, demands)
    if not summary[2].requests:
        return Beside(second, summary, upper, pairs, alerts)
    answer, _ = shares(profile.summary.max_tokens, 0)
    writing = Pace(pace.concurrency, pace.requests_per_minute, pace.tokens_per_minute, answer)
    return Beside(second, summary, upper + forecast(summary, Experience(answer=_WRITTEN), writing, summary_prices), pairs, alerts)


def _at_most(expected: Forecast) -> Forecast:
    return Forecast(
        Band(high=expected.prompt.high),
        Band(high=expected.completion.high),
        Band(high=expected.cost.high) if expected.cost is not None else None,
        Band(high=expected.seconds.high),
    )


def doubtful_pairs(profile: Profile, windows: Demand) -> Demand:
    """The most that is asked about doubtful pairs of so many windows, where the profile wants that: as many as there may be of each event."""
    pairs = round(max(0, windows.windows - 1) * _EVENTS.high * DOUBTS_EACH)
    if not profile.reconcile.ask or not pairs:
        return Demand()
    words = tokens.of_words(settling.prompt_for(()))
    answer, room = shares(profile.reconcile.max_tokens, words)
    each = round(2 * _LINE.high)
    held = max(1, min(room // each, answer // settling.ANSWER_TOKENS))
    requests = -(-pairs // held)
    return Demand(requests=requests, text_tokens=pairs * each + requests * words)


def alert_questions(sketch: Sketch, profile: Profile, limits: Limits, windows: Demand) -> Demand:
    """The most that alert rules ask: every rule with a question about as many events as there may be, in pictures as large as the largest."""
    asking = [rule.ask for rule in profile.alerts if rule.ask is not None]
    events = round(windows.windows * _EVENTS.high)
    if not asking or not events or not limits.sends:
        return Demand()
    shown = [picture for sample in sketch.samples for picture in sample.pictures]
    each = min(questions.MOST_PICTURES, limits.pictures or questions.MOST_PICTURES)
    requests = events * len(asking)
    words = sum(tokens.of_words(questions.prompt_of(question, "")) for question in asking)
    pictures = requests * each
    largest = max((limits.cost.tokens(picture.width, picture.height) for picture in shown), default=0)
    return Demand(
        requests=requests,
        images=pictures,
        image_bytes=pictures * max((len(picture.data) for picture in shown), default=0),
        picture_tokens=pictures * largest,
        text_tokens=events * words + requests * _TOLD + pictures * tokens.LABEL_TOKENS,
    )


def second_looks(sketch: Sketch, profile: Profile, limits: Limits, windows: Demand, *, words: int) -> Demand:
    """The most that second looks send beside so many windows: every picture as large as the largest, crops at their largest."""
    room = min(profile.windows.max_frames, limits.pictures or profile.windows.max_frames)
    allowed = Allowance.of(profile.second_look.share, windows=windows.windows, images=windows.images, room=room)
    if not allowed.looks:
        return Demand()
    shown = [picture for sample in sketch.samples for picture in sample.pictures]
    long_side = profile.windows.long_side
    # A crop is at most as high as the picture, and square.
    crop = max(ZOOM_PIXELS, max((min(picture.width, picture.height) for picture in shown), default=long_side))
    sizes = {(picture.width, picture.height) for picture in shown} | {(crop, crop)}
    pictures = min(allowed.pictures, allowed.looks * room)
    return Demand(
        windows=0,
        requests=allowed.looks,
        images=pictures,
        image_bytes=pictures * max((len(picture.data) for picture in shown), default=0),
        picture_tokens=pictures * max(limits.cost.tokens(*size) for size in sizes),
        text_tokens=allowed.looks * (words + _ASKING) + pictures * tokens.LABEL_TOKENS,
    )


def summaries(profile: Profile, demands: tuple[Demand, Demand, Demand]) -> tuple[Demand, Demand, Demand]:
    """The requests of a model's summary, where the profile wants one."""
    if not profile.summary.enabled:
        return Demand(), Demand(), Demand()
    prompt = summarize.prompt_for((), most=summarize.MOST_CHAPTERS, question=profile.prompt.question, language=None)
    words = tokens.of_words(prompt, "")
    _, room = shares(profile.summary.max_tokens, words)
    low, likely, high = (
        _levels(round(wanted.windows * events), line, room, words)
        for wanted, events, line in zip(
            demands, (_EVENTS.low, _EVENTS.likely, _EVENTS.high), (_LINE.low, _LINE.likely, _LINE.high), strict=True
        )
    )
    return low, likely, high


def _levels(lines: int, each: float, room: int, words: int) -> Demand:
    """So many lines in as few requests as hold them, then their chapters, until one request holds them all."""
    requests, shown = 0, 0.0
    while lines:
        parts = max(1, min(-(-round(lines * each) // room), lines // 2 or 1))
        requests += parts
        shown += lines * each
        if parts == 1:
            break
        lines = min(lines // 2, parts * summarize.MOST_CHAPTERS)
    return Demand(requests=requests, text_tokens=round(shown) + requests * words)
