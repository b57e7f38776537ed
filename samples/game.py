"""The game that the match shows: where the ball and twenty-two players are at any time, by script and with a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samples.figures import Clothes, Pose

if TYPE_CHECKING:
    from samples.light import Floats

LENGTH, WIDTH = 105.0, 68.0
STEP = 0.04
"""Seconds between the rows of the tables of movement."""

KICK, GOAL, RESTART = 26.0, 26.9, 43.6
"""When the shot is struck, when it crosses the line, and when the game goes on, in seconds of the game."""

BALL: tuple[tuple[float, float, float, int | None], ...] = (
    (0.0, -6, 4, 5), (1.6, -14, -8, 3), (3.4, -24, -14, 2), (5.0, -27, 4, 1), (6.6, -18, 16, 4), (8.4, -4, 12, 6),
    (10.2, 6, 2, 8), (12.0, 9, -12, 7), (14.0, 16, -17, 7), (16.2, 27, -18, 7), (18.0, 30, -14, 7), (19.6, 19, -4, 8), (21.2, 14, 10, 6),
    (22.8, 25, 17, 9), (24.6, 37, 11, 9), (26.0, 39.5, 3.0, 10), (26.9, 52.6, -2.4, None), (27.3, 54.0, -2.2, None), (43.0, 54.0, -2.2, None),
    (43.1, 0, 0, 20), (43.6, 0, 0, 20), (44.8, 9, 5, 17), (46.6, 14, -9, 15), (48.4, 4, -16, 16), (50.4, -8, -9, 19), (52.2, -15, 6, 18),
    (54.2, -26, 13, 18), (56.0, -22, 2, 20), (57.8, -12, -10, 19), (60.0, -20, -15, 19), (64.0, -10, 0, 20),
)  # fmt: skip
"""When the ball is where (seconds, metres along, metres across) and who has it: 0 to 10 play to the right, 11 to 21 to the left."""

HOMES = (
    (-50, 0), (-34, -20), (-37, -7), (-37, 7), (-34, 20), (-16, -9), (-16, 9), (-2, -23), (0, 0), (-2, 23), (9, 1),
)  # fmt: skip
RED = Clothes(
    top=(38, 34, 205),
    legs=(235, 235, 238),
    shins=(40, 36, 190),
    sleeves=(88, 120, 178),
    skin=(88, 120, 178),
    hair=(20, 26, 34),
    shoes=(30, 30, 30),
)
BLUE = Clothes(
    top=(196, 120, 36),
    legs=(120, 60, 20),
    shins=(225, 225, 225),
    sleeves=(70, 96, 140),
    skin=(70, 96, 140),
    hair=(16, 18, 22),
    shoes=(220, 220, 225),
)
RED_KEEPER = Clothes(top=(60, 205, 222), legs=(40, 40, 44), skin=(100, 135, 190), hair=(40, 70, 100))
BLUE_KEEPER = Clothes(top=(90, 190, 70), legs=(40, 60, 30), skin=(62, 84, 122), hair=(14, 14, 16))


def clothes_of(player: int) -> Clothes:
    """What a player wears; colours here are display values."""
    return {0: RED_KEEPER, 11: BLUE_KEEPER}.get(player, RED if player < 11 else BLUE)


@dataclass(frozen=True)
class Game:
    """The tables of movement: one row per ``STEP`` seconds."""

    ball: Floats
    place: Floats
    heading: Floats
    stride: Floats
    speed: Floats

    def row(self, time: float) -> int:
        """The row of a time."""
        return int(np.clip(round(time / STEP), 0, len(self.ball) - 1))

    def ball_at(self, time: float) -> tuple[float, float, float]:
        """Where the ball is: along, up, across."""
        exact = np.clip(time / STEP, 0, len(self.ball) - 1.001)
        low = int(exact)
        x, y, z = self.ball[low] + (self.ball[low + 1] - self.ball[low]) * np.float32(exact - low)
        return float(x), float(y), float(z)

    def pose(self, player: int, time: float) -> Pose:
        """How a player stands or runs."""
        exact = np.clip(time / STEP, 0, len(self.place) - 1.001)
        low, share = int(exact), np.float32(exact - int(exact))
        x, z = self.place[low, player] + (self.place[low + 1, player] - self.place[low, player]) * share
        stride = self.stride[low, player] + (self.stride[low + 1, player] - self.stride[low, player]) * share
        speed = float(self.speed[low, player])
        cheering = player == SCORER and GOAL + 0.6 < time < RESTART - 2
        jump = abs(float(np.sin((time - GOAL) * 4.2))) * 0.30 if cheering and speed < 1.2 else 0.0
        kick = float(np.exp(-(((time - KICK) / 0.16) ** 2))) if player == SCORER else 0.0
        return Pose(
            float(x), float(z), float(self.heading[low, player]), phase=float(stride) * np.pi / 1.15, swing=min(1.0, speed / 5.5),
            lean=min(0.22, speed * 0.03), arms=0.86 if cheering else 0.0, kick=kick, lift=jump,
        )  # fmt: skip


SCORER = 10


def smoothed(table: Floats, seconds: float) -> Floats:
    """Each column smoothed by a Gaussian of that many seconds."""
    reach = int(seconds * 3 / STEP)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * STEP / seconds) ** 2)
    padded = np.concatenate([np.repeat(table[:1], reach, 0), table, np.repeat(table[-1:], reach, 0)])
    flat = padded.reshape(len(padded), -1)
    columns = [np.convolve(flat[:, column], weights / weights.sum(), mode="valid") for column in range(flat.shape[1])]
    return np.stack(columns, -1).reshape(table.shape).astype(np.float32)


def play(duration: float, seed: int) -> Game:
    """The tables for a game of that many seconds; players hold their places, follow the ball, and go to it when it is theirs."""
    times = np.arange(0, max(duration, 62.0) + 2, STEP)
    keys = np.array([key[:3] for key in BALL], np.float64)
    share = np.stack([np.interp(times, keys[:, 0], keys[:, 1]), np.interp(times, keys[:, 0], keys[:, 2])], -1)
    index = np.clip(np.searchsorted(keys[:, 0], times, side="right") - 1, 0, len(keys) - 2)
    span = keys[index + 1, 0] - keys[index, 0]
    along = (times - keys[index, 0]) / span
    far = np.hypot(keys[index + 1, 1] - keys[index, 1], keys[index + 1, 2] - keys[index, 2])
    height = np.where((far > 11) & (span < 3), far * 0.05, 0.0) * 4 * along * (1 - along) + 0.12
    shot = (times >= KICK) & (times < GOAL)
    height[shot] = 0.12 + 1.75 * np.sin((times[shot] - KICK) / (GOAL - KICK) * np.pi * 0.72)
    dropped = (times >= GOAL) & (times < RESTART - 0.6)
    height[dropped] = np.maximum(0.12, 1.45 - 3.2 * (times[dropped] - GOAL) ** 2)
    ball = np.stack([share[:, 0], height, share[:, 1]], -1).astype(np.float32)

    calm = smoothed(share.astype(np.float32), 1.1)
    rng = np.random.default_rng(seed)
    place = np.zeros((len(times), 22, 2), np.float32)
    for player in range(22):
        side = 1.0 if player < 11 else -1.0
        home = np.array(HOMES[player % 11], np.float64) * side + rng.uniform(-1.5, 1.5, 2)
        pull = np.array([0.10, 0.12]) if player % 11 == 0 else np.array([0.55, 0.42])
        wander = np.stack([
            sum(rng.uniform(0.4, 1.3) * np.sin(times * rng.uniform(0.25, 0.9) + rng.uniform(0, 6.3)) for _ in range(3)) for _ in range(2)
        ], -1)  # fmt: skip
        place[:, player] = home + calm * pull + wander * (0.4 if player % 11 == 0 else 1.0)
        for time, x, z, owner in BALL:
            if owner == player:
                near = np.exp(-(((times - time) / 1.0) ** 2))[:, None]
                place[:, player] = place[:, player] * (1 - near) + near * np.array([x - 0.5 * side, z])
    cheer = (times > GOAL) & (times < RESTART - 2)
    path = np.interp(times, [GOAL, GOAL + 7.5], [0, 1])[:, None]
    run = np.array([40.5, 3.0]) * (1 - path) + np.array([47.0, -25.0]) * path
    place[cheer, SCORER] = run[cheer]
    place[:, 11] += (np.exp(-(((times - GOAL - 0.1) / 0.45) ** 2))[:, None] * np.array([0.0, -1.6])).astype(np.float32)
    place = smoothed(place, 0.22)
    velocity = np.asarray(np.gradient(place, STEP, axis=0), np.float32)
    speed = np.linalg.norm(velocity, axis=-1)
    facing = smoothed(velocity, 0.25)
    look = (share[:, None, :] - place) * 0.05
    facing = facing + look
    heading = np.arctan2(facing[..., 0], facing[..., 1])
    stride = np.cumsum(np.minimum(speed, 8), axis=0) * STEP
    return Game(ball, place, heading.astype(np.float32), stride.astype(np.float32), np.minimum(speed, 8).astype(np.float32))
