"""What an operator sees of the service: logs, metrics, and the thread that ties a request to its tasks."""
