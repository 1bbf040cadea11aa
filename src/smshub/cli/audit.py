"""`smshub audit`: who changed what."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from smshub.cli.client import Client
from smshub.cli.failure import Failed
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import print_json, print_table

app = typer.Typer(help="Tell who changed what, and whether the log is whole.", no_args_is_help=True)


@app.command("list")
@talks_to_hub
def list_audit(
    hub: Client,
    *,
    actor: Annotated[str | None, typer.Option(help="Only what this account or user changed.")] = None,
    limit: Annotated[int, typer.Option(help="So many of the newest.", min=1, max=500)] = 20,
    as_json: Json = False,
) -> None:
    """List the newest changes."""
    answer = hub.get("/v1/audit", limit=limit, actor=actor)
    if as_json:
        print_json(answer)
        return
    rows = [
        [
            one["number"],
            datetime.fromtimestamp(one["at"], UTC).strftime("%Y-%m-%d %H:%M:%S"),
            *(one[name] for name in ("actor", "action", "object")),
            _changed(one),
        ]
        for one in answer["entries"]
    ]
    print_table(["number", "at (UTC)", "actor", "action", "object", "changed"], rows)


@app.command()
@talks_to_hub
def verify(hub: Client) -> None:
    """Look through the whole log; the exit status is 1 where an entry was tampered with."""
    answer = hub.get("/v1/audit/verify")
    if answer["broken"] is not None:
        raise Failed(f"entry {answer['broken']} is not as it was written; the {answer['entries']} before it are")
    print(f"All {answer['entries']} entries are as they were written.")


def _changed(entry: dict[str, Any]) -> str:
    before, after = entry.get("before") or {}, entry.get("after") or {}
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return ", ".join(f"{name}: {json.dumps(before.get(name))} > {json.dumps(after.get(name))}" for name in names)
