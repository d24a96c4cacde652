"""What was measured: read from files and other libraries, and kept as states at times."""
