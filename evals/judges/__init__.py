"""Judges of answers, their calibration, and what they cost."""
