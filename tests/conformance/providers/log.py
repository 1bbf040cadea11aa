"""The way out for trying out: it has no peer that could refuse, so little can be tried."""

import json

from smshub.conformance import PAYLOADS, Bench, NotConforming, Trial, plain, want
from smshub.connectors.log import Connector, LogSettings
from smshub.domain.delivery import Accepted


class LogCase:
    """A file that texts are added to."""

    name = "log"

    def trials(self):
        """Give what is tried."""
        return [Trial("injection payloads", self._texts)]

    async def _texts(self, folder):
        async with Bench(Connector("log", LogSettings(type="log", file=str(folder / "texts")))) as bench:
            for text in PAYLOADS:
                want(await bench.send(plain(text=text)), Accepted((plain().id,)))
        written = [json.loads(line)["text"] for line in (folder / "texts").read_text().splitlines()]
        if written != list(PAYLOADS):
            raise NotConforming("a text was not written as it is")
        return f"{len(written)} written whole"


CASES = [LogCase()]
