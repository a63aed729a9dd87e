"""A whole installation under load, whose processes die at random: `python -m bench siege`."""
