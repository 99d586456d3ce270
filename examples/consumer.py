"""Reads SecureNet's events in order, each once, and goes on after a crash where it was. See docs/events.md.

python consumer.py BROKERS TOPIC GROUP     e.g. 127.0.0.1:9092 securenet.events.v1 tickets
"""
import json, sqlite3, sys
from confluent_kafka import Consumer, KafkaException

brokers, topic, group = sys.argv[1:]
db = sqlite3.connect(f"{group}.db", isolation_level=None)  # an effect and how far we got: one transaction
db.execute("CREATE TABLE IF NOT EXISTS done (part INTEGER PRIMARY KEY, epoch INTEGER, seq INTEGER)")
db.execute("CREATE TABLE IF NOT EXISTS effects (number INTEGER PRIMARY KEY, stream TEXT, version INTEGER, type TEXT, body TEXT)")

def process(header, body):  # what you do with an event, in the order of its stream
    db.execute("INSERT INTO effects (stream, version, type, body) VALUES (?, ?, ?, ?)",
               [header["ce_subject"], int(header["ce_streamversion"]), header["ce_type"], json.dumps(body)])

consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, "auto.offset.reset": "earliest",
                     "enable.auto.commit": False, "session.timeout.ms": 10_000, "partition.assignment.strategy": "cooperative-sticky"})
consumer.subscribe([topic])
while True:
    message = consumer.poll(1.0)
    if message is None: continue
    if message.error(): raise KafkaException(message.error())
    header = {name: value.decode() for name, value in message.headers()}
    position = (int(header["ce_logepoch"]), int(header["ce_sequence"]))
    db.execute("BEGIN IMMEDIATE")
    done = db.execute("SELECT epoch, seq FROM done WHERE part = ?", [message.partition()]).fetchone() or (0, 0)
    if position > done:  # else it comes again, or belongs to an epoch that a restore of the log has ended
        process(header, message.value() and json.loads(message.value()))  # None: the body was purged
        db.execute("REPLACE INTO done VALUES (?, ?, ?)", [message.partition(), *position])
    db.execute("COMMIT")
    consumer.commit(message)  # after processing; a crash in between brings the message again, to be dropped
