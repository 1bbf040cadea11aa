"""Ways out: the contract's base and one small file for each kind of provider."""
