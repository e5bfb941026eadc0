"""The instants at which tests take place."""

from datetime import UTC, datetime

#: 8 May 2026, 09:00 UTC, a Friday. A daemon under the real clock finds it in the past.
NOW = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)
