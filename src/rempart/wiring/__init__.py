"""Builds everything once from settings: keys, pools, processes. Decides nothing."""
