"""The benchmark and the crash ledger: load, sink and runners, each in a process of its own, on loopback only."""
