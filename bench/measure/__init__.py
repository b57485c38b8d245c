"""What `bench/run` measures, one file a concept."""
