"""Which members of staff may look at errors, and which decide."""

#: Of the room above, which looks at logs.
MAY_LOOK = "explore.view_logs"
MAY_DECIDE = "issues.resolve_group"
