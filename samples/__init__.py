"""Made clips whose truth is known: small scenes drawn by a program, filmed into video files, with what happens and when.

Run it from the repository's root (``python -m samples.make_samples``), or import it from a test to make a clip of its own kind::

    from samples.carpark import CarPark
    from samples.film import film
    from samples.passing import FarWalk

    truth = film(CarPark(width=640, height=360, duration=20, doings=(FarWalk(start=5, height=0.03),)), tmp_path / "night.mp4")
"""
