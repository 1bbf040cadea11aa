"""Rates and depths out of samples."""

from smshub.console.charts import Now, now_of, series_of, settings_of
from smshub.domain.figures import Sample

ZERO = Sample(at=100.0, accepted=0, sent=0, delivered=0, failed=0, queued=0, oldest=0.0, latency=0.0)


def sample(at, accepted=0, sent=0, failed=0, **more):
    """Make a sample; `connectors` are sent and failed, `classes` accepted."""
    values = {"delivered": 0, "queued": 0, "oldest": 0.0, "latency": 0.0, **more}
    return Sample(at=at, accepted=accepted, sent=sent, failed=failed, **values)


def test_a_rate_is_a_difference_over_its_time():
    """Totals become rates a second; depths stay as they are; seconds of a commit become milliseconds."""
    later = sample(
        102.0, 20, 10, 4, queued=7, oldest=1.26, latency=0.0021, connectors={"a": (10, 4)}, classes={"otp": 20}
    )
    last = sample(106.0, 20, 30, 4, delivered=8, connectors={"a": (10, 4), "b": (20, 0)}, classes={"otp": 20})

    series = series_of([ZERO, later, last])

    assert (102.0, 106.0) == series.at
    assert [(10.0, 0.0), (5.0, 5.0), (0.0, 2.0), (2.0, 0.0)] == [
        series.accepted,
        series.sent,
        series.delivered,
        series.failed,
    ]
    assert [(7, 0), (1.3, 0.0), (2.1, 0.0)] == [series.queued, series.oldest, series.latency]
    assert {"a": (5.0, 0.0), "b": (0.0, 5.0)} == series.connectors
    assert {"otp": (10.0, 0.0)} == series.classes


def test_without_two_samples_there_is_no_rate():
    """A hub that has just begun shows nothing rather than nonsense."""
    assert ((), (), {}) == (series_of([]).at, series_of([ZERO]).sent, series_of([ZERO]).connectors)
    assert [Now(), Now()] == [now_of([]), now_of([ZERO])]


def test_the_cards_show_the_mean_of_the_last_samples():
    """Ten seconds are looked at, older ones do not count, and commits that were not are left out of the mean."""
    samples = [sample(100.0 + 2 * step, accepted=1_000 * (step > 1), sent=20 * step) for step in range(8)]
    samples[-1] = sample(114.0, 1_010, 140, 5, latency=0.004, connectors={"a": (50, 5)})

    now = now_of(samples)

    assert (1.0, 10.0, 0.5, 0.004) == (now.accepted, now.sent, now.failed, now.latency)
    assert {"a": 5.0} == now.connectors


def test_one_setting_of_each_object_is_picked():
    """Objects without it have None."""
    objects = [{"name": "a", "settings": {"low_credit": 5.0}}, {"name": "b", "settings": {}}]

    assert {"a": 5.0, "b": None} == settings_of(objects, "low_credit")
