"""The operations of /v1 for one-time passwords; the first two are served by the hot doors (carriers.otp)."""

from typing import Final

from smshub.domain.challenges import UnlockOtp
from smshub.frontends.carriers.v1_operations import Asked, Operation, named_id, no_body
from smshub.frontends.dialects import native_otp, native_schema


def _unlock(asked: Asked) -> UnlockOtp:
    no_body(asked)
    return UnlockOtp(asked.path["number"])


OTP: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST",
        path="/v1/otp",
        name="requestOtp",
        tag="otp",
        summary="Send a code",
        description="Makes a code, binds it to reference, receiver and params, and sends it. A reference whose code is"
        " still valid is a conflict (409); it is free again after a match, its end or a failed send. Give an"
        " Idempotency-Key, and the same request again is answered as the first was.",
        command=lambda asked: native_otp.decode_request(asked.body),
        answers=native_otp.OtpDocument,
        takes=native_otp.OtpRequest,
        status=202,
        refused=(409, 422),
        answered=lambda reply, _: native_otp.encode_requested(reply),
        example={"to": "+491701234567", "reference": "login-4711"},
    ),
    Operation(
        method="POST",
        path="/v1/otp/verify",
        name="verifyOtp",
        tag="otp",
        summary="Check a code",
        description="Counts once: after a match the code is consumed. A wrong code, receiver or param takes one of its"
        " tries; too many wrong codes for a receiver, whatever the reference, end its checks for an hour.",
        command=lambda asked: native_otp.decode_verify(asked.body),
        answers=native_otp.VerdictDocument,
        takes=native_otp.VerifyRequest,
        answered=lambda reply, _: native_otp.encode_verified(reply),
        example={"to": "+491701234567", "reference": "login-4711", "code": "123456"},
    ),
    Operation(
        method="POST",
        path="/v1/otp/{id}/resend",
        name="resendOtp",
        tag="otp",
        summary="Send the same code again",
        description="Not before its `resend_after` (429); its life is not longer for it. The body may be left out.",
        command=lambda asked: native_otp.decode_resend(named_id(asked), asked.body),
        answers=native_otp.OtpDocument,
        takes=native_otp.ResendRequest,
        status=202,
        refused=(409, 422),
        answered=lambda reply, _: native_otp.encode_requested(reply),
        may_be_empty=True,
    ),
    Operation(
        method="DELETE",
        path="/v1/otp/failures/{number}",
        name="unlockOtp",
        tag="otp",
        summary="Unlock a recipient",
        description="Forgets the wrong codes of a recipient at every account, so that codes for it are looked at again."
        " Needs an operator.",
        command=_unlock,
        answers=native_schema.DoneDocument,
        refused=(400, 413),
    ),
)
