"""The calls over the REST API, and trying out the mails about them."""
