"""`smshub migrate`: bring a database up to this version."""

from smshub.cli.config import DEFAULT_FILE, File, load_config
from smshub.cli.failure import Failed


def migrate(config: File = DEFAULT_FILE) -> None:
    """Bring the database up to this version.

    The hub does it too when it starts.
    """
    settings = load_config(config)
    from smshub.config import database_of  # noqa: PLC0415
    from smshub.store.errors import StoreError  # noqa: PLC0415
    from smshub.store.outbox import Outbox  # noqa: PLC0415

    try:
        outbox = Outbox.open(database_of(settings.server), node=settings.server.node)
    except StoreError as error:
        raise Failed(str(error)) from None
    outbox.close()
    print("The database is up to date.")
