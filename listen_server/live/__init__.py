"""Calls that are on: which there are, and commands to them. api.py is the door."""
