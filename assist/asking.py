"""Asking a model about a group, because somebody has clicked: allowed, within the budget, recorded before it is sent.

An answer is kept for the evidence that it is about; nobody is asked twice about the same.
"""

import time
from dataclasses import dataclass
from datetime import date, datetime

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts import looks
from accounts.looks import Look
from accounts.models import AccessRecord, Organisation, User
from assist import answers, metrics, model_client, question, snapshots, spending
from assist.answers import NotValid, Suggestion
from assist.evidence import Evidence, last_kept
from assist.model_client import ModelError, ModelRefused, Said
from assist.models import Answer, Call, Verdict
from assist.question import CannotAsk, Question
from foundation.shares import Shares
from issues.asking import asking
from privacy.policies import rules_now

log = structlog.get_logger(__name__)

MAY_ASK = "assist.ask_model"
#: For the question and, where the answer is none, the same question once more.
SECONDS, LEAST_SECONDS, TRIES = 60.0, 5.0, 2
ANSWERED = """
SELECT answer.id, model, answer.at, document, count(*) FILTER (WHERE is_helpful), count(*) FILTER (WHERE NOT is_helpful)
  FROM assist_visible_answer AS answer LEFT JOIN assist_visible_verdict AS verdict ON verdict.answer_id = answer.id
 WHERE organisation_id = %s AND group_id = %s AND digest = %s AND model = %s
 GROUP BY answer.id, model, answer.at, document
"""
#: Of a process: each keeps a thread that long.
_asking = Shares(2, for_each=1)


class NotAsked(Exception):
    """Nothing was asked, or answered; the message is fit to be shown."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A suggestion about evidence, by which model, and who found it helpful."""

    id: int
    model: str
    at: datetime
    suggestion: Suggestion
    helpful: int
    unhelpful: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, from where."""

    user: User
    address: str


@dataclass(slots=True, kw_only=True)
class _Asked:
    """A question about evidence, for which tokens of a month are held, and some are spent."""

    organisation: Organisation
    evidence: Evidence
    question: Question
    record: AccessRecord
    period: date
    tokens: int
    spent: int = 0


def is_set_up() -> bool:
    """Tell whether the operator has named a model."""
    return model_client.is_set_up()


def host() -> str:
    """Return the name of the machine that is asked."""
    return model_client.host()


def answered(evidence: Evidence) -> Answered | None:
    """Return what the model that is set up has said about this evidence, if it was asked."""
    with asking(evidence.organisation_id) as cursor:
        cursor.execute(ANSWERED, [evidence.organisation_id, evidence.group_id, evidence.digest, settings.AI_MODEL])
        row = cursor.fetchone()
    return Answered(row[0], row[1], row[2], answers.again(row[3]), row[4], row[5]) if row else None


def ask(organisation: Organisation, number: int, digest: str, *, by: Asker) -> None:
    """Ask the model about the evidence with this digest, unless it was. Raises: `NotAsked`, `OperationalError`."""
    if not model_client.is_set_up():
        raise NotAsked("No model is set up.")
    evidence = last_kept(organisation.pk, number)
    if evidence is None or evidence.digest != digest:
        raise NotAsked("The evidence has changed since you saw it: look at it, and ask again.")
    if answered(evidence):
        return
    if not _asking.take(1, owner=organisation.pk):
        raise NotAsked("Another question is being asked: wait for its answer.")
    try:
        asked = _begun(organisation, evidence, by)
        try:
            _keep(evidence, _suggestion(asked))
        finally:
            spending.settle(organisation.pk, asked.period, held=asked.tokens, spent=asked.spent)
    finally:
        _asking.give_back(1, owner=organisation.pk)


def judge(organisation_id: int, answer_id: int, *, by: User, is_helpful: bool) -> bool:
    """Keep whether somebody found an answer helpful; tell whether there is such an answer."""
    if not Answer.objects.filter(pk=answer_id, organisation_id=organisation_id).exists():
        return False
    try:
        Verdict.objects.update_or_create(answer_id=answer_id, who=by, defaults={"is_helpful": is_helpful})
    except IntegrityError:  # it has gone meanwhile
        return False
    return True


def _begun(organisation: Organisation, evidence: Evidence, by: Asker) -> _Asked:
    """Write the question, hold what it may cost, and record it. Raises: `NotAsked`."""
    try:
        written = question.question(
            evidence.document,
            rules_now(organisation.pk),
            model=settings.AI_MODEL,
            most_tokens=settings.AI_MAX_INPUT_TOKENS,
            most_answered=settings.AI_MAX_OUTPUT_TOKENS,
        )
    except CannotAsk as error:
        raise NotAsked(str(error)) from error
    tokens = TRIES * (written.tokens + settings.AI_MAX_OUTPUT_TOKENS)
    said = f"model {settings.AI_MODEL}, evidence {evidence.digest}, {tokens:,} tokens at most"
    look = Look(action=AccessRecord.Action.MODEL, query=said, subject=f"#{evidence.number}")
    with transaction.atomic():
        period = spending.hold(organisation.pk, tokens)
        if period is None:
            raise NotAsked(_why_not(organisation.pk, tokens))
        record = looks.record(look, by=by.user, organisation=organisation, address=by.address)
    return _Asked(
        organisation=organisation, evidence=evidence, question=written, record=record, period=period, tokens=tokens
    )


def _why_not(organisation_id: int, tokens: int) -> str:
    left = spending.allowance(organisation_id)
    if left is None:
        return "This organisation does not allow questions to a model."
    allowed, spent = left
    return f"Of {allowed:,} tokens a month {allowed - spent:,} are left, and this question may take {tokens:,}."


def _suggestion(asked: _Asked) -> Suggestion:
    """Ask, and once more if the answer is none. Raises: `NotAsked`."""
    until = time.monotonic() + SECONDS
    trouble = "The model has not answered as it was asked to."
    for _ in range(TRIES):
        left = until - time.monotonic()
        if left < LEAST_SECONDS:
            break
        call = _recorded(asked)
        began = time.monotonic()
        try:
            said = model_client.ask(asked.question.body, seconds=left)
        except ModelError as error:
            is_refused = isinstance(error, ModelRefused)
            asked.spent += 0 if is_refused else asked.question.tokens  # who answers too late has worked, too
            outcome = Call.Outcome.REFUSED if is_refused else Call.Outcome.FAILED
            _note(call, outcome, began, detail=str(error))
            raise NotAsked(str(error)) from error
        asked.spent += _tokens_of(asked, said)
        try:
            suggestion = answers.read(said.text, known_ids=asked.evidence.ids)
        except NotValid:
            _note(call, Call.Outcome.INVALID, began, detail=trouble, said=said)
            continue
        _note(call, Call.Outcome.ANSWERED, began, said=said)
        return suggestion
    raise NotAsked(trouble)


def _tokens_of(asked: _Asked, said: Said) -> int:
    """Return what an answer came to, by the model's own count where it is one."""
    told_in = asked.question.tokens if said.tokens_in is None else said.tokens_in
    told_out = settings.AI_MAX_OUTPUT_TOKENS if said.tokens_out is None else said.tokens_out
    return max(0, told_in) + max(0, told_out)


def _recorded(asked: _Asked) -> Call:
    """Keep the exact text before it is sent, unless what it is about was erased meanwhile. Raises: `NotAsked`."""
    evidence = asked.evidence
    with transaction.atomic():
        if not snapshots.holds(asked.organisation.pk, since=evidence.made_at):
            raise NotAsked("Something was erased since this evidence was gathered: gather it anew.")
        return Call.objects.create(
            organisation_id=asked.organisation.pk,
            group_number=evidence.number,
            record_id=asked.record.pk,
            username=asked.record.username,
            digest=evidence.digest,
            model=settings.AI_MODEL,
            sent=asked.question.body.decode(),
        )


def _note(call: Call, outcome: Call.Outcome, began: float, *, detail: str = "", said: Said | None = None) -> None:
    seconds = time.monotonic() - began
    tokens_in, tokens_out = (max(0, said.tokens_in or 0), max(0, said.tokens_out or 0)) if said else (0, 0)
    Call.objects.filter(pk=call.pk).update(
        outcome=outcome, detail=detail[:200], seconds=round(seconds, 3), tokens_in=tokens_in, tokens_out=tokens_out
    )
    metrics.MODEL_QUESTIONS.labels(status=outcome.value).inc()
    metrics.MODEL_SECONDS.observe(seconds)
    metrics.MODEL_TOKENS.labels(direction="in").inc(tokens_in)
    metrics.MODEL_TOKENS.labels(direction="out").inc(tokens_out)
    log.info("model_asked", outcome=outcome.value, seconds=round(seconds, 3), tokens=tokens_in + tokens_out)


def _keep(evidence: Evidence, suggestion: Suggestion) -> None:
    """Keep an answer, unless what it is about was erased meanwhile. Raises: `NotAsked`."""
    try:
        with transaction.atomic():
            if not snapshots.holds(evidence.organisation_id, since=evidence.made_at):
                raise NotAsked("Something was erased while the model was asked: its answer is not kept.")
            Answer.objects.update_or_create(
                group_id=evidence.group_id,
                digest=evidence.digest,
                model=settings.AI_MODEL,
                defaults={
                    "organisation_id": evidence.organisation_id,
                    "oldest_at": evidence.oldest_at,
                    "document": answers.kept(suggestion),
                },
            )
    except IntegrityError as error:
        raise NotAsked("The group has gone meanwhile.") from error
