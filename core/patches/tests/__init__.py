"""What every patch is tested for: that it works, and that the library has not changed underneath."""
