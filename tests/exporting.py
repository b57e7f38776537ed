"""What the tests of the exporters share."""

import io


def written(exporter, timeline, folder=None) -> bytes:
    out = io.BytesIO()
    exporter.write(timeline, out, folder=None if folder is None else str(folder))
    assert not out.closed
    return out.getvalue()
