"""What operators watch of MCP."""

from prometheus_client import Counter

CALLS = Counter("luminalog_mcp_calls", "Calls of tools: ok, refused, or failed.", ["tool", "outcome"])
REFUSED = Counter("luminalog_mcp_refused_requests", "Requests that came to no tool, by the problem's code.", ["code"])
