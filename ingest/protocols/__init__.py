"""What clients speak, one package or file a protocol: bytes to entries. Protocols do not know each other."""
