"""Where the audio goes. api.py is the contract, README.md in the folder above the first page."""
