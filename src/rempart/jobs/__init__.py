"""What runs without anybody waiting for it."""
