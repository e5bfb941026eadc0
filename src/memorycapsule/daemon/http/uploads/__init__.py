"""Uploads: the tus protocol, and the receiver that keeps what arrives."""
