"""One training run a process: recipe and samples in; adapter, merged model and a proven GGUF file out."""
