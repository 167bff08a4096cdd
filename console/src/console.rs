//! The console's thread: a small runtime of its own, so that no look, however slow its reader,
//! takes time from the core.

use crate::connection::BoundedListener;
use crate::pages;
use crate::window::Window;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// How long answers under way may take once the console is told to stop.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// A running console. Dropping it stops it too, without waiting for its thread.
#[derive(Debug)]
pub struct Console {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Serves the admin port on a thread named `console`.
///
/// # Errors
/// If the listener cannot be used without blocking, or the runtime or the thread not be made.
pub fn start(listener: TcpListener, window: Arc<dyn Window>) -> io::Result<Console> {
    listener.set_nonblocking(true)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _context = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let (stop, stopped) = oneshot::channel();
    let builder = thread::Builder::new().name("console".into());
    let thread = builder.spawn(move || serve(&runtime, listener, window, stopped))?;
    Ok(Console { stop, thread })
}

impl Console {
    /// Stops listening, lets answers under way finish for at most a second, and returns once the
    /// thread has ended.
    pub fn stop(self) {
        drop(self.stop);
        // A panic in there has been reported already; the server must not end because of it.
        let _ = self.thread.join();
    }
}

/// Serves until `stopped` resolves, which it also does when its sender is dropped.
fn serve(
    runtime: &Runtime,
    listener: tokio::net::TcpListener,
    window: Arc<dyn Window>,
    stopped: oneshot::Receiver<()>,
) {
    let (close, closing) = oneshot::channel::<()>();
    runtime.block_on(async {
        let serving = axum::serve(BoundedListener::new(listener), pages::router(window))
            .with_graceful_shutdown(async {
                let _ = closing.await;
            });
        let serving = tokio::spawn(async { serving.await });
        let _ = stopped.await;
        drop(close);
        let _ = tokio::time::timeout(STOP_GRACE, serving).await;
    });
}
