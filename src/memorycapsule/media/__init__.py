"""Files that people send: recognised, checked, converted and analysed by limited children, and stored as blobs."""
