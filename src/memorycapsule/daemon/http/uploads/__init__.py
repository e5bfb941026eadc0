"""Files on their way in: the tus protocol, and the threads that take pieces."""
