"""Reading the environment and the machine, before Django has settings."""
