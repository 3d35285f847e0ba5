"""How much better a tuned model answers than its base model: `lintune eval`."""
