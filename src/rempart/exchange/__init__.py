"""Formats and partners: what crosses the border is parsed here, and refused here with findings."""
