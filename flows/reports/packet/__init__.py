"""The packet of one exception: what a provider is shown, and a receipt that it stands in the results as it says."""
