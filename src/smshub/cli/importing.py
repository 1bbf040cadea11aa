"""`smshub import`: take over what another system is set up with."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smshub.cli.failure import Exit, Failed
from smshub.cli.show import clean

if TYPE_CHECKING:
    from smshub.cli.privacyidea import Gateway

app = typer.Typer(help="Take over what another system is set up with.", no_args_is_help=True)

LARGEST_FILE = 10_485_760
SCRIPTS = "/etc/privacyidea/scripts"


@app.callback()
def _group() -> None:
    """Take over what another system is set up with."""


@app.command()
def privacyidea(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The export: JSON or a literal of Python.")],
    output: Annotated[Path, typer.Option(help="Where to write the connectors.")] = Path("smshub-part.toml"),
    scripts: Annotated[str, typer.Option(help="Folder of the scripts of script gateways.")] = SCRIPTS,
) -> None:
    """Write the SMS gateways of a privacyIDEA as connectors.

    Passwords go into files of their own beside the output, readable by you only. Nothing that is there is overwritten.
    What cannot be carried over is named, with the reason.
    """
    from smshub.cli.privacyidea import BadExport, read_export  # noqa: PLC0415 - more than help needs

    try:
        export = read_export(_read(file))
    except BadExport as why:
        raise Failed(f"{file}: {why}", Exit.USAGE) from None
    made, left_out = _carried_over(export, scripts)
    if made:
        _write(output, made, left_out)
    _tell(output, made, left_out)
    if not made:
        raise typer.Exit(Exit.REFUSED)
    print(f"\nwritten: {output}\nCheck it: smshub config check --config {output}")


def _carried_over(
    export: Mapping[str, Mapping[str, Mapping[str, Any]]], scripts: str
) -> "tuple[list[Gateway], dict[str, str]]":
    """Make what has a counterpart here, and tell of the rest why it has none."""
    from smshub.cli.privacyidea import NotCarriedOver, gateway_of, names_of  # noqa: PLC0415

    made: list[Gateway] = []
    left_out: dict[str, str] = {}
    for name, connector in names_of(export["smsgateway"]):
        try:
            gateway = gateway_of(connector, export["smsgateway"][name], export["smtpserver"], scripts)
            _fits(gateway)
        except NotCarriedOver as why:
            left_out[name] = str(why)
        else:
            made.append(gateway)
    return made, left_out


def _tell(output: Path, gateways: "list[Gateway]", left_out: Mapping[str, str]) -> None:
    """Print what became of each gateway."""
    for gateway in gateways:
        print(clean(f"carried over: {gateway.name} ({gateway.table['type']})"))
        for remark in gateway.remarks:
            print(clean(f"  {gateway.name}: {remark}"))
        for secret in [name for name, value in gateway.secrets.items() if value is None]:
            print(f"  {gateway.name}: the export hides a secret; write it to {_beside(output, secret)} with mode 0600")
    for name, why in left_out.items():
        print(clean(f"not carried over: {name}: {why}"))


def _read(file: Path) -> str:
    """Read the export. Raises `Failed`."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            raise Failed(f"{file} is larger than {LARGEST_FILE} bytes", Exit.USAGE)
        return raw.decode("utf-8")
    except OSError as error:
        raise Failed(f"{file} cannot be read ({error.strerror})", Exit.USAGE) from None
    except UnicodeDecodeError:
        raise Failed(f"{file} is not UTF-8", Exit.USAGE) from None


def _fits(gateway: "Gateway") -> None:
    """See that the hub takes what was made. Raises `NotCarriedOver`."""
    from pydantic import ValidationError  # noqa: PLC0415

    from smshub.cli.privacyidea import NotCarriedOver  # noqa: PLC0415
    from smshub.config import read_connector  # noqa: PLC0415
    from smshub.connectors.base import ConnectorSettings  # noqa: PLC0415
    from smshub.connectors.mail import SmtpServer  # noqa: PLC0415

    found = read_connector(gateway.table, ("connectors", gateway.name))
    if not isinstance(found, ConnectorSettings):
        raise NotCarriedOver("; ".join(str(problem) for problem in found))
    for key, what, _ in found.problems():
        raise NotCarriedOver(f"{key}: {what}")
    for name, table in gateway.smtp.items():
        try:
            SmtpServer.model_validate(table)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise NotCarriedOver(f"its mail server {name}: {first['loc'][0]}: {first['msg']}") from None


def _write(output: Path, gateways: list["Gateway"], left_out: Mapping[str, str]) -> None:
    """Write the secrets and then the connectors; nothing at all where one of the files is there. Raises `Failed`."""
    secrets = {_beside(output, name): value for one in gateways for name, value in one.secrets.items()}
    for path in (output, *secrets):
        if path.exists() or path.is_symlink():
            raise Failed(f"{path} is there already; nothing was written", Exit.USAGE)
    for value in secrets.values():
        if value is not None and (value != value.strip("\r\n") or "\n" in value):
            raise Failed("a secret with a line end cannot be kept in a file; nothing was written", Exit.USAGE)
    for path, value in secrets.items():
        if value is not None:
            _create(path, f"{value}\n")
    _create(output, "\n".join(_lines(output, gateways, left_out)) + "\n")


def _create(path: Path, text: str) -> None:
    """Make a file that only its owner reads. Raises `Failed`."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise Failed(f"{path} cannot be written ({error.strerror})", Exit.USAGE) from None


def _beside(output: Path, name: str) -> Path:
    return output.parent / name


def _lines(output: Path, gateways: list["Gateway"], left_out: Mapping[str, str]) -> Iterator[str]:
    """Write the part of a configuration."""
    yield "# SMS gateways of a privacyIDEA. Join it to the hub's configuration, and name the connectors in its routes."
    yield '# Numbers go out as the caller wrote them, as there; phone_format = "digits" or "plus" makes them E.164.'
    for name, why in left_out.items():
        yield f"# Not carried over: {_one_line(name)}: {_one_line(why)}"
    servers = {server: table for gateway in gateways for server, table in gateway.smtp.items()}
    for server, table in servers.items():
        yield from ("", f"[smtp.{_key(server)}]", *_pairs(table, output))
    for gateway in gateways:
        yield ""
        yield from (f"# {_one_line(remark)}" for remark in gateway.remarks)
        yield f"[connectors.{_key(gateway.name)}]"
        plain = {key: value for key, value in gateway.table.items() if not isinstance(value, dict)}
        yield from _pairs(plain, output)
        for key, value in gateway.table.items():
            if isinstance(value, dict):
                yield from ("", f"[connectors.{_key(gateway.name)}.{_key(key)}]", *_pairs(value, output))


def _pairs(table: Mapping[str, Any], output: Path) -> Iterator[str]:
    from smshub.config.text import toml  # noqa: PLC0415

    for key, value in table.items():
        is_reference = isinstance(value, str) and value.startswith("file:")
        told = f"file:{_beside(output, value.removeprefix('file:'))}" if is_reference else value
        yield f"{_key(key)} = {toml(told)}"


def _key(name: str) -> str:
    """Write a key: plain where TOML lets it be."""
    from smshub.config.text import toml  # noqa: PLC0415

    return name if name and all(c.isascii() and (c.isalnum() or c in "_-") for c in name) else toml(name)


def _one_line(words: str) -> str:
    return "".join(c if c.isprintable() else " " for c in words)
