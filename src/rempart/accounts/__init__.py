"""Who acts, in which role and for which purpose. Decides; never reads a database or a clock."""
