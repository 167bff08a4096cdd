//! Runs a model in many orders of its threads, and says in how many.

use loom::model::Builder;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// In all orders that there are.
pub(crate) fn in_all_orders(model: impl Fn() + Send + Sync + 'static) {
    check(Builder::new(), model);
}

/// In all orders in which no more than so many threads are stopped before they have to wait.
pub(crate) fn with_preemptions(most: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(most);
    check(builder, model);
}

fn check(builder: Builder, model: impl Fn() + Send + Sync + 'static) {
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = orders.clone();
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    println!("{} orders", orders.load(Ordering::Relaxed));
}
