"""What REST views are built on."""
