"""Sans-I/O codecs: bytes to values and back. They import only the domain."""
