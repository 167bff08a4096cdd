//! The `overtime` binary: arguments in, a server out.

use clap::Parser;
use overtime_server::{Arguments, Builder, Command, Error, complain, serve};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            complain(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    match arguments.into_command(|name| std::env::var_os(name))? {
        Command::Serve(config, damage) => serve(Builder::new(*config).damage(damage))?,
        Command::Errand(errand) => errand.run()?,
        Command::Verify(verification) => return Ok(verification.run()),
        Command::CheckConfig(config) => {
            let text = config.to_toml();
            Builder::new(*config).kinds()?;
            print!("{text}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
