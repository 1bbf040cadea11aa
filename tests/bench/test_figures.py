"""The arithmetic of the figures."""

import math

from bench.figures import match, median, percentile


def test_a_percentile_is_one_of_the_values():
    """The nearest-rank percentile is the smallest value that the share does not exceed."""
    values = [5.0, 1.0, 3.0, 2.0, 4.0]

    assert [1.0, 3.0, 5.0, 5.0] == [percentile(values, share) for share in (0.0, 0.5, 0.99, 1.0)]
    assert math.isnan(percentile([], 0.5))


def test_a_median_leaves_out_runs_without_a_figure():
    """A round that came to nothing does not spoil the others."""
    assert 2.0 == median([1.0, math.nan, 2.0, 9.0])


def test_matching_counts_lost_and_duplicated_texts_and_the_rate_of_those_measured():
    """Texts of the warm-up count for losses only; the rate runs until the last arrival."""
    sent = {"warm": 9.0, "one": 10.0, "two": 11.0, "gone": 11.5}
    arrivals = [("warm", 9.5), ("one", 10.5), ("one", 10.6), ("two", 14.0), ("other", 12.0)]

    matched = match(sent, arrivals, since=10.0, ended=12.0)

    assert (4, 1, 1, 1) == (matched.arrived, matched.lost, matched.duplicated, matched.unasked)
    assert 0.5 == matched.delivered_per_s
    assert (0.5, 3.0) == (matched.end_to_end_p50, matched.end_to_end_p99)
