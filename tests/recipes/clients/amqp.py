"""Speaks to a RabbitMQ: amqp.py URI publish QUEUE TEXT, or amqp.py URI peek QUEUE."""
import sys
import pika

uri, action, queue = sys.argv[1:4]
connection = pika.BlockingConnection(pika.URLParameters(uri + "/%2F?socket_timeout=10&blocked_connection_timeout=10"))
channel = connection.channel()
channel.confirm_delivery()
# A classic queue: after a crash, a quorum queue of one member takes this old version a minute to elect it.
channel.queue_declare(queue, durable=True)
if action == "publish":
    channel.basic_publish("", queue, sys.argv[4].encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)
    print("published")
else:
    _, _, body = channel.basic_get(queue)
    print(body.decode() if body is not None else "nothing")
connection.close()
