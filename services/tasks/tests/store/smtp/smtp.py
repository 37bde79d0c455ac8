"""A mail server for tests, with the faults that the name of a sender asks for.

Arguments: a folder for the mails, a port, none, tls or starttls, and for the last two a file with a key and a certificate.
Each mail becomes N.eml, as it was received, and N.json, as Python's package email reads it.
"""

import asyncio
import email
import email.policy
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

FOLDER, PORT, TLS = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


def fault(envelope, step):
    """The fault of a step, such as 451, from a sender such as rcpt-451@example.com."""
    name, _, what = (envelope.mail_from or "").partition("@")[0].partition("-")
    return what if name == step else None


async def act(server, what):
    if what == "hang":
        await asyncio.sleep(3600)
    elif what == "close":
        server.transport.close()
    return f"{what} a text of the server" if what else "250 OK"


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return await act(server, fault(envelope, "mail"))

    async def handle_RCPT(self, server, session, envelope, address, options):
        envelope.rcpt_tos.append(address)
        return await act(server, fault(envelope, "rcpt"))

    async def handle_DATA(self, server, session, envelope):
        what = fault(envelope, "data")
        if what in (None, "lost"):
            save(session, envelope)
            session.sender = envelope.mail_from
        return await act(server, "close" if what == "lost" else what)

    async def handle_QUIT(self, server, session, envelope):
        if getattr(session, "sender", "").startswith("quit-"):
            await asyncio.sleep(3600)
        return "221 Bye"


def save(session, envelope):
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    number = len(list(FOLDER.glob("*.json")))
    (FOLDER / f"{number}.eml").write_bytes(envelope.content)
    read = {
        "sender": envelope.mail_from,
        "recipients": envelope.rcpt_tos,
        "user": getattr(session, "login", None),
        "is_encrypted": session.ssl is not None or TLS == "tls",
        "headers": [[name.lower(), str(value)] for name, value in mail.items()],
        "body": mail.get_content(),
    }
    (FOLDER / f"{number}.json").write_text(json.dumps(read))


def authenticate(server, session, envelope, mechanism, data):
    session.login = data.login.decode()
    success = (data.login, data.password) == (b"me", b"correct: horse/battery")
    return AuthResult(success=success, handled=False)


async def main():
    context = None
    if TLS != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[4])

    def session():
        starts = context if TLS == "starttls" else None
        return SMTP(
            Handler(),
            hostname="mail.test",
            tls_context=starts,
            require_starttls=starts is not None,
            authenticator=authenticate,
            auth_require_tls=starts is not None,
        )

    wrapper = context if TLS == "tls" else None
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", PORT, ssl=wrapper)
    await server.serve_forever()


asyncio.run(main())
