"""Speaks to a RabbitMQ: amqp.py URI publish QUEUE TEXT, or amqp.py URI peek QUEUE; QUEUE is a name, or quorum:NAME."""
import sys, time
import pika

uri, action, queue = sys.argv[1:4]
kind, _, queue = queue.rpartition(":")
connection = pika.BlockingConnection(pika.URLParameters(uri + "/%2F?socket_timeout=10&blocked_connection_timeout=10"))
channel = connection.channel()
channel.confirm_delivery()
# A classic queue, unless it says so: after a crash, a quorum queue of one member takes this old version a minute to elect it.
channel.queue_declare(queue, durable=True, arguments={"x-queue-type": kind} if kind else None)
if action == "publish":
    channel.basic_publish("", queue, sys.argv[4].encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)
    print("published")
else:
    until, found = time.monotonic() + 20, []
    while not found and time.monotonic() < until:
        found = list(iter(lambda: channel.basic_get(queue), (None, None, None)))
        found or time.sleep(0.2)
    if found:
        # Given back, and not left to the end of the connection: the next reader would be too early for what comes back after it.
        channel.basic_nack(found[-1][0].delivery_tag, multiple=True)
        while channel.queue_declare(queue, passive=True).method.message_count < len(found) and time.monotonic() < until:
            time.sleep(0.1)
    print(" ".join(body.decode() for _, _, body in found) or "nothing")
connection.close()
