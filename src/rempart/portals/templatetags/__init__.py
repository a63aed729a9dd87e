"""Tags of the portals' templates."""
