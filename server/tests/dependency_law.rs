//! What `core` and `engine` may depend on, even transitively, is written down in the golden lists
//! beside this test. A parser that finds its way into the core's graph fails here by name.

use std::collections::{BTreeSet, HashMap};
use std::process::Command;

const NEVER: [&str; 8] =
    ["serde_json", "csv", "simd-json", "sonic-rs", "json", "rusqlite", "tokio", "overtime-worker"];

#[test]
fn the_core_depends_on_nothing_that_parses_payloads() {
    check("overtime-core", include_str!("dependency_law/core.txt"));
}

#[test]
fn the_engine_depends_on_nothing_that_does_io() {
    check("overtime-engine", include_str!("dependency_law/engine.txt"));
}

fn check(package: &str, golden: &str) {
    let found = closure(package);
    assert!(found.contains("overtime-protocol"), "the graph of {package} was not read");
    let golden: BTreeSet<String> = golden.lines().map(str::to_owned).collect();
    let added: Vec<_> = found.difference(&golden).collect();
    let gone: Vec<_> = golden.difference(&found).collect();
    assert!(added.is_empty() && gone.is_empty(), "{package}: added {added:?}, gone {gone:?}");
    for name in NEVER {
        assert!(!found.contains(name), "{package} must never depend on {name}");
    }
}

/// The names of everything that `package` links, itself left out.
fn closure(package: &str) -> BTreeSet<String> {
    let target = "x86_64-unknown-linux-gnu";
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform", target])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs, it has just built this");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: HashMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap()))
        .collect();
    let nodes: HashMap<&str, &serde_json::Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (names[node["id"].as_str().unwrap()], node))
        .collect();
    let mut found = BTreeSet::new();
    let mut ahead = vec![package];
    while let Some(name) = ahead.pop() {
        for dependency in nodes[name]["deps"].as_array().unwrap() {
            let links = |kind: &serde_json::Value| kind["kind"].is_null();
            let linked = dependency["dep_kinds"].as_array().unwrap().iter().any(links);
            let name = names[dependency["pkg"].as_str().unwrap()];
            if linked && found.insert(name.to_owned()) {
                ahead.push(name);
            }
        }
    }
    found
}
