"""The review queue: a small local app in which a person reads findings and decides about them."""
