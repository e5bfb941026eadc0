"""`python -m memorycapsule.cli`: the same as `capsule`."""

import sys

from memorycapsule.cli import main

sys.exit(main())
