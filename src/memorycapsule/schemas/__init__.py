"""
The JSON contract: what the command line and the API answer, once for both.

One module per noun, so that a command builds no more models than it answers with. Each model is made from what services
return by a classmethod that begins with `of`. These shapes stay (`docs/en/commands.md`); more fields may come.
"""
