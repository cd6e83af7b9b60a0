"""What happens to each attribute: the rule tables as data, and the profile that a site makes of them."""
