"""Made scenes of a fixed camera with a disturbance all along, people who come by all the same, and the exact truth about both.

    from videoscan.testing import disturbances

    for name in disturbances.names():                        # "calm", "noise-8", "rain", "tree", "clock-large", ...
        scene = disturbances.scene(name, seed=1)             # 1280 x 720, a little over six minutes; size=(640, 360), seconds=120
        marks = [frame.mark for frame in TilesDedup().apply(scene.frames())]      # every=0.5 for two samples a second
        found = disturbances.judge(marks, scene.truth, 1.0)
        print(name, found.missed_begins, found.missed_ends, found.wrong, found.quiet_share)

    scene.picture(93.5)                  # luma at any time; bgr(93.5) in colour; picture(93.5, empty=True) as if nothing happened
    scene.truth.events[0]                # what, kind, start, end, appears, gone, height, contrast, box, inside, minor, lasting
    scene.film(Path("rain.mp4"), codec="libx265", gop=60, fps=15)                 # and rain.mp4.truth.json beside it

Everything depends on the name, the seed, the size and the time alone. An event with `inside` happens in front of what
moves (the tree, the water, the screen), so that it can be judged apart. Scenes named ``...-coded``, ``pumping...`` and ``storm``
are really encoded and decoded on their way to `frames`, and 960 x 540; the others are as the sensor saw them. Contrasts are 22 grey
levels at least, in neutral light.
"""

from videoscan.testing.disturbances.catalogue import about, names, scene
from videoscan.testing.disturbances.judging import Judgement, Verdict, judge
from videoscan.testing.disturbances.scene import Scene
from videoscan.testing.disturbances.truth import Event, Truth

__all__ = ["Event", "Judgement", "Scene", "Truth", "Verdict", "about", "judge", "names", "scene"]
