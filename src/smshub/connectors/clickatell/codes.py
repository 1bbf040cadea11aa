"""Clickatell's numbers: of errors and of states, for its old interfaces and its newer ones."""

from collections.abc import Mapping

from smshub.domain.delivery import Reason, ReceiptState

# The old HTTP and REST APIs, and the Platform.
REASONS: Mapping[str, Reason] = {
    "001": Reason.BAD_CREDENTIALS,
    "002": Reason.BAD_CREDENTIALS,
    "003": Reason.BAD_CREDENTIALS,
    "004": Reason.BAD_CREDENTIALS,  # frozen
    "005": Reason.BAD_CREDENTIALS,
    "007": Reason.BAD_CREDENTIALS,  # not from this address
    "100": Reason.MISCONFIGURED,
    "101": Reason.MISCONFIGURED,
    "102": Reason.MISCONFIGURED,
    "103": Reason.MISCONFIGURED,
    "104": Reason.MISCONFIGURED,
    "105": Reason.INVALID_RECIPIENT,
    "106": Reason.INVALID_ORIGINATOR,
    "107": Reason.CONTENT,  # no text
    "108": Reason.BAD_CREDENTIALS,  # no such api_id
    "109": Reason.MISCONFIGURED,
    "113": Reason.CONTENT,  # too many parts
    "114": Reason.UNROUTABLE,
    "115": Reason.EXPIRED,
    "116": Reason.CONTENT,  # bad Unicode
    "120": Reason.MISCONFIGURED,
    "121": Reason.BARRED,
    "122": Reason.OPTED_OUT,
    "123": Reason.INVALID_ORIGINATOR,
    "128": Reason.BARRED,  # taken off the list
    "130": Reason.THROTTLED,
    "201": Reason.MISCONFIGURED,
    "202": Reason.MISCONFIGURED,
    "301": Reason.NO_CREDIT,
    "607": Reason.INVALID_ORIGINATOR,  # the Platform's
    "901": Reason.TEMPORARY,
}

# https://docs.clickatell.com/channels/one-api/one-api-errors-table/
ONE_REASONS: Mapping[str, Reason] = {
    "1": Reason.BAD_CREDENTIALS,
    "2": Reason.BAD_CREDENTIALS,  # the account is not active
    "3": Reason.BAD_CREDENTIALS,  # the integration is not active
    "7": Reason.BAD_CREDENTIALS,  # not from this address
    "18": Reason.TEMPORARY,
    "19": Reason.TEMPORARY,
    "20": Reason.NO_CREDIT,
    "21": Reason.MISCONFIGURED,
    "22": Reason.MISCONFIGURED,
    "23": Reason.MISCONFIGURED,
    "24": Reason.CONTENT,
    "25": Reason.INVALID_RECIPIENT,
    "26": Reason.OPTED_OUT,
    "27": Reason.UNROUTABLE,
    "28": Reason.UNROUTABLE,  # not in the sandbox
    "43": Reason.THROTTLED,
    "44": Reason.INVALID_ORIGINATOR,
    "45": Reason.INVALID_ORIGINATOR,
    "100": Reason.CONTENT,  # too many parts
    "101": Reason.UNROUTABLE,  # no two-way texts there
    "110": Reason.UNROUTABLE,  # texts to the USA need a two-way integration
    "111": Reason.UNROUTABLE,
}

# States of the old interfaces, without zeros in front, as the Platform writes them.
STATES: Mapping[int, ReceiptState] = {
    1: ReceiptState.UNKNOWN,
    2: ReceiptState.ACCEPTED,  # queued
    3: ReceiptState.ENROUTE,  # with the network
    4: ReceiptState.DELIVERED,
    5: ReceiptState.UNDELIVERABLE,
    6: ReceiptState.DELETED,
    7: ReceiptState.UNDELIVERABLE,
    8: ReceiptState.ACCEPTED,
    9: ReceiptState.UNDELIVERABLE,
    10: ReceiptState.EXPIRED,
    11: ReceiptState.ACCEPTED,  # for later
    12: ReceiptState.REJECTED,  # no credit
    14: ReceiptState.REJECTED,  # too many texts
}

# https://docs.clickatell.com/channels/one-api/one-api-message-status-codes/
ONE_STATES: Mapping[int, ReceiptState] = {
    1: ReceiptState.UNKNOWN,
    2: ReceiptState.ACCEPTED,
    3: ReceiptState.ACCEPTED,  # scheduled
    4: ReceiptState.ENROUTE,
    5: ReceiptState.DELIVERED,  # the handset says so
    6: ReceiptState.DELIVERED,  # read
    20: ReceiptState.EXPIRED,
    21: ReceiptState.DELETED,
    22: ReceiptState.DELETED,
    23: ReceiptState.UNDELIVERABLE,
    25: ReceiptState.REJECTED,  # no credit
    26: ReceiptState.REJECTED,  # too many texts
    27: ReceiptState.REJECTED,
    28: ReceiptState.REJECTED,
    29: ReceiptState.UNDELIVERABLE,
    100: ReceiptState.UNDELIVERABLE,
}
