"""A part of another distribution that is not complete."""

from acme_client import Client

CLIENT = Client()
