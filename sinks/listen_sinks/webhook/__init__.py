"""Events for others: signed, from an outbox that outlives the process. README.md is for them."""
