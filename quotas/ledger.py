"""The byte quota: exact, in the transaction that accepts a batch."""

#: Charges `bytes` and `entries` to this month's row; no row comes back when that would exceed the limit.
#: PostgreSQL re-reads the row after a lock wait (READ COMMITTED), so two requests can never both take the last byte.
CHARGE = """
UPDATE quotas_monthlyusage AS usage
   SET used_bytes = usage.used_bytes + %(size_bytes)s, entries = usage.entries + %(entries)s
  FROM quotas_quota AS quota JOIN quotas_plan AS plan ON plan.id = quota.plan_id
 WHERE usage.organisation_id = %(organisation_id)s
   AND usage.period = date_trunc('month', now() AT TIME ZONE 'UTC')::date
   AND quota.organisation_id = usage.organisation_id
   AND usage.used_bytes + %(size_bytes)s <= CASE
           WHEN now() >= coalesce(quota.overrides_from, '-infinity')
            AND now() < coalesce(quota.overrides_until, 'infinity')
           THEN coalesce(quota.monthly_bytes, plan.monthly_bytes)
           ELSE plan.monthly_bytes END
RETURNING usage.organisation_id, usage.period, usage.used_bytes
"""
