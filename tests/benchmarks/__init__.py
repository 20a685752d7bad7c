"""What the product does on this machine, beside what the machine can do: docs/performance.md names the commands."""
