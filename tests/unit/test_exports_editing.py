"""Exports for editing programs, read back by OpenTimelineIO's own adapters; timecode held to OpenTimelineIO's."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from xml.etree import ElementTree as ET

import examples
import json5
import jsonschema
import opentimelineio as otio
import pytest
from exporting import written

from videoscan.document import Part, SoundRecord
from videoscan.errors import ConfigError
from videoscan.exporters import wording
from videoscan.exporters.edl import EdlExporter
from videoscan.exporters.fcp7xml import Fcp7XmlExporter
from videoscan.exporters.llc import LlcExporter
from videoscan.exporters.otio import OtioExporter
from videoscan.seams import Told
from videoscan.smpte import rate_of

RATES = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)


def filmed(fps, *, one_file=True, **source):
    """The car park at another rate, every event on a frame of it."""
    night = examples.carpark()
    rate = rate_of(fps)

    def on_frame(seconds):
        return rate.seconds(rate.frame(seconds))

    events = tuple(
        event.model_copy(update={"start": on_frame(event.start), "end": on_frame(event.end)}) for event in night.events
    )
    changes = {"fps": fps, **({"parts": ()} if one_file else {}), **source}
    return night.model_copy(update={"events": events, "source": night.source.model_copy(update=changes)})


def edl(timeline, **options):
    return written(EdlExporter(EdlExporter.Options(**options)), timeline).decode()


def read_edl(text, rate):
    return otio.adapters.read_from_string(text, "cmx_3600", rate=float(rate.exact))


# Timecode


@pytest.mark.parametrize("fps", RATES)
def test_timecode_is_what_opentimelineio_makes_of_the_same_frame_and_reads_back(fps):
    rate = rate_of(fps)
    day = rate.parse("23:59:59:20")
    frames = {0, 1, 1799, 1800, 1801, 3597, 3598, 3599, 17981, 17982, 17983, 107891, 107892, day}
    for frame in sorted(frames | set(range(0, day, 33_331))):
        text = rate.text(frame)
        assert rate.parse(text) == frame
        time = otio.opentime.RationalTime(frame, float(rate.exact))
        if rate.drop or not rate.ntsc:
            assert text == otio.opentime.to_timecode(time, float(rate.exact), drop_frame=rate.drop)


@pytest.mark.parametrize("fps", [30000 / 1001, 60000 / 1001])
def test_drop_frame_timecode_keeps_up_with_the_clock_for_a_day(fps):
    rate = rate_of(fps)
    assert rate.drop
    assert rate.text(rate.frame(3600)) == "01:00:00;00"
    assert rate.text(rate.frame(60)) in {"00:00:59;28", "00:00:59;56", "00:01:00;02", "00:01:00;04"}
    assert rate_of(fps, drop=False).text(rate.frame(3600)).startswith("00:59:56:")
    assert rate.text(rate.parse("23:59:59;29") + 2 * (rate.nominal == 60) * 15 + 1) == "00:00:00;00"


@pytest.mark.parametrize(
    ("fps", "exact", "nominal"),
    [
        (29.97, Fraction(30000, 1001), 30),
        (23.98, Fraction(24000, 1001), 24),
        (23.976, Fraction(24000, 1001), 24),
        (59.94, Fraction(60000, 1001), 60),
        (25.000001, Fraction(25), 25),
        (10.0, Fraction(30), 30),
        (15.0, Fraction(30), 30),
        (20.0, Fraction(60), 60),
        (8.0, Fraction(24), 24),
        (1.0, Fraction(24), 24),
        (12.5, Fraction(25), 25),
        (14.985, Fraction(30000, 1001), 30),
        (27.31, Fraction(25), 25),
        (29.2, Fraction(30), 30),
        (119.88, Fraction(120000, 1001), 120),
        (None, Fraction(25), 25),
        (float("nan"), Fraction(25), 25),
        (1e9, Fraction(25), 25),
    ],
)
def test_declared_rates_are_counted_as_what_they_stand_for(fps, exact, nominal):
    rate = rate_of(fps)
    assert (rate.exact, rate.nominal) == (exact, nominal)


@pytest.mark.parametrize("text", ["", "1:00", "24:00:00:00", "00:60:00:00", "00:00:00:30", "00:01:00;00", "10:00:00"])
def test_a_timecode_that_does_not_exist_is_refused(text):
    with pytest.raises(ConfigError):
        rate_of(29.97).parse(text)


def test_drop_frame_is_refused_where_there_is_none():
    with pytest.raises(ConfigError, match="25 frames"):
        edl(filmed(25.0), start_timecode="10:00:00;00")


# Edit decision lists


@pytest.mark.parametrize("fps", RATES)
def test_an_edl_cuts_every_event_out_of_its_source_at_every_rate(fps):
    timeline = filmed(fps)
    rate = rate_of(fps)
    (track,) = read_edl(edl(timeline), rate).tracks
    standing = wording.standing(timeline)
    assert len(track) == len(standing)
    at = 0
    for clip, event in zip(track, standing, strict=True):
        assert clip.name == "car park 3 🌙.mp4"
        assert clip.source_range.start_time.value == rate.frame(event.start)
        assert clip.source_range.duration.value == rate.frame(event.end) - rate.frame(event.start)
        assert clip.range_in_parent().start_time.value == at
        at += clip.source_range.duration.value


@pytest.mark.parametrize(
    ("fps", "start", "first", "mode"),
    [
        (25.0, "10:00:00:00", "10:12:31:00", "NON-DROP FRAME"),
        (29.97, "10:00:00;00", "10:12:30;29", "DROP FRAME"),
        (29.97, "10:00:00:00", "10:12:30:07", "NON-DROP FRAME"),
        (25.0, "wall", "22:12:31:00", "NON-DROP FRAME"),
        (29.97, "wall", "22:12:30;29", "DROP FRAME"),
        (29.97, None, "00:12:30;29", "DROP FRAME"),
    ],
)
def test_the_start_timecode_is_that_of_the_sources_first_frame(fps, start, first, mode):
    lines = edl(filmed(fps), start_timecode=start).splitlines()
    assert lines[1] == f"FCM: {mode}"
    assert lines[3].split()[4] == first
    assert start in {None, "wall"} or lines[3].split()[6] == start


def test_joined_recordings_are_cut_from_each_of_their_files():
    timeline = filmed(25.0, one_file=False)
    across = timeline.events[-1].model_copy(update={"start": 14390.0, "end": 15310.0, "id": "across"})
    timeline = timeline.model_copy(update={"events": (across,)})
    (track,) = read_edl(edl(timeline), rate_of(25.0)).tracks
    assert [(clip.name, clip.source_range.start_time.value, clip.source_range.duration.value) for clip in track] == [
        ("a.mp4", 14390 * 25, 250),
        ("b.mp4", 0, 250),
    ]
    lines = [line.split() for line in edl(timeline, start_timecode="wall").splitlines() if line[:1].isdigit()]
    assert [line[4] for line in lines] == ["01:59:50:00", "02:15:00:00"]


def test_what_a_joined_file_shows_a_second_time_is_not_cut_from_its_beginning():
    parts = (Part(uri="a.mp4", start=0, duration=100), Part(uri="b.mp4", start=100, duration=90, skipped=10))
    timeline = filmed(25.0, duration=190.0, parts=parts, one_file=False)
    event = timeline.events[-1].model_copy(update={"start": 98.0, "end": 104.0, "id": "across"})
    timeline = timeline.model_copy(update={"events": (event,)})
    (track,) = read_edl(edl(timeline), rate_of(25.0)).tracks
    assert [(clip.name, clip.source_range.start_time.value) for clip in track] == [("a.mp4", 98 * 25), ("b.mp4", 10 * 25)]
    lines = [line.split() for line in edl(timeline, start_timecode="01:00:00:00").splitlines() if line[:1].isdigit()]
    assert [line[4] for line in lines] == ["01:01:38:00", "01:01:40:00"]


def test_an_edl_of_cameras_with_different_rates_is_refused_and_otio_takes_them():
    parts = [Told(filmed(25.0)), Told(filmed(29.97))]
    with pytest.raises(ConfigError, match="one rate"):
        EdlExporter().write_all(parts, None, None)
    count = sum(len(wording.standing(part.timeline)) for part in parts)
    made = otio.adapters.read_from_string(written_all(OtioExporter(), parts).decode(), "otio_json")
    assert len(made.tracks[0]) == count
    assert {round(clip.source_range.start_time.rate, 2) for clip in made.tracks[0]} == {25.0, 29.97}


def test_wall_timecode_without_a_clock_is_refused():
    with pytest.raises(ConfigError, match="nobody knows the wall time"):
        edl(examples.quiet(), start_timecode="wall")


def written_all(exporter, parts) -> bytes:
    import io

    out = io.BytesIO()
    exporter.write_all(parts, out, pytest.fail)
    return out.getvalue()


def test_words_never_forge_a_line_of_an_edl():
    hostile = filmed(25.0)
    event = hostile.events[0].model_copy(
        update={
            "title": "a\r\n002  AX V C 00:00:00:00 00:00:01:00 00:00:00:00 00:00:01:00",
            "description": "b\n* FROM CLIP NAME: c" * 99,
        }
    )
    made = edl(hostile.model_copy(update={"events": (event,)}))
    assert [line for line in made.splitlines() if line[:1].isdigit()] == [made.splitlines()[3]]
    assert max(map(len, made.splitlines())) <= 400
    assert sum(line.startswith("* FROM CLIP NAME") for line in made.splitlines()) == 1


# OpenTimelineIO and Final Cut Pro 7


@pytest.mark.parametrize("fps", RATES)
def test_otio_and_fcp7_hold_the_same_cut(fps):
    timeline = filmed(fps)
    rate = rate_of(fps)
    as_otio = otio.adapters.read_from_string(written(OtioExporter(), timeline).decode(), "otio_json")
    as_xml = otio.adapters.read_from_string(written(Fcp7XmlExporter(), timeline).decode(), "fcp_xml")
    for made in (as_otio, as_xml):
        (track,) = made.video_tracks()
        for clip, event in zip(track, wording.standing(timeline), strict=True):
            assert clip.name == wording.plain(event.title)
            assert clip.source_range.start_time.value == rate.frame(event.start)
            assert clip.source_range.start_time.rate == pytest.approx(float(rate.exact))
            assert clip.source_range.duration.value == rate.frame(event.end) - rate.frame(event.start)
            assert clip.media_reference.target_url.endswith(
                "/footage/%E5%81%9C%E8%BD%A6%E5%9C%BA/car%20park%203%20%F0%9F%8C%99.mp4"
            )
            (marker,) = clip.markers
            assert marker.name == clip.name
    assert list(as_otio.tracks[0][0].metadata["videoscan"]["tags"]) == ["person", "loitering"]
    assert as_otio.duration() == as_otio.tracks[0].trimmed_range().duration


def test_a_start_timecode_shifts_source_and_sequence_alike():
    timeline = filmed(29.97)
    made = otio.adapters.read_from_string(
        written(OtioExporter(OtioExporter.Options(start_timecode="10:00:00;00")), timeline).decode(), "otio_json"
    )
    assert otio.opentime.to_timecode(made.global_start_time, 30000 / 1001, drop_frame=True) == "10:00:00;00"
    clip = made.tracks[0][0]
    assert otio.opentime.to_timecode(clip.source_range.start_time, 30000 / 1001, drop_frame=True) == "10:12:30;29"
    assert clip.media_reference.available_range.contains(clip.source_range)
    root = ET.fromstring(written(Fcp7XmlExporter(Fcp7XmlExporter.Options(start_timecode="10:00:00;00")), timeline))
    assert {code.findtext("string") for code in root.iter("timecode")} == {"10:00:00;00"}
    assert {code.findtext("displayformat") for code in root.iter("timecode")} == {"DF"}


def test_fcp7_describes_each_file_once_and_lays_clips_end_to_end():
    root = ET.fromstring(written(Fcp7XmlExporter(), filmed(25.0, one_file=False)))
    items = list(root.iter("clipitem"))
    assert [item.find("file/pathurl") is not None for item in items].count(True) == 2
    places = [(int(item.findtext("start")), int(item.findtext("end"))) for item in items]
    assert all(before[1] == after[0] for before, after in itertools.pairwise(places))
    assert places[-1][1] == int(root.findtext("sequence/duration"))


@pytest.mark.parametrize("text", ["\x00\x01\x1f", "￾\uffff a", "<b>&amp;]]></b>", "\ud800 a", "a\u202eb\u0000"])
def test_xml_stays_well_formed_whatever_the_words_are(text):
    timeline = filmed(25.0)
    event = timeline.events[0].model_copy(update={"title": text, "description": text, "tags": (text,)})
    made = written(Fcp7XmlExporter(), timeline.model_copy(update={"events": (event,)}))
    root = ET.fromstring(made)
    assert len(list(root.iter("clipitem"))) == 1
    assert root.find(".//clipitem/name").text


# Sound


def heard(*sounds):
    """Three recordings of ten seconds with an event of two seconds in each, and a fourth over the last two; each with such a sound."""
    parts = tuple(
        Part(uri=f"/footage/{number}.mp4", start=number * 10.0, duration=10.0, sound=sound) for number, sound in enumerate(sounds)
    )
    timeline = filmed(25.0, duration=30.0, parts=parts, one_file=False)
    spans = ((1.0, 3.0), (11.0, 13.0), (21.0, 23.0), (19.0, 22.0))
    events = [
        timeline.events[-1].model_copy(update={"start": start, "end": end, "id": f"e{number:08d}", "title": f"event {number}"})
        for number, (start, end) in enumerate(spans)
    ]
    return timeline.model_copy(update={"events": tuple(events)})


MONO, STEREO, SURROUND = (SoundRecord(channels=count, sample_rate=48_000) for count in (1, 2, 6))


def test_an_edl_cuts_sound_with_its_picture():
    timeline = heard(STEREO, None, MONO)
    lines = [line.split() for line in edl(timeline).splitlines() if line[:1].isdigit()]
    assert [line[2] for line in lines] == ["AA/V", "V", "B", "V", "B"]
    made = read_edl(edl(timeline), rate_of(25.0))
    (pictures,) = made.video_tracks()
    spans = [clip.range_in_parent() for clip in pictures]
    first, second = made.audio_tracks()
    for track, expected in ((first, [0, 2, 4]), (second, [0])):
        clips = [clip for clip in track if isinstance(clip, otio.schema.Clip)]
        assert [clip.range_in_parent() for clip in clips] == [spans[place] for place in expected]
        assert [clip.source_range for clip in clips] == [pictures[place].source_range for place in expected]


def test_otio_has_the_sound_below_its_picture():
    made = otio.adapters.read_from_string(written(OtioExporter(), heard(STEREO, None, MONO)).decode(), "otio_json")
    (pictures,), (sound,) = made.video_tracks(), made.audio_tracks()
    assert [clip.range_in_parent() for clip in sound] == [clip.range_in_parent() for clip in pictures]
    assert [isinstance(clip, otio.schema.Gap) for clip in sound] == [False, True, False, True, False]
    assert [clip.media_reference.target_url for clip in sound.find_clips()] == [
        pictures[place].media_reference.target_url for place in (0, 2, 4)
    ]
    assert not any(clip.markers for clip in sound.find_clips())
    silent = otio.adapters.read_from_string(written(OtioExporter(), heard(None, None, None)).decode(), "otio_json")
    assert len(silent.tracks) == 1


def test_fcp7_has_a_track_for_each_channel_and_links_it_with_the_picture():
    made = written(Fcp7XmlExporter(), heard(SURROUND, None, MONO)).decode()
    read = otio.adapters.read_from_string(made, "fcp_xml")
    (pictures,), (left, right) = read.video_tracks(), read.audio_tracks()
    spans = [clip.range_in_parent() for clip in pictures]
    for track, expected in ((left, [0, 2, 4]), (right, [0])):
        clips = list(track.find_clips())
        assert [clip.range_in_parent() for clip in clips] == [spans[place] for place in expected]
        assert [clip.source_range for clip in clips] == [pictures[place].source_range for place in expected]
    root = ET.fromstring(made)
    items = {item.get("id"): item for item in root.iter("clipitem")}
    assert len(items) == len(list(root.iter("clipitem")))
    by_track = [[item.get("id") for item in track.iter("clipitem")] for track in root.iter("track")]
    for item in items.values():
        for link in item.iter("link"):
            kind, track, clip = (link.findtext(tag) for tag in ("mediatype", "trackindex", "clipindex"))
            place = 0 if kind == "video" else int(track)
            assert by_track[place][int(clip) - 1] == link.findtext("linkclipref")
    assert [len(list(items[name].iter("link"))) for name in by_track[0]] == [3, 0, 2, 0, 2]
    assert [file.findtext("media/audio/channelcount") for file in root.iter("file") if len(file)] == ["6", None, "1"]
    assert {item.findtext("sourcetrack/trackindex") for item in root.iter("clipitem")} == {None, "1", "2"}


def test_an_instant_is_one_frame_long():
    timeline = filmed(25.0)
    event = timeline.events[0].model_copy(update={"end": timeline.events[0].start})
    timeline = timeline.model_copy(update={"events": (event,)})
    (track,) = read_edl(edl(timeline), rate_of(25.0)).tracks
    assert track[0].source_range.duration.value == 1
    at_the_end = event.model_copy(update={"start": 28800.0, "end": 28800.0})
    (track,) = read_edl(edl(timeline.model_copy(update={"events": (at_the_end,)})), rate_of(25.0)).tracks
    assert len(track) == 1


def test_addresses_carry_no_credentials():
    made = written(
        OtioExporter(),
        filmed(
            25.0, uri="rtsp://user:secret@camera/1", parts=(Part(uri="rtsp://user:secret@camera/1", start=0, duration=28800),)
        ),
    )
    assert b"secret" not in made
    assert b"rtsp://camera/1" in made


# LosslessCut


def test_llc_is_a_project_with_a_segment_per_event():
    timeline = filmed(25.0)
    text = written(LlcExporter(), timeline).decode()
    project = json5.loads(text)
    assert project == json.loads(text)
    assert (project["version"], project["mediaFileName"]) == (1, "car park 3 🌙.mp4")
    standing = wording.standing(timeline)
    assert [(cut["start"], cut["end"], cut["name"]) for cut in project["cutSegments"]] == [
        (round(event.start, 6), round(event.end, 6), wording.plain(event.title)) for event in standing
    ]
    assert project["cutSegments"][0]["tags"]["tags"] == "person, loitering"
    assert all(isinstance(value, str) for cut in project["cutSegments"] for value in cut["tags"].values())


def llc_schema(version, *needed):
    """What LosslessCut's own reader demands of a project, in its types.ts: the same of every version but for what a segment needs."""
    number, text = {"type": "number"}, {"type": "string"}
    segment = {
        "type": "object",
        "properties": {
            "start": number,
            "end": number,
            "name": text,
            "tags": {"type": "object", "additionalProperties": text},
            "selected": {"type": "boolean"},
        },
        "required": ["name", *needed],
    }
    return {
        "type": "object",
        "properties": {
            "version": {"const": version},
            "mediaFileName": text,
            "cutSegments": {"type": "array", "items": segment},
        },
        "required": ["version", "cutSegments"],
    }


def test_llc_is_what_losslesscut_reads_today_and_what_it_will_read():
    for timeline in (examples.quiet(), filmed(25.0)):
        project = json.loads(written(LlcExporter(), timeline))
        jsonschema.validate(project, llc_schema(1))
        jsonschema.validate({**project, "version": 2}, llc_schema(2, "start"))
    project["cutSegments"][0]["tags"]["id"] = 7
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(project, llc_schema(1))


def test_llc_of_joined_recordings_is_refused():
    with pytest.raises(ConfigError, match="about one file"):
        written(LlcExporter(), examples.carpark())
