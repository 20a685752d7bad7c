"""MCP, the Model Context Protocol: read-only tools for a model's client, behind an API key that may read.

A process of its own, which needs `requirements-mcp.txt`. What is imported by others never imports `mcp`: only
`assist.mcp.server` does.
"""
