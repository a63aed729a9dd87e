"""Benefits and claims: what is due on an act, by whom, and why. Pure: same claim, same cents."""
