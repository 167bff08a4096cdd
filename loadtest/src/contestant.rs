//! Who is put under the same load: the task server, the same with its admission switched off, and a
//! queue without an end. Each has the same number of workers, and each request occupies one for the
//! same time.

use crate::argument::{seconds, span};
use crate::crowd::callers::{Callers, Course};
use crate::crowd::manner::{Manner, Naive};
use crate::crowd::mannered::Mannered;
use crate::crowd::script::Script;
use crate::footprint::Footprint;
use crate::home::{Home, HomeOptions, fixed_workers};
use crate::report::Tone;
use crate::server_process::{ServerProcess, lasting_addresses};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::net::SocketAddr;
use std::time::Duration;

/// Which servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Against {
    /// All of them.
    All,
    /// The task server.
    Overtime,
    /// The task server that takes in whatever comes.
    Bare,
    /// The queue without an end.
    Queue,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contestant {
    /// The task server.
    Overtime,
    /// The task server that takes in whatever comes.
    Bare,
    /// The queue without an end.
    Queue,
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Upbringing {
    /// Whoever is not served tries again in two to three seconds, for ever.
    Naive,
    /// Whoever uses our client library.
    Mannered,
}

/// What all of them have in common.
#[derive(Clone, Debug, clap::Args)]
pub struct ServiceOptions {
    /// Which servers.
    #[arg(long, value_enum, default_value = "all")]
    pub against: Against,
    /// Workers of each server.
    #[arg(long, default_value_t = 10)]
    pub workers: u32,
    /// For how long a request occupies a worker.
    #[arg(long, default_value = "50ms", value_parser = span)]
    pub service: Duration,
    /// The memory that the task server may use, in MiB.
    #[arg(long, default_value_t = 512)]
    pub memory: u64,
    /// How long each rate is measured while it is found out what a server can do.
    #[arg(long, default_value = "4s", value_parser = seconds)]
    pub probe: Duration,
    /// Decides who comes when.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Whose server, and where its data goes.
    #[command(flatten)]
    pub home: HomeOptions,
}

impl ServiceOptions {
    /// A queue without an end alone, with so many workers.
    pub fn queue(workers: u32, service: Duration, home: &HomeOptions) -> Self {
        let (against, home) = (Against::Queue, home.clone());
        // It keeps to no budget, and nothing is searched for.
        let (memory, probe) = (0, Duration::ZERO);
        Self { against, workers, service, seed: 1, memory, probe, home }
    }

    /// What the workers could serve in a second if they never rested.
    pub fn ideal(&self) -> f64 {
        f64::from(self.workers) / self.service.as_secs_f64()
    }

    /// The servers asked for, those to judge before those to put beside.
    pub fn contestants(&self) -> Vec<Contestant> {
        match self.against {
            Against::All => vec![Contestant::Overtime, Contestant::Bare, Contestant::Queue],
            Against::Overtime => vec![Contestant::Overtime],
            Against::Bare => vec![Contestant::Bare],
            Against::Queue => vec![Contestant::Queue],
        }
    }
}

impl Display for Contestant {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

impl Contestant {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overtime => "overtime",
            Self::Bare => "bare",
            Self::Queue => "queue",
        }
    }

    /// Its colour.
    pub fn tone(self) -> Tone {
        match self {
            Self::Overtime => Tone::Ours,
            Self::Bare => Tone::Second,
            Self::Queue => Tone::Control,
        }
    }

    /// Starts it.
    pub fn start(self, options: &ServiceOptions) -> anyhow::Result<Running> {
        let admission = if self == Self::Bare { "[admission]\nenabled = false\n" } else { "" };
        let settings = format!(
            "{}[limits]\nmemory = \"{}MiB\"\n{admission}",
            fixed_workers(options.workers),
            options.memory
        );
        let home = options.home.furnish(&settings)?;
        let addresses = lasting_addresses()?;
        let service = options.service;
        let server = start(self, options, &home, addresses)?;
        Ok(Running { contestant: self, options: options.clone(), server, home, addresses, service })
    }
}

fn start(
    contestant: Contestant,
    options: &ServiceOptions,
    home: &Home,
    addresses: [SocketAddr; 2],
) -> anyhow::Result<ServerProcess> {
    match contestant {
        Contestant::Overtime | Contestant::Bare => home.start_at(addresses),
        Contestant::Queue => {
            let (workers, service) = (options.workers.to_string(), options.service.as_millis());
            let service = format!("{service}ms");
            let words = ["--workers", &workers, "--service", &service];
            ServerProcess::floor_at("queue", &words, home.folder(), addresses[0])
        }
    }
}

/// One that runs.
#[derive(Debug)]
pub struct Running {
    contestant: Contestant,
    options: ServiceOptions,
    server: ServerProcess,
    home: Home,
    addresses: [SocketAddr; 2],
    service: Duration,
}

impl Running {
    /// Where it takes requests.
    pub fn target(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Where it tells how it is; the queue does not.
    pub fn admin(&self) -> Option<SocketAddr> {
        (self.contestant != Contestant::Queue).then_some(self.addresses[1])
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Ends it without warning.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.server.kill()
    }

    /// Starts it again where it was, on what it has kept.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.server = start(self.contestant, &self.options, &self.home, self.addresses)?;
        Ok(())
    }

    /// Clients of that upbringing who play the script against this server.
    pub fn mission(&self, script: Script, upbringing: Upbringing) -> Mission {
        let footprint = Footprint::of(self.pid());
        Mission { target: self.target(), service: self.service, upbringing, script, footprint }
    }
}

/// Clients who know what to do, to be set going by whoever has the time.
#[derive(Clone, Debug)]
pub struct Mission {
    target: SocketAddr,
    service: Duration,
    upbringing: Upbringing,
    script: Script,
    footprint: Footprint,
}

impl Mission {
    /// Nobody looks at the server's memory: its process may be another one soon.
    pub fn unwatched(self) -> Self {
        Self { footprint: Footprint::default(), ..self }
    }

    /// Plays the script to its end.
    pub fn play(self) -> anyhow::Result<Course> {
        let (target, service, seed) = (self.target, self.service, self.script.seed);
        match self.upbringing {
            Upbringing::Naive => self.with(Naive::new(target, service, seed)),
            Upbringing::Mannered => self.with(Mannered::new(target, service, seed)),
        }
    }

    fn with(self, manner: impl Manner) -> anyhow::Result<Course> {
        Callers::new(self.script, manner, self.footprint).play(self.target)
    }
}
