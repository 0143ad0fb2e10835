"""What Ava is measured against: the least that takes a signed webhook and stores it."""
