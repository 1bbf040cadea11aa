"""The application: the only place that knows every room. It builds them, joins them, changes them and ends them."""

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

import structlog

from smshub import __version__, logs
from smshub import config as configuration
from smshub.broker import Broker
from smshub.config import Config, Merged, Server, address
from smshub.config.callers import directory_of, logins_of
from smshub.configured import Configured
from smshub.connectors.base import ConnectorSettings, connector_class
from smshub.connectors.post import Post
from smshub.console.app import Console
from smshub.domain.accounts import Account
from smshub.domain.commands import CATALOGUE, Refusal, Refused, TokenShown
from smshub.domain.retry import POLICIES
from smshub.domain.routing import Routes
from smshub.engine.audit import Audit
from smshub.engine.backups import Backups
from smshub.engine.callbacks import Callbacks
from smshub.engine.challenges import Challenges
from smshub.engine.committer import Committer
from smshub.engine.configuring import ConfigRoom
from smshub.engine.dispatcher import Dispatcher, Traffic
from smshub.engine.erasing import Erasing
from smshub.engine.exchanges import ExchangeRoom
from smshub.engine.fallbacks import Fallbacks
from smshub.engine.following import Follower
from smshub.engine.guard import Guarding
from smshub.engine.housekeeping import Housekeeping
from smshub.engine.hub import Hub
from smshub.engine.incoming import Inbox
from smshub.engine.letters import Letters
from smshub.engine.modems import ModemRoom
from smshub.engine.outlet import Outlet
from smshub.engine.parking import Parking
from smshub.engine.people import Sessions
from smshub.engine.privacy import Privacy
from smshub.engine.programs import Programs
from smshub.engine.recipients import Recipients
from smshub.engine.retention import Retention
from smshub.engine.servicelog import LogRoom
from smshub.engine.setup import SetupSecret
from smshub.engine.signing import Signing
from smshub.engine.tokens import TokenRoom
from smshub.engine.turns import Turns
from smshub.engine.users import UserRoom
from smshub.engine.watching import Watch
from smshub.frontends.auth import Gatekeeper
from smshub.frontends.carriers.brokers import Brokers
from smshub.frontends.carriers.doors import build_doors
from smshub.frontends.carriers.forwarded import Forwarded
from smshub.frontends.carriers.listening import Listeners, TlsFiles
from smshub.frontends.slowing import Slowing
from smshub.frontends.tokens import Tokens
from smshub.secretkey import server_key, setup_file
from smshub.store.outbox import Outbox

log = structlog.get_logger(__name__)


class Application:
    """
    A hub, whole: `start`, then `stop`.

    A changed configuration is taken over without dropping what is unchanged (`configured` knows what changed).
    """

    def __init__(self, config: Config, *, config_path: Path | None = None) -> None:
        self._file = config
        self._config_path = config_path
        self.config = config
        self._catalogue: Mapping[str, str] = CATALOGUE
        self._listeners = Listeners()
        self._housekeeping_task: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._broker = Broker()
        self._post = Post()
        self.addresses: list[str] = []

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the database, own the connectors, listen. Raises what stands in the way."""
        server = self._file.server
        self._key = server_key(self._file)
        self._outbox = await asyncio.to_thread(Outbox.open, server.database, node=server.node, processes=True)
        for warning in self._outbox.warnings():
            log.warning("store.warning", warning=warning)
        self._committer = Committer(self._outbox)
        self._privacy = Privacy(self._key)
        self._dispatcher = Dispatcher(self._committer, self._outbox, Traffic(Routes(()), POLICIES), self._privacy)
        self._gate = Gatekeeper()
        self._letters = Letters(self._outbox, self._committer, self._post.send)
        self._programs = Programs(
            self._outbox, self._committer, self._key, time.time, letters=self._letters, node=server.node
        )
        self._tokens = Tokens(self._gate, self._key, self._programs.ended)
        self.hub = Hub(
            outbox=self._outbox,
            committer=self._committer,
            dispatcher=self._dispatcher,
            node=server.node,
            queue_limit=server.limits.queue,
            privacy=self._privacy,
        )
        self._furnish(server)
        self._housekeeping = Housekeeping(
            outbox=self._outbox,
            committer=self._committer,
            dispatcher=self._dispatcher,
            hub=self.hub,
            owner=server.node,
            shared=self._outbox.database.name != "sqlite",
        )
        await self.hub.blocked.refresh()
        await self.configured.start()
        self._housekeeping_task = asyncio.create_task(self._housekeeping.run(), name="housekeeping")
        if self._outbox.database.name != "sqlite":
            self._refreshing = asyncio.create_task(self.configured.run(), name="refreshing")
        self._fallbacks.start()
        self._letters.start()
        await self._broker.apply(self._file.broker)
        self.addresses += self._broker.addresses
        await self.people.prepare()
        await self._guard.start()
        await self._listen()
        await self._brokers.apply(self._file.frontends)
        log.info("hub.started", version=__version__, listeners=self.addresses, node=server.node)

    def _furnish(self, server: Server) -> None:
        """Make what carries out the hub's commands beside it."""
        parking = Parking(self._outbox, self._committer, self._privacy)
        self._brokers = self._make_brokers(parking)
        self._signing = Signing(
            send=self.hub.send,
            committer=self._committer,
            outbox=self._outbox,
            shared=self._outbox.database.name != "sqlite",
        )
        self._challenges = Challenges(self.hub.send, self._committer, self._outbox, self._privacy)
        self._fallbacks = Fallbacks(
            self.hub.send,
            self._committer,
            self._outbox,
            self._privacy,
            accounts=self._account,
            outlets=lambda: self._dispatcher.outlets,
        )
        inbox = Inbox(self._outbox, self._committer)
        watch = Watch(self._outbox, self._committer, self.hub.status)
        self._watching = asyncio.create_task(watch.run(), name="watch")
        erasing = Erasing(self._outbox, self._committer)
        self._erasing = asyncio.create_task(erasing.run(), name="erasing")
        self._retention = Retention(self._outbox, self._committer)
        self._retaining = asyncio.create_task(self._retention.run(), name="retention")
        self.hub.serve(Recipients(self._outbox, self._committer, self._privacy, self.hub.blocked).handlers)
        backups = Backups(configuration.sqlite_file(server), Path(server.backups))
        self.hub.serve(ModemRoom(lambda: self._dispatcher.outlets).handlers)
        self.hub.serve(ExchangeRoom(self._outbox).handlers)
        self.hub.serve(LogRoom(logs.TAIL.lines).handlers)
        self.hub.serve({**backups.handlers, **watch.handlers, **inbox.handlers})
        self.hub.serve({**parking.handlers, **self._brokers.handlers, **self._challenges.handlers})
        self._furnish_changes(server)

    def _furnish_changes(self, server: Server) -> None:
        """Make what changes the hub itself, each change written down, and what knows who may."""
        self._audit = Audit(
            self._outbox,
            self._committer,
            self._key,
            lambda kind: self.configured.list_objects(kind),  # noqa: PLW0108 - it is made next, for it writes here
        )
        self.configured = Configured(
            self._file,
            self._config_path,
            outbox=self._outbox,
            committer=self._committer,
            key=self._key,
            apply=self._apply,
            take_over=self._take_over,
            note=self._audit.note,
        )
        self.hub.serve(ConfigRoom(self.configured).handlers)
        self.hub.serve(TokenRoom(self).handlers)
        self._guard = Guarding(
            self._outbox,
            self._committer,
            node=server.node,
            shared=self._outbox.database.name != "sqlite",
            note=self._audit.note,
        )
        self._challenges.guard = self._guard
        self.hub.serve(self._guard.handlers)
        self.people = Sessions(
            self._outbox,
            self._committer,
            self._key,
            slowing=Slowing(),
            setup=SetupSecret(setup_file(server)),
            account_of=self._account,
            note=self._audit.note,
        )
        self.hub.serve(UserRoom(self.people, self._account).handlers)
        self.hub.serve({**self._audit.handlers, **self._audit.watch(self.hub.handlers)})

    def _make_brokers(self, parking: Parking) -> Brokers:
        """Make the doors on brokers, with what only one of several nodes does, and what is told later."""
        shared = self._outbox.database.name != "sqlite"
        follower = Follower(self._outbox, self._committer, self._dispatcher.outlets, shared=shared)
        brokers = Brokers(
            hub=self.hub,
            parking=parking,
            accounts=lambda: self._accounts,
            catalogue=lambda: self._catalogue,
            following=follower,
            turns=Turns(self._committer, self._file.server.node, shared=shared),
        )
        self._following = asyncio.create_task(follower.run(brokers.speaking, brokers.tell), name="following")
        return brokers

    async def stop(self) -> None:
        """Take no more, answer what is in flight, settle it, write everything down, close."""
        if not hasattr(self, "hub"):
            return
        self._following.cancel()
        await self._brokers.stop()
        self.hub.stopping = True
        self._signing.stop()
        self._watching.cancel()
        self._erasing.cancel()
        self._retaining.cancel()
        if self._refreshing is not None:
            self._refreshing.cancel()
        self._fallbacks.stop()
        await self._listeners.stop()
        if self._housekeeping_task is not None:
            self._housekeeping_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._housekeeping_task
        await self._committer.drain()
        outlets = self._dispatcher.outlets.values()
        fences = {outlet.name: outlet.fence for outlet in outlets if outlet.fence is not None}
        await asyncio.gather(*(outlet.stop() for outlet in outlets))
        await self._committer.drain()
        await self._guard.stop()
        await self._housekeeping.release(fences)
        await self._committer.drain()
        await self._broker.stop()
        await self._letters.stop()
        self._committer.close()
        self._gate.close()
        await asyncio.to_thread(self._outbox.close)
        log.info("hub.stopped")

    # --- configuration ----------------------------------------------------------------------------------------------

    async def reload(self) -> None:
        """Take the configuration file over, on behalf of whoever sent SIGHUP; the log tells how it went."""
        with suppress(Refused):
            await self.configured.reload("file")

    async def _take_over(self, file: Config) -> None:
        await self._broker.change(file.broker)
        await self._brokers.apply(file.frontends)

    async def _apply(self, merged: Merged) -> None:
        config = merged.config
        self._accounts = configuration.accounts_of(config)
        self._gate.load(logins_of(config))
        self._gate.ask(directory_of(config), map(configuration.username_of, config.accounts, config.accounts.values()))
        self._catalogue = {**CATALOGUE, **config.errors}
        self._challenges.keys = configuration.otp_keys(config.otp, self._key)
        self._signing.apply(config.server.limits.signing, config.server.public_url, self._catalogue)
        self._housekeeping.disk_reserve = config.server.limits.disk_reserve
        self._retention.periods = configuration.periods_of(config.retention)
        before = self.config.connectors if self._dispatcher.outlets else {}
        outlets = self._dispatcher.outlets
        gone = [name for name in outlets if before.get(name) != config.connectors.get(name)]
        # New routes first, so that nothing new is given to a connector that is about to end.
        for name in [name for name in config.connectors if name not in outlets]:
            outlets[name] = self._outlet(name, config.connectors[name], merged)
        self._dispatcher.traffic = Traffic(Routes(configuration.routes_of(config)), configuration.policies_of(config))
        for name in gone:
            await outlets[name].stop()
            del outlets[name]
            if name in config.connectors:
                outlets[name] = self._outlet(name, config.connectors[name], merged)
        for name, outlet in outlets.items():
            outlet.origin = merged.origins.get(("connectors", name), "file")
        self.config = config
        self._post.servers = config.smtp
        self._programs.readers = configuration.readers_of(config, merged.origins)
        await self._programs.changed(configuration.program_keys(config))
        await self._housekeeping.own(time.time())

    def _outlet(self, name: str, settings: ConnectorSettings, merged: Merged) -> Outlet:
        proxy = merged.config.server.proxy
        if proxy is not None and getattr(settings, "proxy", proxy) is None:
            settings = settings.model_copy(update={"proxy": proxy})
        return Outlet(
            connector_class(settings.type)(name, settings),
            kind=settings.type,
            origin=merged.origins.get(("connectors", name), "file"),
            throughput=settings.throughput,
            throughput_originator=settings.throughput_originator,
            committer=self._committer,
            outbox=self._outbox,
            plan=self._dispatcher,
        )

    async def revoke_tokens(self, account: str, token: str | None) -> str:
        """End an account's tokens, or one of them. Raises `Refused`."""
        if account not in self.config.accounts:
            raise Refused(Refusal.NOT_FOUND, "NotFound", what="account")
        if token is None:
            await self._programs.end_all(account)
        else:
            login, claims = await self._tokens.find(token)
            if login.account.name != account:
                raise Refused(Refusal.MALFORMED, "TokenUnusable", member="token", why="it is another account's")
            await self._programs.end_one(account, claims.jti, claims.expires_at)
        self._gate.forget()
        log.info("tokens.ended", account=account, all=token is None)
        return f"every token of {account} is ended" if token is None else f"the token of {account} is ended"

    async def show_token(self, token: str) -> TokenShown:
        """Tell what a token says. Raises `Refused`."""
        return await self._tokens.show(token)

    def _account(self, name: str) -> Account | None:
        return self._accounts.get(name)

    # --- listening --------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        server = self._file.server
        app = build_doors(
            hub=self.hub,
            gate=self._gate,
            tokens=self._tokens,
            signing=self._signing,
            callbacks=Callbacks(self._dispatcher.outlets, self._committer).called,
            public_url=lambda: self._signing.public_url,
            catalogue=lambda: self._catalogue,
            console=Console(self.hub, self.people, catalogue=lambda: self._catalogue, mount=server.mount),
            mount=server.mount,
            body_limit=server.limits.body,
        )
        connections = server.limits.connections
        if server.trusted_proxies:
            app = Forwarded(app, [ip_network(one) for one in server.trusted_proxies])
        self._listeners.open(app, *address(server.listen), connections=connections)
        if server.tls is not None:
            tls = server.tls
            files = TlsFiles(tls.certificate, tls.key, tls.client_ca, tls.client_required)
            self._listeners.open(app, *address(tls.listen), connections=connections, tls=files)
        self.addresses += self._listeners.addresses
        self.hub.listeners = tuple(self.addresses)
        await self._listeners.started()


def _settle_memory() -> None:
    """
    Let the garbage collector leave alone what was made at the start: it stays for good.

    Otherwise each full collection walks through every class and function of every library, which takes a tenth of a
    second under load, and holds every caller up for as long.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)
    # The writer's thread needs the interpreter for microseconds, twice a commit; by default it waits five milliseconds
    # for it behind a busy loop.
    sys.setswitchinterval(0.0005)


async def serve(
    config: Config, *, config_path: Path | None = None, ready: Callable[[Application], None] | None = None
) -> int:
    """
    Run a hub until SIGTERM or SIGINT; SIGHUP reads its configuration again.

    Gives the exit status. `ready` is called when it listens.
    """
    logs.configure(config.server.log_level, config.server.log_format)
    application = Application(config, config_path=config_path)
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.create_task(application.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        await application.start()
        _settle_memory()
        if ready is not None:
            ready(application)
        await end.wait()
    finally:
        await application.stop()
    return 0
