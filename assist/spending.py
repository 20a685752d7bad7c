"""What an organisation's questions to a model come to in a month (UTC): never more than it has set."""

from datetime import date

from foundation.postgres import execute, fetch_all

#: Only if the organisation allows questions, and has so much left.
HOLD = """
INSERT INTO assist_spending AS spent (organisation_id, period, tokens, questions)
SELECT organisation_id, date_trunc('month', now() AT TIME ZONE 'UTC')::date, %(tokens)s::bigint, 1
  FROM assist_setting
 WHERE organisation_id = %(organisation_id)s AND asks_model AND %(tokens)s::bigint <= monthly_tokens
    ON CONFLICT (organisation_id, period) DO UPDATE
   SET tokens = spent.tokens + EXCLUDED.tokens, questions = spent.questions + 1
 WHERE spent.tokens + EXCLUDED.tokens <= (
       SELECT monthly_tokens FROM assist_setting WHERE organisation_id = %(organisation_id)s AND asks_model)
RETURNING period
"""
SETTLE = """
UPDATE assist_spending SET tokens = greatest(0, tokens + %s) WHERE organisation_id = %s AND period = %s
"""
LEFT = """
SELECT asks_model, monthly_tokens, coalesce((
       SELECT tokens FROM assist_spending AS spent
        WHERE spent.organisation_id = setting.organisation_id
          AND period = date_trunc('month', now() AT TIME ZONE 'UTC')::date), 0)
  FROM assist_setting AS setting WHERE organisation_id = %s
"""


def hold(organisation_id: int, tokens: int) -> date | None:
    """Hold tokens for a question; return their month, or None if there are not so many, or none may be asked."""
    found = fetch_all(HOLD, {"organisation_id": organisation_id, "tokens": tokens})
    return found[0][0] if found else None


def settle(organisation_id: int, period: date, *, held: int, spent: int) -> None:
    """Say what a question for which tokens were held has come to."""
    execute(SETTLE, [spent - held, organisation_id, period])


def allowance(organisation_id: int) -> tuple[int, int] | None:
    """Return how many tokens an organisation may spend this month, and has; None if it allows no questions."""
    found = fetch_all(LEFT, [organisation_id])
    return (found[0][1], found[0][2]) if found and found[0][0] else None
