"""
The pages that guests need, all of them below /g/.

A proxy may publish these and the uploads alone. Nothing here knows the pages of owners and accounts.
"""
