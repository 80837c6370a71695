"""How Remit reaches the world: executors, notifiers, the database, policy files."""
