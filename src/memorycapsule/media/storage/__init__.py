"""Where blobs lie: in a folder of this machine, or in a bucket of an S3-compatible service."""
