"""The alarm clock and the post office: who is told of what, when, and by which mail."""
