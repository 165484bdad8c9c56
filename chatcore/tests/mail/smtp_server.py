"""A real SMTP server for the tests. What it gets and does it tells on its output, a JSON object a line; what it is to do
differently it is told on its input, a word a line:

  rcpt CODE TEXT    the next recipient is answered with this
  data CODE TEXT    the next mail is answered with this, after it has come in
  mail CODE TEXT    the next sender is answered with this
  drop              the connection of the next mail is cut when it has come in, before it is answered
  stall             the next mail is not answered at all
  hang up           connections are closed now
"""

import argparse
import asyncio
import base64
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

plan = {"rcpt": [], "data": [], "mail": [], "drop": 0, "stall": 0}
connections = set()


def tell(**what):
    print(json.dumps(what), flush=True)


def part(message):
    return {
        "type": message.get_content_type(),
        "charset": message.get_content_charset(),
        "encoding": message["content-transfer-encoding"],
        "text": message.get_content(),
    }


def parsed(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    defects = [str(defect) for piece in message.walk() for defect in piece.defects]
    headers = [[name, str(value)] for name, value in message.items()]
    for name in message.keys():
        defects += [f"{name}: {defect}" for value in message.get_all(name) for defect in getattr(value, "defects", [])]
    return {
        "headers": headers,
        "type": message.get_content_type(),
        "parts": [part(piece) for piece in message.iter_parts()],
        "date": message["date"].datetime.timestamp(),
        "defects": defects,
        "longest_line": max(len(line) for line in raw.split(b"\r\n")),
        "raw": base64.b64encode(raw).decode(),
    }


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if plan["mail"]:
            return plan["mail"].pop(0)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if plan["rcpt"]:
            return plan["rcpt"].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if plan["drop"]:
            plan["drop"] -= 1
            tell(event="dropped")
            server.transport.abort()
            return "250 never seen"
        if plan["stall"]:
            plan["stall"] -= 1
            tell(event="stalled")
            await asyncio.sleep(3600)
        if plan["data"]:
            return plan["data"].pop(0)
        tell(
            event="mail",
            sender=envelope.mail_from,
            recipients=envelope.rcpt_tos,
            tls=session.ssl is not None,
            user=session.auth_data,
            connection=id(session),
            mail=parsed(envelope.content),
        )
        return "250 OK"


class Server(SMTP):
    def connection_made(self, transport):
        connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error):
        connections.discard(self)
        super().connection_lost(error)


def authenticate(user, password):
    def check(server, session, envelope, mechanism, data):
        right = data.login.decode() == user and data.password.decode() == password
        tell(event="login", right=right)
        return AuthResult(success=right, handled=False, auth_data=user)

    return check


def obey(line):
    word, _, rest = line.strip().partition(" ")
    if word in ("rcpt", "data", "mail"):
        plan[word].append(rest)
    elif word in ("drop", "stall"):
        plan[word] += 1
    elif word == "hang":
        for connection in list(connections):
            connection.transport.abort()
    tell(event="obeyed")


async def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--certificate")
    options.add_argument("--key")
    options.add_argument("--implicit", action="store_true")
    options.add_argument("--user")
    options.add_argument("--password")
    options = options.parse_args()
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate, options.key)
    settings = {"hostname": "mail.test", "enable_SMTPUTF8": False, "loop": asyncio.get_running_loop()}
    if tls and not options.implicit:
        settings |= {"tls_context": tls, "require_starttls": True}
    if options.user:
        check = authenticate(options.user, options.password)
        settings |= {"authenticator": check, "auth_required": True, "auth_require_tls": tls is not None}
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: Server(Handler(), **settings),
        "127.0.0.1",
        options.port,
        ssl=tls if options.implicit else None,
    )
    tell(event="ready", port=listening.sockets[0].getsockname()[1])
    # Ends with whoever has started it.
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        obey(line)


asyncio.run(main())
