"""A daemon on another machine, by its API: what commands ask when CAPSULE_URL says where it is."""
