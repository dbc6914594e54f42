"""Messages at rest, sealed. FORMAT.md says what they are to the byte."""
