"""How the evaluator is, for operators: one row, which costs a look at small or indexed things."""

#: As columns: seconds since somebody looked at the rules (-1: nobody ever did), rules that we have paused, and
#: incidents that are open.
STANDING = """
SELECT coalesce((SELECT greatest(0, extract(epoch FROM now() - looked_at)) FROM alerts_round WHERE id = 1), -1)::float8
           AS alerts_looked_seconds,
       (SELECT count(*) FROM alerts_rule WHERE is_active AND paused_at IS NOT NULL) AS alert_rules_paused,
       (SELECT count(*) FROM alerts_incident WHERE closed_at IS NULL) AS incidents_open
"""
