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
    # What another reader has just looked at comes back to the queue a moment after its connection has ended.
    until, bodies = time.monotonic() + 20, []
    while not bodies and time.monotonic() < until:
        bodies = list(iter(lambda: channel.basic_get(queue)[2], None))
        bodies or time.sleep(0.2)
    print(" ".join(body.decode() for body in bodies) or "nothing")
connection.close()
