"""The figures of ``videoscan plan``: worked out for each input and model, added up, and put into a table or into JSON."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videoscan import timecode
from videoscan.cli import output, tables
from videoscan.describers import dialects, shape
from videoscan.describers import known as measured
from videoscan.describers.endpoint import Address
from videoscan.planning import experience
from videoscan.planning.beside import Beside, beside
from videoscan.planning.demand import Demand, demand
from videoscan.planning.forecast import ASSUMED_ANSWER, Band, Experience, Forecast, Pace, forecast
from videoscan.spending import money, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videoscan.planning.quick import Estimate
    from videoscan.planning.sketch import Sketch
    from videoscan.recordings.inputs import Input
    from videoscan.request import Request
    from videoscan.seams import Limits
    from videoscan.spending.money import Budget, Prices


@dataclass(frozen=True, slots=True)
class ForModel:
    """One model's figures. `demands` are low, likely and high: three times the same, unless only excerpts were looked at.

    They are those of windows; `beside` is what may come on top, and `forecast` counts both.
    """

    model: str | None
    demands: tuple[Demand, Demand, Demand]
    forecast: Forecast
    prices: Prices | None
    budget: Budget
    source: str
    beside: Beside = Beside()

    def __add__(self, other: ForModel) -> ForModel:
        low, likely, high = (one + two for one, two in zip(self.demands, other.demands, strict=True))
        together = self.beside + other.beside
        return replace(self, demands=(low, likely, high), forecast=self.forecast + other.forecast, beside=together)

    def record(self) -> dict[str, Any]:
        """For ``--json``."""
        low, likely, high = self.demands
        figures = {"model": self.model, **likely.record(), **self.forecast.record(self.prices), "figures_from": self.source}
        if low != high:
            figures |= {"low": low.record(), "high": high.record()}
        return figures | self.beside.record()


@dataclass(frozen=True, slots=True)
class Planned:
    """One input's figures, for each model. `excerpts` were looked at, 0 for all of it; `kept_at` is where the sampling lies."""

    sketch: Sketch
    models: tuple[ForModel, ...]
    excerpts: int = 0
    looked_at: float = 0.0
    kept_at: Path | None = None
    assumed: str | None = None

    def record(self) -> dict[str, Any]:
        """For ``--json``: the first model's figures, and those of all where there are several."""
        sketch = self.sketch
        figures = {
            "duration": round(sketch.duration, 3),
            "frames": {"decoded": sketch.decoded, "sampled": sketch.sampled, "kept": sketch.kept},
            **{key: value for key, value in self.models[0].record().items() if key != "model"},
            "lost": round(sketch.lost, 3),
            "assumed": self.assumed,
        }
        if len(self.models) > 1:
            figures["models"] = [each.record() for each in self.models]
        if self.excerpts:
            figures["estimated_from"] = {"excerpts": self.excerpts, "seconds": round(self.looked_at, 1)}
        return figures


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one input: its figures, or an error."""

    about: str
    planned: Planned | None = None
    error: BaseException | None = None


def planned(
    given: Input,
    asked: Sequence[Request],
    limits: Sequence[Limits],
    estimate: Estimate,
    out: Path,
    *,
    kept_at: Path | None,
    assumed: str | None,
) -> Planned:
    """The figures of one input. `asked` and `limits` go together, one for each model; `out` is where earlier scans may lie."""
    del given
    models = tuple(_for_model(request, limit, estimate, out, assumed) for request, limit in zip(asked, limits, strict=True))
    return Planned(estimate.sketch, models, estimate.excerpts, estimate.looked_at, kept_at, assumed)


def _for_model(request: Request, limits: Limits, estimate: Estimate, out: Path, assumed: str | None) -> ForModel:
    describer = request.describer
    words = words_of(request)
    likely = demand(estimate.sketch, request.resolved.profile.windows, limits, words=words)
    demands = likely.times(estimate.low), likely, likely.times(estimate.high)
    model = assumed or describer.get("model")
    known = (_known(describer, model, out, words, likely) if not assumed else None) or Experience()
    pace = Pace() if assumed else pace_of(describer)
    prices = request.resolved.profile.budget.prices_of(model)
    profile = request.resolved.profile
    more = beside(
        estimate.sketch,
        profile,
        limits,
        demands,
        known,
        pace,
        words=words,
        prices=prices,
        summary_prices=profile.budget.prices_of(profile.summary.model or model),
        pairs_prices=profile.budget.prices_of(profile.reconcile.model or model),
    )
    expected = forecast(demands, known, pace, prices) + more.forecast
    return ForModel(model, demands, expected, prices, request.budget, known.source, more)


def _known(describer: dict[str, Any], model: str | None, out: Path, words: int, expected: Demand) -> Experience | None:
    """What was measured of this model at this endpoint: by earlier scans, else by ``videoscan doctor``. Of the only one known there, if none is named."""
    endpoint = describer.get("endpoint")
    if not endpoint:
        return None
    profile = measured.recall(Address.parse(endpoint).shown, model)
    named = model or (profile.model if profile is not None else None)
    if named and (found := experience.of_folder(out, endpoint, named, words=words)) is not None:
        return found
    if profile is None or profile.speed is None:
        return None
    images = round(expected.images / max(1, expected.requests))
    latency = ASSUMED_ANSWER.each(lambda length: profile.speed.seconds(images, round(length)) if profile.speed else 0.0)
    day = profile.measured.date().isoformat()
    return Experience(latency=latency, source=f"times as doctor measured them on {day}, length of answers assumed")


def words_of(request: Request) -> int:
    """Tokens of the text around the pictures of one request: what is going on too, and the answer's form where words must ask for it."""
    describer, options = request.describer, request.resolved.profile.prompt
    context = options.context_tokens if options.context == "rolling" else 0
    form = ""
    if describer["kind"] == "openai":
        row = dialects.for_endpoint(Address.parse(describer["endpoint"]).chat, describer.get("model"), describer["dialect"])
        form = "" if row.json_schema else shape.drawn(request.prompt.schema)
    return context + tokens.of_words(request.prompt, form)


def pace_of(describer: dict[str, Any]) -> Pace:
    """How fast a describer may go, as far as its options tell."""
    return Pace(
        describer.get("concurrency", 1),
        describer.get("requests_per_minute"),
        describer.get("tokens_per_minute"),
        describer.get("max_tokens", 2048),
    )


# --- added up -----------------------------------------------------------------------------------------------------------------


def _totals(results: Iterable[Result]) -> list[ForModel]:
    """Each model's figures over all inputs."""
    totals: list[ForModel] = []
    for result in results:
        if result.planned is None:
            continue
        rows = result.planned.models
        totals = [one + two for one, two in zip(totals, rows, strict=True)] if totals else list(rows)
    return totals


def json_line(result: Result) -> dict[str, Any]:
    """One input's line."""
    figures = result.planned.record() if result.planned is not None else {}
    return {"input": result.about, **figures, "error": output.error_record(result.error) if result.error is not None else None}


def json_total(results: Sequence[Result]) -> dict[str, Any]:
    """The last line, where there are several inputs."""
    plans = [result.planned for result in results if result.planned is not None]
    totals = _totals(results)
    figures: dict[str, Any] = (
        {key: value for key, value in totals[0].record().items() if key != "model"} if totals else Demand().record()
    )
    if len(totals) > 1:
        figures["models"] = [each.record() for each in totals]
    frames = {name: sum(getattr(plan.sketch, name) for plan in plans) for name in ("decoded", "sampled", "kept")}
    return {
        "total": {
            "inputs": len(results),
            "duration": round(sum(plan.sketch.duration for plan in plans), 3),
            "frames": frames,
            **figures,
            "lost": round(sum(plan.sketch.lost for plan in plans), 3),
            "assumed": next((plan.assumed for plan in plans if plan.assumed), None),
        }
    }


# --- for people ---------------------------------------------------------------------------------------------------------------

_HEADS = (
    "input",
    "length",
    "sampled",
    "kept",
    "windows",
    "requests",
    "pictures",
    "bytes",
    "tokens in",
    "tokens out",
    "cost",
    "time",
)


def show(results: Sequence[Result]) -> None:
    """The table: a row for each input and model, and their totals."""
    plans = [(Path(result.about).name, result.planned) for result in results if result.planned is not None]
    several = len(plans[0][1].models) > 1
    heads: tuple[str, ...] = (_HEADS[0], "model", *_HEADS[1:]) if several else _HEADS
    rows = []
    for name, plan in plans:
        for place, each in enumerate(plan.models):
            row = _sampled([plan.sketch], about="~" if plan.excerpts else "")
            rows.append(_row(name if not place else "", row, each, several=several))
    if len(plans) > 1:
        row = _sampled([plan.sketch for _, plan in plans], about="~" if any(plan.excerpts for _, plan in plans) else "")
        for place, each in enumerate(_totals(results)):
            rows.append(_row("total" if not place else "", row, each, several=several))
    # A column that says nothing anywhere is left out.
    empty = [at for at, head in enumerate(heads) if head == "cost" and all(row[at] == "-" for row in rows)]
    heads, rows = _without(heads, empty), [_without(row, empty) for row in rows]
    output.put(tables.table(heads, rows, right=range(2 if several else 1, len(heads)), give=(0,)))


def _sampled(sketches: Sequence[Sketch], *, about: str) -> tuple[str, ...]:
    """Length, sampled and kept, of all of them together."""
    seconds = sum(sketch.duration for sketch in sketches)
    counts = (sum(sketch.sampled for sketch in sketches), sum(sketch.kept for sketch in sketches))
    return timecode.short(seconds), *(f"{about}{count:,}" for count in counts)


def _without(row: tuple[str, ...], places: Sequence[int]) -> tuple[str, ...]:
    return tuple(cell for at, cell in enumerate(row) if at not in places)


def _row(name: str, sampled: tuple[str, ...], figures: ForModel, *, several: bool) -> tuple[str, ...]:
    low, likely, high = figures.demands
    expected = figures.forecast
    about = "~" if low != high else ""
    cost = "-"
    if expected.cost is not None and figures.prices is not None:
        cost = _money(expected.cost, figures.prices.currency)
    return (
        name,
        *([figures.model or "-"] if several else []),
        *sampled,
        f"{about}{likely.windows:,}",
        f"{about}{likely.requests:,}",
        f"{about}{likely.images:,}",
        f"{about}{_size(likely.image_bytes)}",
        _count(expected.prompt),
        _count(expected.completion),
        cost,
        f"{_time(expected.seconds.low)}-{_time(expected.seconds.high)}",
    )


def _count(band: Band) -> str:
    return f"{_thousands(band.likely)} ({_thousands(band.low)}-{_thousands(band.high)})"


def _thousands(count: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            value = count / size
            return f"{value:.0f}{unit}" if value >= 100 else f"{value:.3g}{unit}"
    return f"{count:.0f}"


def _money(band: Band, currency: str) -> str:
    return f"{money.money(band.likely, currency)} ({money.digits(band.low)}-{money.digits(band.high)})"


def _time(seconds: float) -> str:
    return timecode.short(seconds)


def _size(count: int) -> str:
    """Decimal units, as disks and uplinks are sold."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def remarks(results: Sequence[Result]) -> list[str]:
    """What the figures rest on, for people, each said once."""
    plans = [result.planned for result in results if result.planned is not None]
    said: list[str] = []
    if any(plan.assumed for plan in plans):
        model = next(plan.assumed for plan in plans if plan.assumed)
        said.append(
            f"no endpoint is set, and the built-in describer sends nothing: the figures are for {model} at an "
            "OpenAI-compatible server; give --endpoint and --model for yours"
        )
    for plan in plans:
        if plan.excerpts:
            part = plan.looked_at / max(plan.sketch.duration, 1e-9)
            low, likely, high = plan.models[0].demands
            said.append(
                f"estimated from {plan.excerpts} excerpts, {part:.0%} of {timecode.short(plan.sketch.duration)}: "
                f"{likely.images:,} pictures, between {low.images:,} and {high.images:,} (95 %)"
            )
    said += [
        f"{f'{each.model}: ' if each.model else ''}length of answers and time: {each.source}"
        for plan in plans[:1]
        for each in plan.models
    ]
    totals = _totals(results)
    said += _beside(totals[0]) if totals else []
    if plans and all(each.prices is None for plan in plans for each in plan.models):
        said.append("no prices are known, so no cost: write [budget.prices] into a profile")
    folders = [str(plan.kept_at) for plan in plans if plan.kept_at is not None]
    if folders:
        where = folders[0] if len(folders) == 1 else f"{folders[0]} and {len(folders) - 1} more"
        said.append(f"the sampling is kept in {where}: a scan with the same options decodes nothing again")
    for each in totals:
        if each.budget:
            said.append(f"{each.model}: {_against(each)}" if len(totals) > 1 else _against(each))
    return list(dict.fromkeys(said))


def _beside(figures: ForModel) -> list[str]:
    """What the figures count beside windows."""
    second, (low, likely, high) = figures.beside.second, figures.beside.summary
    said = []
    if second.requests:
        said.append(
            f"the upper figures count second looks at doubtful answers: at most {_plural(second.requests, 'request')} with "
            f"{second.images:,} pictures (second_look.share)"
        )
    if pairs := figures.beside.pairs.requests:
        said.append(f"the upper figures count {_plural(pairs, 'request')} about doubtful pairs at most (reconcile.ask)")
    if asked := figures.beside.alerts.requests:
        said.append(f"the upper figures count {_plural(asked, 'question')} of alert rules at most (alerts.ask)")
    if high.requests:
        many = (
            f" ({low.requests:,} to {high.requests:,}, as there are many events or few)" if low.requests < high.requests else ""
        )
        said.append(f"counted too: about {_plural(likely.requests, 'request')} for the summary{many}")
    return said


def _plural(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _against(figures: ForModel) -> str:
    """How the figures compare with the budget."""
    expected, budget, spent = figures.forecast, figures.budget, []
    if budget.cost is not None and expected.cost is not None:
        spent.append((budget.cost, expected.cost, money.money(expected.cost.likely, budget.currency or "")))
    if budget.tokens is not None:
        together = expected.prompt + expected.completion
        spent.append((budget.tokens, together, money.counted(round(together.likely), "token")))
    if budget.requests is not None:
        requests = Band(*(float(each.requests) for each in figures.demands)) + figures.beside.requests
        spent.append((budget.requests, requests, money.counted(round(requests.likely), "request")))
    worst = max(spent, key=lambda row: row[1].likely / row[0])
    if worst[1].high <= worst[0]:
        return f"the budget of {budget} suffices"
    if worst[1].likely <= worst[0]:
        return f"the budget of {budget} will probably suffice ({worst[2]} are likely)"
    return f"the budget of {budget} does not suffice ({worst[2]} are likely): a scan with it sends less; see the how-to on bills"
