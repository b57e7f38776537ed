"""Going on: what is asked and decoded again, and what is not, after changes, a full disk, and runs that were cut short."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import shutil
import subprocess
from pathlib import Path

import pytest
from commanding import FEW, film, lines
from shared import hold_to_contract

import videoscan
from videoscan import observe
from videoscan.document import Timeline
from videoscan.errors import SourceUnsupported, StoreError
from videoscan.journal import Journal
from videoscan.testing.model_server import ModelServer, event, fails, ok

SETS = ("dedup.kind=none", "windows.max_seconds=60", "windows.max_frames=3", "windows.overlap_frames=0", "windows.long_side=64")


def by_the_window(request):
    """An answer that depends on the window alone."""
    return ok([event(f"Seen at {request.labels[0]}", 1, request.frames)])


def bare(timeline):
    """All that must be equal, byte for byte, between an uninterrupted scan and one that went on."""
    whole = json.loads(timeline.to_json())
    del whole["created"], whole["timing"]
    return json.dumps(whole)


def asked_in_turn(tmp_path, *turns, script=by_the_window):
    """Scan one clip into one folder once for each of `turns`; the timelines, and how much was asked for each."""
    source = film(tmp_path / "in" / "clip.mp4", 12)

    async def main():
        timelines, asked = [], []
        async with ModelServer(script) as server:
            for turn in turns:
                before = len(server.requests)
                options = {"endpoint": server.url, "model": "tiny", "sets": SETS, **turn}
                timelines.append(await videoscan.scan(source, out=tmp_path / "out", **options))
                asked.append(len(server.requests) - before)
        return timelines, asked

    return asyncio.run(main())


def test_going_back_to_the_old_question_or_model_finds_the_old_answers_and_decodes_nothing(tmp_path, readers):
    old, new, other = {"question": "What?"}, {"question": "Who?"}, {"question": "What?", "model": "other"}
    timelines, asked = asked_in_turn(tmp_path, old, new, old, other, old, new)
    assert asked == [5, 5, 0, 5, 0, 0]
    assert len(readers) == 1
    assert bare(timelines[0]) == bare(timelines[2]) == bare(timelines[4])
    assert bare(timelines[1]) == bare(timelines[5])


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ("describer.extra_body={temperature=0.5}", 5),
        ("describer.language=de", 5),
        ("describer.max_tokens=3000", 5),
        ("prompt.boxes=true", 5),
        ("windows.quality=30", 5),
        ("windows.max_frames=4", 3),
        ("describer.concurrency=2 describer.requests_per_minute=100000 describer.timeout=77 describer.retries=1", 0),
        ("source.camera=gate source.parallel=2 source.isolation=process", 0),
    ],
)
def test_a_changed_option_asks_again_what_it_touches_and_nothing_else(tmp_path, change, again):
    _, asked = asked_in_turn(tmp_path, {}, {"sets": (*SETS, *change.split())})
    assert asked == [5, again]


def test_a_changed_picture_asks_again_only_about_its_window(tmp_path):
    for number in range(12):
        film(tmp_path / "film.mp4", 1, rate=1)
        subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"color=0x{number * 20:02x}4080:s=96x64", "-frames:v", "1",
             "-y", tmp_path / f"{number:02}.png"], check=True,
        )  # fmt: skip
    (tmp_path / "film.mp4").unlink()
    shots = tmp_path / "shots"
    shots.mkdir()
    for path in sorted(tmp_path.glob("*.png")):
        shutil.move(path, shots / path.name)

    async def main():
        async with ModelServer(by_the_window) as server:
            options = {"endpoint": server.url, "model": "tiny", "sets": SETS, "out": tmp_path / "out"}
            await videoscan.scan(shots, **options)
            first = len(server.requests)
            shutil.copy(shots / "00.png", shots / "07.png")
            await videoscan.scan(shots, **options)
            return first, [request.labels[0] for request in server.requests[first:]]

    first, again = asyncio.run(main())
    assert first == 4
    assert len(again) == 1
    assert again[0].endswith("00:00:06.000")


def test_fresh_asks_and_decodes_everything_again(tmp_path, readers):
    _, asked = asked_in_turn(tmp_path, {}, {}, {"fresh": True}, {})
    assert asked == [5, 0, 5, 0]
    assert len(readers) == 2


def test_failed_windows_are_asked_again_from_the_pictures_on_disk(tmp_path, readers):
    def script(request):
        return fails(403, "sensitive", code="ModelArts.81011") if request.index in {1, 3, 5} else by_the_window(request)

    timelines, asked = asked_in_turn(tmp_path, {}, {}, {}, {}, script=script)
    assert asked == [5, 2, 1, 0]
    assert [timeline.complete for timeline in timelines] == [False, False, True, True]
    assert len(readers) == 1, "failed windows need no decoding"


def test_of_several_inputs_only_the_one_that_changed_is_opened_and_asked_about(videoscan, tmp_path):
    for name in ("a", "b", "c"):
        film(tmp_path / "in" / f"{name}.mp4", 6)
    with ModelServer.in_thread(by_the_window) as server:
        command = ["scan", tmp_path / "in", "--out", tmp_path / "out", "--endpoint", server.url, "--model", "m", "--json", *FEW]
        assert videoscan(*command)[0] == 0
        first = len(server.requests)
        kept = {name: (tmp_path / "out" / name / "timeline.json").read_bytes() for name in ("a", "c")}
        film(tmp_path / "in" / "b.mp4", 9)
        shutil.move(tmp_path / "in" / "a.mp4", tmp_path / "a.mp4")
        (tmp_path / "in" / "a.mp4").write_bytes(bytes((tmp_path / "a.mp4").stat().st_size))
        shutil.copystat(tmp_path / "a.mp4", tmp_path / "in" / "a.mp4")  # as large and as old: nobody need look into it
        code, out, err = videoscan(*command)
        assert code == 0, err
        assert [Path(line["input"]).stem for line in lines(out)[:-1]] == ["a", "b", "c"]
        assert 0 < len(server.requests) - first <= 4
        assert {name: (tmp_path / "out" / name / "timeline.json").read_bytes() for name in kept} == kept
    hold_to_contract(tmp_path / "out" / "b")


# --- cut short between two writes


def test_a_scan_that_is_cut_short_after_its_timeline_was_written_does_not_leave_it_to_another_question(tmp_path, monkeypatch):
    class Cut(BaseException):
        pass

    def cut(*_):
        raise Cut

    source = film(tmp_path / "in" / "clip.mp4", 6)

    async def main():
        async with ModelServer(lambda request: ok([event(request.text[-4:], 1)])) as server:
            options = {"endpoint": server.url, "model": "tiny", "sets": SETS, "out": tmp_path / "out"}
            await videoscan.scan(source, question="Who?", **options)
            with monkeypatch.context() as patched, pytest.raises(Cut):
                patched.setattr(Journal, "finish", cut)
                await videoscan.scan(source, question="Why?", **options)
            assert {e.title for e in Timeline.from_json((tmp_path / "out" / "timeline.json").read_bytes()).events} == {"Why?"}
            return await videoscan.scan(source, question="Who?", **options)

    assert {e.title for e in asyncio.run(main()).events} == {"Who?"}


def test_an_output_folder_that_a_later_scan_left_half_sampled_is_not_asked(tmp_path):
    source = film(tmp_path / "in" / "clip.mp4", 12)
    videoscan.scan_sync(source, out=tmp_path / "out")
    sampling = tmp_path / "out" / "sampling.jsonl"
    whole = sampling.read_bytes().splitlines(keepends=True)
    for left in (whole[:-1], whole[:1], [whole[0], whole[1][:50], bytes(80), *whole[2:]]):
        sampling.write_bytes(b"".join(left))
        with pytest.raises(SourceUnsupported, match="cannot be read to its end"):
            videoscan.scan_sync(tmp_path / "out", out=tmp_path / "answer", endpoint="http://127.0.0.1:9/v1", model="m")
    assert not (tmp_path / "answer").exists()


def test_an_answer_that_was_made_from_other_pictures_can_be_asked_again_as_well(tmp_path):
    source = film(tmp_path / "in" / "clip.mp4", 6)
    videoscan.scan_sync(source, out=tmp_path / "out", sets=SETS)
    source.unlink()
    black = ("regions.exclude=[[[0,0],[0.5,0],[0.5,1],[0,1]]]", "regions.black_out=true")

    async def main():
        async with ModelServer(by_the_window) as server:
            options = {"endpoint": server.url, "model": "tiny", "sets": (*SETS, *black)}
            one = await videoscan.scan(tmp_path / "out", out=tmp_path / "one", question="A?", **options)
            two = await videoscan.scan(tmp_path / "one", out=tmp_path / "two", question="B?", **options)
            half = len(server.requests) // 2
            return (
                one,
                two,
                # Several are under way at once: in which order they arrive is chance.
                [sorted(request.pictures for request in server.requests[part]) for part in (slice(half), slice(half, None))],
            )

    one, two, (first, second) = asyncio.run(main())
    assert first == second, "the very same pictures, black where they were"
    assert two.frames == one.frames
    for folder in ("one", "two"):
        hold_to_contract(tmp_path / folder)


def test_a_folder_that_another_source_took_meanwhile_is_not_overwritten(tmp_path):
    one, other = film(tmp_path / "in" / "a" / "clip.mp4", 2), film(tmp_path / "in" / "b" / "clip.mp4", 2)
    videoscan.scan_sync(one, out=tmp_path / "out")
    before = (tmp_path / "out" / "timeline.json").read_bytes()
    with pytest.raises(StoreError, match=rf"holds the output of {one}, not of {other}.*--fresh"):
        videoscan.scan_sync(other, out=tmp_path / "out")
    assert (tmp_path / "out" / "timeline.json").read_bytes() == before
    assert videoscan.scan_sync(other, out=tmp_path / "out", fresh=True).source.uri == str(other)


# --- a full disk


class FileSizes:
    """No file may grow past so many bytes: a full disk that needs no rights to make, file by file."""

    def __init__(self, _folder):
        self._limit = resource.getrlimit(resource.RLIMIT_FSIZE)

    def allow(self, size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, self._limit[1]))

    def free(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limit)


class SmallDisk:
    """A file system in memory of so many bytes, where this process may mount one."""

    def __init__(self, folder):
        self._folder = folder
        folder.mkdir()
        self._mount("size=64m")

    def _mount(self, options):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self._folder], check=True, capture_output=True)

    def allow(self, size):
        self._mount(f"remount,size={size}")

    def free(self):
        self._mount("remount,size=64m")

    def close(self):
        subprocess.run(["umount", self._folder], check=True)


@contextlib.contextmanager
def disk(kind, folder):
    if kind == "small disk":
        try:
            small = SmallDisk(folder)
        except (OSError, subprocess.CalledProcessError):
            kind = "file sizes"  # no rights to mount: the other kind is what can be had
        else:
            try:
                yield small
            finally:
                small.close()
            return
    folder.mkdir(exist_ok=True)
    limited = FileSizes(folder)
    try:
        yield limited
    finally:
        limited.free()


@pytest.mark.parametrize("kind", ["file sizes", "small disk"])
def test_a_disk_that_is_full_at_any_write_is_said_and_the_same_command_goes_on_when_there_is_room(tmp_path, kind):
    source = film(tmp_path / "in" / "clip.mp4", 24)

    async def main(where):
        named, ended = set(), 0
        async with ModelServer(by_the_window) as server:
            options = {"endpoint": server.url, "model": "tiny", "sets": SETS}
            whole = await videoscan.scan(source, out=tmp_path / "whole", **options)
            windows = len(server.requests)
            used = sum(-(-path.stat().st_size // 4096) * 4096 for path in (tmp_path / "whole").rglob("*"))
            largest = (tmp_path / "whole" / "report.html").stat().st_size
            sizes = [1, 100, 400, 900, 1300, 2500, 5000, largest // 2, largest - 1] if kind == "file sizes" else None
            for number, size in enumerate(sizes or [4096 * round(used * part / 4096 / 12) for part in range(1, 13)]):
                out = tmp_path / "disk" / f"{number}"
                server.requests.clear()
                facts = []
                where.allow(size)
                try:
                    await videoscan.scan(source, out=out, observer=facts.append, **options)
                    ended += 1
                except StoreError as fault:
                    named.add(fault.message.split(":")[0].rsplit("/", 1)[-1] if "free some space" in fault.hint else str(fault))
                finally:
                    where.free()
                assert not [path for path in out.rglob("*") if path.name.endswith(".part")]
                assert not out.exists() or whole_lines(out)
                used_up = len(server.requests)
                answered = sum(isinstance(fact, observe.WindowDone) for fact in facts)
                again = await videoscan.scan(source, out=out, **options)
                assert bare(again) == bare(whole)
                assert len(server.requests) <= windows + used_up - answered, "what was answered is not asked again"
                assert used_up - answered <= 4, "at most the calls under way"
                assert names(out) == names(tmp_path / "whole")
                shutil.rmtree(out)
        return named, ended

    with disk(kind, tmp_path / "disk") as where:
        named, ended = asyncio.run(main(where))
    kinds = {name if name.endswith(("jsonl", "html", "json")) else "picture" for name in named}
    wanted = {"sampling.jsonl", "journal.jsonl", "report.html"} if isinstance(where, FileSizes) else {"report.html"}
    assert {"picture", *wanted} <= kinds, named
    assert ended <= 2


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def whole_lines(folder):
    for name in ("journal.jsonl", "sampling.jsonl"):
        if (folder / name).exists():
            for line in (folder / name).read_bytes().splitlines(keepends=True):
                assert line.endswith(b"\n")
                json.loads(line)
    return True
