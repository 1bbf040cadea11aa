"""What each status means, alone and together."""

import pytest

from smshub.connectors.smpp.outcomes import REASONS, combined, outcome_of
from smshub.domain.delivery import Accepted, Deferred, Reason, Rejected, Uncertain
from smshub.protocols.smpp.pdus import Command, Pdu
from smshub.protocols.smpp.status import Status

ONE, TWO = Accepted(("1",)), Accepted(("2",))
BUSY = Deferred(Reason.THROTTLED, "ESME_RTHROTTLED")
NO = Rejected(Reason.INVALID_RECIPIENT, "ESME_RINVDSTADR")
SILENT = Uncertain(detail="no answer")


def _answered(status, reasons=None, **fields):
    return outcome_of(Pdu(Command.SUBMIT_SM_RESP, fields, status), reasons or {})


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.ESME_RTHROTTLED, Deferred(Reason.THROTTLED, "ESME_RTHROTTLED")),
        (Status.ESME_RMSGQFUL, Deferred(Reason.THROTTLED, "ESME_RMSGQFUL")),
        (Status.ESME_RSYSERR, Deferred(Reason.TEMPORARY, "ESME_RSYSERR")),
        (Status.ESME_RSUBMITFAIL, Deferred(Reason.TEMPORARY, "ESME_RSUBMITFAIL")),
        (Status.ESME_RX_T_APPN, Deferred(Reason.TEMPORARY, "ESME_RX_T_APPN")),
        (Status.ESME_RX_P_APPN, Rejected(Reason.UNKNOWN, "ESME_RX_P_APPN")),
        (Status.ESME_RX_R_APPN, Rejected(Reason.UNKNOWN, "ESME_RX_R_APPN")),
        (Status.ESME_RINVDSTADR, Rejected(Reason.INVALID_RECIPIENT, "ESME_RINVDSTADR")),
        (Status.ESME_RINVSRCADR, Rejected(Reason.INVALID_ORIGINATOR, "ESME_RINVSRCADR")),
        (Status.ESME_RINVMSGLEN, Rejected(Reason.CONTENT, "ESME_RINVMSGLEN")),
        (Status.ESME_RINVEXPIRY, Deferred(Reason.MISCONFIGURED, "ESME_RINVEXPIRY")),
        (Status.ESME_RINVSRCTON, Deferred(Reason.MISCONFIGURED, "ESME_RINVSRCTON")),
        (Status.ESME_RINVPASWD, Deferred(Reason.BAD_CREDENTIALS, "ESME_RINVPASWD")),
        (Status.ESME_RUNKNOWNERR, Deferred(Reason.TEMPORARY, "ESME_RUNKNOWNERR")),
        (0x0400, Deferred(Reason.UNKNOWN, "0x00000400")),
        (0xFFFFFFFF, Deferred(Reason.UNKNOWN, "0xFFFFFFFF")),
    ],
)
def test_a_status_has_its_outcome(status, expected):
    """The table, with the provider's own code kept beside the reason (SMPP 3.4 §5.1.3)."""
    assert expected == _answered(status)


def test_a_taken_message_has_the_id_that_was_given():
    """Also when the SMSC gave none."""
    assert Accepted(("7A",)) == _answered(0, message_id="7A")
    assert Accepted() == _answered(0)


def test_the_providers_own_words_are_kept():
    """additional_status_info_text goes with the outcome (SMPP 3.4 §5.3.2.11)."""
    expected = Deferred(Reason.TEMPORARY, "ESME_RSYSERR", "maintenance")

    assert expected == _answered(Status.ESME_RSYSERR, additional_status_info_text="maintenance")


def test_the_operators_table_counts_first():
    """A provider's own meaning of a code, final or not."""
    reasons = {0x400: Reason.OPTED_OUT, int(Status.ESME_RX_P_APPN): Reason.NO_CREDIT}

    assert Rejected(Reason.OPTED_OUT, "0x00000400") == _answered(0x400, reasons)
    assert Deferred(Reason.NO_CREDIT, "ESME_RX_P_APPN") == _answered(Status.ESME_RX_P_APPN, reasons)


def test_a_nack_of_a_submission_is_a_refusal():
    """A generic_nack says that it was not taken (SMPP 3.4 §4.3)."""
    nack = Pdu(Command.GENERIC_NACK, {}, Status.ESME_RINVCMDID)

    assert Deferred(Reason.MISCONFIGURED, "ESME_RINVCMDID") == outcome_of(nack, {})


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([ONE], ONE),
        ([NO], NO),
        ([ONE, TWO], Accepted(("1", "2"))),
        ([ONE, Accepted(), TWO], Accepted(("1", "2"))),
        ([ONE, SILENT], Uncertain(detail="part 2 of 2: no answer")),
        ([BUSY, SILENT, NO], Uncertain(detail="part 2 of 3: no answer")),
        ([ONE, NO], Rejected(Reason.INVALID_RECIPIENT, "ESME_RINVDSTADR", "part 2 of 2")),
        ([BUSY, NO], Rejected(Reason.INVALID_RECIPIENT, "ESME_RINVDSTADR", "part 2 of 2")),
        ([BUSY, BUSY], Deferred(Reason.THROTTLED, "ESME_RTHROTTLED", "part 1 of 2")),
        ([ONE, BUSY, TWO], Uncertain(Reason.THROTTLED, "part 2 of 3: ESME_RTHROTTLED; 2 taken")),
    ],
)
def test_a_long_message_comes_to_what_its_parts_did(parts, expected):
    """All, none, some: and an answer that is missing outweighs the rest."""
    assert expected == combined(parts)


def test_every_status_of_a_refused_submission_has_a_reason():
    """No status of the specification falls to UNKNOWN but those of other commands."""
    others = {
        Status.ESME_ROK,
        Status.ESME_RALYBND,
        Status.ESME_RINVMSGID,
        Status.ESME_RCANCELFAIL,
        Status.ESME_RREPLACEFAIL,
        Status.ESME_RINVNUMDESTS,
        Status.ESME_RINVDLNAME,
        Status.ESME_RINVDESTFLAG,
        Status.ESME_RINVSUBREP,
        Status.ESME_RCNTSUBDL,
        Status.ESME_RINVNUMMSGS,
        Status.ESME_RQUERYFAIL,
        Status.ESME_RX_P_APPN,
        Status.ESME_RX_R_APPN,
    }
    assert set(Status) - others == set(REASONS)
