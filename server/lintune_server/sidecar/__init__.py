"""The sidecar: a process of its own that answers with the tuned model, its supervisor and its client."""
