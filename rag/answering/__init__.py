"""Answers from what a reader may see: prompts, the model behind them, citations, and refusals."""
