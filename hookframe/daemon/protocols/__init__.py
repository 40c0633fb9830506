"""What is spoken on a connection: jsonl, exim, explain."""
