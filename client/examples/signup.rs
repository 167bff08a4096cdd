//! One call from beginning to end, against a server with the demo kinds:
//! `cargo run --release -- --demo`, and beside it
//! `cargo run --release -p overtime-client --example signup`, which may be told another address, for
//! instance `overtime://127.0.0.1:7070` for the native protocol.

use overtime_client::{Client, Error, Outcome, Submission};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:7070".to_owned());
    let client = Client::to(&address)?;

    let ada = r#"{"email":"ada@example.com","first_name":"Ada"}"#;
    tell("one contact", &client.submit(&Submission::new("contacts.upsert", ada)));

    let many = "email,first_name\nada@example.com,Ada\ngrace@example.com,Grace\nnobody,\n";
    let many = Submission::new("contacts.upsert", many).content_type("text/csv");
    tell("many, of which one is wrong", &client.submit_bulk(&many));

    // The server answers 202 after 100 ms, and the client goes on to ask for the result.
    let nap = Submission::new("sleep", r#"{"ms":1500}"#).wait(Duration::from_millis(100));
    tell("a nap", &client.submit(&nap));

    let long = Submission::new("sleep", r#"{"ms":60000}"#).deadline(Duration::from_secs(1));
    let outcome = client.submit(&long);
    tell("longer than we wait", &outcome);
    if let Ok(Outcome::Pending(pending)) = outcome {
        println!("  cancelled: it is {}", client.cancel(pending.task)?.state.name());
    }

    let wrong = Submission::new("contacts.upsert", r#"{"email":"nobody"}"#);
    tell("a wrong input", &client.submit(&wrong));
    println!("{:?}", client.stats());
    Ok(())
}

fn tell(what: &str, outcome: &Result<Outcome, Error>) {
    match outcome {
        Ok(Outcome::Done(done)) => {
            println!("{what}: {}", String::from_utf8_lossy(&done.body).trim_end());
        }
        Ok(Outcome::Pending(pending)) => println!("{what}: goes on as {}", pending.task),
        Err(error) => println!("{what}: {error}; submitted: {}", error.submitted.name()),
    }
}
