"""What a worker does: claims jobs for its slots, has them run, keeps its lease, and writes how they ended."""
