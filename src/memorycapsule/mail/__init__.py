"""Letters and the two ways they leave the house: an SMTP server, or a folder of `.eml` files."""
