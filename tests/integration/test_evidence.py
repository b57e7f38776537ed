"""Evidence bundles: what is in them, that sha256sum and OpenSSL take them, and that no tampering goes unseen."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import zipfile
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from commanding import left_over, lines
from cutouts import FIRST, STEP, about, numbered

from videoscan.errors import ConfigError, SourceNotFound, SourceUnsupported
from videoscan.evidence import layout, signing
from videoscan.evidence.exporter import EvidenceExporter
from videoscan.evidence.verifying import verify
from videoscan.seams import Told

if TYPE_CHECKING:
    from pathlib import Path

CORNER = {"exclude": [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.5], [0.0, 0.5]]], "black_out": True}
PLACE = "01-Gate"


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return numbered(tmp_path_factory.mktemp("footage") / "gate.mp4")


@pytest.fixture(scope="module")
def folder(footage, tmp_path_factory):
    """An output folder with everything that a bundle takes."""
    place = tmp_path_factory.mktemp("out") / "gate"
    timeline = about(footage, (1.2, 2.0, "<script>alert(1)</script> =cmd"), (3.0, 3.4, "Second"), folder=place)
    (place / "timeline.json").write_text(timeline.to_json())
    (place / "journal.jsonl").write_text('{"journal":"videoscan.journal/1","source":"gate.mp4"}\n{"key":"0f","description":{}}\n')
    (place / "reviews.jsonl").write_text(
        '{"reviews":"videoscan.reviewing.reviews/1"}\n{"by":"Lin","at":"2026-11-22T08:00:00Z"}\n'
    )
    return place


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    place = tmp_path_factory.mktemp("keys")
    for name in ("ours", "theirs"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", place / f"{name}.pem"], check=True)
        public = ["openssl", "pkey", "-in", place / f"{name}.pem", "-pubout", "-out", place / f"{name}.pub.pem"]
        subprocess.run(public, check=True)
    return place


def packed(path, folder, *, missing=pytest.fail, sign=None, timeline=None):
    from videoscan.reviewing.selection import read

    exporter = EvidenceExporter(EvidenceExporter.Options(sign=sign))
    with path.open("wb") as out:
        exporter.write_all([Told(timeline or read(folder / "timeline.json"), str(folder))], out, missing)
    return path


@pytest.fixture(scope="module")
def bundle(folder, keys, tmp_path_factory):
    return packed(tmp_path_factory.mktemp("bundle") / "bundle.zip", folder, sign=keys / "ours.pem")


def rewritten(source: Path, target: Path, change) -> Path:
    """A copy of a zip; `change` gets its files as a dict and alters it."""
    with zipfile.ZipFile(source) as old:
        files = {info.filename: old.read(info) for info in old.infolist()}
    change(files)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in files.items():
            new.writestr(name, data)
    return target


# What is in it


def test_a_bundle_holds_all_that_shows_what_was_seen(bundle, folder, footage):
    with zipfile.ZipFile(bundle) as file:
        names = set(file.namelist())
        assert names == {
            *(layout.README, layout.BUNDLE, layout.MANIFEST, layout.SIGNATURE, layout.SIGNER),
            *(
                f"{PLACE}/{name}"
                for name in ("timeline.json", "report.html", "sources.json", "prompt.json", "reviews.jsonl", "journal.jsonl")
            ),
            *(f"{PLACE}/frames/{frame:08d}.jpg" for frame in (30, 75)),
            *(f"{PLACE}/stills/{frame:08d}.png" for frame in (30, 75)),
        }
        for name in ("timeline.json", "journal.jsonl", "reviews.jsonl", "frames/00000030.jpg"):
            assert file.read(f"{PLACE}/{name}") == (folder / name).read_bytes()
        (source,) = json.loads(file.read(f"{PLACE}/sources.json"))
        assert source["bytes"] == footage.stat().st_size
        told = json.loads(file.read(layout.BUNDLE))
        assert told["missing"] == []
        assert told["timelines"][0]["events"] == ["e-0", "e-1"]
        assert {"videoscan", "av", "libavcodec"} <= told["versions"].keys()
        report = file.read(f"{PLACE}/report.html").decode()
        assert "<script>alert" not in report
    done = subprocess.run(["sha256sum", footage], check=True, capture_output=True, text=True)
    assert done.stdout.split()[0] == source["sha256"]


def test_stills_are_the_very_frames_in_full_size(bundle):
    with zipfile.ZipFile(bundle) as file:
        for frame in (30, 75):
            still = cv2.imdecode(np.frombuffer(file.read(f"{PLACE}/stills/{frame:08d}.png"), np.uint8), cv2.IMREAD_GRAYSCALE)
            assert still.shape == (120, 160)
            # Limited range, 16 to 235, is spread to 0 to 255 in a picture.
            digits = [round(((half.mean() * 219 / 255 + 16) - FIRST) / STEP) for half in (still[:, :60], still[:, -60:])]
            assert digits == [frame // 10, frame % 10]


def test_sha256sum_and_openssl_take_it(bundle, keys, tmp_path):
    with zipfile.ZipFile(bundle) as file:
        file.extractall(tmp_path)
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", layout.MANIFEST], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.count(": OK") == len(list(tmp_path.rglob("*.*"))) - 2
    signature = ["-rawin", "-in", layout.MANIFEST, "-sigfile", layout.SIGNATURE]
    check = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", keys / "ours.pub.pem", *signature]
    subprocess.run(check, cwd=tmp_path, check=True, capture_output=True)


def test_what_is_blacked_out_is_black_in_the_stills(footage, tmp_path):
    timeline = about(footage, (1.2, 2.0), folder=tmp_path, regions=CORNER)
    # As a scan of this profile leaves it: the pictures that were sent are black there already.
    for picture in (tmp_path / "frames").iterdir():
        image = cv2.imread(str(picture))
        image[:60, :80] = 0
        cv2.imwrite(str(picture), image)
    (tmp_path / "timeline.json").write_text(timeline.to_json())
    (tmp_path / "journal.jsonl").write_text("{}\n")
    path = packed(tmp_path / "b.zip", tmp_path)
    with zipfile.ZipFile(path) as file:
        still = cv2.imdecode(np.frombuffer(file.read(f"{PLACE}/stills/00000030.png"), np.uint8), cv2.IMREAD_COLOR)
    assert still[:60, :80].max() == 0
    assert still[62:, 82:].min() > 10


def test_what_could_not_be_had_is_said_in_the_bundle_and_is_no_fault(folder, tmp_path):
    lone = tmp_path / "out"
    shutil.copytree(folder, lone)
    timeline = json.loads((lone / "timeline.json").read_text())
    timeline["source"]["uri"] = "/footage/gone.mp4"
    (lone / "timeline.json").write_text(json.dumps(timeline))
    (lone / "frames" / "00000030.jpg").unlink()
    (lone / "journal.jsonl").unlink()
    heard: list[str] = []
    path = packed(tmp_path / "b.zip", lone, missing=heard.append)
    assert len(heard) == 5  # the hash, two stills, a picture, the answers
    verdict = verify(path)
    assert verdict.sound
    assert verdict.bundle.missing == heard
    assert sum("gone.mp4" in note for note in verdict.notes) == 3


def test_footage_that_was_replaced_is_noticed(folder, tmp_path):
    lone = tmp_path / "out"
    shutil.copytree(folder, lone)
    other = tmp_path / "other.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=4", other], check=True)
    timeline = json.loads((lone / "timeline.json").read_text())
    timeline["source"]["uri"] = str(other)
    (lone / "timeline.json").write_text(json.dumps(timeline))
    heard: list[str] = []
    packed(tmp_path / "b.zip", lone, missing=heard.append)
    assert [sentence for sentence in heard if "may have been replaced" in sentence]


def test_pictures_outside_of_the_folder_are_not_taken_in(folder, tmp_path):
    lone = tmp_path / "out"
    shutil.copytree(folder, lone)
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (lone / "frames" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    timeline = json.loads((lone / "timeline.json").read_text())
    for number, picture in enumerate(("../secret.jpg", "frames/link.jpg")):
        timeline["events"][number]["evidence"][0]["picture"] = picture
    (lone / "timeline.json").write_text(json.dumps(timeline))
    heard: list[str] = []
    path = packed(tmp_path / "b.zip", lone, missing=heard.append)
    assert len([sentence for sentence in heard if "not there any more" in sentence]) == 2
    with zipfile.ZipFile(path) as file:
        assert not any(b"secret" in file.read(name) for name in file.namelist() if name.endswith(".jpg"))


# Sound ones, and keys


def test_a_signed_bundle_is_sound_and_its_signer_is_named(bundle, keys):
    verdict = verify(bundle, key=str(keys / "ours.pub.pem"))
    assert (verdict.faults, verdict.notes, verdict.vouched) == ([], [], True)
    assert verdict.signer.startswith("SHA256:")
    assert not verify(bundle).vouched
    assert "nobody vouches" in verify(bundle).notes[0]


def test_the_fingerprint_is_that_of_ssh_keygen(tmp_path, folder):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "id"], check=True)
    path = packed(tmp_path / "b.zip", folder, sign=tmp_path / "id")
    done = subprocess.run(["ssh-keygen", "-l", "-f", tmp_path / "id.pub"], check=True, capture_output=True, text=True)
    verdict = verify(path, key=str(tmp_path / "id.pub"))
    assert verdict.sound
    assert verdict.signer == done.stdout.split()[1]


def test_a_key_may_come_from_the_environment_and_may_have_a_password(folder, keys, tmp_path, monkeypatch):
    secret = tmp_path / "secret.pem"
    locked = ["openssl", "pkey", "-in", keys / "ours.pem", "-aes256", "-passout", "pass:tree", "-out", secret]
    subprocess.run(locked, check=True)
    monkeypatch.setenv(signing.KEY, secret.read_text())
    with pytest.raises(ConfigError, match=signing.KEY) as found:
        packed(tmp_path / "b.zip", folder)
    assert signing.PASSWORD in found.value.hint
    monkeypatch.setenv(signing.PASSWORD, "tree")
    assert verify(packed(tmp_path / "b.zip", folder), key=str(keys / "ours.pub.pem")).vouched


@pytest.mark.parametrize("text", ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_refused_before_anything_is_read_and_never_shown(tmp_path, text):
    (tmp_path / "key.pem").write_text(text)
    with pytest.raises(ConfigError) as found:
        EvidenceExporter(EvidenceExporter.Options(sign=tmp_path / "key.pem"))
    assert "AAAA" not in str(found.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        EvidenceExporter(EvidenceExporter.Options(sign=tmp_path / "none.pem"))


def test_a_key_of_another_kind_is_refused(tmp_path):
    subprocess.run(["openssl", "genpkey", "-algorithm", "x25519", "-out", tmp_path / "x.pem"], check=True)
    with pytest.raises(ConfigError, match="another kind"):
        EvidenceExporter(EvidenceExporter.Options(sign=tmp_path / "x.pem"))


def test_an_unsigned_bundle_is_sound_and_says_what_that_is_worth(folder, tmp_path, keys):
    path = packed(tmp_path / "b.zip", folder)
    assert verify(path).sound
    assert "not signed" in verify(path).notes[0]
    assert "asks for a signature" in verify(path, key=str(keys / "ours.pub.pem")).faults[0]


def test_the_footage_can_be_held_against_it(bundle, footage, tmp_path):
    assert "to the byte" in verify(bundle, footage=[str(footage)]).notes[-1]
    changed = tmp_path / "gate.mp4"
    changed.write_bytes(footage.read_bytes() + b"\0")
    assert "not what it was" in verify(bundle, footage=[str(changed)]).faults[0]


# Tampered ones


def same_hashes(files):
    import hashlib

    listed = sorted(files.keys() - {layout.MANIFEST, layout.SIGNATURE})
    files[layout.MANIFEST] = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in listed).encode()


def edit(files, name=f"{PLACE}/timeline.json", *, manifest=False, signature=True):
    files[name] = files[name].replace(b"Second", b"Nobody", 1) if name.endswith("json") else files[name] + b"x"
    if manifest:
        same_hashes(files)
    if not signature:
        del files[layout.SIGNATURE]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edit, "01-Gate/timeline.json is not what it was"),
        (lambda files: edit(files, f"{PLACE}/stills/00000030.png"), "stills/00000030.png is not what it was"),
        (lambda files: edit(files, manifest=True), "signature does not hold"),
        (
            lambda files: edit(files, manifest=True, signature=False),
            "signature, and --key asks|signature: manifest.sha256.sig was taken out",
        ),
        (lambda files: files.pop(f"{PLACE}/frames/00000030.jpg"), "frames/00000030.jpg is missing"),
        (lambda files: files.update({f"{PLACE}/frames/1.jpg": b"x"}), "was added later"),
        (lambda files: files.pop(layout.MANIFEST), "no evidence bundle"),
        (lambda files: files.update({layout.MANIFEST: b"soon\n"}), "line 1 of manifest.sha256"),
        (lambda files: files.update({layout.MANIFEST: b"\xff\xfe"}), "line 1 of manifest.sha256"),
        (lambda files: files.update({layout.MANIFEST: files[layout.MANIFEST] * 2}), "each name once"),
        (lambda files: files.update({layout.SIGNATURE: b"x" * 64}), "signature does not hold"),
        (lambda files: files.update({layout.SIGNATURE: b""}), "signature does not hold"),
        (lambda files: files.update({layout.SIGNER: b"x"}), "signature cannot be checked|is not what it was"),
    ],
)
def test_tampering_is_seen(bundle, tmp_path, change, said):
    verdict = verify(rewritten(bundle, tmp_path / "b.zip", change))
    assert not verdict.sound
    assert any(part in " ".join(verdict.faults) for part in said.split("|")), verdict.faults


def test_a_bundle_that_somebody_else_signed_anew_is_seen_with_the_right_key(bundle, keys, tmp_path):
    def forge(files):
        key = signing.private_key(str(keys / "theirs.pem"))
        edit(files)
        files[layout.SIGNER] = signing.pem(key.public_key())
        same_hashes(files)
        files[layout.SIGNATURE] = key.sign(files[layout.MANIFEST])

    forged = rewritten(bundle, tmp_path / "b.zip", forge)
    assert verify(forged).sound, "it is what its own key signed"
    assert "does not hold for the key that was given" in verify(forged, key=str(keys / "ours.pub.pem")).faults[0]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (f"{PLACE}/stills/00000030.png", None, "which an event rests on, is missing"),
        (f"{PLACE}/frames/00000030.jpg", None, "which an event rests on, is missing"),
        (f"{PLACE}/report.html", None, "there is no 01-Gate/report.html"),
        (layout.BUNDLE, None, "there is no bundle.json"),
        (layout.BUNDLE, b'{"evidence": "videoscan.evidence/9"}', "bundle.json cannot be read"),
        (layout.BUNDLE, b"[" * 100_000, "bundle.json cannot be read"),
        (f"{PLACE}/timeline.json", b"{}", "timeline.json cannot be read"),
        (f"{PLACE}/sources.json", b"1", "sources.json cannot be read"),
    ],
)
def test_a_bundle_that_was_made_up_is_seen_without_a_signature_too(folder, tmp_path, name, data, said):
    def forge(files):
        files.pop(name) if data is None else files.update({name: data})
        same_hashes(files)

    verdict = verify(rewritten(packed(tmp_path / "a.zip", folder), tmp_path / "b.zip", forge))
    assert said in " ".join(verdict.faults)


# Damaged and hostile ones


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.999])
def test_a_bundle_that_was_cut_short_is_no_bundle(bundle, tmp_path, share):
    path = tmp_path / "b.zip"
    path.write_bytes(bundle.read_bytes()[: int(bundle.stat().st_size * share)])
    with pytest.raises(SourceUnsupported, match="not a zip that can be read"):
        verify(path)


def test_no_flipped_byte_goes_unseen(bundle, tmp_path):
    data = bundle.read_bytes()
    with zipfile.ZipFile(bundle) as file:
        spans = [(info.header_offset + 30 + len(info.filename), info.compress_size) for info in file.infolist()]
    path = tmp_path / "b.zip"
    for begin, size in spans:
        spoilt = bytearray(data)
        spoilt[begin + size // 2 + 20 if size > 60 else begin + size // 2] ^= 0xFF
        path.write_bytes(spoilt)
        try:
            assert not verify(path).sound
        except SourceUnsupported:
            continue


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/../../b", "C:/x", "a\\..\\b", "a//b", "./a", "a\nb", "..", "a/\u0085"]
)
def test_names_that_lead_out_of_a_folder_are_refused(bundle, tmp_path, name):
    path = rewritten(bundle, tmp_path / "b.zip", lambda files: files.update({name: b"x"}))
    assert "could be unpacked outside" in " ".join(verify(path).faults)
    assert [each.name for each in tmp_path.iterdir()] == ["b.zip"]
    assert not layout.harmless("")


def test_what_is_no_plain_file_and_what_is_there_twice_is_refused(bundle, tmp_path):
    path = tmp_path / "b.zip"
    shutil.copy(bundle, path)
    link = zipfile.ZipInfo(f"{PLACE}/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(link, "/etc/passwd")
    assert "no plain file" in verify(path).faults[0]
    shutil.copy(bundle, path)
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr(layout.BUNDLE, "{}")
    assert "two files named bundle.json" in verify(path).faults[0]
    shutil.copy(bundle, path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(layout.BUNDLE.upper(), "{}")
    assert "two files named" in verify(path).faults[0]


def test_a_zip_bomb_is_refused_without_unpacking_it(bundle, tmp_path):
    path = tmp_path / "b.zip"
    shutil.copy(bundle, path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file, file.open("zeros", "w") as out:
        for _ in range(80):
            out.write(bytes(1 << 20))
    assert "a zip bomb" in verify(path).faults[0]


def test_files_that_overlap_are_refused(tmp_path):
    """As in David Fifield's bomb: every name leads to the same bytes."""
    paper = io.BytesIO()
    with zipfile.ZipFile(paper, "w", zipfile.ZIP_STORED) as file:
        file.writestr("kernel", b"x" * 5000)
        file.writestr("other1", b"y")
    data = bytearray(paper.getvalue())
    second = data.rfind(b"PK\x01\x02")
    # The second entry of the directory claims the first one's place and size.
    first = data.find(b"PK\x01\x02")
    data[second + 16 : second + 28] = data[first + 16 : first + 28]
    struct.pack_into("<I", data, second + 42, 0)
    path = tmp_path / "b.zip"
    path.write_bytes(data)
    try:
        assert not verify(path).sound
    except SourceUnsupported:
        return


def test_encrypted_and_strangely_packed_files_are_refused(bundle, tmp_path):
    data = bytearray(bundle.read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 8] |= 1
    path = tmp_path / "b.zip"
    path.write_bytes(data)
    assert "encrypted" in verify(path).faults[0]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as file:
        file.writestr("a", "b")
    assert "packed in a way" in verify(path).faults[0]


def test_what_is_no_bundle_at_all_is_said_so(tmp_path, keys):
    with pytest.raises(SourceNotFound, match="does not exist"):
        verify(tmp_path / "none.zip")
    with pytest.raises(SourceNotFound, match="not a file"):
        verify(tmp_path)
    (tmp_path / "text.zip").write_text("hello")
    with pytest.raises(SourceUnsupported, match="not a zip"):
        verify(tmp_path / "text.zip")
    with pytest.raises(ConfigError, match="no public key"):
        verify(tmp_path / "text.zip", key=str(tmp_path / "text.zip"))
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    assert "no evidence bundle" in verify(tmp_path / "empty.zip").faults[0]


# The commands


def test_the_commands_make_and_check_a_bundle(videoscan, folder, keys, tmp_path):
    target = tmp_path / "case.zip"
    code, _, _ = videoscan("export", folder, "--to", "evidence", "-o", target, "--sign", keys / "ours.pem", "--text", "second")
    assert code == 0
    assert not left_over(tmp_path)
    code, out, _ = videoscan("verify", target, "--key", keys / "ours.pub.pem", "--json")
    (told,) = lines(out)
    assert (code, told["sound"], told["vouched"], told["faults"]) == (0, True, True, [])
    with zipfile.ZipFile(target) as file:
        assert json.loads(file.read(layout.BUNDLE))["timelines"][0]["events"] == ["e-1"]
        assert f"{PLACE}/selection.json" in file.namelist()
        assert f"{PLACE}/stills/00000030.png" not in file.namelist()


def test_the_exit_code_says_whether_all_some_or_none_can_be_trusted(videoscan, bundle, tmp_path):
    bad = rewritten(bundle, tmp_path / "bad.zip", edit)
    assert videoscan("verify", bundle)[0] == 0
    code, out, _ = videoscan("verify", bad)
    assert code == 3
    assert "NOT TO BE TRUSTED" in out
    assert videoscan("verify", bad, bundle)[0] == 6
    code, out, err = videoscan("verify", tmp_path / "none.zip", "--json")
    assert (code, lines(out)[0]["sound"]) == (3, False)
    assert "does not exist" in err
    assert videoscan("verify")[0] == 2
    assert videoscan("verify", bundle, "--key", tmp_path / "none.pem")[0] == 2


def test_names_out_of_a_strangers_bundle_cannot_move_the_cursor(videoscan, bundle, tmp_path):
    path = rewritten(bundle, tmp_path / "b.zip", lambda files: files.update({"\x1b[2Jevil": b"x"}))
    code, out, err = videoscan("verify", path)
    assert code == 3
    assert "\x1b" not in out + err


def test_an_export_of_evidence_with_gaps_is_exit_code_6(videoscan, folder, tmp_path):
    lone = tmp_path / "out"
    shutil.copytree(folder, lone)
    (lone / "frames" / "00000030.jpg").unlink()
    code, _, err = videoscan("export", lone, "--to", "evidence", "-o", tmp_path / "case.zip")
    assert code == 6
    assert "00000030.jpg" in err
    assert videoscan("verify", tmp_path / "case.zip")[0] == 0
