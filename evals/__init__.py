"""Golden questions, metrics, the baseline, measurements, the gate, and reports."""
