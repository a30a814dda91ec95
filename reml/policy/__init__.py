"""What the composer sees, who composes, and the recurrent policy gradient."""
