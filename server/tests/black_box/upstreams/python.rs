//! Upstreams in Python: the one of the documentation, and one behind TLS.

use crate::support::{Server, folder, overtime};
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A service that says its port first.
struct Service {
    child: Child,
    port: String,
}

impl Service {
    fn start(command: &mut Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().expect("python3 is there");
        let mut port = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut port).unwrap();
        Self { child, port: port.trim().to_owned() }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_example_of_the_documentation_does_what_it_says() {
    let script = here("../docs/examples/upstream.py");
    let service = Service::start(Command::new("python3").arg(script).arg("0"));
    let folder = folder();
    let config = format!(
        "[upstreams.local]\nurl = \"http://127.0.0.1:{}\"\nprivate = true\n\
         [kinds.double]\nupstream = \"local\"\n",
        service.port
    );
    let server = Server::start_configured(folder.path(), &config);
    let answer = server.post("/v1/tasks/double?wait=30s", r#"{"number":21}"#);
    assert_eq!((answer.status, answer.json()), (200, json!({"doubled": 42})), "{answer:?}");
    let answer = server.post("/v1/tasks/double?wait=30s", r#"{"numbre":21}"#);
    assert_eq!((answer.status, &*answer.code()), (422, "upstream-422"));
}

/// Answers every request behind TLS.
const TLS_SERVICE: &str = r#"
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

fn start(folder: &Path, url: &str, trusted: &Path) -> Server {
    let file = folder.join("overtime.toml");
    let config = format!(
        "[upstreams.secure]\nurl = \"{url}\"\nprivate = true\n\
         [kinds.job]\nupstream = \"secure\"\n"
    );
    fs::write(&file, config).unwrap();
    let mut command = overtime(folder);
    command.arg("--config").arg(file).env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
    Server::spawn(command)
}

#[test]
fn behind_tls_is_who_an_authority_of_the_system_says_or_nobody() {
    let [authority, certificate, key] = ["authority.pem", "service.pem", "service.key"]
        .map(|name| here("tests/black_box/tls").join(name));
    let mut command = Command::new("python3");
    let service = Service::start(command.args(["-c", TLS_SERVICE]).arg(&certificate).arg(key));
    let url = format!("https://localhost:{}", service.port);
    let payload = "x".repeat(100_000);
    {
        let folder = folder();
        let server = start(folder.path(), &url, &authority);
        for _ in 0..2 {
            let answer = server.post("/v1/tasks/job?wait=30s", &payload);
            assert_eq!((answer.status, answer.body.len()), (200, payload.len()), "{answer:?}");
        }
    }
    // The same certificate is no authority, and the address is not its name.
    for (url, trusted) in
        [(&url, &certificate), (&url.replace("localhost", "127.0.0.1"), &authority)]
    {
        let folder = folder();
        let server = start(folder.path(), url, trusted);
        let task = server.post("/v1/tasks/job?wait=0s", "x").task();
        let document = server.wait_for(&task, &["retrying"]);
        assert_eq!(document["error"]["code"], "upstream-connect", "{document}");
        let detail = document["error"]["detail"].as_str().unwrap();
        assert!(detail.contains("TLS: "), "{detail}");
    }
}
