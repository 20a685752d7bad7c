"""The archive: closed days as compressed lines in a folder or a bucket, before retention drops them, and back."""
