"""The packet of one exception: what a provider is shown, with a receipt of the run it is from."""
