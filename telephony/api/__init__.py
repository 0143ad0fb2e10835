"""The REST API's view of numbers and of when the business is open."""
