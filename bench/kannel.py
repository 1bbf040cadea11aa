"""
Runs Kannel (bearerbox and smsbox) beside the hub, in a temporary folder and on loopback.

It gets its best configuration: nothing but panics is logged and there is no access log, no delivery reports are asked
for, no throughput limit is set, and the window of the SMSC is as large as the hub's. smsbox answers when bearerbox has
the text in its store (`immediate-sendsms-reply` stays off: with it the answer promises nothing).
"""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.processes import Child, Sink, free_port, wait_http

BEARERBOX = shutil.which("bearerbox", path="/usr/sbin:/usr/local/sbin:/usr/bin")
SMSBOX = shutil.which("smsbox", path="/usr/sbin:/usr/local/sbin:/usr/bin")

CONFIG = """\
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = bench
status-password = bench
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
box-deny-ip = *.*.*.*
log-level = 4
store-type = {store}
store-location = {location}
sms-resend-freq = 1

group = smsc
smsc = smpp
smsc-id = sink
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = bench
smsc-password = bench
system-type = bench
max-pending-submits = {window}
reconnect-delay = 1
source-addr-ton = 5
source-addr-npi = 0
dest-addr-ton = 1
dest-addr-npi = 1
log-level = 4

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-interface = 127.0.0.1
sendsms-port = {http}
log-level = 4
max-pending-requests = 4096

group = sendsms-user
username = bench
password = bench-password
concatenation = true
max-messages = 10
"""


@dataclass(frozen=True, slots=True)
class Kannel:
    """A running Kannel: the port of its `sendsms` door and its two processes."""

    port: int
    boxes: tuple[Child, Child]

    def cpu(self) -> float:
        """Give the CPU seconds of both boxes."""
        return sum(box.cpu() for box in self.boxes)

    def peak(self) -> int:
        """Give the largest resident sets of both boxes, in bytes."""
        return sum(box.peak() for box in self.boxes)


def installed() -> bool:
    """Whether Kannel is here."""
    return BEARERBOX is not None and SMSBOX is not None


@contextlib.contextmanager
def kannel(folder: Path, smsc: Sink, store: str, window: int) -> Iterator[Kannel]:
    """Run Kannel with this store (`file` or `spool`) against a sink; begins when its bind is up."""
    assert BEARERBOX is not None
    assert SMSBOX is not None
    location = folder / "store"
    if store == "spool":
        location.mkdir()
    ports = {name: free_port() for name in ("admin", "box", "http")}
    path = folder / "kannel.conf"
    path.write_text(CONFIG.format(store=store, location=location, smsc=smsc.port, window=window, **ports))
    with Child([BEARERBOX, "-v", "4", str(path)], cwd=folder, quiet=True) as bearerbox:
        status = f"http://127.0.0.1:{ports['admin']}/status.txt?password=bench"
        wait_http(status, "online", child=bearerbox)
        smsc.event("bound")
        with Child([SMSBOX, "-v", "4", str(path)], cwd=folder, quiet=True) as smsbox:
            wait_http(status, "smsbox:", child=smsbox)
            yield Kannel(ports["http"], (bearerbox, smsbox))
