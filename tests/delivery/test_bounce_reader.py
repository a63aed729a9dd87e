"""Reports of mail servers: which message they are about, what they say, and what is none."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.post_office import KEY, ROOM, write_mail

from rempart.exchange.bounce_reader import (
    REPORT_BYTES,
    Action,
    DeliveryReport,
    NotAReport,
    read_report,
)
from rempart.notices.envelopes import EnvelopeKey
from rempart.simulators.smtp import write_plain_bounce, write_report

NUMBER = 4217
TOKEN = KEY.mail_token(NUMBER)
TO = ROOM.return_path(TOKEN)
MAIL = write_mail(NUMBER)


def report(**changes) -> bytes:
    usual = {
        "sender": TO,
        "recipient": "lou@mel.invalid",
        "envid": TOKEN,
        "failed": True,
        "original": MAIL.content,
    }
    return write_report(**{**usual, **changes})


def plain(body: str, **headers: str) -> bytes:
    usual = {
        "Return-Path": "<>",
        "To": TO,
        "From": "Mail Delivery Subsystem <MAILER-DAEMON@relay.invalid>",
        "Subject": "Returned mail: see transcript for details",
    }
    named = {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return "".join(f"{name}: {value}\r\n" for name, value in named.items()).encode() + (
        b"\r\n" + body.encode()
    )


@pytest.mark.parametrize(
    ("content", "action", "code"),
    [
        (report(), Action.FAILED, "5.1.1"),
        (report(failed=False), Action.DELIVERED, "2.0.0"),
        (report(envid=""), Action.FAILED, "5.1.1"),
        (report().replace(b"Action: failed", b"Action: delayed"), Action.DELAYED, "5.1.1"),
        (report().replace(b"Action: failed", b"Action: RELAYED"), Action.DELIVERED, "5.1.1"),
        (report().lower().replace(TO.lower().encode(), TO.encode()), Action.FAILED, "5.1.1"),
        (
            write_plain_bounce(
                sender=TO,
                recipient="lou@mel.invalid",
                envid="",
                failed=True,
                original=MAIL.content,
            ),
            Action.FAILED,
            "5.1.1",
        ),
        (plain("550 5.2.2 <lou@mel.invalid>: mailbox full"), Action.FAILED, "5.2.2"),
        (plain("... while talking to mx:\r\n<<< 554 no such account"), Action.FAILED, "554"),
        (plain("Votre message n’a pas pu être remis."), Action.FAILED, ""),
        (plain("Message delayed 4 hours, will retry"), Action.DELAYED, ""),
        (plain("4.4.1 host not responding"), Action.DELAYED, "4.4.1"),
    ],
)
def test_a_report_says_what_became_of_one_message(content, action, code):
    assert read_report(content, KEY) == DeliveryReport(NUMBER, action, code)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (plain("Je suis absent jusqu’au 3.", From="Lou <lou@mel.invalid>"), NotAReport.ANSWER),
        (
            plain("550 rue de la Paix", From="lou@mel.invalid", Auto_Submitted="auto-replied"),
            NotAReport.ANSWER,
        ),
        (plain("Merci.", Return_Path="<lou@mel.invalid>"), NotAReport.ANSWER),
        (plain("All is well."), NotAReport.ANSWER),
        (plain("550 5.1.1 nobody", To="retours@tp.invalid"), NotAReport.NOT_OURS),
        (report(sender="x@y.invalid", envid="", original=b""), NotAReport.NOT_OURS),
        (b"", NotAReport.NOT_OURS),
        (b"\x00\xff" * 1000, NotAReport.NOT_OURS),
        (
            plain("x", To=f"{TO}, {ROOM.return_path(KEY.mail_token(NUMBER + 1))}"),
            NotAReport.NOT_OURS,
        ),
    ],
)
def test_an_answer_and_what_names_no_message_of_ours_are_no_reports(content, what):
    assert read_report(content, KEY) is what


def test_a_report_that_somebody_makes_up_is_nobody_s():
    stranger = EnvelopeKey(bytes(32)).mail_token(NUMBER)
    forged = report(
        sender=ROOM.return_path(stranger), envid=stranger, original=b"Subject: x\r\n\r\n"
    )
    assert read_report(forged, KEY) is NotAReport.NOT_OURS


def test_mutation_a_number_without_its_tag_would_be_believed(monkeypatch):
    stranger = EnvelopeKey(bytes(32)).mail_token(NUMBER)
    forged = report(
        sender=ROOM.return_path(stranger), envid=stranger, original=b"Subject: x\r\n\r\n"
    )
    monkeypatch.setattr(EnvelopeKey, "_tag", lambda *_: stranger[10:])
    assert isinstance(read_report(forged, KEY), DeliveryReport)


def test_nothing_of_a_report_but_number_action_and_code_is_kept():
    read = read_report(report(), KEY)
    assert "mel.invalid" not in repr(read)


@given(st.binary(max_size=2000))
def test_whatever_arrives_is_read_or_left(content):
    assert isinstance(read_report(content, KEY), (DeliveryReport, NotAReport))


@pytest.mark.parametrize(
    "layer",
    [
        b"Content-Type: message/rfc822\n\n",
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\n",
        b"Content-Type: multipart/digest; boundary=a\n\n--a\n\n",
    ],
)
def test_messages_within_messages_do_not_keep_the_next_ones_waiting(layer):
    deep = layer * (REPORT_BYTES // len(layer))
    assert read_report(deep, KEY) is NotAReport.NOT_OURS


@given(st.binary(max_size=200), st.integers(0, 5000))
def test_a_damaged_report_never_moves_another_s_message(noise, at):
    content = report()
    damaged = content[:at] + noise + content[at:]
    read = read_report(damaged, KEY)
    assert not isinstance(read, DeliveryReport) or read.number == NUMBER


@given(st.integers(0, 2**40 - 1))
def test_numbers_are_read_back_from_tokens_and_references(number):
    assert KEY.read_mail_token(KEY.mail_token(number).lower()) == number
    assert KEY.read_post_reference(KEY.post_reference(number).lower()) == number


@given(
    st.integers(0, 2**40 - 1),
    st.integers(0, 13),
    st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"),
)
def test_a_mistyped_reference_is_nobody_s(number, at, letter):
    right = KEY.post_reference(number)
    wrong = right[:at] + letter + right[at + 1 :]
    read = KEY.read_post_reference(wrong)
    assert read in (None, number)
    assert read is None or wrong.replace("-", "") == right.replace("-", "") or "-" in right[at]


def test_an_email_that_is_returned_whole_is_found_by_its_identifier():
    inner = email.message_from_bytes(MAIL.content, policy=email.policy.default)
    outer = email.message.EmailMessage()
    outer["Return-Path"], outer["From"] = "<>", "postmaster@relay.invalid"
    outer["To"], outer["Subject"] = "someone@tp.invalid", "Undelivered Mail"
    outer.set_content("550 5.1.1 unknown")
    outer.add_attachment(inner)
    assert read_report(outer.as_bytes(), KEY) == DeliveryReport(NUMBER, Action.FAILED, "5.1.1")
