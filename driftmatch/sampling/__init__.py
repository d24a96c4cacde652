"""Where an SDE lives, how fast it is, and whether it is stationary."""
