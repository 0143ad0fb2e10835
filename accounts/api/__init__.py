"""The REST API's view of people, organizations and keys, and what its other endpoints stand on."""
