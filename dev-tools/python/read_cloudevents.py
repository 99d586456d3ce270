"""Reads a topic to its end with the CloudEvents project's own parser, and prints one JSON line a message: its attributes,
its partition and its data. python read_cloudevents.py BROKERS TOPIC
"""

import json
import sys

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

brokers, topic = sys.argv[1:]
consumer = Consumer({"bootstrap.servers": brokers, "group.id": "judge", "enable.partition.eof": True,
                     "enable.auto.commit": False})
partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
left = set(partitions)
while left:
    message = consumer.poll(30)
    if message is None:
        sys.exit(f"nothing more comes, and partitions {sorted(left)} are not at their end")
    if message.error():
        if message.error().code() != KafkaError._PARTITION_EOF:
            raise KafkaException(message.error())
        left.discard(message.partition())
        continue
    # Refuses attributes that CloudEvents does not allow: names, required ones, empty ones, a time without a zone.
    event = from_binary_event(KafkaMessage(dict(message.headers()), message.key(), message.value()))
    attributes = {name: value if isinstance(value, str) else value.isoformat()
                  for name, value in event.get_attributes().items()}
    print(json.dumps({"partition": message.partition(), "attributes": attributes, "data": event.get_data()}))
