"""nats_stream.py create|read URL TOKEN AUTHORITY: a stream for the events of the log, and what it holds.

Each message is a line of JSON: its subject, its id and its event. By NATS's own client.
"""

import asyncio
import json
import ssl
import sys

import nats
from nats.js.api import ConsumerConfig, DeliverPolicy, StreamConfig

STREAM, SUBJECTS = "AUDIT", "connect.audit.>"


async def read(stream):
    """Everything from the first message on, once."""
    held = (await stream.stream_info(STREAM)).state.messages
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    consumer = await stream.pull_subscribe(SUBJECTS, stream=STREAM, config=config)
    seen = 0
    while seen < held:
        for message in await consumer.fetch(min(256, held - seen), timeout=10):
            line = {
                "subject": message.subject,
                "id": message.headers["Nats-Msg-Id"],
                "event": json.loads(message.data),
            }
            print(json.dumps(line))
            seen += 1


async def main(what, url, token, authority):
    tls = ssl.create_default_context(cafile=authority)
    client = await nats.connect(url, token=token, tls=tls, connect_timeout=10, allow_reconnect=False)
    stream = client.jetstream()
    if what == "create":
        await stream.add_stream(StreamConfig(name=STREAM, subjects=[SUBJECTS]))
    else:
        await read(stream)
    await client.close()


asyncio.run(main(*sys.argv[1:]))
