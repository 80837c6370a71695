"""The door: HTTP in, Temporal out."""
