"""Watching live sources for weeks: items come in, a day's timeline grows.

``core`` runs in a thread for each camera: items of a live source are deduplicated, encoded and grouped into windows that close by the
clock (``windows``). Around it is an asynchronous shell, one `Camera` for each source (``camera``): what waits for the describer is bounded
and thinned when it is slower than the stream (``backlog``), cameras take turns at an endpoint (``sharing``), and each local date has a
folder of its own (``days``) with a journal that a restart goes on from (``daylog``). ``retention`` deletes what is old or too much.
"""
