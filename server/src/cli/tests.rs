use super::*;
use clap::CommandFactory;
use std::fs;

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Command, String> {
    let arguments = ["overtime"].iter().chain(arguments);
    let arguments = Arguments::try_parse_from(arguments).map_err(|error| error.to_string())?;
    let lookup = |name: &str| {
        environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    };
    arguments.into_command(lookup).map_err(|error| error.to_string())
}

fn config(arguments: &[&str], environment: &[(&str, &str)]) -> Config {
    match command(arguments, environment).unwrap() {
        Command::Serve(config, _) | Command::CheckConfig(config) => *config,
        other => panic!("{other:?} has no configuration"),
    }
}

#[test]
fn the_arguments_are_well_declared() {
    Arguments::command().debug_assert();
}

#[test]
fn serving_is_what_happens_by_default() {
    for arguments in [&[][..], &["serve"], &["--demo"], &["serve", "--demo"]] {
        assert!(matches!(command(arguments, &[]), Ok(Command::Serve(_, Damage::Refuse))));
    }
    for arguments in [&["check-config"][..], &["--demo", "check-config", "--workers", "3"]] {
        assert!(matches!(command(arguments, &[]), Ok(Command::CheckConfig(_))));
    }
    assert!(matches!(
        command(&["serve", "--accept-loss"], &[]),
        Ok(Command::Serve(_, Damage::AcceptLoss))
    ));
    // It has to be typed with the command, and nothing else says it.
    assert!(command(&["--accept-loss"], &[]).is_err());
    assert!(command(&["frobnicate"], &[]).is_err());
    assert!(command(&["--wait", "3s"], &[]).is_err());
}

#[test]
fn errands_need_no_configuration() {
    let id = "01DXF6EC000000000000000001";
    let environment = [("OVERTIME_CONFIG", "/no/such")];
    for arguments in [
        &["tasks", "list", "--state", "parked", "--server", "http://elsewhere:1"][..],
        &["tasks", "--json", "show", id],
        &["errors", "retry", "00000000000000ff", "--dry-run", "--rate", "5"],
    ] {
        let command = command(arguments, &environment);
        assert!(matches!(command, Ok(Command::Errand(_))), "{arguments:?}: {command:?}");
    }
    for arguments in [
        &["tasks"][..],
        &["tasks", "show", "x"],
        &["errors", "retry", "ff"],
        &["tasks", "list", "--all", "--limit", "5"],
        &["--demo", "tasks", "list"],
        &["tasks", "list", "--data", "x"],
    ] {
        assert!(command(arguments, &[]).is_err(), "{arguments:?}");
    }
}

#[test]
fn a_look_at_a_folder_needs_no_configuration() {
    let environment = [("OVERTIME_CONFIG", "/no/such")];
    for arguments in [&["verify", "data"][..], &["verify", "--json", "data"]] {
        let command = command(arguments, &environment);
        assert!(matches!(command, Ok(Command::Verify(_))), "{arguments:?}: {command:?}");
    }
    for arguments in [&["verify"][..], &["--demo", "verify", "data"]] {
        assert!(command(arguments, &[]).is_err(), "{arguments:?}");
    }
}

#[test]
fn keys_need_a_data_folder_and_nothing_else_of_the_configuration() {
    for arguments in [
        &["keys", "add", "acme"][..],
        &["keys", "add", "acme", "--rate", "100/s", "--burst", "5", "--data", "elsewhere"],
        &["keys", "--data", "elsewhere", "add", "acme", "--concurrency", "none"],
        &["keys", "add", "one", "two", "three", "--rate", "1/s"],
        &["--data", "elsewhere", "keys", "add", "a", "--lanes", "bulk,control", "--expires", "30d"],
        &["--listen", "0.0.0.0:1", "keys", "list", "--json"],
        &["keys", "limit", "acme", "--rate", "none"],
        &["keys", "revoke", "abcdefghij"],
    ] {
        let command = command(arguments, &[]);
        let Ok(Command::Keys(errand)) = command else { panic!("{arguments:?}: {command:?}") };
        let elsewhere = arguments.contains(&"elsewhere");
        assert_eq!(errand.is_in("elsewhere"), elsewhere, "{arguments:?}");
    }
    for arguments in [
        &["keys"][..],
        &["keys", "add"],
        &["keys", "add", "No Name"],
        &["keys", "add", "acme", "--rate", "100"],
        &["keys", "add", "acme", "--lanes", "fast"],
        &["keys", "add", "acme", "--expires", "soon"],
        &["keys", "list", "acme"],
    ] {
        assert!(command(arguments, &[]).is_err(), "{arguments:?}");
    }
}

#[test]
fn a_drill_needs_no_configuration_either() {
    let environment = [("OVERTIME_CONFIG", "/no/such")];
    for arguments in [&["drill"][..], &["drill", "--rounds", "2", "--seed", "7", "--json"]] {
        let command = command(arguments, &environment);
        assert!(matches!(command, Ok(Command::Drill(_))), "{arguments:?}: {command:?}");
    }
    for arguments in [&["--demo", "drill"][..], &["drill", "--rounds", "0"], &["drill", "now"]] {
        assert!(command(arguments, &[]).is_err(), "{arguments:?}");
    }
}

#[test]
fn a_selftest_needs_no_configuration_and_says_of_what() {
    let environment = [("OVERTIME_CONFIG", "/no/such")];
    for arguments in [&["selftest", "isolation"][..], &["selftest", "isolation", "--seconds", "1"]]
    {
        let command = command(arguments, &environment);
        assert!(matches!(command, Ok(Command::Selftest(_))), "{arguments:?}: {command:?}");
    }
    for arguments in [
        &["selftest"][..],
        &["--demo", "selftest", "isolation"],
        &["selftest", "isolation", "--streams", "0"],
    ] {
        assert!(command(arguments, &[]).is_err(), "{arguments:?}");
    }
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("test.toml");
    fs::write(&file, "listen = \"127.0.0.1:1\"\nadmin = \"127.0.0.1:2\"\n[workers]\nmin = 3")
        .unwrap();
    let file = file.to_str().unwrap();
    let environment =
        [("OVERTIME_CONFIG", file), ("OVERTIME_WORKERS", "4"), ("OVERTIME_ADMIN", "[::1]:5")];
    let config = config(&["--workers", "6"], &environment);
    assert_eq!(config.listen.to_string(), "127.0.0.1:1");
    assert_eq!(config.admin.to_string(), "[::1]:5");
    assert_eq!((config.workers.min, config.workers.max), (6, 6));
    assert_eq!(config.wait, Config::default().wait);
}

#[test]
fn the_file_of_the_flag_wins_over_that_of_the_environment() {
    let refused = command(&["--config", "/no/such"], &[("OVERTIME_CONFIG", "/other")]);
    assert!(refused.unwrap_err().starts_with("/no/such cannot be read"));
    let refused = command(&[], &[("OVERTIME_CONFIG", "/other")]);
    assert!(refused.unwrap_err().starts_with("/other cannot be read"));
}

#[test]
fn flags_are_checked_like_everything_else() {
    let refused = command(&["--listen", "0.0.0.0:7070"], &[]).unwrap_err();
    assert!(refused.contains("--insecure"), "{refused}");
    assert!(command(&["--listen", "0.0.0.0:7070", "--insecure"], &[]).is_ok());
    assert!(command(&["--workers", "0"], &[]).unwrap_err().contains("workers.min is 0"));
}
