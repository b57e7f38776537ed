"""A football match as television shows it: pans after the ball, hard cuts, a goal, a close-up, a replay between wipes, a scoreboard."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from samples.figures import figure
from samples.film import Act, Picture, Span, steady
from samples.game import GOAL, KICK, SCORER, STEP, Game, clothes_of, play, smoothed
from samples.light import Camera, Capsules, Floats, normalised, surface_of_capsules
from samples.stadium import background, goals, net

if TYPE_CHECKING:
    from collections.abc import Sequence

SUN = (0.42, 0.78, -0.46)


@dataclass(frozen=True)
class Shot:
    """One camera from ``start`` to ``end``; it shows the game from ``game`` on, at ``pace`` (below 1: slow motion)."""

    start: float
    end: float
    camera: str
    game: float
    pace: float = 1.0


WIPE = 0.6
REPLAY_PACE = 0.4
SHOTS = (
    Shot(0.0, 14.0, "wide", 0.0),
    Shot(14.0, 18.0, "runner", 14.0),
    Shot(18.0, 30.0, "wide", 18.0),
    Shot(30.0, 35.3, "scorer", 30.0),
    Shot(35.3, 42.9, "box", 24.75, REPLAY_PACE),
    Shot(42.9, 52.0, "wide", 42.9),
    Shot(52.0, 56.0, "end", 52.0),
    Shot(56.0, 1e9, "wide", 56.0),
)
"""The edit. Around the replay stand wipes, ``WIPE`` seconds long, centred on the change of camera; all other changes are cuts."""

WIPES = (35.3, 42.9)
SCORE_AT = 31.6
WIDE_DISTANCE = 54.0
"""Metres ahead of the wide camera at which it aims beside the ball."""


@dataclass(frozen=True)
class Match:
    """The scene. Times in seconds, ``noise`` in grey levels of 255."""

    width: int = 640
    height: int = 360
    fps: float = 25.0
    duration: float = 60.0
    noise: float = 0.8
    seed: int = 11
    restful: bool = False
    note: str = (
        "A made clip. Pans are listed under not_cuts, wipes under gradual, each with the change of camera in its middle. The goal is shown "
        "twice: live, and in slow motion in the replay. The match clock ticks throughout: no event."
    )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    @property
    def times(self) -> Sequence[float]:
        """One frame every 1 / ``fps`` seconds."""
        return steady(self.duration, self.fps)

    @cached_property
    def game(self) -> Game:
        """The game that is played."""
        return play(self.duration, self.seed)

    @cached_property
    def aim(self) -> Floats:
        """Where the wide camera looks along the pitch, one row per ``STEP``: after the ball, unhurried."""
        return np.clip(smoothed(self.game.ball[:, :1], 0.9)[:, 0] * 0.92, -33, 33)

    @property
    def acts(self) -> Sequence[Act]:
        """What happens."""
        half = WIPE / 2
        acts = (
            Act(
                "goal",
                KICK - 1.4,
                GOAL + 1.0,
                "Red attack down the middle, shoot and score in the right goal",
                ("goal", "shot"),
                1.0,
                measured=False,
            ),
            Act(
                "celebration",
                30.0,
                35.3 - half,
                "Close-up: the scorer in red runs and jumps with arms raised",
                ("celebration", "close-up"),
                measured=False,
            ),
            Act(
                "score",
                SCORE_AT,
                1e9,
                "The scoreboard changes from 0-0 to 1-0",
                ("scoreboard",),
                0.2,
                rest=SCORE_AT + 1 / self.fps,
            ),
            Act(
                "replay", 35.3, 42.9, "Slow-motion replay of the goal from another angle, marked REPLAY", ("replay", "goal"), 0.5
            ),
            Act(
                "runner", 14.0, 18.0, "Close-up of a red player running with the ball", ("close-up",), measured=False, minor=True
            ),
            Act("kick-off", 43.6, 44.8, "Blue kick off again at the centre spot", ("kick-off",), 1.0, measured=False, minor=True),
        )
        return [act for act in acts if act.start < self.duration]

    @property
    def cuts(self) -> Sequence[float]:
        """When another camera takes over at once."""
        return [shot.start for shot in SHOTS[1:] if shot.start not in WIPES]

    @property
    def gradual(self) -> Sequence[Span]:
        """The wipes."""
        return [Span(at - WIPE / 2, at + WIPE / 2, "wipe") for at in WIPES]

    @property
    def not_cuts(self) -> Sequence[Span]:
        """Pans of the wide camera faster than two degrees a second."""
        spans: list[Span] = []
        for shot in SHOTS:
            if shot.camera != "wide" or shot.start >= self.duration:
                continue
            low, high = shot.start, min(shot.end, self.duration)
            yaw = np.degrees(np.arctan2(self.aim, WIDE_DISTANCE))
            rate = np.abs(np.gradient(yaw, STEP))
            moving = [index for index in range(int(low / STEP), int(high / STEP)) if rate[index] > 2]
            runs = np.split(np.array(moving), np.flatnonzero(np.diff(moving) > 1) + 1) if moving else []
            spans += [
                Span(round(float(run[0]) * STEP, 3), round(float(run[-1] + 1) * STEP, 3), "pan")
                for run in runs
                if len(run) * STEP >= 0.5
            ]
        return spans

    def camera(self, shot: Shot, game_time: float) -> Camera:
        """The camera of a shot at a time of the game."""
        size = {"width": self.width, "height": self.height}
        if shot.camera == "wide":
            return Camera(
                (0.0, 17.0, -58.0),
                yaw=float(np.arctan2(self.aim[self.game.row(game_time)], WIDE_DISTANCE)),
                pitch=0.285,
                focal=1.95,
                **size,
            )
        if shot.camera == "end":
            x, _, z = self.game.ball_at(game_time)
            return aimed((-63.0, 11.0, 9.0), (x * 0.5 - 8, 0.0, z * 0.4), 1.55, size)
        if shot.camera == "box":
            x, _y, z = self.game.ball_at(game_time)
            slow = float(np.clip((game_time - 24.75) / 3.0, 0, 1))
            return aimed((43.0, 4.6, -41.0), (46.0 + 4.0 * slow, 0.8, 1.0 - 2.0 * slow), 2.5, size)
        player = 7 if shot.camera == "runner" else SCORER
        pose = self.game.pose(player, game_time)
        stand = (pose.x * 0.35 + 8.0, 1.9, -40.5) if shot.camera == "runner" else (50.0, 1.8, -41.5)
        away = float(np.hypot(pose.x - stand[0], pose.z - stand[2]))
        return aimed(stand, (pose.x, 1.02, pose.z), 0.62 * away / 1.8, size)

    def draw(self, time: float, without: frozenset[str] = frozenset()) -> Picture:
        """What is on the air at ``time``; "score" and "replay" can be left out of the overlay."""
        shot = next(shot for shot in SHOTS if shot.start <= time + 1e-9 < shot.end)
        picture = self.seen(shot, time)
        for at in WIPES:
            if abs(time - at) < WIPE / 2:
                wipe(picture, (time - at) / WIPE + 0.5)
        overlay(picture, time, scored=time + 1e-9 >= SCORE_AT and "score" not in without)
        if shot.camera == "box" and "replay" not in without:
            mark(picture, "REPLAY")
        return picture

    def seen(self, shot: Shot, time: float) -> Picture:
        """What a shot's camera sees."""
        game_time = shot.game + (time - shot.start) * shot.pace
        camera = self.camera(shot, game_time)
        close = shot.camera in {"runner", "scorer"}
        oversample = 2
        picture = background(camera, 1 if close else oversample)
        if close:
            small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            soft = cv2.GaussianBlur(small, (0, 0), self.height / 110)
            picture = np.asarray(cv2.resize(soft, (self.width * oversample, self.height * oversample)), np.uint8)
        people = [figure(self.game.pose(player, game_time), clothes_of(player), tall=1.82, stout=1.05) for player in range(22)]
        ball = Capsules.of([(self.game.ball_at(game_time), self.game.ball_at(game_time), 0.15, (246.0, 246.0, 246.0))])
        cast_shadows(camera, picture, [*people, ball], oversample)
        sharp = 7 if shot.camera == "runner" else SCORER
        things: list[tuple[float, Capsules | None, int]] = [
            (float(camera.project(rods.start[-1])[2]), rods, index) for index, rods in enumerate([*people, ball, *goals()])
        ]
        things += [(float(camera.project(np.array([side * 54.0, 1.0, 0.0]))[2]), None, side) for side in (-1, 1)]
        for depth, rods, index in sorted(things, key=lambda item: -item[0]):
            if depth < 1.0:
                continue
            if rods is None:
                bulge = 0.9 * float(np.clip((game_time - GOAL) / 0.25, 0, 1)) if index > 0 and GOAL < game_time < 42 else 0.0
                cover = 0.8 * net(camera, index, picture.shape[:2], oversample, bulge)[..., None]
                lay_net(picture, cover)
            else:
                put_figure(
                    camera, picture, rods, oversample, blur=0.0 if not close or index in {sharp, 22} else self.height / 160
                )
        return np.asarray(cv2.resize(picture, (self.width, self.height), interpolation=cv2.INTER_AREA), np.uint8)

    def expose(self, picture: Picture, index: int) -> Picture:
        """A little noise: television cameras have good light."""
        rng = np.random.default_rng((self.seed, index))
        grey = rng.standard_normal((self.height, self.width, 1), np.float32) * np.float32(self.noise)
        return np.asarray(np.clip(picture + grey + 0.5, 0, 255), np.uint8)


def aimed(stand: tuple[float, float, float], target: tuple[float, float, float], focal: float, size: dict[str, int]) -> Camera:
    """A camera standing at one place and looking at another."""
    dx, dy, dz = (b - a for a, b in zip(stand, target, strict=True))
    return Camera(stand, yaw=float(np.arctan2(dx, dz)), pitch=float(np.arctan2(-dy, np.hypot(dx, dz))), focal=focal, **size)


def cast_shadows(camera: Camera, picture: Picture, things: list[Capsules], oversample: int) -> None:
    """Darken the grass where the sun does not reach it, in place."""
    shade = np.zeros(picture.shape[:2], np.uint8)
    starts, ends = (np.concatenate([getattr(rods, side) for rods in things]) for side in ("start", "end"))
    radii = np.concatenate([rods.radius for rods in things])
    sun = np.array(SUN, np.float32)
    near, far = (camera.project(points - sun * (points[:, 1:2] / sun[1])) for points in (starts, ends))
    inside = np.minimum(near[:, 2], far[:, 2]) > 1
    for points in (near, far):
        inside &= (np.abs(points[:, 0] - camera.width / 2) < camera.width) & (
            np.abs(points[:, 1] - camera.height / 2) < camera.height
        )
    scale = 2 * camera.focal * camera.height * oversample * 0.8
    for (ax, ay, depth), (bx, by, _), radius in zip(near[inside], far[inside], radii[inside], strict=True):
        line = [(round(float(x) * oversample * 8), round(float(y) * oversample * 8)) for x, y in ((ax, ay), (bx, by))]
        cv2.line(shade, line[0], line[1], 255, max(1, round(float(radius * scale / depth))), cv2.LINE_AA, 3)
    rows, columns = np.flatnonzero(shade.any(axis=1)), np.flatnonzero(shade.any(axis=0))
    if len(rows):
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        kept = 255 - cv2.blur(shade[part], (3, 3)) * np.float32(0.42)
        picture[part] = cv2.multiply(picture[part], cv2.merge([kept.astype(np.uint8)] * 3), scale=1 / 255)


def blend(part: Picture, light: Floats, cover: Floats) -> None:
    """Lay light that covers a share of each pixel over a part of a picture, in place."""
    part[:] = np.clip(part * (1 - cover) + light + 0.5, 0, 255).astype(np.uint8)


def lay_net(picture: Picture, cover: Floats) -> None:
    """Blend the net's white strings in, in place, where there are any."""
    seen = cover[..., 0] > 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if len(rows):
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        blend(picture[part], np.float32(225) * cover[part], cover[part])


def put_figure(camera: Camera, picture: Picture, rods: Capsules, oversample: int, *, blur: float) -> None:
    """Draw capsules in sunlight into an oversampled picture, in place; out of focus by ``blur`` pixels."""
    box = camera.box_around(*rods.ends(), margin=2 + int(3 * blur))
    if box.empty:
        return
    rays = camera.rays(box, oversample)
    surface = surface_of_capsules(camera.origin, rays.reshape(-1, 3), rods)
    sun = np.maximum(surface.normal @ normalised(np.array(SUN, np.float32)), 0)
    level = 0.52 + 0.16 * surface.normal[:, 1] + 0.52 * sun
    light = (surface.colour * level[:, None]).reshape(rays.shape)
    cover = (surface.distance < 1e5).astype(np.float32).reshape(rays.shape[:2])
    light = light * cover[..., None]
    if blur:
        light, cover = (np.asarray(cv2.GaussianBlur(part, (0, 0), blur * oversample), np.float32) for part in (light, cover))
    rows, columns = slice(box.y0 * oversample, box.y1 * oversample), slice(box.x0 * oversample, box.x1 * oversample)
    blend(picture[rows, columns], light, cover[..., None])


def overlay(picture: Picture, time: float, *, scored: bool) -> None:
    """The scoreboard and the match clock, top left."""
    unit = picture.shape[0] / 360
    seconds = 67 * 60 + 12 + int(time + 1e-9)

    def bar(x0: float, x1: float, colour: tuple[int, int, int]) -> None:
        cv2.rectangle(picture, (round(x0 * unit), round(16 * unit)), (round(x1 * unit) - 1, round(37 * unit)), colour, -1)

    def text(x: float, words: str, colour: tuple[int, int, int]) -> None:
        cv2.putText(
            picture,
            words,
            (round(x * unit), round(32 * unit)),
            cv2.FONT_HERSHEY_DUPLEX,
            0.46 * unit,
            colour,
            max(1, round(unit)),
            cv2.LINE_AA,
        )

    bar(20, 72, (40, 24, 20))
    text(27, f"{seconds // 60}:{seconds % 60:02d}", (235, 235, 235))
    bar(72, 77, (38, 34, 205))
    bar(77, 122, (235, 235, 235))
    text(83, "RED", (30, 20, 16))
    bar(122, 168, (120, 60, 20))
    text(128, f"{1 if scored else 0} - 0", (255, 255, 255))
    bar(168, 214, (235, 235, 235))
    text(173, "BLU", (30, 20, 16))
    bar(214, 219, (196, 120, 36))


def mark(picture: Picture, words: str) -> None:
    """A word in a box, top right."""
    unit = picture.shape[0] / 360
    right = picture.shape[1]
    cv2.rectangle(
        picture, (round(right - 104 * unit), round(16 * unit)), (round(right - 20 * unit), round(37 * unit)), (20, 160, 230), -1
    )
    at = (round(right - 95 * unit), round(32 * unit))
    cv2.putText(picture, words, at, cv2.FONT_HERSHEY_DUPLEX, 0.46 * unit, (20, 20, 20), max(1, round(unit)), cv2.LINE_AA)


def wipe(picture: Picture, share: float) -> None:
    """A slanted band that crosses the picture from left to right and hides all of it at a share of one half."""
    height, width = picture.shape[:2]
    xs = np.arange(width)[None, :] + np.arange(height)[:, None] * 0.35
    full = width + 0.35 * height
    head, tail = full * np.clip(share * 2, 0, 1), full * np.clip(share * 2 - 1, 0, 1)
    band = (xs < head) & (xs >= tail)
    stripes = (xs // (height * 0.11)).astype(int) % 4
    colours = np.array([(38, 34, 205), (235, 235, 235), (40, 24, 20), (196, 120, 36)], np.uint8)
    picture[band] = colours[stripes][band]
