"""Programs that run a network without driftmatch: read by people, imported by `driftmatch.export`.

Each is complete in itself, as it is copied beside the weights.
"""
