"""`smshub backup` and `smshub restore`: a copy of the database, and its way back."""

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smshub.cli.client import Client
from smshub.cli.config import DEFAULT_FILE, File, load_config
from smshub.cli.failure import Exit, Failed
from smshub.cli.options import talks_to_hub, warn

if TYPE_CHECKING:
    from smshub.config import Config

PATIENCE = 600.0


@talks_to_hub
def backup(hub: Client) -> None:
    """Have the running hub copy its database into its folder for backups.

    Needs an administrator. The key that stands beside the database is not in it: keep a copy of that elsewhere.
    """
    answer = Client(hub.profile, PATIENCE).post("/v1/backups", {})
    print(answer.get("detail"))


def restore(
    file: Annotated[
        Path | None, typer.Argument(help="The backup; leave it out where you have put the database back yourself.")
    ] = None,
    *,
    config: File = DEFAULT_FILE,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move the database that is there aside, in place of refusing.")
    ] = False,
) -> None:
    """Put a backup in the place of the database, with the hub stopped.

    What was waiting in it may have been sent since, so all of that is held: look at it with `smshub message list
    --state UNCERTAIN`, then release or cancel it. Open codes are over, and tokens must be fetched anew.
    """
    settings = load_config(config)
    from smshub.store.errors import StoreError  # noqa: PLC0415 - what only this command needs

    try:
        if file is not None:
            _put_back(settings, file, replace=replace)
        held = _hold(settings)
    except (StoreError, OSError) as error:
        raise Failed(str(error)) from None
    print(f"The database is back; {held} messages that were waiting in it are held.")


def _put_back(settings: "Config", file: Path, *, replace: bool) -> None:
    from smshub.config import database_of, sqlite_file  # noqa: PLC0415
    from smshub.store.backup import check_copy  # noqa: PLC0415
    from smshub.store.database import open_database  # noqa: PLC0415

    place = sqlite_file(settings.server)
    if place is None:
        line = "the database is not SQLite: put it back with its own tools, then run this without a file"
        raise Failed(line, Exit.USAGE)
    check_copy(file)
    # The lock tells whether a hub runs; it is held until the file is in its place.
    database = open_database(database_of(settings.server), settings.server.node)
    try:
        if place.exists() and place.stat().st_size:
            if not replace:
                raise Failed(f"{place} is there; say --replace to move it aside", Exit.USAGE)
            aside = place.with_name(f"{place.name}.{time.strftime('%Y%m%dT%H%M%S')}")
            for ending in ("", "-wal", "-shm"):
                if (one := Path(f"{place}{ending}")).exists():
                    one.rename(f"{aside}{ending}")
            warn(f"the database of before is {aside}")
        for ending in ("-wal", "-shm"):
            Path(f"{place}{ending}").unlink(missing_ok=True)
        draft = place.with_name(f".{place.name}.part")
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        shutil.copyfile(file, draft)
        with draft.open("rb+") as copied:
            os.fsync(copied.fileno())
        draft.replace(place)
    finally:
        database.release()


def _hold(settings: "Config") -> int:
    from smshub.config import database_of  # noqa: PLC0415
    from smshub.store.backup import hold  # noqa: PLC0415
    from smshub.store.outbox import Batch, Outbox  # noqa: PLC0415

    outbox = Outbox.open(database_of(settings.server), node=settings.server.node)
    try:
        (held,) = outbox.write(Batch(calls=[lambda connection: hold(connection, time.time())])).calls
    finally:
        outbox.close()
    if isinstance(held, Exception):
        raise held
    return int(held)
