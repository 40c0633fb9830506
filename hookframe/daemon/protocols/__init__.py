"""The protocols of connections: jsonl, exim, explain."""
