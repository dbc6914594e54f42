"""The server: uvicorn with protocol classes of ours, its ports, its certificate, its end."""
