"""What every endpoint of the REST API shares; knows no app."""
