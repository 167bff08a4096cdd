//! The `overtime` binary: arguments in, a server out.

use clap::Parser;
use overtime_server::{
    Arguments, Builder, Command, END_WITH, Error, complain, drill, end_with, selftest, serve,
};
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
    if let Ok(process) = std::env::var(END_WITH) {
        end_with(&process)?;
    }
    match arguments.into_command(|name| std::env::var_os(name))? {
        Command::Serve(config, damage) => serve(Builder::new(*config).damage(damage))?,
        Command::Keys(errand) => errand.run()?,
        Command::Errand(errand) => errand.run()?,
        Command::Verify(verification) => return Ok(verification.run()),
        Command::Drill(options) => return drill(&options).map(ExitCode::from),
        Command::Selftest(options) => return selftest(&options).map(ExitCode::from),
        Command::CheckConfig(config) => {
            let text = config.to_toml();
            Builder::new(*config).kinds()?;
            print!("{text}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
