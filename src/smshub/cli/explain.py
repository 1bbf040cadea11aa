"""`smshub explain`: what would be done with a text."""

from typing import Annotated

import typer

from smshub.cli.client import Client, given
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import clean, print_fields, print_json, print_table


@talks_to_hub
def explain(
    hub: Client,
    *,
    to: Annotated[str, typer.Option(help="Number of the recipient.")],
    text: Annotated[str, typer.Option(help="The text.")],
    originator: Annotated[str | None, typer.Option("--from", help="Sender that the handset shows.")] = None,
    message_class: Annotated[str | None, typer.Option("--class", help="otp, transactional or bulk.")] = None,
    flash: Annotated[bool, typer.Option("--flash", help="Show it at once and keep nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Tell what would be done with a text.

    Encoding, segments, and every route with the reason it is taken or passed over. Sends nothing.
    """
    members = {"to": to, "text": text, "from": originator, "class": message_class, "type": "flash" if flash else None}
    told = hub.post("/v1/explain", given(members))
    if as_json:
        print_json(told)
        return
    sender = told.get("from") or {}
    size = f"{told.get('characters')} characters, {told.get('units')} units, {told.get('segments')} segment(s)"
    print_fields(
        [
            ("to", told.get("to")),
            ("from", f"{sender.get('value') or '(none)'} (TON {sender.get('ton')}, NPI {sender.get('npi')})"),
            ("encoding", told.get("encoding")),
            ("size", size),
            ("class", told.get("class")),
            ("valid for", f"{told.get('valid_for', 0):g} s"),
        ]
    )
    print()
    rows = [
        [way.get("connector"), way.get("prefix") or '""', bool(way.get("taken")), way.get("why")]
        for way in told.get("routes", [])
    ]
    print_table(["connector", "prefix", "taken", "why"], rows)
    for note in told.get("notes", []):
        print(f"\nnote: {clean(note)}")
