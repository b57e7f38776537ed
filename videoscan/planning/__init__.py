"""What a scan comes to before it is made: what it would send, what that costs, how long it takes, and how it fits into a budget."""
