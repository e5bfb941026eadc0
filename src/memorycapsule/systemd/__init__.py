"""systemd: telling it how this process is, and the units by which it starts us."""
