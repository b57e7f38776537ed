"""Whether a plan may leave its sampling in an output folder, for a scan to go on from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videoscan.folder import SAMPLING, TIMELINE
from videoscan.reading.sampling import SamplingStore

if TYPE_CHECKING:
    from videoscan.reading.spec import CoreSpec


def may_keep(spec: CoreSpec) -> bool:
    """Whether nothing lies in `spec.store` that this would replace: no sampling, or this very one.

    A timeline without a sampling shows pictures that this one could overwrite.
    """
    store = spec.store
    assert store is not None
    if not (store / SAMPLING).exists():
        return not (store / TIMELINE).exists()
    return SamplingStore(store, spec.key()).info is not None
