"""Where blobs lie: in a folder of this machine."""
