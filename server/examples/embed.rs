//! A server with a kind of its own: `cargo run --release -p overtime-server --example embed`,
//! then `curl http://127.0.0.1:7070/v1/tasks/tally -d 'to be or not to be'`.

use overtime_server::config::Config;
use overtime_server::{Builder, Error, Failure, Handler, Input, Kind, Product, serve};

/// Counts how often each word was ever sent. Reads and writes are state of the journal: they take
/// effect once, together with the answer, however often the attempt has to run.
struct Tally;

impl Handler for Tally {
    fn kind(&self) -> Kind {
        Kind::durable("tally")
    }

    fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
        let payload = input.payload_bytes();
        let text = str::from_utf8(&payload)
            .map_err(|error| Failure::input("not-text", format!("the payload: {error}")))?;
        let mut answer = String::new();
        for word in text.split_whitespace() {
            let key = format!("tally/{word}");
            let count = input.read(&key)?.map_or(0, |value| number(&value)) + 1;
            input.put(&key, count.to_string())?;
            answer.push_str(&format!("{word} {count}\n"));
        }
        Ok(Product { content_type: Some("text/plain".into()), body: answer.into() })
    }
}

fn number(value: &[u8]) -> u64 {
    str::from_utf8(value).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn main() -> Result<(), Error> {
    serve(Builder::new(Config::default()).handler(Tally))
}
