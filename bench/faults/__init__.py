"""Disks that fill, disks that drag, clocks that jump, under load: `python -m bench faults`."""
