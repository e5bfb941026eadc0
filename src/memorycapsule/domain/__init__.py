"""Plain values and rules: no I/O but for zone data, which is read once, no clock, no library but the standard one."""
