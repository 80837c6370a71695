"""The deployment's mail server: where it is, and a connection to it. Actions and notifications go out through it."""

import aiosmtplib
from pydantic import BaseModel, ConfigDict, SecretStr

from settings import Settings


class MailServer(BaseModel):
    """Where mail goes out."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int
    username: str | None = None
    password: SecretStr | None = None
    starttls: bool = True
    sender: str

    @property
    def domain(self) -> str:
        """The domain of the sender's address, which ends each Message-ID."""
        return self.sender.rpartition("@")[2]


def mail_server(settings: Settings) -> MailServer | None:
    """Return the mail server that this deployment configured; None without one."""
    if settings.smtp_host is None:
        return None
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=settings.smtp_password,
        starttls=settings.smtp_starttls,
        sender=settings.mail_from,
    )


async def connected(server: MailServer, timeout: float) -> aiosmtplib.SMTP:
    """Connect and sign in; whoever gets the client closes it. No answer may take longer than `timeout` seconds.

    Raises SMTPAuthenticationError when the sign-in is refused, and SMTPException or OSError for all else.
    """
    client = aiosmtplib.SMTP(hostname=server.host, port=server.port, timeout=timeout, start_tls=server.starttls)
    try:
        await client.connect()
        if server.username and server.password:
            await client.login(server.username, server.password.get_secret_value())
    except BaseException:
        client.close()
        raise
    return client
