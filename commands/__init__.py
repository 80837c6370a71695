"""How is it run? The groups of the command line that are long enough for a file of their own; `cli.py` joins them."""
