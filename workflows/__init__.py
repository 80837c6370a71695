"""When things happen. One workflow a file; `run` reads as the story."""
