"""The index of messages, in SQLite or PostgreSQL. README.md is the page to read.

Names are imported from the files that have them: who only needs records.py loads no database.
"""
