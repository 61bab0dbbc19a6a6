"""What operators see of the service: logs, metrics, and the id that connects a request with its tasks."""
