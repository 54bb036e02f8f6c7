"""The self-test of the gate: candidates known to be bad, and known to be good, made of the user's own project."""
