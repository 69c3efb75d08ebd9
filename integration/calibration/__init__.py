"""From raw similarity to a probability of relevance."""
