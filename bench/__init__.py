"""How fast Remit is, always beside the floor that Temporal sets on the same server in the same run."""
