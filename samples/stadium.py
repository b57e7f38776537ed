"""The ground the match is played on: grass, lines, boards, goals and crowd as flat pictures that rays look up."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from samples.game import LENGTH, WIDTH
from samples.light import Camera, Capsules, Floats, grain

if TYPE_CHECKING:
    from samples.film import Picture

PIXELS = 10
"""Of the grass picture, to a metre."""

APRON = (66.0, 46.0)
"""Half the length and half the width of what lies inside the stands, in metres."""

BOARD_HIGH, STAND_HIGH = 1.0, 15.0


@lru_cache(maxsize=1)
def grass() -> tuple[Picture, Picture]:
    """The ground from above, sharp and smoothed across for far away."""
    half_long, half_wide = APRON
    rows, columns = int(2 * half_wide * PIXELS), int(2 * half_long * PIXELS)
    x = (np.arange(columns) + 0.5) / PIXELS - half_long
    z = (np.arange(rows) + 0.5) / PIXELS - half_wide
    stripe = np.tanh(np.sin((x + LENGTH / 2) / 5.25 * np.pi) * 6)[None, :] * np.ones((rows, 1))
    level = 1 + 0.075 * stripe + 0.05 * grain((rows, columns), 40, 41, 4) + 0.04 * grain((rows, columns), 600, 42, 2)
    picture = (level[..., None] * np.array([52, 132, 74])).astype(np.float32)
    outside = (np.abs(x)[None, :] > LENGTH / 2 + 4.5) | (np.abs(z)[:, None] > WIDTH / 2 + 4)
    picture[outside] = picture[outside] * 0.45 + np.array([52, 58, 66]) * 0.55
    for mouth in (-1, 1):
        worn = np.exp(-(((x[None, :] - mouth * 49.5) / 3.2) ** 2) - (z[:, None] / 4.5) ** 2)[..., None]
        picture = picture * (1 - 0.30 * worn) + np.array([60, 118, 118]) * 0.30 * worn
    marks = np.zeros((rows, columns), np.uint8)

    def at(px: float, pz: float) -> tuple[int, int]:
        return round((px + half_long) * PIXELS * 16), round((pz + half_wide) * PIXELS * 16)

    def block(x0: float, z0: float, x1: float, z1: float) -> None:
        cv2.rectangle(marks, at(x0, z0), at(x1, z1), 255, 2, cv2.LINE_AA, 4)

    block(-LENGTH / 2, -WIDTH / 2, LENGTH / 2, WIDTH / 2)
    cv2.line(marks, at(0, -WIDTH / 2), at(0, WIDTH / 2), 255, 2, cv2.LINE_AA, 4)
    cv2.circle(marks, at(0, 0), round(9.15 * PIXELS * 16), 255, 2, cv2.LINE_AA, 4)
    cv2.circle(marks, at(0, 0), 3 * 16, 255, -1, cv2.LINE_AA, 4)
    for side in (-1, 1):
        end = side * LENGTH / 2
        block(end, -20.15, end - side * 16.5, 20.15)
        block(end, -9.16, end - side * 5.5, 9.16)
        cv2.circle(marks, at(end - side * 11, 0), 3 * 16, 255, -1, cv2.LINE_AA, 4)
        angles = (127, 233) if side > 0 else (-53, 53)
        arc = round(9.15 * PIXELS)
        cv2.ellipse(
            marks, (at(end - side * 11, 0)[0] // 16, at(end - side * 11, 0)[1] // 16), (arc, arc), 0, *angles, 255, 2, cv2.LINE_AA
        )
    chalk = (marks.astype(np.float32) / 255 * 0.86)[..., None]
    picture = picture * (1 - chalk) + np.array([226, 236, 230], np.float32) * chalk
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    return picture, np.asarray(cv2.GaussianBlur(picture, (0, 0), sigmaX=0.8, sigmaY=2.6), np.uint8)


@lru_cache(maxsize=1)
def stand() -> Picture:
    """The crowd, 150 m wide and ``STAND_HIGH`` high: rows of heads and shirts, stairs between the blocks, a dark roof on top."""
    rng = np.random.default_rng(43)
    rows, columns = 180, 1800
    picture: Floats = np.full((rows, columns, 3), (58, 54, 52), np.float32)
    shirts = np.array([(60, 56, 150), (150, 110, 60), (180, 180, 180), (60, 60, 64), (70, 130, 150), (110, 80, 70)], np.float32)
    for row in range(rows - 10, 42, -9):
        for seat in range(4, columns, 8):
            if seat % 180 < 12 or rng.random() < 0.16:
                continue
            x, y = seat + int(rng.integers(-1, 2)), row + int(rng.integers(-1, 2))
            shirt = shirts[rng.integers(len(shirts))] * rng.uniform(0.55, 0.95)
            cv2.ellipse(picture, (x, y + 5), (3, 4), 0, 0, 360, shirt.tolist(), -1)
            cv2.circle(picture, (x, y), 2, (np.array([95, 120, 165]) * rng.uniform(0.5, 1.0)).tolist(), -1)
    shadow = np.clip((np.arange(rows) - 30) / 90, 0.22, 0.85)[:, None, None]
    picture = picture * shadow
    picture[:30] = (46, 44, 44)
    picture[26:31] = (120, 118, 116)
    return np.asarray(cv2.GaussianBlur(np.clip(picture, 0, 255).astype(np.uint8), (0, 0), 1.0), np.uint8)


@lru_cache(maxsize=1)
def boards() -> Picture:
    """The boards in front of the crowd, 150 m long and one metre high."""
    picture = np.zeros((24, 3600, 3), np.float32)
    words = ("EVERY SECOND ACCOUNTED FOR", "videoscan", "MADE FOOTAGE - CC0", "FRAME BY FRAME")
    colours = ((120, 60, 20), (40, 40, 150), (38, 38, 38), (60, 110, 40))
    for index in range(12):
        left = index * 300
        picture[:, left : left + 300] = colours[index % 4]
        text = np.zeros((24, 300), np.uint8)
        cv2.putText(text, words[index % 4], (14, 18), cv2.FONT_HERSHEY_DUPLEX, 0.52, 255, 1, cv2.LINE_AA)
        mix = (text.astype(np.float32) / 255)[..., None]
        picture[:, left : left + 300] = picture[:, left : left + 300] * (1 - mix) + 235 * mix
    return picture.astype(np.uint8)


def upright(camera: Camera, corners: Floats) -> Floats:
    """The part of a rectangle (4, 3) that the camera sees, as a polygon in pixels that reaches a little over the picture's edges.

    Cut by the five sides of what the camera sees, one after the other (Sutherland and Hodgman, 1974); empty if nothing is left.
    """
    right, up, forward = camera.axes
    scale, wide, high = camera.focal * camera.height, camera.width / 2 + 8, camera.height / 2 + 8
    points = (corners - camera.origin).astype(np.float64) @ np.stack([right, up, forward]).T
    for side in ((0, 0, 1), (scale, 0, wide), (-scale, 0, wide), (0, scale, high), (0, -scale, high)):
        inside = points @ np.array(side, np.float64) - (0.5 if side == (0, 0, 1) else 0)
        kept = []
        for index in range(len(points)):
            after = (index + 1) % len(points)
            if inside[index] >= 0:
                kept.append(points[index])
            if (inside[index] >= 0) != (inside[after] >= 0):
                share = inside[index] / (inside[index] - inside[after])
                kept.append(points[index] + (points[after] - points[index]) * share)
        if len(kept) < 3:
            return np.zeros((0, 2), np.float32)
        points = np.array(kept)
    return np.stack(
        [camera.width / 2 + scale * points[:, 0] / points[:, 2], camera.height / 2 - scale * points[:, 1] / points[:, 2]], -1
    )


def spread_over(
    camera: Camera, picture: Picture, oversample: int, flat: Picture, corners: Floats, *, top: int = 0, bottom: int | None = None
) -> None:
    """Draw a flat picture stretched over a rectangle in the world, in place, in the rows from ``top`` to ``bottom`` only.

    ``corners`` (4, 3) are where the flat picture's upper left, upper right, lower right and lower left lie.
    """
    polygon = upright(camera, corners)
    if not len(polygon):
        return
    right, up, forward = camera.axes
    scale = camera.focal * camera.height
    lens = np.array([[scale, 0, camera.width / 2], [0, -scale, camera.height / 2], [0, 0, 1]]) @ np.stack([right, up, forward])
    rows, columns = flat.shape[:2]
    across, along = (corners[1] - corners[0]) / columns, (corners[3] - corners[0]) / rows
    plane = lens @ np.stack([across, along, corners[0] - camera.origin + (across + along) / 2], axis=1)
    part = picture[top:bottom]
    outline = polygon * oversample - np.array([0, top])
    left, high = np.clip(np.floor(outline.min(axis=0)), 0, None).astype(int)
    right_end, low = np.ceil(outline.max(axis=0)).astype(int) + 1
    part = part[high : max(low, high), left : max(right_end, left)]
    if not part.size:
        return
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round((outline - np.array([left, high])) * 16).astype(np.int32)], 255, shift=4)
    if mask.any():
        half = (oversample - 1) / 2
        bigger = np.array([[oversample, 0, half - left], [0, oversample, half - top - high], [0, 0, 1]])
        drawn = cv2.warpPerspective(
            flat, bigger @ plane, part.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        # A slice is a picture of its own to NumPy only: OpenCV would fill a copy of it.
        np.copyto(part, drawn, where=mask[..., None] > 0)


def background(camera: Camera, oversample: int = 2) -> Picture:
    """The stadium without people, ``oversample`` times as large as the camera's picture."""
    rows, columns = camera.height * oversample, camera.width * oversample
    picture = np.empty((rows, columns, 3), np.uint8)
    picture[:] = (176, 158, 134)
    long, wide = APRON
    for axis, limit in ((2, wide), (2, -wide), (0, long), (0, -long)):
        if camera.position[axis] * np.sign(limit) >= abs(limit):
            continue
        ends = {(2, True): ((-long, wide), (long, wide)), (2, False): ((long, -wide), (-long, -wide)),
                (0, True): ((long, wide), (long, -wide)), (0, False): ((-long, -wide), (-long, wide))}[axis, limit > 0]  # fmt: skip
        for low, high, texture in ((BOARD_HIGH, STAND_HIGH, stand()), (0.0, BOARD_HIGH, boards())):
            share = (long if axis == 2 else wide) / 75
            middle = texture.shape[1] / 2
            cut = texture[:, int(middle * (1 - share)) : int(middle * (1 + share))]
            (x0, z0), (x1, z1) = ends
            spread_over(
                camera,
                picture,
                oversample,
                cut,
                np.array([(x0, high, z0), (x1, high, z1), (x1, low, z1), (x0, low, z0)], np.float32),
            )
    corners = np.array([(-long, 0, -wide), (long, 0, -wide), (long, 0, wide), (-long, 0, wide)], np.float32)
    sharp, smooth = grass()
    # Rows that see the ground further away than this many metres take the smooth picture: there, lines are thinner than pixels.
    # A telephoto camera sees far grass as sharply as a near one.
    limit = 62 * max(1.0, camera.focal / 2.0)
    down = np.arcsin(np.clip(camera.position[1] / limit, -1, 1)) - camera.pitch
    edge = int(np.clip((camera.height / 2 + camera.focal * camera.height * np.tan(down)) * oversample, 0, rows))
    spread_over(camera, picture, oversample, smooth, corners, bottom=edge)
    spread_over(camera, picture, oversample, sharp, corners, top=edge)
    return picture


@lru_cache(maxsize=1)
def goals() -> tuple[Capsules, Capsules]:
    """The two goals' posts and bars, left and right."""
    white = (236.0, 238.0, 238.0)

    def frame(side: int) -> Capsules:
        end = side * LENGTH / 2
        return Capsules.of([
            ((end, 0, -3.66), (end, 2.44, -3.66), 0.07, white), ((end, 0, 3.66), (end, 2.44, 3.66), 0.07, white),
            ((end, 2.44, -3.66), (end, 2.44, 3.66), 0.07, white),
        ])  # fmt: skip

    return frame(-1), frame(1)


def net(camera: Camera, side: int, shape: tuple[int, int], oversample: int, bulge: float) -> Floats:
    """How much of each pixel the net of a goal covers (rows, columns), ``bulge`` metres pushed out by the ball."""
    end = side * LENGTH / 2
    cover = np.zeros(shape, np.uint8)
    corners = {}
    for z in np.linspace(-3.66, 3.66, 17):
        push = bulge * np.exp(-(((z + 2.2) / 1.2) ** 2))
        corners[float(z)] = [
            (end, 2.44, z),
            (end + side * 0.9, 2.44, z),
            (end + side * (2.0 + push), 1.1, z),
            (end + side * (2.1 + push * 0.4), 0.0, z),
        ]
    strings = list(corners.values())
    strings += [[corner[level] for corner in corners.values()] for level in range(1, 4)]
    for low, high in ((1, 2), (2, 3)):
        strings += [
            [tuple(np.array(c[low]) * (1 - share) + np.array(c[high]) * share) for c in corners.values()]
            for share in (0.25, 0.5, 0.75)
        ]
    for ends in (-3.66, 3.66):
        strings += [
            [(end, level, ends), (end + side * (0.9 + 1.2 * (1 - level / 2.44)), level, ends)]
            for level in (0.4, 0.8, 1.2, 1.6, 2.0)
        ]
    for string in strings:
        seen = camera.project(np.array(string, np.float32))
        if (seen[:, 2] < 0.5).any():
            continue
        line = np.round(seen[:, :2] * oversample * 8).astype(np.int32)
        cv2.polylines(cover, [line], isClosed=False, color=110, thickness=1, lineType=cv2.LINE_AA, shift=3)
    return cover.astype(np.float32) / 255
