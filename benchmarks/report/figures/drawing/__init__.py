"""What figures share: how they look, how marks and axes are drawn, where labels go."""
