"""The audit trail: who changed what. Secrets are left out or masked whole; what workers write is no change."""

AUDITLOG_INCLUDE_TRACKING_MODELS = (
    "accounts.Organisation",
    "accounts.Project",
    {
        "model": "accounts.ApiKey",
        "exclude_fields": [
            "sha256",
            "last_used_at",
            "last_used_address",
            "last_used_client",
            "seen_over_plain_http_at",
        ],
    },
    {
        "model": "accounts.User",
        "exclude_fields": ["last_login", "time_zone"],
        "mask_fields": ["password"],
        "mask_callable": "accounts.audit.hide",
        "m2m_fields": {"groups", "user_permissions"},
    },
    {"model": "auth.Group", "m2m_fields": {"permissions"}},
    "quotas.Plan",
    "quotas.Quota",
    # What it shows may be the words of clients, and is nobody's right.
    {"model": "explore.Dashboard", "exclude_fields": ["title", "document", "created_at", "changed_at"]},
    {
        "model": "notify.NoticeChannel",
        "exclude_fields": ["salt", "rests_until"],
        "mask_fields": ["address"],
        "mask_callable": "notify.masking.mask",
    },
    {"model": "privacy.Policy", "exclude_fields": ["hash_key"]},
    "privacy.Rule",
    "issues.Setting",
    "assist.Setting",
    {
        "model": "alerts.Rule",
        "exclude_fields": [
            "salt",
            "settled_until",
            "evaluated_at",
            "state",
            "state_reason",
            "slow_looks",
            "paused_at",
            "paused_reason",
        ],
    },
    "alerts.Silence",
    {
        "model": "edges.Edge",
        "exclude_fields": [
            "sha256",
            "installation",
            "floor",
            "last_seen_at",
            "version",
            "waiting_batches",
            "waiting_bytes",
            "oldest_seconds",
            "clock_seconds",
            "refused_batches",
        ],
        "m2m_fields": {"organisations"},
    },
)
