"""What INPUT arguments mean, and where each output goes."""

import json
import os
import sys
from pathlib import Path

import pytest

from videoscan.errors import ConfigError, SourceNotFound, SourceUnsupported
from videoscan.recordings import inputs


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not looked into here")


def finished(folder: Path, uri: str) -> None:
    """An output folder of an earlier scan of `uri`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "timeline.json").write_text(json.dumps({"schema": "videoscan.timeline/1", "source": {"uri": uri}}))


def interrupted(folder: Path, uri: str) -> None:
    """What a killed scan of `uri` leaves."""
    (folder / "frames").mkdir(parents=True, exist_ok=True)
    (folder / "journal.jsonl").write_text(json.dumps({"journal": "videoscan.journal/1", "source": uri}) + "\n")


def names(*arguments: object, out: Path | None = None) -> list[str]:
    found = inputs.find([str(argument) for argument in arguments], out=out)
    assert not found.refused
    return [given.name for given in found.inputs]


def files(*arguments: object) -> list[str]:
    return [Path(given.uri).name for given in inputs.find([str(argument) for argument in arguments]).inputs]


def refusal(argument: object) -> Exception:
    found = inputs.find([str(argument)])
    assert not found.inputs
    (refused,) = found.refused
    return refused.error


# --- what an argument means


def test_a_file_is_a_video_whatever_its_suffix(tmp_path):
    touch(tmp_path, "match.mp4", "recording.xyz")
    (given,) = inputs.find([str(tmp_path / "recording.xyz")]).inputs
    assert (given.kind, given.name, given.files) == ("video", "recording", (str(tmp_path / "recording.xyz"),))


def test_a_relative_path_becomes_absolute_without_following_links(tmp_path, monkeypatch):
    touch(tmp_path, "real/match.mp4")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)
    assert inputs.single("link/../link/match.mp4").uri == str(tmp_path / "link" / "match.mp4")


def test_a_folder_is_searched_through_in_natural_order(tmp_path):
    touch(tmp_path, "cam10.mp4", "cam2.MP4", "b/cam1.mkv", "notes.txt", "movie.srt")
    assert files(tmp_path) == ["cam1.mkv", "cam2.MP4", "cam10.mp4"]
    assert names(tmp_path) == ["b/cam1", "cam2", "cam10"]


def test_hidden_files_and_folders_are_not_looked_at(tmp_path):
    touch(tmp_path, "a.mp4", "._a.mp4", ".trash/b.mp4")
    assert files(tmp_path) == ["a.mp4"]


def test_typescript_is_no_transport_stream(tmp_path):
    touch(tmp_path, "app.ts")
    packet = b"\x47" + bytes(187)
    (tmp_path / "recording.ts").write_bytes(packet * 3)
    assert files(tmp_path) == ["recording.ts"]


def test_output_folders_inside_a_folder_are_skipped_finished_or_not(tmp_path):
    touch(tmp_path, "a.mp4", "out/a/frames/00000001.jpg", "out/b/frames/00000001.jpg")
    finished(tmp_path / "out" / "a", "/somewhere/a.mp4")
    interrupted(tmp_path / "out" / "b", "/somewhere/b.mp4")
    assert files(tmp_path) == ["a.mp4"]


def test_somebody_elses_timeline_json_hides_nothing(tmp_path):
    touch(tmp_path, "edit/a.mp4")
    (tmp_path / "edit" / "timeline.json").write_text('{"schema": "otio/1"}')
    assert files(tmp_path) == ["a.mp4"]


def test_a_link_that_leads_back_up_is_followed_once(tmp_path):
    touch(tmp_path, "a/b.mp4")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert files(tmp_path) == ["b.mp4"]


def test_a_folder_of_pictures_is_one_sequence_in_natural_order(tmp_path):
    touch(tmp_path, "shots/img10.jpg", "shots/img9.JPG", "shots/readme.txt")
    (given,) = inputs.find([str(tmp_path / "shots")]).inputs
    assert (given.kind, given.name, given.uri) == ("images", "shots", str(tmp_path / "shots"))
    assert [Path(file).name for file in given.files] == ["img9.JPG", "img10.jpg"]


def test_folders_of_pictures_below_are_a_sequence_each(tmp_path):
    touch(tmp_path, "monday/1.png", "tuesday/1.png")
    assert names(tmp_path) == ["monday", "tuesday"]


def test_pictures_beside_or_above_videos_are_passed_over_and_that_is_said(tmp_path):
    touch(tmp_path, "poster.jpg", "cam/a.mp4", "cam/a.jpg")
    found = inputs.find([str(tmp_path)])
    assert [Path(given.uri).name for given in found.inputs] == ["a.mp4"]
    assert len(found.notes) == 2
    assert all("passed over" in note for note in found.notes)


def test_pictures_given_one_by_one_from_a_folder_are_one_sequence(tmp_path):
    touch(tmp_path, "p/1.png", "p/2.png", "p/3.png")
    (given,) = inputs.find([str(tmp_path / "p" / name) for name in ("2.png", "1.png")]).inputs
    assert (given.kind, given.name) == ("images", "p")
    assert [Path(file).name for file in given.files] == ["1.png", "2.png"]


def test_all_pictures_of_a_folder_given_one_by_one_are_the_folder(tmp_path):
    touch(tmp_path, "p/1.png", "p/2.png")
    (one,) = inputs.find([str(tmp_path / "p" / name) for name in ("1.png", "2.png")]).inputs
    (folder,) = inputs.find([str(tmp_path / "p")]).inputs
    assert one == folder


def test_some_pictures_of_a_folder_are_another_source_than_the_folder(tmp_path):
    touch(tmp_path, "p/1.png", "p/2.png")
    some, whole = inputs.single(tmp_path / "p" / "1.png"), inputs.single(tmp_path / "p")
    assert some.uri != whole.uri


def test_a_pattern_the_shell_left_alone_is_expanded(tmp_path, monkeypatch):
    touch(tmp_path, "a1.mp4", "a2.mp4", "b.mp4", "deep/er/a3.mp4")
    monkeypatch.chdir(tmp_path)
    assert files("a*.mp4") == ["a1.mp4", "a2.mp4"]
    assert files("**/a*.mp4") == ["a1.mp4", "a2.mp4", "a3.mp4"]


def test_a_pattern_of_pictures_is_one_sequence(tmp_path):
    touch(tmp_path, "shots/a1.png", "shots/a2.png", "shots/b.png")
    (given,) = inputs.find([str(tmp_path / "shots" / "a*.png")]).inputs
    assert (given.kind, given.name, len(given.files)) == ("images", "shots", 2)


def test_a_pattern_does_not_reach_into_output_folders(tmp_path):
    touch(tmp_path, "a.mp4", "out/a/clip.mp4")
    finished(tmp_path / "out" / "a", "/somewhere")
    assert files(tmp_path / "**" / "*.mp4") == ["a.mp4"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path):
    touch(tmp_path, "take [1].mp4", "take 1.mp4")
    assert files(tmp_path / "take [1].mp4") == ["take [1].mp4"]


def test_brackets_in_the_current_folders_name_are_no_pattern(tmp_path, monkeypatch):
    touch(tmp_path, "[2024]/a1.mp4", "[2024]/a2.mp4")
    monkeypatch.chdir(tmp_path / "[2024]")
    assert files("a*.mp4") == ["a1.mp4", "a2.mp4"]


def test_spaces_chinese_characters_and_emoji_are_kept(tmp_path):
    touch(tmp_path, "停车场 夜间 🚗.mp4")
    assert names(tmp_path / "停车场 夜间 🚗.mp4") == ["停车场 夜间 🚗"]


def test_the_same_file_given_twice_is_one_input(tmp_path):
    touch(tmp_path, "day/a.mp4")
    assert len(names(tmp_path / "day" / "a.mp4", tmp_path / "day", tmp_path / "day" / ".." / "day" / "a.mp4")) == 1


def test_the_path_below_the_given_folder_is_remembered_for_the_clock(tmp_path):
    touch(tmp_path, "2024-01-15/dav/10.00.00.mp4")
    assert inputs.single(tmp_path).relative == "2024-01-15/dav/10.00.00.mp4"


# --- what cannot be an input


def test_a_missing_file_is_refused_by_name_and_the_others_go_on(tmp_path):
    touch(tmp_path, "a.mp4")
    found = inputs.find([str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4")])
    assert [given.name for given in found.inputs] == ["a"]
    (refused,) = found.refused
    assert isinstance(refused.error, SourceNotFound)
    assert "b.mp4" in str(refused.error)


def test_a_folder_without_video_is_refused_by_name(tmp_path):
    touch(tmp_path, "docs/readme.txt")
    error = refusal(tmp_path / "docs")
    assert isinstance(error, SourceUnsupported)
    assert "no video" in str(error)
    assert "docs" in str(error)


def test_an_output_folder_whose_sampling_is_gone_cannot_be_asked_again(tmp_path):
    finished(tmp_path / "a", "/somewhere/a.mp4")
    assert "did not get so far" in str(refusal(tmp_path / "a"))


def test_an_output_folder_is_an_input_and_those_inside_a_folder_are_passed_over(tmp_path):
    finished(tmp_path / "a", "/somewhere/a.mp4")
    (tmp_path / "a" / "sampling.jsonl").write_text("{}")
    (given,) = inputs.find([str(tmp_path / "a")]).inputs
    assert (given.kind, given.uri, given.name) == ("kept", str(tmp_path / "a"), "a")
    assert inputs.find([str(tmp_path)]).inputs == ()


def test_a_folder_of_outputs_is_passed_over_beside_videos_and_refused_alone(tmp_path):
    touch(tmp_path, "a.mp4")
    finished(tmp_path / "videoscan-out" / "a", "/somewhere/a.mp4")
    found = inputs.find([str(tmp_path / "a.mp4"), str(tmp_path / "videoscan-out")])
    assert ([given.name for given in found.inputs], found.refused) == (["a"], ())
    assert "passed over" in found.notes[0]
    assert isinstance(refusal(tmp_path / "videoscan-out"), SourceUnsupported)


@pytest.mark.parametrize("address", ["rtsp://camera/1", "http://host/a.mp4", "https://host/live.m3u8"])
def test_an_address_is_a_usage_error(address):
    assert isinstance(refusal(address), ConfigError)


def test_an_empty_argument_is_a_usage_error():
    assert isinstance(refusal(""), ConfigError)


def test_a_pattern_without_a_match_is_not_found(tmp_path):
    assert isinstance(refusal(tmp_path / "*.mp4"), SourceNotFound)


def test_a_link_that_leads_nowhere_is_refused(tmp_path):
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nothing")
    assert isinstance(refusal(tmp_path / "gone.mp4"), SourceUnsupported)


def test_a_name_no_file_system_takes_is_refused_not_raised(tmp_path):
    assert inputs.find([f"{tmp_path}/{'x' * 5000}.mp4", "nul\0.mp4"]).inputs == ()


def test_a_folder_that_may_not_be_looked_into_is_told_and_the_rest_goes_on(tmp_path, monkeypatch):
    touch(tmp_path, "a.mp4", "closed/b.mp4")
    look = Path.iterdir

    def refuse(folder):
        # The rights of a folder mean nothing to root, whom containers run tests as.
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied")
        return look(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    found = inputs.find([str(tmp_path)])
    assert [given.name for given in found.inputs] == ["a"]
    assert "closed" in found.refused[0].argument
    assert "Permission denied" in str(found.refused[0].error)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name themselves")
def test_a_name_that_no_timeline_could_tell_is_refused_and_the_others_go_on(tmp_path):
    (tmp_path / "ok.mp4").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4")).touch()
    found = inputs.find([str(tmp_path)])
    assert [given.name for given in found.inputs] == ["ok"]
    assert "no UTF-8" in str(found.refused[0].error)


def test_single_takes_what_means_exactly_one_source(tmp_path):
    touch(tmp_path, "a.mp4", "b.mp4")
    assert inputs.single(tmp_path / "a.mp4").name == "a"
    with pytest.raises(ConfigError, match="2 sources"):
        inputs.single(tmp_path)
    with pytest.raises(SourceNotFound):
        inputs.single(tmp_path / "c.mp4")


# --- where outputs go


def test_several_inputs_are_named_after_their_paths_below_what_holds_them_all(tmp_path):
    touch(tmp_path, "mon/gate.mp4", "tue/gate.mp4", "tue/yard.mp4")
    assert names(tmp_path / "mon" / "gate.mp4", tmp_path / "tue" / "gate.mp4") == ["mon/gate", "tue/gate"]
    assert names(tmp_path / "mon", tmp_path / "tue") == ["mon/gate", "tue/gate", "tue/yard"]
    assert names(tmp_path / "tue" / "gate.mp4", tmp_path / "tue" / "yard.mp4") == ["gate", "yard"]


def test_no_name_leads_out_of_the_output_folder(tmp_path, monkeypatch):
    touch(tmp_path, "footage/a.mp4", "work/x")
    monkeypatch.chdir(tmp_path / "work")
    assert names("../footage/a.mp4") == ["a"]
    touch(tmp_path, "footage/..mp4")
    assert ".." not in names("../footage/..mp4")[0].split("/")


def test_two_files_that_differ_by_suffix_keep_it(tmp_path):
    touch(tmp_path, "a.mp4", "a.mov", "b.mp4")
    assert names(tmp_path) == ["a.mov", "a.mp4", "b"]


def test_names_that_differ_by_case_only_get_different_folders(tmp_path):
    touch(tmp_path, "one/a.mp4", "A.mov", "a.MKV")
    found = names(tmp_path / "A.mov", tmp_path / "a.MKV")
    assert len({name.casefold() for name in found}) == 2


def test_an_output_is_not_put_into_a_folder_with_other_outputs_below(tmp_path):
    touch(tmp_path, "x.mp4", "x/frames.mp4")
    assert sorted(names(tmp_path)) == ["x.mp4", "x/frames"]


def test_the_same_input_returns_to_its_folder_finished_or_interrupted(tmp_path):
    touch(tmp_path, "a.mp4")
    out = tmp_path / "out"
    for leave in (finished, interrupted):
        leave(out / "a", str(tmp_path / "a.mp4"))
        assert names(tmp_path / "a.mp4", out=out) == ["a"]


def test_the_same_input_returns_to_its_folder_whatever_is_scanned_beside_it(tmp_path):
    touch(tmp_path, "mon/gate.mp4", "tue/gate.mp4")
    out = tmp_path / "out"
    alone = names(tmp_path / "mon" / "gate.mp4", out=out)
    finished(out / alone[0], str(tmp_path / "mon" / "gate.mp4"))
    assert names(tmp_path / "mon" / "gate.mp4", tmp_path / "tue" / "gate.mp4", out=out) == ["gate", "tue/gate"]


def test_a_folder_taken_by_another_source_is_left_alone(tmp_path):
    touch(tmp_path, "mon/gate.mp4", "tue/gate.mp4")
    out = tmp_path / "out"
    finished(out / "gate", str(tmp_path / "mon" / "gate.mp4"))
    assert names(tmp_path / "tue" / "gate.mp4", out=out) == ["gate-2"]
    finished(out / "gate-2", str(tmp_path / "tue" / "gate.mp4"))
    assert names(tmp_path / "tue" / "gate.mp4", out=out) == ["gate-2"]
    assert names(tmp_path / "mon" / "gate.mp4", out=out) == ["gate"]


def test_a_folder_with_somebodys_own_files_is_left_alone(tmp_path):
    touch(tmp_path, "a.mp4", "out/a/report.html")
    assert names(tmp_path / "a.mp4", out=tmp_path / "out") == ["a-2"]


def test_a_file_in_the_way_is_left_alone(tmp_path):
    touch(tmp_path, "a.mp4", "out/a")
    assert names(tmp_path / "a.mp4", out=tmp_path / "out") == ["a-2"]


def test_an_empty_folder_and_one_that_only_holds_other_outputs_are_free(tmp_path):
    touch(tmp_path, "a.mp4")
    (tmp_path / "out" / "a").mkdir(parents=True)
    assert names(tmp_path / "a.mp4", out=tmp_path / "out") == ["a"]
    finished(tmp_path / "out" / "a" / "b", "/somewhere/a/b.mp4")
    assert names(tmp_path / "a.mp4", out=tmp_path / "out") == ["a"]


def test_an_out_that_is_a_file_is_left_to_the_writer_to_complain_about(tmp_path):
    touch(tmp_path, "a.mp4", "out")
    assert names(tmp_path / "a.mp4", out=tmp_path / "out") == ["a"]


def test_a_torn_journal_still_counts_as_somebodys(tmp_path):
    touch(tmp_path, "a.mp4", "out/a/journal.jsonl")
    assert names(tmp_path / "a.mp4", out=tmp_path / "out") == ["a-2"]
