"""A failover of the database under load, and replicas that fail, on two real MySQL servers."""
