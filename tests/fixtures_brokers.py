"""Brokers of our own, one of each kind for all tests; what runs them lies with the benchmark, which needs them too."""

from collections.abc import Iterator

import pytest
from bench.broker_servers import RABBITMQ, Server

from bench import broker_servers

__all__ = ["RABBITMQ", "Server", "mosquitto", "rabbitmq", "redis_server"]


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Server]:
    """Give a RabbitMQ on which anybody on this machine is guest."""
    with broker_servers.rabbitmq() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    """Give a Redis that writes every change to disk before it answers."""
    with broker_servers.redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[Server]:
    """Give a Mosquitto that keeps everything for a session that is away."""
    with broker_servers.mosquitto() as server:
        yield server
