"""The header of a GGUF file: read without loading it, and never believed further than the file reaches."""

import contextlib
import struct

import pytest

from videoscan.describers import gguf
from videoscan.errors import ConfigError


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def header(*pairs: bytes, version: int = 3, count: int | None = None) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, 0, len(pairs) if count is None else count) + b"".join(pairs)


PAIRS = (
    pair("general.architecture", 8, text("qwen3vl")),
    pair("general.name", 8, text("Qwen3 VL 4B")),
    pair("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 3) + text("a") + text("") + text("中")),
    pair("qwen3vl.rope.sections", 9, struct.pack("<IQ4i", 5, 4, 1, 2, 3, 4)),
    pair("nested", 9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ2B", 0, 2, 7, 7)),
    pair("qwen3vl.context_length", 4, struct.pack("<I", 262_144)),
    pair("qwen3vl.scale", 6, struct.pack("<f", 0.5)),
    pair("clip.has_vision_encoder", 7, b"\x01"),
)


def read(tmp_path, data: bytes) -> gguf.Gguf:
    path = tmp_path / "model.gguf"
    path.write_bytes(data)
    return gguf.read(path, key="describer.model_file")


def test_what_stands_in_it_is_read_and_lists_are_passed_over(tmp_path):
    found = read(tmp_path, header(*PAIRS))
    assert found.architecture == "qwen3vl"
    assert found.name == "Qwen3 VL 4B"
    assert found.of_model("context_length") == 262_144
    assert found.of_model("embedding_length") is None
    assert found.values["qwen3vl.scale"] == 0.5
    assert found.sees
    assert not found.is_projector
    assert "tokenizer.ggml.tokens" not in found.values


def test_a_model_without_a_name_is_called_after_its_file(tmp_path):
    assert read(tmp_path, header(PAIRS[0])).name == "model"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a GGUF"),
        (b"PK\x03\x04" * 10, "not a GGUF"),
        (b"GGUF", "damaged"),
        (header(*PAIRS)[:60], "damaged"),
        (header(*PAIRS, version=1), "version 1"),
        (header(*PAIRS, version=0x03000000), "version"),
        (header(count=2**60), "claims to have"),
        (header(*PAIRS, count=100), "damaged"),
        (header(pair("k", 99, b"")), "unknown type 99"),
        (header(pair("k", 8, struct.pack("<Q", 2**63))), "ends inside"),
        (header(pair("k", 9, struct.pack("<IQ", 8, 2**62))), "damaged"),
        (header(pair("k", 9, struct.pack("<IQ", 10, 2**62))), "ends inside"),
        (header(pair("k", 9, struct.pack("<IQ", 9, 1) * 6)), "unknown type"),
    ],
)
def test_what_is_none_or_is_damaged_is_refused_with_the_key_and_the_file(tmp_path, data, why):
    with pytest.raises(ConfigError, match=why) as info:
        read(tmp_path, data)
    assert "describer.model_file" in str(info.value)
    assert "model.gguf" in str(info.value)


def test_every_cut_and_every_flipped_byte_is_read_or_refused(tmp_path):
    whole = header(*PAIRS)
    for place in range(len(whole)):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]):
            with contextlib.suppress(ConfigError):
                read(tmp_path, damaged)


def test_other_formats_of_weights_are_told_where_to_go(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\x00" * 64)
    with pytest.raises(ConfigError, match="convert_hf_to_gguf"):
        gguf.read(path, key="describer.model_file")


def test_all_parts_of_a_model_belong_to_it(tmp_path):
    files = [tmp_path / f"big-0000{part}-of-00003.gguf" for part in (1, 2, 3)]
    for file in files:
        file.write_bytes(header(PAIRS[0]))
    assert gguf.parts(files[0], key="k") == tuple(files)
    assert gguf.parts(tmp_path / "small.gguf", key="k") == (tmp_path / "small.gguf",)
    with pytest.raises(ConfigError, match="big-00001-of-00003"):
        gguf.parts(files[1], key="k")
    files[2].unlink()
    with pytest.raises(ConfigError, match=r"big-00003-of-00003\.gguf is missing"):
        gguf.parts(files[0], key="k")


def test_the_digest_goes_by_what_is_in_the_files_not_by_their_names(tmp_path):
    one, other = tmp_path / "one.gguf", tmp_path / "other.gguf"
    data = bytes(range(256)) * 10_000  # more than one piece, less than all of them
    one.write_bytes(data)
    other.write_bytes(data)
    assert gguf.digest((one,)) == gguf.digest((other,))
    for place in (0, len(data) // 2, len(data) - 1):
        other.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert gguf.digest((one,)) != gguf.digest((other,)), place
    other.write_bytes(data + b"\x00")
    assert gguf.digest((one,)) != gguf.digest((other,))
