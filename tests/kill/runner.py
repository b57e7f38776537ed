"""Kills scans with SIGKILL and goes on with the same command until each has come to its end; counts what the model server saw.

A trial is one output folder. Its server answers every window in a way that depends on the window alone, so that the timeline in the
end must be the uninterrupted one, and counts every request. What stood in the journal when a scan was killed must never be asked again.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import psutil

from tests.kill.prepared import Prepared
from videoscan import timecode
from videoscan.testing.model_server import ModelServer, event, ok

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videoscan.testing.model_server import Turn
    from videoscan.testing.received import Received

ENTRY = [sys.executable, "-m", "videoscan"]
# A first probe of the endpoint belongs to no window, and is not made again after a kill.
OWN = {"PYTHONPATH": str(Path(__file__).parents[2]), "VIDEOSCAN_PROBE": "never"}
_ENVIRONMENT = {**os.environ, **OWN}

CONCURRENCY = 4
SECONDS = 620
"""Of the clip: more than two segments, each of which is recalled by itself."""
STALLED = 240.0
"""Seconds that one command may take, on a machine that is busy with other things; it takes two or three."""
VARIES = ("created", "timing")
"""What a timeline says of its own making: when, and how long it took. All else must be equal, byte for byte."""


Killer: TypeAlias = "Callable[[Script, list[str], list[int]], int]"
"""Runs a command, kills it unless it ended before, and returns its exit code; adds the ids of processes that outlived it."""


def make_clip(path: Path) -> Path:
    """A clip in which every sample differs from the last one, in a second of computing."""
    source = f"testsrc2=s=160x120:r=2:d={SECONDS}"
    made = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-g", "10", "-y", path]
    subprocess.run(made, check=True)
    return path


def arguments(clip: Path, out: Path, url: str, isolation: str) -> list[str]:
    """The command, the same before and after every kill: 31 windows of four pictures, and second looks at some of them."""
    sets = {
        "sampler.every": "5",
        "dedup.kind": "none",
        "windows.max_frames": "4",
        "windows.max_seconds": "60",
        "windows.overlap_frames": "0",
        "windows.long_side": "160",
        "describer.concurrency": str(CONCURRENCY),
        "second_look.share": "0.3",
        "source.isolation": isolation,
    }
    given = [str(clip), "--out", str(out), "--endpoint", url, "--model", "tiny"]
    return ["scan", *given, *(part for key, value in sets.items() for part in ("--set", f"{key}={value}"))]


class Script:
    """What the model says, and a count of what it was asked. A window is known by the time of its first picture, from its label.

    Of every third window it is not sure; a second look at one has a name of its own.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self.asked: Counter[str] = Counter()

    def __call__(self, request: Received) -> Turn:
        window = request.labels[0].split(" · ")[1]
        again = "a first look" in request.text
        self.asked[_named(window, again=again)] += 1
        sure = 0.3 if window.endswith(":00.000") and not again else 0.9
        seen = f"Seen {'again ' if again else ''}at {window}"
        told = event(seen, 1, request.frames, description=f"{len(request.pictures)} pictures.", confidence=sure)
        return dataclasses.replace(ok([told]), delay=self._random.uniform(0.0, 0.1))


def _named(window: str, *, again: bool) -> str:
    return f"look at {window}" if again else window


@dataclass(frozen=True)
class Whole:
    """What an uninterrupted scan gives, and how many seconds it takes."""

    clip: Path
    isolation: str
    timeline: bytes
    files: frozenset[str]
    windows: int
    seconds: float


@dataclass
class Trial:
    """What came of one output folder. `flying`: calls whose answers were not in the journal, for each kill."""

    isolation: str
    kills: int = 0
    requests: int = 0
    windows: int = 0
    flying: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def repeats(self) -> int:
        """How many calls were made twice."""
        return self.requests - self.windows


def uninterrupted(clip: Path, out: Path, isolation: str) -> Whole:
    """Scan once without a kill."""
    script = Script()
    with ModelServer.in_thread(script) as server:
        process = Prepared(arguments(clip, out, server.url, isolation), OWN)
        began = time.monotonic()
        assert process.wait(STALLED) == 0
        ended = time.monotonic()
    timeline, files = left(out / clip.stem, server.url)
    assert set(script.asked.values()) == {1}, "an uninterrupted scan asks each window once"
    assert sum(window.startswith("look") for window in script.asked) > 2
    return Whole(clip, isolation, timeline, files, len(script.asked), ended - began)


def left(folder: Path, url: str) -> tuple[bytes, frozenset[str]]:
    """The timeline as far as it must be equal, and the names of everything in the folder.

    The endpoint's address is in the timeline, and two test servers have two ports.
    """
    timeline: dict[str, Any] = json.loads((folder / "timeline.json").read_bytes())
    for key in VARIES:
        del timeline[key]
    files = frozenset(str(path.relative_to(folder)) for path in folder.rglob("*"))
    return json.dumps(timeline, indent=1).replace(url, "URL").encode(), files


def at_random(whole: Whole, out: Path, seed: int, *, most: int = 6) -> Trial:
    """Scan into `out`, killed at random moments until it has come to its end or was killed `most` times."""
    chance = random.Random(seed)

    def killed(script: Script, command: list[str], orphans: list[int]) -> int:
        process = Prepared(command, OWN)
        if chance.random() < 0.75:
            # By what was asked rather than by the clock, which a busy machine makes anything of.
            _wait_for(script, process, sum(script.asked.values()) + chance.randint(1, whole.windows // 2))
            moment = chance.uniform(0.0, 0.2)
        else:
            moment = chance.uniform(0.0, 1.1 * whole.seconds)
        try:
            return process.wait(moment)
        except subprocess.TimeoutExpired:
            children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            code = process.wait()
            # One that was just being started notices when its imports are done.
            _, alive = psutil.wait_procs(children, timeout=STALLED)
            orphans += [child.pid for child in alive]
            return code

    return _trial(whole, out, seed, [killed] * most)


def killed_after(windows: int) -> Killer:
    """Kill the command once so many answers are in its journal."""

    def killed(_script: Script, command: list[str], _orphans: list[int]) -> int:
        process = _start(ENTRY, command)
        journal = Path(command[command.index("--out") + 1]) / Path(command[1]).stem / "journal.jsonl"
        while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b'"key"') >= windows):
            time.sleep(0.01)
        process.kill()
        return process.wait()

    return killed


def at_points(whole: Whole, out: Path, points: Sequence[int]) -> Trial:
    """Scan into `out`, killed before the file operations with these numbers; each command counts from 1. See `tests.kill.points`."""

    def killed_at(point: int) -> Killer:
        def run(_script: Script, command: list[str], _orphans: list[int]) -> int:
            return _start([sys.executable, "-m", "tests.kill.points", str(point), str(out)], command).wait(STALLED)

        return run

    return _trial(whole, out, points[0], [killed_at(point) for point in points])


def operations(whole: Whole, out: Path) -> list[int]:
    """The numbers of the file operations to be killed before: the first, a middle and the last one of every kind."""
    with ModelServer.in_thread(Script()) as server:
        command = arguments(whole.clip, out, server.url, whole.isolation)
        entry = [sys.executable, "-m", "tests.kill.points", "0", str(out)]
        told = subprocess.run([*entry, *command], capture_output=True, text=True, check=True, env=_ENVIRONMENT).stdout
    kinds: dict[str, list[int]] = {}
    seen = [line.removeprefix("op: ") for line in told.splitlines() if line.startswith("op: ")]
    for number, operation in enumerate(seen, start=1):
        kinds.setdefault(re.sub(r"\.[0-9a-f]{8}\.|\d+|-[0-9a-f]{8}$", "*", operation), []).append(number)
    return sorted({numbers[at] for numbers in kinds.values() for at in (0, len(numbers) // 2, -1)})


def _trial(whole: Whole, out: Path, seed: int, kills: Sequence[Killer]) -> Trial:
    done = Trial(whole.isolation)
    script = Script(seed)
    settled: dict[str, int] = {}
    orphans: list[int] = []
    with ModelServer.in_thread(script) as server:
        command = arguments(whole.clip, out, server.url, whole.isolation)
        for kill in kills:
            before, known = sum(script.asked.values()), len(settled)
            code = kill(script, command, orphans)
            if code != -signal.SIGKILL:
                break
            done.kills += 1
            _wait_until_idle(server)
            settled.update({window: script.asked[window] for window in _journalled(out / whole.clip.stem) - set(settled)})
            done.flying.append(sum(script.asked.values()) - before - (len(settled) - known))
        else:
            code = Prepared(command, OWN).wait(STALLED)
    done.requests, done.windows = sum(script.asked.values()), len(script.asked)
    if code != 0:
        done.problems.append(f"the last command ended with {code}")
        return done
    again = [window for window, asked in settled.items() if script.asked[window] != asked]
    if again:
        done.problems.append(f"in the journal and asked again: {again}")
    if done.windows < whole.windows:
        done.problems.append(f"{whole.windows - done.windows} windows were lost")
    if done.repeats > sum(done.flying) or max(done.flying, default=0) > CONCURRENCY:
        done.problems.append(f"{done.repeats} calls repeated, with {done.flying} in flight at the kills")
    timeline, files = left(out / whole.clip.stem, server.url)
    if timeline != whole.timeline:
        done.problems.append("the timeline is another one")
    if files != whole.files:
        done.problems.append(f"other files are left: {sorted(files ^ whole.files)}")
    if orphans:
        done.problems.append(f"processes outlived the one that was killed: {orphans}")
    return done


def _start(entry: Sequence[str], command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a command; its own messages go nowhere, since a killed one's would tell nobody anything."""
    return subprocess.Popen([*entry, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_ENVIRONMENT)


def _wait_for(script: Script, process: Prepared, requests: int) -> None:
    """Wait until there have been so many, or the command ends. One that finds most in its journal does not ask as much."""
    until = time.monotonic() + STALLED
    while sum(script.asked.values()) < requests and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)


def _wait_until_idle(server: ModelServer) -> None:
    """A request that was under way when its sender was killed may still be read by the server, and then counts."""
    quiet = 0
    while quiet < 5:
        time.sleep(0.02)
        quiet = 0 if server.busy else quiet + 1


def _journalled(folder: Path) -> set[str]:
    """The windows whose answers are in the journal, named as the labels name them."""
    try:
        lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return set()
    entries = [json.loads(line) for line in lines if line.endswith(b"\n")]
    return {_named(timecode.clock(entry["start"]), again="second_look" in entry) for entry in entries if "key" in entry}


def summary(trials: Sequence[Trial]) -> str:
    """What came of a run, in a few lines."""
    lines = []
    for isolation in sorted({trial.isolation for trial in trials}):
        some = [trial for trial in trials if trial.isolation == isolation]
        flying = [count for trial in some for count in trial.flying]
        lines.append(
            f"{isolation}: {len(some)} scans, {sum(trial.kills for trial in some)} kills, "
            f"{sum(trial.windows for trial in some)} windows described, {sum(trial.repeats for trial in some)} calls repeated "
            f"({sum(flying)} in flight at the kills, {max(flying, default=0)} at most), "
            f"{sum(bool(trial.problems) for trial in some)} scans with problems"
        )
    lines += [f"BUG: {problem}" for trial in trials for problem in trial.problems]
    return "\n".join(lines)
