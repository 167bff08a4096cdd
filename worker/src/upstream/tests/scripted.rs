//! A service on loopback that answers as a test says, and remembers what it was asked.

use crate::upstream::{Parcel, Route, Service, ServiceOptions, ServiceUrl, Statuses};
use bytes::Bytes;
use overtime_protocol::{UnixMillis, UpstreamName};
use rustix::net;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// One request, as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str())
    }
}

/// What is sent back; nothing closes the connection.
type Script = Box<dyn Fn(&Asked) -> Vec<u8> + Send + Sync>;

/// A service that listens until the test's process ends.
pub(super) struct Scripted {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    script: Script,
    asked: Mutex<Vec<Asked>>,
    connections: AtomicUsize,
}

impl Scripted {
    pub(super) fn new(script: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0", script).expect("loopback is there")
    }

    pub(super) fn at(
        address: &str,
        script: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let script = Box::new(script);
        let shared = Shared { script, asked: Mutex::default(), connections: AtomicUsize::new(0) };
        let shared = Arc::new(shared);
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serving.connections.fetch_add(1, Ordering::SeqCst);
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.serve(stream));
            }
        });
        Ok(Self { address, shared })
    }

    /// Answers the same to everybody.
    pub(super) fn always(answer: &'static str) -> Self {
        Self::new(move |_| answer.into())
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn route(&self) -> Route {
        route(options(&self.url()), "/work")
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(asked) = read(&mut reader) {
            self.asked.lock().unwrap().push(asked.clone());
            let answer = (self.script)(&asked);
            if answer.is_empty() || (&stream).write_all(&answer).is_err() {
                return;
            }
            if answer.windows(17).any(|window| window == b"Connection: close") {
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut asked = Asked { line: line(reader)?, ..Asked::default() };
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ")?;
        asked.fields.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let len = asked.field("content-length").map_or(0, |text| text.parse().unwrap());
    asked.body = vec![0; len];
    reader.read_exact(&mut asked.body).ok()?;
    Some(asked)
}

fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
    Some(line.trim_end().to_owned())
}

/// A socket that has an address and does not listen. As long as it is held nobody else gets the address:
/// the system gives one that is free to the next service, and that would be called.
pub(super) fn nobody() -> TcpListener {
    let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
    net::bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    socket.into()
}

/// A service at this address that may be called.
pub(super) fn options(url: &str) -> ServiceOptions {
    ServiceOptions {
        name: UpstreamName::new("billing").unwrap(),
        url: ServiceUrl::new(url).unwrap(),
        bearer: None,
        signer: None,
        timeout: Duration::from_secs(60),
        connect_timeout: Duration::from_secs(60),
        connections: 8,
        answer_max_bytes: 1_000,
        private: true,
    }
}

pub(super) fn route(options: ServiceOptions, path: &str) -> Route {
    let service = Arc::new(Service::new(options).unwrap());
    Route::new(service, path, None, Statuses::default()).unwrap()
}

/// The payload `{}` of task 1, without anything else.
pub(super) fn parcel(payload: &[Bytes]) -> Parcel<'_> {
    Parcel {
        task: crate::testing::task(1),
        item: None,
        attempt: 1,
        payload,
        content_type: None,
        cursor: None,
        traceparent: None,
        now: UnixMillis(1_614_265_330_500),
        limit: None,
    }
}

/// An answer with this head and body.
pub(super) fn answer(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// What went wrong.
pub(super) fn fault(failure: &crate::Failure) -> &overtime_protocol::Fault {
    match failure {
        crate::Failure::Input(fault)
        | crate::Failure::Ephemeral(fault)
        | crate::Failure::Defect(fault) => fault,
        crate::Failure::Cancelled => panic!("it was cancelled"),
    }
}
