"""The process that notices changes of the policy, and writes the log directory."""
