"""Sixteen cameras in one process: CPU, latency and fairness with a scripted model server. `--cameras N --seconds S --out FILE.json`.

Each camera is a file of 640x360 at 25 pictures a second with a keyframe a second, played in real time and looked at once a second. One of
them is dead (an address that nobody answers), and one shows something new in every picture: neither may cost the others anything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from videoscan.testing.model_server import ModelServer, Turn, ok
from videoscan.watching.camera import Shared
from videoscan.watching.starting import sources


def clip(path: Path, seconds: int, *, busy: bool) -> Path:
    """A still scene with a bar that crosses every ten seconds, or a test picture in which everything moves."""
    still = f"color=c=gray:s=640x360:r=25:d={seconds}"
    bar = "drawbox=x='mod(t*60,640)':y=200:w=40:h=80:color=white:t=fill:enable='lt(mod(t,10),3)'"
    source = f"testsrc2=s=640x360:r=25:d={seconds}" if busy else f"{still},{bar}"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-g", "25", "-y", str(path)], check=True
    )
    return path


async def measured(folder: Path, cameras: int, seconds: int) -> dict[str, Any]:
    """Watch them all; what it took."""
    files = [clip(folder / f"cam{number:02d}.mp4", seconds, busy=number == 0) for number in range(2)]
    shared = Shared()
    asked: Counter[str] = Counter()

    def answers(request: Any) -> Turn:
        asked["busy" if "busy?" in request.text else "quiet"] += 1
        return Turn(content=ok().content, delay=0.3)

    async with ModelServer(answers) as server:
        watches = []
        for number in range(cameras - 1):
            (planned,) = sources([str(files[0 if number == 0 else 1])], [f"cam{number:02d}"], "default", realtime=True)
            watches.append(planned.watch(folder / "out", shared, sets=_sets(server.url, "busy" if number == 0 else "quiet")))
        (dead,) = sources(["rtsp://127.0.0.1:9/nothing"], ["dead"], "default")
        watches.append(dead.watch(folder / "out", shared, sets=_sets(server.url, "dead"), duration=float(seconds)))
        began, cpu = time.monotonic(), time.process_time()
        await asyncio.gather(*(each.run() for each in watches))
        wall, used = time.monotonic() - began, time.process_time() - cpu
    statuses = {each.name: each.status() for each in watches}
    quiet = [status for name, status in statuses.items() if name not in {"cam00", "dead"}]
    return {
        "cameras": cameras,
        "seconds": seconds,
        "wall": round(wall, 1),
        "cpu_share_of_one_core": round(used / seconds, 3),
        "samples": sum(status.sampled for status in statuses.values()),
        "requests": dict(asked),
        "quiet_latency_p95": [status.latency[1] if status.latency else None for status in quiet],
        "quiet_left_out": sum(bool(status.left_out) for status in quiet),
        "busy": statuses["cam00"].record() if "cam00" in statuses else None,
        "lost_by_quiet": sum(status.lost for status in quiet),
    }


def _sets(url: str, who: str) -> tuple[str, ...]:
    return (
        f"describer.endpoint={url}",
        "describer.model=test-model",
        "describer.concurrency=4",
        "describer.probe=never",
        f"prompt.question={who}?",
        "sampler.kind=keyframe",
        "windows.long_side=640",
    )


def main() -> int:
    """Measure, print, and write JSON where it is wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="videoscan-cameras-") as folder:
        result = asyncio.run(measured(Path(folder), given.cameras, given.seconds))
    print(json.dumps(result, indent=1))
    if given.out is not None:
        given.out.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
