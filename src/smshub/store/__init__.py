"""Tables, migrations, the outbox: the only place that knows SQL."""
