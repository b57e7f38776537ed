"""What the clips are made of: every video encoder and every container of PyAV's FFmpeg, and the recordings that people have.

`MAIN` holds the files of the real world, each in several variations; `PAIRS` every other codec in every other container that
takes it. `test_fuzz.py` holds both against what the library here says it can make.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain


@dataclass(frozen=True)
class Recipe:
    """One clip. `shape` says how its pictures lie in time: steady, vfr (two long pauses) or late (starts at 100 s).

    `muxer` is FFmpeg's name of the container; ``folder`` stands for picture files and ``shared`` for a clip made by others.
    """

    codec: str
    muxer: str
    suffix: str
    size: tuple[int, int] = (96, 64)
    rate: int = 25
    pictures: int = 60
    group: int = 12
    reordered: int = 0
    audio: str | None = None
    form: str | None = None
    shape: str = "steady"
    encoding: dict[str, str] = field(default_factory=dict)
    muxing: dict[str, str] = field(default_factory=dict)
    note: str = ""
    """What tells this variation of the pair from others."""

    @property
    def name(self) -> str:
        """The clip's file name."""
        return f"{self.codec}-{self.muxer}{'-' + self.note if self.note else ''}{self.suffix}"


def clip(codec: str, muxer: str, suffix: str, note: str = "", **options) -> Recipe:
    return Recipe(codec, muxer, suffix, note=note, **options)


_SAME = "asm=0"
"""Without it x264 does not give the same bytes each time."""

X264 = {"preset": "veryfast", "crf": "26", "x264-params": _SAME}
OPEN = {"preset": "veryfast", "crf": "26", "x264-params": f"{_SAME}:open-gop=1:scenecut=0:bframes=3:b-adapt=0"}
FIELDS = {**X264, "flags": "+ildct+ilme"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
EACH = {"movflags": "frag_every_frame+empty_moov"}
FAST = {"movflags": "faststart"}

VIDEOS = (
    clip("h264", "mp4", ".mp4", "b", size=(192, 108), reordered=3, encoding=X264),
    clip("h264", "mp4", ".mp4", "fast", size=(160, 120), reordered=2, audio="aac", encoding=X264, muxing=FAST),
    clip(
        "h264", "mp4", ".mp4", "long", size=(320, 180), rate=30, pictures=100, group=250, reordered=2, encoding=X264, muxing=FAST
    ),
    clip("h264", "mp4", ".mp4", "frag", reordered=2, audio="aac", encoding=X264, muxing=FRAGMENTS),
    clip("h264", "mp4", ".mp4", "each", encoding=X264, muxing=EACH),
    clip("h264", "mp4", ".mp4", "vfr", reordered=2, shape="vfr", encoding=X264, muxing=FAST),
    clip("h264", "mp4", ".mp4", "deep", form="yuv420p10le", reordered=2, encoding=X264),
    clip("h264", "mov", ".mov", "pcm", reordered=2, audio="pcm_s16le", encoding=X264),
    clip("h264", "matroska", ".mkv", "b", size=(192, 108), reordered=3, audio="aac", encoding=X264),
    clip("h264", "matroska", ".mkv", "live", reordered=2, encoding=X264, muxing={"live": "1"}),
    clip("h264", "matroska", ".mkv", "open", group=15, reordered=3, encoding=OPEN),
    clip("h264", "matroska", ".mkv", "blocks", reordered=2, encoding=X264, muxing={"cluster_time_limit": "300"}),
    clip("h264", "mpegts", ".ts", "sound", size=(192, 108), reordered=2, audio="mp2", encoding=X264),
    clip("h264", "mpegts", ".ts", "open", group=15, reordered=3, shape="late", encoding=OPEN),
    clip("h264", "mpegts", ".ts", "fields", size=(160, 120), encoding=FIELDS),
    clip("h264", "flv", ".flv", "sound", audio="aac", reordered=2, encoding=X264),
    clip("h264", "avi", ".avi", "plain", encoding=X264),
    clip("h264", "h264", ".264", "raw", reordered=2, encoding=X264),
    clip("h264", "3gp", ".3gp", "phone", audio="aac", encoding=X264),
    clip("h264", "mxf", ".mxf", "tape", form="yuv422p", audio="pcm_s16le", encoding=X264),
    clip("hevc", "mp4", ".mp4", "b", size=(192, 108), reordered=3),
    clip("hevc", "matroska", ".mkv", "sound", audio="aac", reordered=2),
    clip("hevc", "mpegts", ".ts", "cam", reordered=2),
    clip("hevc", "hevc", ".265", "raw", reordered=2),
    clip("hevc", "flv", ".flv", "cam"),
    clip("av1", "mp4", ".mp4", "svt", group=30),
    clip("av1", "webm", ".webm", "sound", group=30, audio="libopus"),
    clip("av1", "ivf", ".ivf", "raw", group=30),
    clip("vp9", "webm", ".webm", "sound", audio="libopus"),
    clip("vp9", "mp4", ".mp4", "nine"),
    clip("vp8", "webm", ".webm", "sound", audio="libopus"),
    clip("vp8", "ogg", ".ogv", "ogg", audio="libopus"),
    clip("mpeg4", "avi", ".avi", "sound", size=(160, 120), audio="libmp3lame", reordered=1),
    clip("mpeg4", "mp4", ".mp4", "b", reordered=2),
    clip("mpeg2video", "mpeg", ".mpg", "sound", size=(160, 120), audio="mp2", reordered=2),
    clip("mpeg2video", "mpegts", ".ts", "sound", audio="mp2", reordered=2, shape="late"),
    clip("mpeg2video", "vob", ".vob", "disc", reordered=2),
    clip("mpeg2video", "mxf", ".mxf", "tape", audio="pcm_s16le"),
    clip("mpeg1video", "mpeg", ".mpg", "sound", audio="mp2", reordered=2),
    clip("mjpeg", "avi", ".avi", "sound", audio="pcm_s16le"),
    clip("mjpeg", "mov", ".mov", "cam"),
    clip("mjpeg", "mjpeg", ".mjpeg", "raw"),
    clip("mjpeg", "matroska", ".mkv", "vfr", shape="vfr"),
    clip("prores", "mov", ".mov", "pcm", audio="pcm_s16le"),
    clip("dnxhd", "mxf", ".mxf", "tape", pictures=40),
    clip("ffv1", "matroska", ".mkv", "film"),
    clip("flv", "flv", ".flv", "sound", audio="libmp3lame"),
    clip("wmv2", "asf", ".wmv", "sound", audio="wmav2"),
    clip("msmpeg4", "avi", ".avi", "divx"),
    clip("h263", "3gp", ".3gp", "phone", audio="aac"),
    clip("gif", "gif", ".gif", "web"),
    clip("png", "mov", ".mov", "alpha", form="rgba"),
    clip("rawvideo", "yuv4mpegpipe", ".y4m", "raw"),
)

FOLDERS = tuple(
    clip(form, "folder", f".{form}.d", "pictures", pictures=12, rate=5) for form in ("jpg", "png", "bmp", "tiff", "webp")
)

SHARED = tuple(
    Recipe(name.rpartition(".")[0], "shared", f".{name.rpartition('.')[2]}")
    for name in (
        "av1.mkv", "corrupted.mp4", "delayed_start.mp4", "desks.3gp", "error_i_p.264", "fragmented.mp4", "h264-10bit.mp4",
        "hevc.mp4", "hls-segment.ts", "mdat_too_long.mp4", "multires.mkv", "no_duration.webm", "pigs.gif", "raw.h265", "rot180.mov",
        "rot90.mov", "sample.flv", "transparent.webm", "tree-cinepak.avi", "unordered.mov", "vp9-10bit.webm", "xvid.avi",
    )
)  # fmt: skip
"""Clips made by others, of ``../shared/data/odd``; their cases are counted as absent where those are not."""

MAIN = VIDEOS + FOLDERS + SHARED

_PLAIN = (
    "amv asv1 asv2 av1 cfhd cinepak cljr dpx dvvideo flashsv flv h261 h263 h263p h264 huffyuv jpeg2000 jpegls libx264rgb ljpeg "
    "magicyuv mpeg1video mpeg2video mpeg4 msmpeg4 msmpeg4v2 msvideo1 png r10k r210 rpza snow speedhq svq1 targa v210 v308 v408 "
    "v410 vp8 vp9 wmv1 wmv2 y41p yuv4"
)

CONTAINERS: dict[str, tuple[str, str]] = {
    "nut": (".nut", f"{_PLAIN} ffv1 ffvhuff gif hevc mjpeg rawvideo utvideo xface zlib"),
    "avi": (".avi", f"{_PLAIN} ffv1 ffvhuff mjpeg rawvideo utvideo zlib"),
    "asf": (".asf", f"{_PLAIN} ffv1 ffvhuff mjpeg rawvideo utvideo zlib"),
    "wtv": (".wtv", _PLAIN),
    "mov": (
        ".mov",
        ("avrp cfhd cinepak dnxhd dpx dvvideo dxv exr gif h263 h264 hevc jpeg2000 libx264rgb magicyuv mjpeg mpeg1video mpeg2video "
        "mpeg4 msmpeg4 png prores prores_aw prores_ks qtrle r10k r210 rpza sgi svq1 targa tiff v210 v308 v408 v410 y41p yuv4"),
    ),
    "matroska": (
        ".mkv",
        ("av1 ffv1 h264 hevc jpeg2000 libx264rgb mjpeg mpeg1video mpeg2video mpeg4 msmpeg4 prores prores_aw prores_ks rawvideo snow "
        "vp8 vp9"),
    ),
    "mp4": (".mp4", "av1 ffv1 h264 hevc jpeg2000 libx264rgb mjpeg mpeg1video mpeg2video mpeg4 png vp9"),
    "ismv": (".ismv", "ffv1 h264 hevc jpeg2000 libx264rgb mjpeg mpeg1video mpeg2video mpeg4 png"),
    "webm": (".webm", "av1 vp8 vp9"),
    "3gp": (".3gp", "h263 h264 libx264rgb mpeg4"),
    "3g2": (".3g2", "h263 h264 mpeg4"),
    "f4v": (".f4v", "h264"),
    "ipod": (".m4v", "h264 mpeg4"),
    "mxf": (".mxf", "dnxhd dvvideo ffv1 h264 jpeg2000 mpeg2video prores prores_aw prores_ks"),
    "mxf_opatom": (".mxf", "dnxhd dvvideo h264 jpeg2000 mpeg2video prores"),
    "flv": (".flv", "av1 flashsv flashsv2 flv h264 hevc vp9"),
    "mpegts": (".ts", "h264 hevc libx264rgb mpeg1video mpeg2video mpeg4"),
    "mpeg": (".mpg", "h263 h264 hevc libx264rgb mpeg1video mpeg2video mpeg4"),
    "vob": (".vob", "h264 hevc mpeg1video mpeg2video mpeg4"),
    "dvd": (".vob", "mpeg1video mpeg2video"),
    "svcd": (".mpg", "mpeg1video mpeg2video"),
    "vcd": (".mpg", "mpeg1video mpeg2video"),
    "ivf": (".ivf", "av1 vp8 vp9"),
    "asf_stream": (".asf", "mjpeg mpeg4"),
    "avm2": (".swf", "flashsv flv mjpeg"),
    "swf": (".swf", "flashsv flv mjpeg"),
    "ogg": (".ogv", "vp8"),
    "rm": (".rm", "rv10 rv20"),
    "dv": (".dv", "dvvideo"),
    "roq": (".roq", "roqvideo"),
    "film_cpk": (".cpk", "cinepak"),
    "apng": (".apng", "apng"),
    "gif": (".gif", "gif"),
    "avif": (".avif", "av1"),
    "fits": (".fits", "fits"),
    "obu": (".obu", "av1"),
    "h261": (".h261", "h261"),
    "h263": (".h263", "h263"),
    "h264": (".264", "h264 libx264rgb"),
    "hevc": (".265", "hevc"),
    "m4v": (".m4v", "mpeg4"),
    "mpeg1video": (".m1v", "mpeg1video"),
    "mpeg2video": (".m2v", "mpeg2video"),
    "mjpeg": (".mjpeg", "mjpeg"),
    "dnxhd": (".dnxhd", "dnxhd"),
    "yuv4mpegpipe": (".y4m", "rawvideo wrapped_avframe"),
    "image2pipe": (
        ".pipe",
        "bmp dpx exr hdr jpeg2000 jpegls libwebp ljpeg pbm pcx pfm pgm pgmyuv phm png ppm qoi sgi sunrast tiff xbm xwd",
    ),
}  # fmt: skip
"""By FFmpeg's muxer: the suffix, and the codecs it takes that can be read back."""

FORMS = {"dvvideo": "yuv420p", "dnxhd": "yuv422p"}
"""Pixel formats where the encoder's first one is not the one that works."""

SIZES = {
    "cfhd": (256, 128), "dnxhd": (256, 128), "dvvideo": (720, 576), "h261": (176, 144), "h263": (128, 96), "h263p": (128, 96),
    "roqvideo": (128, 64), "xface": (48, 48),
}  # fmt: skip
"""Picture sizes where the codec is particular about them."""

ENCODING: dict[str, dict[str, str]] = {
    "av1": {"preset": "12", "svtav1-params": "lp=1"},
    "dnxhd": {"profile": "dnxhr_sq"},
    "h264": X264,
    "hevc": {"preset": "ultrafast", "x265-params": "log-level=none:pools=none:frame-threads=1:bframes=3"},
    "libx264rgb": X264,
    "vp8": {"deadline": "realtime", "cpu-used": "8"},
    "vp9": {"deadline": "realtime", "cpu-used": "8"},
}
"""What each encoder is told, unless a recipe says otherwise."""


def _pair(codec: str, muxer: str) -> Recipe:
    # Big pictures make few; what tells the codecs apart is not how long they go on.
    few = SIZES.get(codec, (96, 64))[0] > 200 or codec in {"exr", "hdr", "fits"}
    return clip(codec, muxer, CONTAINERS[muxer][0], pictures=30 if few else 50, group=10)


PAIRS = tuple(_pair(codec, muxer) for muxer, (_, codecs) in CONTAINERS.items() for codec in codecs.split())

RECIPES = {recipe.name: recipe for recipe in chain(MAIN, PAIRS)}

ALIASES = {
    "libx264": "h264", "libx265": "hevc", "libsvtav1": "av1", "libvpx": "vp8", "libvpx-vp9": "vp9", "webp": "libwebp",
}  # fmt: skip
"""Other names of encoders that are in the table."""

UNUSABLE_ENCODERS = {
    "a64multi": "only for the Commodore 64: nothing decodes it",
    "a64multi5": "only for the Commodore 64: nothing decodes it",
    "alias_pix": "single pictures that only a file name tells apart",
    "bitpacked": "RTP only: no container has a tag for it",
    "dirac": "no container of this build takes what the encoder writes",
    "libwebp_anim": "its muxer writes what no demuxer of FFmpeg reads",
    "msrle": "palettes only, which cannot be made from pictures here",
    "pam": "no demuxer recognises a stream of them",
    "smc": "palettes only, which cannot be made from pictures here",
    "vbn": "no demuxer recognises a stream of them",
    "vc2": "no container of this build takes what the encoder writes",
    "vnull": "writes nothing",
    "wbmp": "no demuxer recognises a stream of them",
    "zmbv": "palettes only, which cannot be made from pictures here",
}
"""Encoders of which no file can be made that FFmpeg itself reads back; hardware encoders (``_nvenc``, ``_qsv``...) aside."""

UNUSABLE_MUXERS = {
    "a64": "no demuxer",
    "amv": "demands sound of its own kind in step with its pictures",
    "apv": "no encoder",
    "avs2": "no encoder",
    "avs3": "no encoder",
    "cavsvideo": "no encoder",
    "dirac": "see the encoder",
    "evc": "no encoder",
    "filmstrip": "no demuxer recognises it",
    "gxf": "takes broadcast sizes only",
    "ico": "pictures of programs",
    "image2": "a folder: see `FOLDERS`",
    "mpjpeg": "a stream over HTTP, not a file",
    "mxf_d10": "takes 50 Mbit/s of broadcast sizes only; see mxf",
    "ogv": "ogg by another name",
    "psp": "a device's mp4; see mp4",
    "rawvideo": "no container: the same bytes as the raw formats",
    "smjpeg": "demands sound",
    "vc1": "no encoder",
    "vc1test": "no encoder",
    "vvc": "no encoder",
    "webp": "no demuxer of FFmpeg reads animated WebP",
    **dict.fromkeys(("aiff", "flac", "mp3"), "sound with a cover"),
    **dict.fromkeys(
        (
            "crc", "fbdev", "framecrc", "framehash", "framemd5", "hash", "md5", "mkvtimestamp_v2", "null", "streamhash",
            "uncodedframecrc", "video4linux2,v4l2",
        ),
        "no file to read back",
    ),
    **dict.fromkeys(
        ("dash", "hds", "hls", "rtp", "rtp_mpegts", "rtsp", "sap", "smoothstreaming", "whip"), "a stream or many files, not one"
    ),
}  # fmt: skip
"""Containers for video that are not in the table."""
