"""The studio: a page in the browser where persons are made, talk, and are compared."""
