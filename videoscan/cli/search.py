"""``videoscan search``: events by their words, over timelines or a library of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from videoscan import timecode
from videoscan.cli import libraries, options, output
from videoscan.cli import selection as selection_of

if TYPE_CHECKING:
    from pathlib import Path

    from videoscan.library.search import Found, Hit, Order, Passage
    from videoscan.reviewing.selection import Filters


@click.command(cls=selection_of.Command)
@click.argument("query", metavar="QUERY")
@click.argument("selection", nargs=-1, metavar="[SELECTION...]")
@libraries.option
@selection_of.options
@click.option(
    "--source", "sources", multiple=True, metavar="PATTERN", help="Only of recordings whose path has this in it. Repeatable."
)
@click.option(
    "--order",
    type=click.Choice(["best", "newest", "oldest"]),
    default="best",
    show_default=True,
    help="What comes first; `best` is where the words stand in the title or the tags, or make up more of the text.",
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="So many events at most.")
@options.json_lines
def command(
    *,
    query: str,
    selection: tuple[str, ...],
    library: Path | None,
    filters: Filters,
    sources: tuple[str, ...],
    order: Order,
    limit: int,
    as_json: bool,
) -> int:
    """Find events by their words.

    QUERY is words that must all be there (red car), a phrase in quotes within it ('"red car"'), the beginning of a word (car*), a word that must
    not be there (-dog), one or the other (cat OR dog). Titles, descriptions, tags and attributes are searched, in any script. It
    matches words, not meaning. A QUERY of "*" finds whatever the filters leave.

    SELECTION is timelines or output folders; without one, the library is searched. What a person rejected is left out.
    """
    from videoscan.library.search import search

    with libraries.opened(selection, library) as opened:
        found = search(opened, query, filters, sources=sources, order=order, limit=limit)
    if as_json:
        for hit in found.hits:
            output.put_json(hit.record())
        output.put_json({"total": _total(query, found)})
        return 0
    for hit in found.hits:
        put(hit)
    output.put(_sentence(found))
    for note in found.notes:
        output.say(f"note: {note}")
    return 0


def _total(query: str, found: Found) -> dict[str, object]:
    from videoscan.library.search import MATCHES_WORDS

    return {
        "query": query,
        "events": found.count,
        "more": found.more,
        "shown": len(found.hits),
        "order": found.order,
        "notes": [MATCHES_WORDS, *found.notes],
    }


def _sentence(found: Found) -> str:
    from videoscan.library.search import MATCHES_WORDS

    if not found.count:
        return f"Nothing was found; {MATCHES_WORDS}."
    many = f"more than {found.count:,}" if found.more else f"{found.count:,}"
    shown = f"; these are the {len(found.hits)} {_FIRST[found.order]}" if found.more or len(found.hits) < found.count else ""
    return f"{many} event{'' if found.count == 1 and not found.more else 's'}{shown}; {MATCHES_WORDS}."


_FIRST = {"best": "best", "newest": "newest", "oldest": "oldest"}


def put(hit: Hit) -> None:
    """One event that was found, for a person."""
    from videoscan.cli.tables import plain
    from videoscan.library.store import name_shown

    wall = hit.wall_start[:19].replace("T", " ") if hit.wall_start else None
    when = f"{timecode.short(hit.start)}-{timecode.short(hit.end)}"
    said = f" ({hit.review})" if hit.review else ""
    head = [*([wall] if wall else []), plain(name_shown(hit.camera, hit.source)), when, hit.id]
    output.put(f"{'  '.join(head)}  {_marked(_title(hit))}{said}")
    for passage in hit.context:
        if passage.field != "title":
            output.put(f"    {passage.field}: {_marked(passage)}")
    output.put(f"    {hit.picture or hit.path}")
    output.put()


def _title(hit: Hit) -> Passage:
    from videoscan.library.search import Passage

    return next((each for each in hit.context if each.field == "title"), Passage("title", hit.title))


def _marked(passage: Passage) -> str:
    """The passage with its words in bold, where that can be seen; what would steer a terminal is taken out."""
    from videoscan.cli.tables import plain

    parts, at = [], 0
    for start, end in passage.matches:
        parts += [passage.text[at:start], click.style(passage.text[start:end], bold=True)]
        at = end
    if not output.styled():
        return plain(passage.text)
    # Bold is put around what is plain already: the words between are made so one by one, with the spaces at their ends kept.
    whole = [*parts, passage.text[at:]]
    return "".join(part if number % 2 else _plain_part(part) for number, part in enumerate(whole)).strip()


def _plain_part(text: str) -> str:
    from videoscan.cli.tables import plain

    inner = plain(text)
    return f"{' ' if text[:1].isspace() else ''}{inner}{' ' if inner and text[-1:].isspace() else ''}"
