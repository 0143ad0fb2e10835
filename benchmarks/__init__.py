"""How fast Ava is, against what the same machine can do at best: `make bench`."""
