"""The report and its pictures, as far as text goes; tests/browser reads it as a browser does."""

from __future__ import annotations

from html.parser import HTMLParser

import cv2
import examples
import numpy as np
import pybase64
import pytest
from exporting import written

from videoscan import timecode
from videoscan.exporters import wording
from videoscan.exporters.html import HtmlExporter
from videoscan.exporters.pictures import inline, link

# Pictures


@pytest.mark.parametrize(
    "path",
    [
        "../x.jpg",
        "/etc/passwd",
        "a/../../x",
        "javascript:alert(1)",
        "https://a.example/x.png",
        "C:\\x.jpg",
        "",
        None,
        "./x",
        "a//b",
    ],
)
def test_a_picture_outside_the_folder_is_no_picture(path, tmp_path):
    assert link(path) is None
    if path:
        assert inline({path: 1}, str(tmp_path), budget=10**6, long_side=960) == {}


def test_a_picture_behind_a_link_out_of_the_folder_is_not_read(tmp_path):
    (tmp_path / "secret.jpg").write_bytes(examples.draw(0, None, size=(64, 36)))
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "x.jpg").symlink_to(tmp_path / "secret.jpg")
    assert inline({"x.jpg": 1}, str(folder), budget=10**6, long_side=960) == {}


def test_pictures_are_shrunk_to_the_side_asked_for(night):
    timeline, folder = night
    path = timeline.events[0].evidence[0].picture
    made = inline({path: 1}, str(folder), budget=10**7, long_side=480)[path]
    image = decoded(made.url)
    assert image.shape == (270, 480, 3) == (made.height, made.width, 3)


def test_a_small_picture_travels_as_it_is(tmp_path):
    data = examples.draw(0, None, size=(320, 180))
    (tmp_path / "x.jpg").write_bytes(data)
    assert pybase64.b64decode(inline({"x.jpg": 1}, str(tmp_path), budget=10**6, long_side=960)["x.jpg"].url.split(",")[1]) == data


@pytest.mark.parametrize("budget", [0, 3_000, 20_000, 200_000, 2_000_000])
def test_pictures_never_take_more_than_their_budget(budget, night):
    timeline, folder = night
    uses = {shown.picture: 2 for event in timeline.events for shown in event.evidence if shown.picture}
    made = inline(uses, str(folder), budget=budget, long_side=960)
    assert sum(2 * len(picture.url) for picture in made.values()) <= budget
    assert len(made) == (len(uses) if budget >= 200_000 else len(made))
    assert made or budget < 10_000


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\xff\xd8\xff broken"])
def test_what_is_no_picture_is_left_out(data, tmp_path):
    (tmp_path / "x.jpg").write_bytes(data)
    assert inline({"x.jpg": 1, "missing.jpg": 1}, str(tmp_path), budget=10**6, long_side=960) == {}


def decoded(url):
    return cv2.imdecode(np.frombuffer(pybase64.b64decode(url.split(",", 1)[1], validate=True), np.uint8), cv2.IMREAD_COLOR)


# The page


class Page(HTMLParser):
    """Tags with their attributes in order, and the text outside of script and style."""

    def __init__(self, text):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if not self.tags or self.tags[-1][0] not in {"script", "style"}:
            self.text += data


@pytest.fixture(scope="module")
def page(night):
    return Page(written(HtmlExporter(), *night).decode())


def test_the_report_asks_nobody_for_anything(page):
    for tag, attributes in page.tags:
        assert tag not in {"iframe", "object", "embed", "base", "form", "video", "audio"}
        for key, value in attributes.items():
            assert not key.startswith("on"), f"{tag} has {key}"
            assert key != "style", "an inline style would be refused by the page's own policy"
            if key in {"src", "href", "xlink:href", "srcset", "action", "poster"}:
                assert value.startswith(("data:", "#", "frames/")), value


def test_the_report_has_one_script_one_style_and_a_policy_that_allows_no_other(page):
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert [tag for tag, _ in page.tags].count("style") == 1
    policy = next(
        attributes["content"] for tag, attributes in page.tags if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_report_tells_every_event_and_every_gap_in_words(page, night):
    for event in night[0].events:
        assert wording.plain(event.title) in page.text
    for gap in wording.gaps(night[0]):
        assert gap.what in page.text
        assert gap.reason in page.text
    assert night[0].describer.note in page.text
    assert "hidden" not in page.text, "an endpoint's query string is nobody's business"


def test_the_report_carries_its_pictures_and_they_decode(page):
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 10
    for attributes in images:
        height, width = decoded(attributes["src"]).shape[:2]
        assert (int(attributes["width"]), int(attributes["height"])) == (width, height)


def test_ids_in_the_report_are_unique_and_every_fragment_leads_somewhere(night):
    strange = night[0].model_copy(
        update={"events": tuple(e.model_copy(update={"id": f'{i} "<&'}) for i, e in enumerate(night[0].events))}
    )
    for timeline in (night[0], strange):
        tags = Page(written(HtmlExporter(), timeline).decode()).tags
        ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
        assert len(ids) == len(set(ids))
        assert {attributes["href"][1:] for tag, attributes in tags if tag == "a" and attributes["href"].startswith("#")} <= set(
            ids
        )


def test_the_report_without_a_folder_names_the_pictures_that_it_has_not(night):
    shown = Page(written(HtmlExporter(), night[0]).decode())
    assert not [tag for tag, _ in shown.tags if tag == "img"]
    assert "frames/00007510.jpg" in shown.text


def test_the_report_with_less_room_for_pictures_is_smaller(night):
    small = written(HtmlExporter(HtmlExporter.Options(picture_bytes=60_000)), *night)
    assert len(small) < 60_000 + 80_000 < len(written(HtmlExporter(), *night))


def test_the_reports_bar_draws_every_gap_however_short(night):
    gaps = [examples.Gap(t, t + 0.5, "lost", f"piece {t}") for t in (100.0, 500.0, 900.0)]
    kept = sorted({0.0, *(gap.end for gap in gaps)})
    duration = 86_400.0
    day = examples.quiet().model_copy(
        update={
            "source": night[0].source.model_copy(update={"duration": duration}),
            "coverage": examples.covered(duration, kept, gaps),
        }
    )
    tags = Page(written(HtmlExporter(), day).decode()).tags
    track = [
        attributes["class"]
        for tag, attributes in tags
        if tag == "rect" and attributes.get("height") == "14" and "x" in attributes
    ]
    assert track.count("s-lost") == 3


def test_five_thousand_events_make_a_report_under_thirty_megabytes(tmp_path):
    data = written(HtmlExporter(), examples.busy(tmp_path, pictures=200), tmp_path)
    assert len(data) < 30_000_000
    assert data.count(b"<img ") == 5000


def test_a_citation_is_a_link_to_its_event_that_shows_the_time(night):
    timeline, folder = night
    event = timeline.events[0].model_copy(update={"id": "e00000380"})
    told = timeline.model_copy(
        update={"events": (event,), "summary": f"Somebody came [{event.id}], not a dragon [e99999999].", "flags": ("doubtful",)}
    )
    page = written(HtmlExporter(), told, folder).decode()
    assert f'[<a class="num" href="#event-{event.id}">{timecode.short(event.start)}</a>]' in page
    assert "[e99999999]" in page
    assert "doubtful" in page
