"""``python -m driftmatch``, the same as the command ``driftmatch``."""

from driftmatch.cli.main import main

main()
