"""The voicemail that callers hear and owners call: README.md says how."""
