"""The contract that the language server and the trainer agree on: recipe, samples, chat rendering, events."""
