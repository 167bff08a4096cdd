//! The assembly: it knows every part and ties them together, and decides nothing itself.

use crate::config::Config;
use crate::descriptors;
use crate::incidents;
use crate::keys::{Ring, Watch};
use crate::lines::Lines;
use crate::loss::Damage;
use crate::memory::Memory;
use crate::names;
use crate::notices;
use crate::recovery;
use crate::reports;
use crate::scheduling::{ask_for_short_slice, expect_sleepers, leave_as_it_is};
use crate::source::JournalSource;
use crate::upstreams;
use crate::window::ServerWindow;
use anyhow::{Context, Result, anyhow};
use overtime_core::{
    Core, Door, Exit, Listener, Lookups, Mail, Mailbox, WorkerChannel, WorkerChannels,
};
use overtime_engine::{Engine, LanePlan, Seed};
use overtime_journal::{Journal, Opened};
use overtime_protocol::{Clock, Kind, Opener, Upstream};
use overtime_worker::{Delivery, Equipment, Handler, PoolOptions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::SystemTime;

/// A server that is about to start: its configuration and what it handles.
pub struct Builder {
    config: Config,
    handlers: Vec<Arc<dyn Handler>>,
    damage: Damage,
}

/// A kind's id is its handler's place.
type Handlers = Vec<Arc<dyn Handler>>;

impl Builder {
    /// A server with the built-in kinds; with `demo` also those that newcomers and load tests
    /// call.
    pub fn new(config: Config) -> Self {
        let handlers = built_in(&config);
        Self { config, handlers, damage: Damage::Refuse }
    }

    /// Adds a kind.
    #[must_use]
    pub fn handler(mut self, handler: impl Handler) -> Self {
        self.handlers.push(Arc::new(handler));
        self
    }

    /// Says what is done about a data folder that is damaged.
    #[must_use]
    pub fn damage(mut self, damage: Damage) -> Self {
        self.damage = damage;
        self
    }

    /// The kinds as the configuration has them.
    ///
    /// # Errors
    /// If two handlers have one kind, or the configuration names one that is not served, or an
    /// upstream that cannot be called.
    pub fn kinds(&self) -> Result<Vec<Kind>> {
        Ok(self.equipment()?.1)
    }

    /// All handlers, those of the kinds that upstreams serve among them, and their kinds.
    fn equipment(&self) -> Result<(Handlers, Vec<Kind>)> {
        names::call_nobody(&built_in(&self.config), &self.config)?;
        let mut handlers = self.handlers.clone();
        let served: Vec<_> = handlers.iter().map(|handler| handler.kind().name).collect();
        handlers.extend(self.config.routes(|name| std::env::var_os(name), &served)?);
        names::are_free(&handlers)?;
        handlers.extend(self.config.webhooks(|name| std::env::var_os(name))?);
        let mut kinds: Vec<Kind> = handlers.iter().map(|handler| handler.kind()).collect();
        names::differ(&kinds)?;
        self.config.apply_kinds(&mut kinds)?;
        Ok((handlers, kinds))
    }

    /// Opens the data folder, recovers what a former process left unfinished, and starts every
    /// thread. When this returns the server answers.
    ///
    /// # Errors
    /// A sentence that says what is in the way: an address in use, a data folder that another
    /// server holds, that a newer version has written, or that is damaged.
    pub fn start(self) -> Result<Server> {
        let (handlers, kinds) = self.equipment()?;
        start(self.config, handlers, kinds, self.damage)
    }
}

/// A running server.
pub struct Server {
    addresses: Addresses,
    data: PathBuf,
    kinds: Vec<Kind>,
    notes: Vec<String>,
    mailbox: Mailbox,
    core: JoinHandle<io::Result<Exit>>,
    journal: Journal,
    console: overtime_console::Console,
    keys: Watch,
    lines: Lines,
}

/// Where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The data port.
    pub data: SocketAddr,
    /// The admin port.
    pub admin: SocketAddr,
}

impl Server {
    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What it handles.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Whether callers were asked for keys when it started.
    pub fn asks_for_keys(&self) -> bool {
        self.keys.began_with_keys()
    }

    /// What an operator should know of the start: what was recovered, what was found damaged.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The way to the operator.
    pub(crate) fn lines(&self) -> Lines {
        self.lines.clone()
    }

    /// What asks the server to end in order; it may be called from any thread.
    pub fn stopper(&self) -> impl Fn() + Send + Sync + 'static {
        let mailbox = self.mailbox.clone();
        move || mailbox.push(Mail::Stop)
    }

    /// Waits until the server has ended.
    ///
    /// # Errors
    /// If it did not end in order, and why.
    pub fn wait(self) -> Result<()> {
        let Self { core, journal, console, keys, lines, .. } = self;
        let exit = core.join().map_err(|_| anyhow!("the core has panicked"))?;
        let exit = exit.context("the core could not poll")?;
        let ended = match exit {
            Exit::Drained => {
                let closed = journal.close();
                console.stop();
                closed
            }
            // Nothing is left to be written, and a disk that hangs must not hold the process.
            Exit::JournalFailed(reason) => Err(reason),
        };
        drop(keys);
        lines.finish();
        ended.map_err(|reason| anyhow!("the journal failed: {reason}"))
    }
}

/// The process's one token that opens payloads, shared by all servers that it runs.
fn opener() -> Opener {
    static OPENER: OnceLock<Opener> = OnceLock::new();
    let mint = || Opener::mint().expect("nothing else in this process mints it");
    OPENER.get_or_init(mint).clone()
}

fn start(
    config: Config,
    handlers: Vec<Arc<dyn Handler>>,
    kinds: Vec<Kind>,
    damage: Damage,
) -> Result<Server> {
    let ring = Ring::at_start(&config)?;
    let (listener, admin) = bind(&config)?;
    let addresses = Addresses { data: listener.address()?, admin: admin.local_addr()? };
    let clock = Clock::start();
    let starts = if config.core.short_slice { ask_for_short_slice } else { leave_as_it_is };
    let options = overtime_journal::Options { commit_starts: starts, ..config.journal_options() };
    let lines = Lines::start().context("the system refuses a thread")?;
    damage.settle(&options, &lines)?;
    let mut opened = overtime_journal::open(&options, opener())?;
    let clean = opened.recovered().clean;
    let backlog = opened.take_backlog().expect("nobody has taken it yet");
    let wanted = config.limits.connections;
    let connections_max = descriptors::connections_of(wanted);
    let unkept = descriptors::note(wanted, connections_max);
    let notes = opened.notes().iter().cloned().chain(unkept).collect();
    let plan = LanePlan::new(config.workers.min, processors()).up_to(config.workers.max);
    expect_sleepers(plan.workers() + plan.spares());
    let upstreams = config.upstreams();
    let mut engine = make_engine(&config, (&kinds, &upstreams), plan, &opened)?;
    let door = Door::open().context("the system has no descriptor left for the poll")?;
    let mailbox = door.mailbox();
    let journal = opened.start(reports::deliver(mailbox.clone(), lines.clone()));
    upstreams::restore(&mut engine, &upstreams, &journal.store(), clock)?;
    let equipment = Equipment {
        handlers,
        opener: opener(),
        source: Arc::new(JournalSource::new(journal.store())),
        clock,
    };
    let workers = start_workers(plan, starts, equipment, mailbox.clone())?;
    let (notices, rate_changes) = notices::start(&kinds, upstreams.clone(), lines.clone())
        .context("the system refuses a thread")?;
    let mut core = Core::new(
        door,
        overtime_core::Setup {
            limits: overtime_core::Limits { connections_max, ..config.core_limits() },
            listener,
            engine,
            kinds: kinds.clone(),
            workers,
            appends: journal.appends(),
            lookups: Lookups { short: journal.short_lookups(), long: journal.long_lookups() },
            spool: journal.spool(),
            notices,
            clock,
        },
    )?;
    ring.keys().into_iter().for_each(|keys| core.set_keys(keys));
    let keys = Watch::start(ring, clock, mailbox.clone(), lines.clone())
        .context("the system refuses a thread")?;
    let memory = Memory::watch(config.memory(), mailbox.clone(), lines.clone())
        .context("the system refuses a thread")?;
    let window = ServerWindow::new(mailbox.clone(), journal.stats(), rate_changes, memory);
    let console = overtime_console::start(admin, Arc::new(window))?;
    let core = std::thread::Builder::new().name("core".to_owned()).spawn(|| core.run())?;
    recovery::start(backlog, clean, &kinds, mailbox.clone(), lines.clone())?;
    let data = config.data;
    Ok(Server { addresses, data, kinds, notes, mailbox, core, journal, console, keys, lines })
}

/// An engine that is about to take in what a former process left.
fn make_engine(
    config: &Config,
    (kinds, upstreams): (&[Kind], &[Upstream]),
    plan: LanePlan,
    opened: &Opened,
) -> Result<Engine> {
    let recovered = opened.recovered();
    let mut engine = Engine::new(overtime_engine::Setup {
        limits: config.engine_limits(),
        kinds: kinds.to_vec(),
        upstreams: upstreams.to_vec(),
        incidents: incidents::open_in(opened).context("incidents cannot be read")?,
        plan,
        epoch: recovered.epoch,
        highest: recovered.highest,
        seed: Seed::new(seed()),
    });
    engine.begin_recovery();
    Ok(engine)
}

/// The kinds that the server serves itself.
fn built_in(config: &Config) -> Handlers {
    let mut handlers = overtime_worker::contacts::handlers();
    if config.demo {
        handlers.extend(overtime_worker::demo::handlers());
    }
    handlers
}

fn bind(config: &Config) -> Result<(Listener, TcpListener)> {
    let data = Listener::bind(config.listen)
        .with_context(|| format!("the data port {} cannot be listened on", config.listen))?;
    let admin = TcpListener::bind(config.admin)
        .with_context(|| format!("the admin port {} cannot be listened on", config.admin))?;
    Ok((data, admin))
}

fn start_workers(
    plan: LanePlan,
    foreground_starts: fn(),
    equipment: Equipment,
    mailbox: Mailbox,
) -> Result<WorkerChannels> {
    let options = PoolOptions {
        foreground: plan.foreground,
        bulk: plan.bulk,
        background: plan.background,
        spares: plan.spares(),
        foreground_starts,
        ..PoolOptions::default()
    };
    let deliver = move |delivery| match delivery {
        Delivery::Completion { worker, completion, chain_ended, quiet } => {
            let mail = Mail::Completed { worker: worker.0 as usize, completion, chain_ended };
            match quiet {
                None => mailbox.push(mail),
                Some(claims) => mailbox.leave(mail, &claims),
            }
        }
        Delivery::Chunk { worker, chunk } => {
            mailbox.push(Mail::Advanced { worker: worker.0 as usize, chunk });
        }
        Delivery::Calls { worker, task, run, report } => {
            mailbox.push(Mail::Called { worker: worker.0 as usize, task, run, report });
        }
        Delivery::Hired(worker) => {
            let (worker, channel) = (worker.id.0 as usize, channel(worker));
            mailbox.push(Mail::Hired { worker, channel });
        }
        Delivery::NotHired(worker) => mailbox.push(Mail::NotHired { worker: worker.0 as usize }),
    };
    let pool = overtime_worker::start(options, equipment, Arc::new(deliver))
        .context("the system refuses a worker thread")?;
    let channels =
        |workers: Vec<overtime_worker::Worker>| workers.into_iter().map(channel).collect();
    Ok(WorkerChannels {
        foreground: channels(pool.foreground),
        bulk: channels(pool.bulk),
        background: channels(pool.background),
        hiring: pool.hiring,
    })
}

fn channel(worker: overtime_worker::Worker) -> WorkerChannel {
    WorkerChannel { chains: worker.chains, rulings: worker.rulings, grants: worker.grants }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Chance differs from start to start; what it decides is jitter.
fn seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_nanos() as u64 ^ u64::from(std::process::id()).rotate_left(32)
}
