"""A part of another distribution that is not complete."""

import acme_client
