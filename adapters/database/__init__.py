"""How Remit remembers: tables, migrations and the stores that speak SQL. PostgreSQL, and nothing else."""
