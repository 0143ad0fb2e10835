"""The wizard over the REST API: the person, the organization's choices, the way, and the launch."""
