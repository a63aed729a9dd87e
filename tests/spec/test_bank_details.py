"""A change of account as a table and a diagram, from the code. Also docs/rules/bank-details.md."""

from rempart.accounts.bank_details import TRANSITIONS, ChangeState
from rempart.accounts.permissions import GRANTS
from rempart.exchange.payee_check import FakePayeeProvider, ask_payee
from rempart.kernel.synthetic import make_synthetic_iban
from rempart.tariffs.parameters import PARAMETERS

SHOWN = (
    "bank_details_cooling_days",
    "bank_details_unverified_cooling_days",
    "bank_details_lost_role_days",
    "second_person_days",
    "contact_kept_days",
)
MEANING = {
    ChangeState.PROPOSED: "waits for a second person",
    ChangeState.COOLING: "agreed to; the old account is still paid, or payments are held",
    ChangeState.ACTIVE: "the account that is paid",
    ChangeState.REPLACED: "was paid until the next one began",
    ChangeState.CANCELLED: "stopped before its time",
    ChangeState.REFUSED: "a second person said no",
}


def draw_diagram() -> str:
    """Draw the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for before, steps in TRANSITIONS.items():
        for after, step in steps.items():
            event = step.event.removeprefix("bank_details_") if step.event else "operator's file"
            lines.append(f"    {before or '[*]'} --> {after}: {event}")
        if before is not None and not steps:
            lines.append(f"    {before} --> [*]")
    return "\n".join(lines)


def list_steps():
    for before, steps in TRANSITIONS.items():
        for after, step in steps.items():
            who = ", ".join(f"`{role}`" for role in sorted(step.roles)) or "nobody: time passes"
            if step.event is None:
                who = "the operator's file of professionals"
            needs = [p for p in step.permissions if GRANTS[p].step_up]
            yield (
                f"`{before}`" if before else "",
                f"`{after}`",
                f"`{step.event}`" if step.event else "none",
                who,
                "yes" if needs else "no",
            )


def list_fake_answers():
    for digit in "0123456789":
        iban = next(
            one for one in map(make_synthetic_iban, range(1000)) if one.number.endswith(digit)
        )
        yield digit, f"`{ask_payee(FakePayeeProvider(), iban, 'Pharmacie').check}`"


def test_the_page_says_the_same(check_page, write_table):
    states = write_table(
        ("state", "meaning"), [(f"`{state}`", MEANING[state]) for state in ChangeState]
    )
    steps = write_table(("from", "to", "event", "who", "fresh ceremony"), list(list_steps()))
    parameters = write_table(
        ("parameter", "value", "from", "reason"),
        [(f"`{p.name}`", p.value, p.valid_from, p.source) for p in PARAMETERS if p.name in SHOWN],
    )
    answers = write_table(("last digit", "answer"), list(list_fake_answers()))
    check_page(
        "bank-details.md",
        f"""# Changing the account an establishment is paid on

Written by `tests/spec/test_bank_details.py` from `src/rempart/accounts/bank_details.py`.

```mermaid
{draw_diagram()}
```

{states}

## Steps

{steps}

Every step by a person also stands in the table of permissions; the event and one warning per
known address are written in the same transaction. A change under way keeps another from being
proposed.

## Who must agree

1. Alone in the establishment: nobody else; the cooling-off period begins at once.
2. With a colleague who may (holder or establishment manager): one of them, another person than
   the proposer whatever the roles. Both had their roles for `second_person_days` before the
   proposal, and in that time neither invited the other: a thief would invite somebody, to approve
   or to propose. A role changed or given back is a new one. A newcomer approves nothing and still
   makes the proposer not alone.
3. When the bank says that name and account do not match, a second person even then; so too when a
   colleague lost the role lately: a thief would suspend them first. If nobody there can, the
   operator approves, and only then.

## When it counts

The cooling-off period begins with the last agreement and lasts whole days of 24 hours: the longer
one unless the payee's bank said `match`. Until its end anybody entitled stops the change, the
operator included. From its first instant on the new account is paid, whether or not that has been
written down yet; until then the old one is, or payments are held when there is none. A file of
professionals gives a first account and never replaces one.

{parameters}

## The fake provider of verification of payee

By the last digit of the IBAN:

{answers}
""",
    )
