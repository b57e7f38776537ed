"""A simulated week, shortened: one picture every five minutes. `make soak` runs the whole."""

import week


def test_days_on_end_keep_their_limits(tmp_path):
    report = week.run(tmp_path, 2.0, every=300.0, between=7200.0, limit=2_000_000, tell=lambda _line: None)
    assert len(report.events) == 2
    assert all(report.events)
    assert report.problems == []
    assert max(report.disk) <= 1.5 * 2_000_000
    assert max(report.journals) < 400_000
