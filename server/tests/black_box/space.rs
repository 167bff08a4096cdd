//! What happens when there is too little room on the disk.

use crate::support::{Answer, Server, folder};

impl Server {
    /// Repeats a submission until it is answered with that status.
    fn submit_until(&self, path: &str, status: u16) -> Answer {
        loop {
            let answer = self.post(path, r#"{"email":"ada@example.com"}"#);
            if answer.status == status {
                return answer;
            }
        }
    }
}

#[test]
fn a_folder_over_its_limit_takes_nothing_new_and_goes_on_with_the_rest() {
    let folder = folder();
    let server = Server::start(folder.path());
    let accepted = server.post("/v1/tasks/sleep?wait=0s&delay=1500ms", r#"{"ms":1}"#).task();
    server.kill();
    let server = Server::start_configured(folder.path(), "[journal]\ndisk_max = \"1KiB\"\n");
    let refused = server.submit_until("/v1/tasks/contacts.upsert", 503);
    assert_eq!(refused.code(), "disk");
    assert!(refused.field("Retry-After").is_some());
    assert_eq!(refused.json()["submitted"], "no");
    server.wait_for(&accepted, &["succeeded"]);
    assert_eq!(server.get("/v1/tasks?limit=1").status, 200);
    assert_eq!(server.request("DELETE", &format!("/v1/tasks/{accepted}"), &[], "").status, 409);
}

#[test]
fn a_kind_over_its_limit_is_refused_and_no_other() {
    let folder = folder();
    let limits = "[kinds.\"contacts.upsert\"]\ndisk_max = \"4KiB\"\n";
    let server = Server::start_configured(folder.path(), limits);
    let refused = server.submit_until("/v1/tasks/contacts.upsert", 503);
    assert_eq!(refused.code(), "disk");
    assert!(refused.json()["detail"].as_str().unwrap().contains("contacts.upsert"));
    assert_eq!(server.post("/v1/tasks/flaky", "{}").status, 200);
}
