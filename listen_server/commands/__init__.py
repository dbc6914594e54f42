"""What a person types after `listen-server`: one room a command, joined in `__main__.py`."""
