"""Mail of the hub's own, handed to the mail servers of the configuration."""

from collections.abc import Mapping

from smshub.connectors.mail import Mail, SmtpServer
from smshub.connectors.mailservers import MailServers
from smshub.domain.delivery import Deferred, Outcome, Reason
from smshub.domain.letters import Letter


class Post:
    """Hands letters over, each by the server it names; `servers` are those of the configuration, by name."""

    def __init__(self) -> None:
        self.servers: Mapping[str, SmtpServer] = {}

    async def send(self, letter: Letter) -> Outcome:
        """Hand a letter over and say what it came to."""
        name = letter.server or next(iter(self.servers), "")
        if name not in self.servers:
            return Deferred(Reason.MISCONFIGURED, detail=f"there is no mail server '{name}'")
        # Letters are rare, so no session is kept for the next one.
        servers = MailServers([(name, self.servers[name])])
        try:
            return await servers.hand_over(Mail(letter.to, letter.subject, letter.text), letter.id)
        finally:
            await servers.close()
