"""Codes opened, checked and sent again in the rows of a batch, on each store."""

import threading
from functools import partial

import msgspec
import pytest

from smshub.domain.challenges import Verdict
from smshub.domain.delivery import Reason
from smshub.domain.message import State
from smshub.store.batch import Again, Check, Checked, Held, Instead, Opening, Settled, Start, Taken
from smshub.store.challenges import (
    drop_fallbacks,
    due_fallbacks,
    forget_challenges,
    forget_failures,
    read_challenge,
    unlock,
)
from smshub.store.changes import reject
from smshub.store.outbox import Accept, Batch, Replay

RIGHT, WRONG = b"r" * 32, b"w" * 32


def opening(id="m1", **fields):  # noqa: A002
    """Make a challenge that lives from 10 to 310 and stands five tries."""
    plain = Opening(id, "shop", "login", "491701234567", RIGHT, "k1", 5, 10.0, 310.0, 15, 50)
    return msgspec.structs.replace(plain, **fields)


def check(digest=RIGHT, id="c1", **fields):  # noqa: A002
    """Make a check at 20."""
    return msgspec.structs.replace(
        Check(id, "shop", "login", "491701234567", {"k1": digest, "k0": WRONG}, 20.0, 15, 50), **fields
    )


def accept(desk, challenge, *, key=None, print_="f", **fields):
    """Make the accept of the message that carries the code of a challenge."""
    message_id = challenge.id if isinstance(challenge, Opening) else challenge.message_id
    message = desk.message(message_id, submission=challenge.id, **fields)
    return Accept((message,), "shop", key, None if key is None else print_, challenge)


def begun(desk, *challenges, **fields):
    """Open challenges in one transaction; gives what could not be."""
    return desk.outbox.write(Batch(accepts=[accept(desk, one, **fields) for one in challenges])).taken


def checked(desk, *checks):
    """Check codes in one transaction; gives the verdicts."""
    return [one.verdict for one in desk.outbox.write(Batch(checks=list(checks))).checks]


def test_a_code_matches_once(desk):
    """The first right check consumes it; what follows, in the same transaction or later, is told so."""
    assert {} == begun(desk, opening())

    assert [Verdict.MATCH, Verdict.CONSUMED, Verdict.CONSUMED] == checked(
        desk, check(), check(id="c2"), check(WRONG, id="c3")
    )
    assert [Verdict.CONSUMED] == checked(desk, check(id="c4"))


def test_a_check_that_is_written_twice_is_one_check(desk):
    """When its batch was written but the answer was lost, it is written again and matches again, if it is right."""
    begun(desk, opening())

    assert [Verdict.MATCH] == checked(desk, check())
    assert [Verdict.MATCH] == checked(desk, check())
    assert [Verdict.CONSUMED] == checked(desk, check(WRONG))


def test_five_wrong_ones_exhaust_it(desk):
    """Each tells how many are left; then the right one is not looked at."""
    begun(desk, opening())

    written = desk.outbox.write(Batch(checks=[check(WRONG, id=f"c{number}") for number in range(3)]))

    assert [Checked(Verdict.MISMATCH, left) for left in (4, 3, 2)] == written.checks
    assert [Verdict.MISMATCH, Verdict.MISMATCH, Verdict.EXHAUSTED, Verdict.EXHAUSTED] == checked(
        desk, check(WRONG), check(WRONG), check(WRONG), check()
    )


def test_a_key_that_is_gone_matches_nothing(desk):
    """A row under a key that no candidate is for is a mismatch."""
    begun(desk, opening())

    assert [Verdict.MISMATCH] == checked(desk, check(digests={"k2": RIGHT}))
    assert [Verdict.MISMATCH] == checked(desk, check(digests={}))


@pytest.mark.parametrize("at", [310.0, 10_000.0, -30.0])
def test_past_its_end_it_is_expired(desk, at):
    """Right or wrong; also where the clock was put back to before it was made. Nothing is charged."""
    begun(desk, opening())

    assert [Verdict.EXPIRED, Verdict.EXPIRED] == checked(desk, check(at=at), check(WRONG, at=at))
    assert [Verdict.MATCH] == checked(desk, check(at=309.9))


def test_an_unknown_reference_and_another_account(desk):
    """Both are unknown."""
    begun(desk, opening())

    assert [Verdict.UNKNOWN] * 2 == checked(desk, check(reference="other"), check(account="other"))


def test_a_live_reference_is_taken(desk):
    """Its message and key are not written; after its end, its match or under another account it is free."""
    begun(desk, opening())

    written = desk.outbox.write(Batch(accepts=[accept(desk, opening("m2"), key="k"), accept(desk, opening("m3"))]))

    assert {0: Taken(Held.LIVE, 310.0), 1: Taken(Held.LIVE, 310.0)} == written.taken
    assert (None, None) == (desk.outbox.message("m2"), desk.outbox.find_reference("shop", "k"))
    assert {} == begun(desk, opening("m4", account="other"))
    checked(desk, check())
    assert {} == begun(desk, opening("m5"))
    assert {} == begun(desk, opening("m6", created_at=310.0, expires_at=600.0))
    assert [Verdict.EXPIRED, Verdict.MATCH] == checked(desk, check(at=600.0), check(at=311.0))


def test_of_two_in_one_transaction_the_first_opens(desk):
    """The second finds it live."""
    assert {1: Taken(Held.LIVE, 310.0)} == begun(desk, opening("m1"), opening("m2"))
    assert desk.outbox.message("m2") is None


def test_an_accept_that_is_written_twice_is_one_challenge(desk):
    """When the answer to its batch was lost, it finds itself; its tries are those it has."""
    assert {} == begun(desk, opening())
    assert {} == begun(desk, opening())


def test_a_repeated_key_is_a_replay_and_opens_nothing(desk):
    """Whether the reference is live or free by now."""
    desk.outbox.write(Batch(accepts=[accept(desk, opening(), key="k")]))
    checked(desk, check())

    written = desk.outbox.write(Batch(accepts=[accept(desk, opening("m2"), key="k")]))

    assert ({0: Replay("m1", "f")}, {}) == (written.replays, written.taken)
    assert desk.outbox.message("m2") is None


@pytest.mark.parametrize(
    ("fields", "free"),
    [
        ({"state": State.REJECTED}, True),
        ({"state": State.CANCELLED}, True),
        ({"state": State.EXPIRED}, True),
        ({"state": State.EXPIRED, "receipt_state": "EXPIRED"}, False),
        ({"state": State.REJECTED, "resends": 1}, False),
        ({"state": State.QUEUED}, False),
        ({"state": State.UNCERTAIN}, False),
        ({"state": State.SENT}, False),
        ({"state": State.UNDELIVERABLE}, False),
    ],
    ids=str,
)
def test_a_failed_send_frees_the_reference(desk, fields, free):
    """What surely never left leaves no code to verify; what may have arrived, or may still, does."""
    begun(desk, opening(), **fields)

    if free:
        assert [Verdict.UNKNOWN] == checked(desk, check())
        assert {} == begun(desk, opening("m2"))
    else:
        assert {0: Taken(Held.LIVE, 310.0)} == begun(desk, opening("m2"))
    assert [Verdict.MATCH] == checked(desk, check())


def test_a_failed_repeat_leaves_the_first(desk):
    """One of its messages has left, so its code counts."""
    begun(desk, opening(), state=State.SENT)
    begun(desk, Again("m1", "shop", "login", "m2", 1, 50.0), state=State.REJECTED)

    assert [Verdict.MATCH] == checked(desk, check())


def test_a_repeat_is_noted_once(desk):
    """Two that saw the same number of sends: one goes out; written twice it is one; after its end there is none."""
    begun(desk, opening())

    both = [Again("m1", "shop", "login", message, 1, 50.0) for message in ("m2", "m3")]
    assert {1: Taken(Held.RACED)} == begun(desk, *both)
    assert (State.QUEUED, None) == (desk.state("m2"), desk.outbox.message("m3"))
    assert {} == begun(desk, Again("m1", "shop", "login", "m2", 1, 50.0))
    kept = desk.outbox.read(partial(read_challenge, id="m1"))
    assert (2, 50.0, "login", False) == (kept.sends, kept.sent_at, kept.reference, kept.never_sent)
    assert {0: Taken(Held.OVER)} == begun(desk, Again("m1", "shop", "login", "m4", 2, 310.0))
    checked(desk, check())
    assert {0: Taken(Held.OVER)} == begun(desk, Again("m1", "shop", "login", "m5", 2, 60.0))
    assert {0: Taken(Held.OVER)} == begun(desk, Again("m9", "shop", "none", "m6", 1, 60.0))
    assert [None] * 3 == [desk.outbox.message(one) for one in ("m4", "m5", "m6")]


def test_failures_of_a_recipient_outlive_its_challenges(desk):
    """Over references and transactions: fifteen are looked at, then none, and no new one is opened for an hour."""
    verdicts = []
    for number in range(4):
        begun(desk, opening(f"m{number}", reference=f"r{number}"))
        verdicts += checked(desk, *(check(WRONG, id=f"c{place}", reference=f"r{number}") for place in range(4)))

    assert [Verdict.MISMATCH] * 15 + [Verdict.EXHAUSTED] == verdicts
    assert [Verdict.EXHAUSTED] == checked(desk, check(reference="r3"))
    late = opening("m9", reference="r9", created_at=21.0)
    assert {0: Taken(Held.LOCKED, 3_620.0)} == begun(desk, late)
    assert {} == begun(desk, opening("m8", reference="r8", recipient="491701234568"))
    assert {} == begun(desk, opening("m7", reference="r7", created_at=3_620.0, expires_at=3_900.0))
    assert [Verdict.MATCH] == checked(desk, check(reference="r7", at=3_621.0))


def test_a_match_ends_the_row_of_failures_but_not_the_hour(desk):
    """Locked is who has so many wrong ones in a row; unlocked by an operator."""
    limits = {"failures_per_hour": 100, "lock_after": 3}
    for number in range(3):
        begun(desk, opening(f"m{number}", reference=f"r{number}", **limits))
    two = [check(WRONG, id=f"c{number}", reference="r0", **limits) for number in range(2)]

    assert [Verdict.MISMATCH, Verdict.MISMATCH, Verdict.MATCH] == checked(desk, *two, check(reference="r0", **limits))
    wrong = [check(WRONG, id=f"c{number}", reference="r1", **limits) for number in range(4)]
    assert [Verdict.MISMATCH] * 3 + [Verdict.EXHAUSTED] == checked(desk, *wrong)
    assert {0: Taken(Held.LOCKED, None)} == begun(desk, opening("m9", reference="r9", **limits))
    assert [1] == desk.outbox.write(Batch(calls=[partial(unlock, recipient="491701234567")])).calls
    assert [Verdict.MATCH] == checked(desk, check(reference="r1", **limits))


def test_a_wrong_recipient_counts_against_the_right_one(desk):
    """It takes a try and is counted where the code belongs, not at the number that was named."""
    begun(desk, opening())
    others = [check(WRONG, id=f"c{number}", recipient=f"49170000000{number}") for number in range(5)]

    assert [Verdict.MISMATCH] * 5 == checked(desk, *others)
    counted = desk.outbox.read(
        lambda connection: connection.exec_driver_sql("SELECT recipient, consecutive FROM otp_failures").all()
    )
    assert [("491701234567", 5)] == [tuple(row) for row in counted]


def test_old_ones_are_forgotten(desk):
    """Challenges by their end, failures by the last of them."""
    begun(desk, opening())
    checked(desk, check(WRONG))

    calls = [
        partial(forget_challenges, before=310.0),
        partial(forget_failures, before=20.0),
        partial(forget_challenges, before=310.1),
        partial(forget_failures, before=20.1),
    ]
    assert [0, 0, 1, 1] == desk.outbox.write(Batch(calls=calls)).calls
    assert [Verdict.UNKNOWN] == checked(desk, check())
    assert desk.outbox.read(partial(read_challenge, id="m1")) is None


def test_names_in_any_letters(desk):
    """References of any script, with quotation marks and braces, are found again."""
    names = ["\u043b\u043e\u0433\u0438\u043d", "a\"b'c", "{}[],\\", "\U0001f511", "%s", "null"]
    begun(desk, *(opening(f"m{place}", reference=name) for place, name in enumerate(names)))

    assert [Verdict.MATCH] * len(names) == checked(desk, *(check(id=name, reference=name) for name in names))


@pytest.mark.needs("postgresql")
def test_two_nodes_check_and_open_at_once(postgres_url, opened, desk_of):
    """Many rounds on two nodes at the same rows: one match each, at most five looked at, and neither node fails."""
    nodes = [desk_of(opened(postgres_url, node=f"node{number}")) for number in range(2)]
    for round_ in range(20):
        fresh = opening(f"m{round_}", reference=f"r{round_}", recipient=f"4917{round_}", created_at=10.0)
        nodes[0].outbox.write(Batch(accepts=[accept(nodes[0], fresh)]))
    barrier = threading.Barrier(2)
    verdicts, taken, errors = [[], []], [[], []], []

    def work(number):
        desk = nodes[number]
        try:
            for round_ in range(20):
                names = range(20) if number else reversed(range(20))
                right = RIGHT if round_ % 2 else WRONG
                batch = Batch(
                    checks=[
                        check(right if place == round_ else WRONG, f"{number}-{round_}-{place}", reference=f"r{place}")
                        for place in names
                        if place >= round_
                    ],
                    accepts=[
                        accept(desk, opening(f"n{number}{round_}{place}", reference=f"new{round_}{place}"))
                        for place in (range(5) if number else reversed(range(5)))
                    ],
                )
                barrier.wait(20)
                written = desk.outbox.write(batch)
                verdicts[number] += [
                    (one.reference, got.verdict) for one, got in zip(batch.checks, written.checks, strict=True)
                ]
                taken[number].append(len(written.taken))
        except Exception as error:  # noqa: BLE001 - told in the test's own thread
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [] == errors
    assert [5] * 20 == [one + other for one, other in zip(*taken, strict=True)]
    for place in range(20):
        found = [verdict for side in verdicts for reference, verdict in side if reference == f"r{place}"]
        assert found.count(Verdict.MATCH) <= 1
        assert found.count(Verdict.MATCH) + found.count(Verdict.MISMATCH) <= 5


# --- by mail where no text can ----------------------------------------------------------------------------------------

FALLBACK = {"fallback": "a@shop.example", "fallback_subject": "Code", "fallback_at": 40.0}


def by_mail(desk, *, at=50.0, mail="m9"):
    """Let the code of the challenge m1 go by mail; gives why not."""
    instead = Instead("m1", "shop", "login", mail, at)
    message = desk.message(mail, submission="m1", to="a@shop.example")
    return desk.outbox.write(Batch(accepts=[Accept((message,), "shop", challenge=instead)])).taken.get(0)


def due(desk, now):
    """Tell for which codes it is time to see whether they go by mail."""
    return [one.id for one in desk.outbox.read(partial(due_fallbacks, now=now, limit=10))]


def test_a_code_goes_by_mail_in_place_of_a_text_that_waits(desk):
    """Once: the text is cancelled and says why, the code matches and says how it went; written twice it is one."""
    begun(desk, opening(**FALLBACK))

    assert ([], ["m1"]) == (due(desk, 39.9), due(desk, 40.0))
    assert None is by_mail(desk)
    assert None is by_mail(desk), "the same batch once more"
    assert Taken(Held.OVER) == by_mail(desk, mail="m10")
    text, mail = desk.outbox.message("m1"), desk.outbox.message("m9")
    said = "its code went by mail instead, with the message m9"
    assert (State.CANCELLED, said, 50.0) == (text.state, text.detail, text.settled_at)
    assert (State.QUEUED, "m1") == (mail.state, mail.submission)
    assert [] == due(desk, 1000.0)
    assert [Checked(Verdict.MATCH, mailed=True)] == desk.outbox.write(Batch(checks=[check()])).checks
    assert [Checked(Verdict.MATCH, mailed=True)] == desk.outbox.write(Batch(checks=[check()])).checks, "written twice"
    assert "m9" == desk.outbox.read(partial(read_challenge, id="m1")).message_id


def test_a_text_that_was_refused_need_not_wait(desk):
    """Its code is due at once; the attempt keeps what the provider said."""
    begun(desk, opening(**FALLBACK), state=State.SENDING, attempt=1, connector="a", started_at=10.0)
    assert Taken(Held.RACED) == by_mail(desk), "it is being sent"
    settled = Settled("m1", 1, 0, "REJECTED", "rejected", 12.0, 10.0, "a", reason="INVALID_RECIPIENT", detail="no")
    desk.outbox.write(Batch(settled=[settled]))

    assert ["m1"] == due(desk, 12.0)
    assert None is by_mail(desk, at=12.5)
    text = desk.outbox.message("m1")
    said = "its code went by mail instead, with the message m9"
    assert (State.REJECTED, "INVALID_RECIPIENT", said, 12.0) == (
        text.state,
        text.reason,
        text.detail,
        text.settled_at,
    )
    assert ["no"] == [attempt.detail for attempt in desk.outbox.attempts("m1")]


@pytest.mark.parametrize("outcome", ["deferred", "uncertain"])
def test_only_what_surely_never_left_goes_by_mail(desk, outcome):
    """A text that a provider put off may; one whose try had no answer may have arrived, though it waits again."""
    begun(desk, opening(**FALLBACK), state=State.SENDING, attempt=1, connector="a", started_at=10.0)
    desk.outbox.write(Batch(settled=[Settled("m1", 1, 0, "QUEUED", outcome, 12.0, 99.0, "a")]))

    assert (None if outcome == "deferred" else Taken(Held.OVER)) == by_mail(desk)


def test_an_uncertain_try_is_remembered_when_the_next_one_was_put_off(desk):
    """The row tells of the last try; the one before it is looked at too."""
    begun(desk, opening(**FALLBACK), state=State.SENDING, attempt=1, connector="a", started_at=10.0)
    desk.outbox.write(Batch(settled=[Settled("m1", 1, 0, "QUEUED", "uncertain", 12.0, 13.0, "a")]))
    desk.outbox.write(Batch(starts=[Start("m1", 2, "a", 0, 13.0)]))
    desk.outbox.write(Batch(settled=[Settled("m1", 2, 0, "QUEUED", "deferred", 14.0, 99.0, "a")]))

    assert Taken(Held.OVER) == by_mail(desk)


@pytest.mark.parametrize("reason", ["BARRED", "OPTED_OUT"])
def test_who_is_blocked_or_has_opted_out_gets_no_mail(desk, reason):
    """Such a no is final, whatever the way."""
    begun(desk, opening(**FALLBACK), state=State.SENDING, attempt=1, connector="a", started_at=10.0)
    desk.outbox.write(Batch(settled=[Settled("m1", 1, 0, "REJECTED", "rejected", 12.0, 10.0, "a", reason=reason)]))

    assert Taken(Held.OVER) == by_mail(desk)


@pytest.mark.parametrize("state", [State.SENT, State.UNCERTAIN, State.CANCELLED, State.DELIVERED, State.EXPIRED])
def test_in_no_other_state_a_code_goes_by_mail(desk, state):
    """Sent, unclear or ended by somebody: the mail is not written."""
    begun(desk, opening(**FALLBACK), state=state)

    assert Taken(Held.OVER) == by_mail(desk)
    assert None is desk.outbox.message("m9")


def test_a_repeat_that_was_sent_keeps_the_code_from_going_by_mail(desk):
    """All messages of a code are looked at, and all that wait are ended with it."""
    begun(desk, opening(**FALLBACK))
    begun(desk, Again("m1", "shop", "login", "m2", 1, 45.0))
    assert None is by_mail(desk)
    assert [State.CANCELLED] * 2 == [desk.outbox.message(name).state for name in ("m1", "m2")]

    begun(desk, opening("m3", reference="other", **FALLBACK))
    begun(desk, Again("m3", "shop", "other", "m4", 1, 45.0), state=State.SENT)
    message = desk.message("m8", submission="m3", to="a@shop.example")
    accepts = [Accept((message,), "shop", challenge=Instead("m3", "shop", "other", "m8", 50.0))]
    assert {0: Taken(Held.OVER)} == desk.outbox.write(Batch(accepts=accepts)).taken
    assert State.QUEUED is desk.outbox.message("m3").state


def test_a_code_that_is_over_or_was_replaced_does_not_go_by_mail(desk):
    """Nor one whose address was dropped."""
    begun(desk, opening(**FALLBACK))

    assert Taken(Held.OVER) == by_mail(desk, at=310.0)
    assert 1 == desk.outbox.write(Batch(calls=[partial(drop_fallbacks, ids=["m1"])])).calls[0]
    assert Taken(Held.OVER) == by_mail(desk)
    assert State.QUEUED is desk.outbox.message("m1").state
    assert [Checked(Verdict.MATCH)] == desk.outbox.write(Batch(checks=[check()])).checks


def test_a_code_without_a_route_opens_by_mail(desk):
    """It is never due, and its match says how it went."""
    begun(desk, opening(fallback="a@shop.example"))

    assert [] == due(desk, 1000.0)
    assert [Checked(Verdict.MATCH, mailed=True)] == desk.outbox.write(Batch(checks=[check()])).checks


def test_texts_refused_off_the_good_path_are_due_at_once_too(desk):
    """Where no route is left for a text that waits, its code is looked at."""
    begun(desk, opening(**FALLBACK))
    desk.outbox.write(Batch(calls=[partial(reject, ids=["m1"], reason=Reason.NO_ROUTE, now=20.0)]))

    assert ["m1"] == due(desk, 20.0)
    assert None is by_mail(desk)


# --- nodes whose clocks differ ----------------------------------------------------------------------------------------


def test_a_node_half_a_minute_behind_checks_what_another_has_opened(desk):
    """Thirty seconds before it was made are the clocks' difference; more is a clock that was put back."""
    begun(desk, opening())

    assert [Verdict.EXPIRED] == checked(desk, check(at=-20.001))
    assert [Verdict.MISMATCH, Verdict.MATCH] == checked(desk, check(WRONG, at=-20.0), check(at=-20.0))


def test_a_node_half_a_minute_behind_finds_a_reference_taken(desk):
    """It opens no second code beside one that lives; past the difference the old one is over, for the check too."""
    begun(desk, opening())

    assert {0: Taken(Held.LIVE, 310.0)} == begun(desk, opening("m2", created_at=-20.0, expires_at=280.0))
    assert {} == begun(desk, opening("m3", created_at=-21.0, expires_at=279.0))
    assert [Verdict.MATCH] == checked(desk, check(at=-20.0))


def test_a_node_ahead_ends_codes_so_much_sooner(desk):
    """It never lets one live longer than its node wrote down, and its own live on at the node behind."""
    begun(desk, opening())

    assert [Verdict.EXPIRED, Verdict.MATCH] == checked(desk, check(at=310.0), check(at=281.0))
