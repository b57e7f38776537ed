"""The child that runs cases one after the other, so that a crash, a hang or a flood of memory takes only the child with it.

Started by `tests.fuzz.runner` with the folder of the clips; takes case numbers on stdin and answers in JSON lines on what was stdout.
Whatever the libraries print lands in a file, and is a fault of the case that printed it.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

_ADDRESS_SPACE = 12 << 30
"""Bytes that the child may map: a last line before the machine's own memory. The limit that a case is held to is the runner's."""

CHECKER = Path(__file__).resolve().parents[3] / "shared" / "tools" / "check_timeline.py"


def serve(folder: Path) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    printed = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
    os.dup2(printed.fileno(), 1)
    os.dup2(printed.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    import av

    from tests.fuzz.cases import case

    av.logging.set_level(None)
    faulthandler.enable(file=2)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        print(json.dumps({"ready": os.getpid()}), file=answers)
        for line in sys.stdin:
            number = int(line)
            before = os.fstat(printed.fileno()).st_size

            def stage(name: str, number: int = number) -> None:
                print(json.dumps({"case": number, "stage": name}), file=answers)

            try:
                result = run(case(number), folder, Path(scratch), stage)
            except Exception:
                result = {"case": number, "what": str(case(number)), "outcome": "bug", "problems": [traceback.format_exc()]}
            sys.stderr.flush()
            if result.get("silent_until", 0) > before:
                result["problems"].append(f"printed: {os.pread(printed.fileno(), 300, before).decode(errors='replace')!r}")
            print(json.dumps(result), file=answers)


def run(given: Any, folder: Path, scratch: Path, stage: Any) -> dict[str, Any]:
    """One case, from making the clip to judging what came of it."""
    from tests.fuzz import clips, reading
    from videoscan.errors import VideoscanError

    result: dict[str, Any] = {"case": given.number, "what": str(given), "outcome": "absent", "problems": [], "silent_until": 0}
    stage("make")
    try:
        clean = clips.make(given.recipe, folder)
        try:
            truth = None if given.whole else reading.truth(clean, given.backend, folder)
        except VideoscanError:
            truth = None  # OpenCV has no decoder for some codecs
        path, done = damaged(given, clean, folder, scratch)
    except clips.NotHere as why:
        result["why"] = str(why)
        return result
    result["mutation"] = done.what
    resident = _memory("VmRSS")
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # forget the highest use so far
    stage("scan")
    began = time.process_time()
    found = fault = None
    try:
        if given.whole:
            result["problems"] += _whole(path, given, scratch / "out", result)
        else:
            found = reading.scan(path, given)
    except VideoscanError as error:
        fault = error
    except Exception:
        result["problems"].append(traceback.format_exc(limit=-6))
    result["cpu"] = time.process_time() - began
    result["memory"] = max(0, _memory("VmHWM") - resident)
    result["silent_until"] = os.fstat(2).st_size
    stage("judge")
    try:
        _judge(given, path, truth, done, found, fault, result)
    finally:
        (shutil.rmtree if path.is_dir() else os.unlink)(path)
    if result["problems"]:
        result["outcome"] = "bug"
    return result


def damaged(given: Any, clean: Path, folder: Path, scratch: Path) -> tuple[Path, Any]:
    from random import Random

    from tests.fuzz.cases import mutated

    path = scratch / f"{given.number}{given.recipe.suffix}"
    if not clean.is_dir():
        done = mutated(given, clean.read_bytes(), folder)
        path.write_bytes(done.data)
        return path, done
    shutil.copytree(clean, path)
    random = Random(f"pictures {given.number}")
    done = None
    for picture in random.sample(sorted(path.iterdir()), random.randint(1, 4)):
        done = mutated(given, picture.read_bytes(), folder)
        picture.write_bytes(done.data)
    return path, done


def _judge(given: Any, path: Path, truth: Any, done: Any, found: Any, fault: Any, result: dict[str, Any]) -> None:
    from tests.fuzz import oracle, reading

    problems = result["problems"]
    seen = reading.Witness(()) if path.is_dir() else reading.witness(path, given.backend)
    result["seen"] = len(seen.times)
    if fault is not None:
        result |= {"outcome": "error", "error": str(fault)}
        problems += oracle.error(fault, str(path), seen)
        if given.kind == "untouched" and given.recipe.name not in oracle.BROKEN:
            problems.append(f"the clean clip was refused: {fault}")
    elif found is not None:
        lost = sum(end - start for start, end, _ in found.lost)
        result |= {"outcome": "lossy" if lost else "frames", "frames": len(found.times), "duration": found.duration, "lost": lost}
        result |= {"flags": [*found.info["flags"], *found.flags], "spans": found.lost[:8], "start": found.start}
        problems += oracle.promises(found)
        if path.is_dir():
            problems += oracle.pictures(found)
        else:
            problems += oracle.against_witness(given, found, seen)
        if truth is not None:
            problems += oracle.against_truth(given, found, truth, done)
        if given.kind == "untouched":
            problems[:] = [] if given.recipe.name in oracle.BROKEN else oracle.untouched(given, found)


def _whole(path: Path, given: Any, out: Path, result: dict[str, Any]) -> list[str]:
    """A scan as a person runs it, offline, and the checks that every timeline passes."""
    import videoscan
    from tests.fuzz import oracle

    shutil.rmtree(out, ignore_errors=True)
    sampler = {"kind": "interval"} if given.sampler == "dense" else reading_options(given.sampler)
    profile = {"sampler": sampler, "describer": {"kind": "offline"}}
    if given.backend != "images":
        profile["source"] = {"backend": given.backend}
    timeline = asyncio.run(videoscan.scan(str(path), profile=profile, out=out))
    spans = [(span.start, span.end) for span in timeline.coverage]
    lost = sum(span.end - span.start for span in timeline.coverage if span.state == "lost")
    result |= {"outcome": "lossy" if lost else "frames", "duration": timeline.source.duration, "lost": lost}
    result["frames"] = timeline.frames.sampled
    problems = list(oracle.tiles(spans, timeline.source.duration))
    if CHECKER.exists():
        told = subprocess.run([sys.executable, CHECKER, out], capture_output=True, text=True, check=False)
        if told.returncode:
            problems.append(f"check_timeline: {told.stdout}{told.stderr}")
    return problems


def reading_options(sampler: str) -> dict[str, object]:
    from tests.fuzz.cases import SAMPLERS

    return SAMPLERS[sampler][0]


def _memory(name: str) -> int:
    """Bytes, from the kernel's own account of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
