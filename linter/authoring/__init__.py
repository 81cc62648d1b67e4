"""What who writes rules and cases works with: counts of the cases, near-duplicates, agreement of labels, first sight."""
