"""People made of capsules: a skeleton that stands, walks or runs, in the clothes it is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from samples.light import Capsules, Floats

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Clothes:
    """Linear colours, blue-green-red, of what a figure wears."""

    top: Colour
    legs: Colour
    skin: Colour = (0.24, 0.36, 0.58)
    hair: Colour = (0.02, 0.025, 0.035)
    shoes: Colour = (0.02, 0.02, 0.02)
    shins: Colour | None = None
    sleeves: Colour | None = None


@dataclass(frozen=True)
class Pose:
    """Where a figure stands (x, z in metres), where it heads (radians, 0 is away from the camera, positive to the right) and how.

    ``phase`` is the stride in radians; ``swing`` is how far the limbs go: 0 stands, 0.5 walks, 1 runs; ``lean`` bends forward;
    ``arms`` raises both arms (0 down, 1 straight up); ``kick`` swings the right leg forward (0..1); ``lift`` leaves the ground.
    """

    x: float
    z: float
    heading: float
    phase: float = 0.0
    swing: float = 0.0
    lean: float = 0.0
    arms: float = 0.0
    kick: float = 0.0
    lift: float = 0.0


def figure(pose: Pose, clothes: Clothes, *, tall: float = 1.75, stout: float = 1.0) -> Capsules:
    """The capsules of a person ``tall`` metres tall in that pose; proportions after Leonardo's eight heads, a little shorter."""
    unit = tall / 1.75
    sine, cosine = np.sin(pose.heading), np.cos(pose.heading)

    def at(side: float, up: float, ahead: float) -> Floats:
        return np.array(
            [pose.x + side * cosine + ahead * sine, pose.lift + up, pose.z - side * sine + ahead * cosine], np.float32
        )

    rods: list[tuple[object, object, float, Colour]] = []
    swing, phase = pose.swing, pose.phase
    bob = 0.035 * swing * np.cos(2 * phase)
    hip_up = (0.90 - 0.05 * swing + bob) * unit
    lean = pose.lean + 0.10 * swing
    chest = np.array([hip_up + 0.50 * unit * np.cos(lean), 0.50 * unit * np.sin(lean)])
    waist = np.array([hip_up + 0.08 * unit * np.cos(lean), 0.08 * unit * np.sin(lean)])
    for side, sign in ((-1.0, 1.0), (1.0, -1.0)):
        thigh = swing * 0.75 * np.sin(phase) * sign + (1.25 * pose.kick if side > 0 else 0.0)
        # The knee bends while the leg swings forward: a quarter of a stride after its rearmost point.
        bend = swing * 1.25 * max(0.0, float(np.cos(phase) * sign)) + 0.08
        knee = np.array([hip_up - 0.44 * unit * np.cos(thigh), 0.44 * unit * np.sin(thigh)])
        ankle = knee + 0.42 * unit * np.array([-np.cos(thigh - bend), np.sin(thigh - bend)])
        hip = at(side * 0.09 * unit, hip_up, 0)
        knee_at, ankle_at = at(side * 0.10 * unit, *knee), at(side * 0.10 * unit, max(float(ankle[0]), 0.05), float(ankle[1]))
        toe = at(side * 0.12 * unit, max(float(ankle[0]) - 0.04 * unit, 0.04), float(ankle[1]) + 0.15 * unit)
        rods += [
            (hip, knee_at, 0.085 * unit * stout, clothes.legs),
            (knee_at, ankle_at, 0.056 * unit * stout, clothes.shins or clothes.legs),
            (ankle_at, toe, 0.045 * unit, clothes.shoes),
        ]
        shoulder = at(side * 0.185 * unit * stout, *chest)
        reach = -swing * 0.85 * np.sin(phase) * sign
        if pose.arms:
            raised = np.pi * pose.arms
            elbow = at(
                side * (0.20 + 0.22 * np.sin(raised)) * unit, chest[0] - 0.27 * unit * np.cos(raised), chest[1] + 0.05 * unit
            )
            hand = at(
                side * (0.20 + 0.34 * np.sin(raised)) * unit, chest[0] - 0.52 * unit * np.cos(raised), chest[1] + 0.10 * unit
            )
        else:
            elbow = at(
                side * 0.235 * unit * stout, chest[0] - 0.27 * unit * np.cos(reach), chest[1] + 0.27 * unit * np.sin(reach)
            )
            fold = reach + 0.25 + 0.9 * swing
            hand = at(
                side * 0.225 * unit * stout,
                chest[0] - 0.27 * unit * np.cos(reach) - 0.24 * unit * np.cos(fold),
                chest[1] + 0.27 * unit * np.sin(reach) + 0.24 * unit * np.sin(fold),
            )
        rods += [
            (shoulder, elbow, 0.055 * unit * stout, clothes.top),
            (elbow, hand, 0.043 * unit, clothes.sleeves or clothes.top),
            (hand, hand + np.float32(0.01), 0.05 * unit, clothes.skin),
            (at(side * 0.075 * unit, *waist), at(side * 0.11 * unit * stout, *chest), 0.105 * unit * stout, clothes.top),
        ]
    neck = chest + 0.10 * unit * np.array([np.cos(lean), np.sin(lean)])
    head = chest + 0.24 * unit * np.array([np.cos(lean * 0.5), np.sin(lean * 0.5)])
    rods += [
        (at(0, *chest), at(0, *neck), 0.06 * unit, clothes.skin),
        (
            at(0, head[0] - 0.035 * unit, head[1] + 0.015 * unit),
            at(0, head[0] + 0.02 * unit, head[1] + 0.015 * unit),
            0.095 * unit,
            clothes.skin,
        ),
        (
            at(0, head[0] + 0.035 * unit, head[1] - 0.02 * unit),
            at(0, head[0] + 0.045 * unit, head[1]),
            0.098 * unit,
            clothes.hair,
        ),
    ]
    return Capsules.of(rods)
