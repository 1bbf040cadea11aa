"""`smshub serve`: run the hub."""

import typer

from smshub.cli.config import DEFAULT_FILE, File, load_config
from smshub.cli.failure import Failed, reason


def serve(config: File = DEFAULT_FILE) -> None:
    """Run the hub.

    SIGTERM and Ctrl-C end it once what is in flight has ended; SIGHUP reads the file again.
    """
    settings = load_config(config)
    import uvloop  # noqa: PLC0415 - the hub is loaded only when it is to run

    from smshub.app import serve as run  # noqa: PLC0415
    from smshub.store.errors import StoreError  # noqa: PLC0415

    try:
        status = uvloop.run(run(settings, config_path=config))
    except StoreError as error:
        raise Failed(f"the hub cannot start: {error}") from None
    except OSError as error:
        raise Failed(f"the hub cannot start: {reason(error)}") from None
    raise typer.Exit(status)
