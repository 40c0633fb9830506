"""What we ask the operating system about files: snapshots, descriptors, changes."""
