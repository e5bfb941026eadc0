"""Due work on several machines that share one database: how they wake each other."""
