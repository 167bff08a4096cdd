//! The one screen that a server says at its start: what it serves, where, and what to try first.

use crate::server::Server;
use std::fmt::Write;

/// The screen.
pub(crate) fn greeting(server: &Server) -> String {
    let addresses = server.addresses();
    let kinds: Vec<&str> = server.kinds().iter().map(|kind| kind.name.as_str()).collect();
    let mut text = String::new();
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(text, "overtime {version}: answers in time, finishes either way\n");
    let _ = writeln!(text, "  tasks    http://{}", addresses.data);
    let _ = writeln!(text, "  admin    http://{}  (/metrics /livez /readyz)", addresses.admin);
    let _ = writeln!(text, "  data     {}", server.data().display());
    let _ = writeln!(text, "  kinds    {}", kinds.join(", "));
    let who = if server.asks_for_keys() { "whoever has a key" } else { "whoever reaches it" };
    let _ = writeln!(text, "  callers  {who}  (overtime keys)");
    for note in server.notes() {
        let _ = writeln!(text, "  note     {note}");
    }
    let url = format!("http://{}/v1", addresses.data);
    let _ = writeln!(text, "\nTry:\n");
    if server.asks_for_keys() {
        let _ = writeln!(text, "  alias curl='curl -H \"Authorization: Bearer $KEY\"'");
    }
    let _ = writeln!(text, "  curl {url}/tasks/contacts.upsert \\");
    let _ = writeln!(text, "    -d '{{\"email\":\"ada@example.com\",\"first_name\":\"Ada\"}}'");
    let _ = writeln!(text, "  curl {url}/contacts/ada@example.com");
    if kinds.contains(&"sleep") {
        let _ = writeln!(text, "  curl -i '{url}/tasks/sleep?wait=1s' -d '{{\"ms\":3000}}'");
    } else {
        let _ = writeln!(
            text,
            "\nWith --demo there are also echo, sleep, flaky and steps to play with."
        );
    }
    text
}
