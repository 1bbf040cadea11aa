"""The operation of /v1 that tells the hub's figures."""

from typing import Final

from smshub.domain.figures import SAMPLE_EVERY, SAMPLES, ShowFigures
from smshub.frontends.carriers.v1_operations import Asked, Operation
from smshub.frontends.dialects import native_figures
from smshub.frontends.dialects.native_query import decode_seconds

LONGEST: Final = SAMPLE_EVERY * SAMPLES


def _asked(asked: Asked) -> ShowFigures:
    return ShowFigures(decode_seconds(asked.query, usual=300.0, most=LONGEST))


FIGURES: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/v1/figures",
        name="figures",
        tag="hub",
        summary="Tell the hub's figures",
        description="What this node accepted, tried, delivered and refused since its start, and samples of the last"
        " `seconds` (300, at most an hour). For Prometheus there is /metrics. Needs an auditor.",
        command=_asked,
        answers=native_figures.FiguresDocument,
    ),
)
