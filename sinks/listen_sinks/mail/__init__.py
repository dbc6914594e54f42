"""Owners of mailboxes told by mail: one more who is told of events, beside ../webhook."""
