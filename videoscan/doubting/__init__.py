"""What is doubtful is looked at or asked about once more: windows with other pictures, pairs of tellings as text."""
