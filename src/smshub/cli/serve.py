"""`smshub serve`: run the hub."""

import typer

from smshub.cli.config import DEFAULT_FILE, File, load_config


def serve(config: File = DEFAULT_FILE) -> None:
    """Run the hub.

    SIGTERM and Ctrl-C end it once what is in flight has ended; SIGHUP reads the file again.
    """
    settings = load_config(config)
    import uvloop  # noqa: PLC0415 - the hub is loaded only when it is to run

    from smshub.app import serve as run  # noqa: PLC0415

    raise typer.Exit(uvloop.run(run(settings, config_path=config)))
