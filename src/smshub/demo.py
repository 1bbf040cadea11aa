"""The demo: a hub, a message centre and a sample account on loopback, with nothing to set up."""

import os
import secrets
import socket
import sys
from functools import partial
from pathlib import Path

import uvloop

from smshub.app import Application, serve
from smshub.config import load
from smshub.secretkey import setup_file
from smshub.simulators.smsc import SmscSimulator
from smshub.simulators.smtp import SmtpSimulator

ACCOUNT = "demo"
SMSC_PORT = 2775
SMTP_PORT = 2525

CONFIGURATION = """\
# The demo's configuration; `smshub demo` writes it anew at each start.
[server]
listen = "127.0.0.1:{port}"
database = "sqlite:///{folder}/smshub.db"
log_level = "error"

[accounts.{account}]
password = "file:{folder}/password"
program_sid = "{account}"
program_key = "file:{folder}/password"
originator = "smshub"
country = "DE"
role = "administrator"

[connectors.simulator]
type = "smpp"
host = "127.0.0.1"
port = {smsc_port}
system_id = "demo"
password = "file:{folder}/smsc.password"
backoff_max = 2

[[routes]]
prefixes = [""]
connectors = ["simulator"]

[smtp.simulator]
host = "127.0.0.1"
port = {smtp_port}
security = "none"
sender = "smshub@example.org"

[connectors.mail]
type = "email"
servers = ["simulator"]

[[routes]]
prefixes = ["@"]
connectors = ["mail"]
"""

CLIENT = """\
url = "http://127.0.0.1:{port}"
username = "{account}"
password = "{password}"
"""

WELCOME = """\

  smshub is running.            http://127.0.0.1:{port}/
  Its console{console}
  A message centre (SMPP 3.4) listens on 127.0.0.1:{smsc_port} and prints what reaches it below,
  and so does a mail server on 127.0.0.1:{smtp_port}.

  In a second terminal, in this folder, try:

    {command} send --wait --to +491701234567 --text 'Hello from smshub'
    {command} send --wait --to anna@example.org --subject Hello --text 'Hello by mail'
    {command} message list
    {command} explain --to +491701234567 --text 'Grüße 👋'

    curl -u {account}:{password} http://127.0.0.1:{port}/v1/messages \\
         --json '{{"to": "+491701234567", "text": "Hello from curl"}}'

  Kill this process in any way you like and start it again: nothing that was accepted is lost.
  Everything is kept in {folder}/ - Ctrl-C ends the demo.
"""


def run(folder: Path, *, port: int = 8080) -> int:
    """Run the demo until Ctrl-C or SIGTERM; give the exit status. Taken ports are replaced by free ones."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return uvloop.run(_run(folder, port))


async def _run(folder: Path, port: int) -> int:
    password = _secret(folder / "password")
    smsc_password = _secret(folder / "smsc.password", 8)
    simulator = SmscSimulator(password=smsc_password, show=_show)
    smsc_port = await simulator.start(port=SMSC_PORT if _is_free(SMSC_PORT) else 0)
    mail = SmtpSimulator(writer=partial(_show, where="mailbox"))
    smtp_port = await mail.start(port=SMTP_PORT if _is_free(SMTP_PORT) else 0)
    port = port if port and _is_free(port) else _free_port()
    values = {
        "account": ACCOUNT,
        "command": _command(),
        "folder": str(folder),
        "password": password,
        "port": port,
        "smsc_port": smsc_port,
        "smtp_port": smtp_port,
    }
    path = folder / "smshub.toml"
    path.write_text(CONFIGURATION.format_map(values), encoding="utf-8")
    _write_private(folder / "client.toml", CLIENT.format_map(values))

    def ready(application: Application) -> None:
        values["console"] = _console(setup_file(application.config.server), port)
        print(WELCOME.format_map(values), flush=True)

    try:
        return await serve(load(path), config_path=path, ready=ready)
    finally:
        await simulator.stop()
        await mail.stop()


def _console(setup: Path, port: int) -> str:
    """
    Tell where the console is.

    While it has no user, the address brings the secret for making the first one: behind a #, which no browser sends.
    """
    console = f"http://127.0.0.1:{port}/console/"
    try:
        secret = setup.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return f":                  {console}"
    return f", where you make yourself a user (this address counts once):\n    {console}setup#{secret}"


def _show(line: str, where: str = "handset") -> None:
    print(f"  [{where}] {line}", flush=True)


def _secret(path: Path, length: int = 16) -> str:
    """Read a password of an earlier run, or make one."""
    if not path.exists():
        _write_private(path, secrets.token_hex(length // 2) + "\n")
    return path.read_text(encoding="ascii").strip()


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _command() -> str:
    """Tell how the user can call us: by the name, or by the path that this environment has."""
    program = Path(sys.argv[0])
    if program.name != "smshub":
        return "smshub"
    return os.path.relpath(program) if not str(program).startswith("/usr") else "smshub"
