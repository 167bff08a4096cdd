//! Every input that a fuzzer has kept, through the same functions as in the fuzzer: what was found
//! once is found at every run of the tests from then on.

use overtime_fuzz_targets::TARGETS;
use std::fs;
use std::path::{Path, PathBuf};

/// The inputs of a target: those that reach something of their own, and those that once broke it.
fn inputs(name: &str) -> Vec<PathBuf> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["corpus", "regressions"].map(|kind| fuzz.join(kind).join(name));
    let mut files: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.sort();
    files
}

#[test]
fn every_kept_input_is_taken_as_it_must_be() {
    for (name, target) in TARGETS {
        let inputs = inputs(name);
        assert!(inputs.len() >= 10, "{name} has {} inputs", inputs.len());
        for input in &inputs {
            let bytes = fs::read(input).expect("the file can be read");
            let caught = std::panic::catch_unwind(|| target(&bytes));
            assert!(caught.is_ok(), "{name} fails with {}", input.display());
        }
        println!("{name}: {} inputs", inputs.len());
    }
}

/// The shortest inputs, and those that are cut short anywhere.
#[test]
fn starts_of_kept_inputs_are_taken_as_they_must_be() {
    for (name, target) in TARGETS {
        for input in inputs(name).iter().step_by(7) {
            let bytes = fs::read(input).expect("the file can be read");
            for len in (0..bytes.len()).step_by(1 + bytes.len() / 64) {
                target(&bytes[..len]);
            }
        }
    }
}
