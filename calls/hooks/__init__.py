"""Webhooks out: a tenant's own systems are told of its calls. https://www.standardwebhooks.com"""
