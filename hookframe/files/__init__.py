"""Files as the operating system sees them: snapshots, descriptors, changes."""
