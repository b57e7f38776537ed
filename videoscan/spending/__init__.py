"""What a scan may spend and has spent: prices, budgets, estimates, and the ledger that holds them."""
