//! A stream of events ends with the key that it was asked for with.

use crate::support::{Server, add_key, folder, keys, shows};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn a_stream_ends_when_its_key_is_revoked() {
    let folder = folder();
    let key = add_key(folder.path(), &["acme"]);
    let other = add_key(folder.path(), &["acme"]);
    let server = Server::start(folder.path());
    let accepted =
        server.request("POST", "/v1/tasks/sleep?wait=0s", &[&shows(&key)], r#"{"ms":60000}"#);
    assert_eq!(accepted.status, 202);
    let follow = |key: &str| {
        let mut stream = TcpStream::connect(&server.data).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (task, field) = (accepted.task(), shows(key));
        write!(
            stream,
            "GET /v1/tasks/{task}/events HTTP/1.1\r\nHost: localhost\r\n{field}\r\n\r\n"
        )
        .unwrap();
        let mut begin = [0; 15];
        stream.read_exact(&mut begin).unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200 OK");
        stream
    };
    let (mut revoked, mut kept) = (follow(&key), follow(&other));
    assert!(keys(folder.path(), &["revoke", &key]).status.success());
    let mut rest = Vec::new();
    // The server hangs up long before the task ends, and does not say that this is the end.
    revoked.read_to_end(&mut rest).unwrap();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&rest));
    kept.set_nonblocking(true).unwrap();
    let open = kept.read_to_end(&mut rest).unwrap_err();
    assert_eq!(open.kind(), ErrorKind::WouldBlock);
}
