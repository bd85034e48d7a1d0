"""What every room may use: checks, whole files, progress bars, version stamps."""
