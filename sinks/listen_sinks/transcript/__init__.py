"""The transcript sink and its engines: speech becomes text while a call is on."""
