"""
The conformance kit: what every way out must stand, tried offline against a peer of its own on the loopback.

A case tells how to make a connector against that peer and which of its raw answers mean what; its trials are what is
tried. The suite of the project runs them for every connector, `smshub connector check` for a file of one's own.
"""

from smshub.conformance.bench import Bench
from smshub.conformance.cases import Case, NotConforming, NotTried, Trial, agrees, plain, told, want
from smshub.conformance.files import failures, file_case
from smshub.conformance.http import HttpCase, Refusal
from smshub.conformance.payloads import PAYLOADS
from smshub.conformance.server import Answer, CannedServer, Fault, Seen

__all__ = [
    "PAYLOADS",
    "Answer",
    "Bench",
    "CannedServer",
    "Case",
    "Fault",
    "HttpCase",
    "NotConforming",
    "NotTried",
    "Refusal",
    "Seen",
    "Trial",
    "agrees",
    "failures",
    "file_case",
    "plain",
    "told",
    "want",
]
