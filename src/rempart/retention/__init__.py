"""How long each thing is kept, and what survives its end: pure rules."""
