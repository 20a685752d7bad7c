"""The one command, `luminalog`: its words, help and completion, and `send`. What the words do is the rooms' affair."""
