"""The page "Send logs": an agent's lines, filled in, and a wait for the first entry. Its words are docs/send.md's."""
