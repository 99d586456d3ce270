use std::net::TcpStream;

use super::*;

fn answers(kafka: &PrivateKafka) -> bool {
    TcpStream::connect(kafka.bootstrap()).is_ok()
}

#[test]
fn brokers_end_with_their_owner_and_leave_nothing() {
    let kafka = PrivateKafka::temporary(1).unwrap();
    assert!(answers(&kafka));
    let (directory, address) = (kafka.directory().to_owned(), kafka.bootstrap().to_owned());
    drop(kafka);
    assert!(!directory.exists());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_killed_broker_comes_back_at_its_address() {
    let kafka = PrivateKafka::temporary(1).unwrap();
    kafka.kill_9(1).unwrap();
    assert!(!answers(&kafka));
    assert_eq!(kafka.pid(1), None);
    kafka.start_again(1).unwrap();
    assert!(answers(&kafka));
}
