"""Whom this installation calls: mail, channels, a model; and where others find it."""

from luminalog.settings.environment import env
from luminalog.settings.server import CSRF_TRUSTED_ORIGINS

#: Where the explorer finds the live tail's process. Empty: at its own address, by way of a proxy.
TAIL_URL = env.str("LUMINALOG_TAIL_URL", default="")
DOCS_URL = env.str("LUMINALOG_DOCS_URL", default="/docs")
#: Whether this installation has a process of MCP, which is to be missed: see docs/mcp.md.
MCP = env.bool("LUMINALOG_MCP", default=False)
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="luminalog@localhost")

# --- A model that may be asked about error groups: see docs/explain.md ------------------------------------------------
#: The base of an API as OpenAI's, as in http://127.0.0.1:11434/v1. Empty: no model is ever asked.
AI_URL = env.str("LUMINALOG_AI_URL", default="")
AI_MODEL = env.str("LUMINALOG_AI_MODEL", default="")
#: Goes with each question as a bearer token. Empty: none does.
AI_KEY = env.str("LUMINALOG_AI_KEY", default="")
#: Whether evidence may leave private networks; by https only.
AI_PUBLIC = env.bool("LUMINALOG_AI_PUBLIC", default=False)
#: The most of a question, and of an answer, in tokens.
AI_MAX_INPUT_TOKENS = env.int("LUMINALOG_AI_MAX_INPUT_TOKENS", default=8_000)
AI_MAX_OUTPUT_TOKENS = env.int("LUMINALOG_AI_MAX_OUTPUT_TOKENS", default=1_000)

#: Networks (CIDR) that channels may reach although they are not public; there also by plain HTTP.
WEBHOOK_ALLOWED_NETWORKS = env.list("LUMINALOG_WEBHOOK_ALLOWED_NETWORKS", default=[])
#: Where links in messages begin: the console's address, as browsers know it. Empty: messages have no links to it.
PUBLIC_URL = env.str("LUMINALOG_PUBLIC_URL", default=next(iter(CSRF_TRUSTED_ORIGINS), ""))
#: Where PagerDuty takes events; accounts of the EU have https://events.eu.pagerduty.com/v2/enqueue.
PAGERDUTY_URL = env.str("LUMINALOG_PAGERDUTY_URL", default="https://events.pagerduty.com/v2/enqueue")
