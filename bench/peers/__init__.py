"""The same catalogue served by others, for bench/graphql."""
