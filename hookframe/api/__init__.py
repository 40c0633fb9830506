"""What crosses the hook: attempt, decision, hookspecs, errors and the JSON Schemas."""
