"""The web for people. A client of the gateway with no private door to rights."""
