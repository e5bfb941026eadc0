"""The film as a plan: which pictures are shown when, how, and with which words and sounds. No pixels."""
