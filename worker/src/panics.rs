//! Panics of handlers: caught, made into a sentence, and kept out of the log, because the fault
//! of the attempt carries them. A panic anywhere else is reported as ever.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static IN_HANDLER: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Puts a hook before the process's panic hook that swallows the reports of handlers. Installs
/// it once, however often it is called.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if IN_HANDLER.get() {
                PLACE.set(panic.location().map(ToString::to_string));
            } else {
                default(panic);
            }
        }));
    });
}

/// Runs handler code. A panic becomes one sentence for a person, with its place if the hook saw
/// it.
///
/// Whatever the work had borrowed may be left half-changed and must not be used after a panic.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    IN_HANDLER.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    IN_HANDLER.set(false);
    result.map_err(|payload| sentence(&*payload, PLACE.take()))
}

fn sentence(payload: &(dyn Any + Send), place: Option<String>) -> String {
    let text = payload.downcast_ref::<&'static str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    match place {
        Some(place) => format!("the handler panicked at {place}: {text}"),
        None => format!("the handler panicked: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_message_and_place() {
        install_hook();
        let number = 7;
        let told = catch(|| panic!("lucky {number}")).map(|(): ()| ()).unwrap_err();
        assert!(told.contains("lucky 7") && told.contains("panics.rs:"), "{told}");
        let told = catch(|| panic!("plain")).map(|(): ()| ()).unwrap_err();
        assert!(told.ends_with(": plain"), "{told}");
        let told = catch(|| panic::panic_any(7_u8)).map(|(): ()| ()).unwrap_err();
        assert!(told.ends_with("no message"), "{told}");
    }

    #[test]
    fn a_place_is_not_told_twice() {
        install_hook();
        catch(|| panic!("first")).map(|(): ()| ()).unwrap_err();
        assert_eq!(catch(|| 1), Ok(1));
        let told = catch(|| panic::resume_unwind(Box::new("second"))).map(|(): ()| ());
        assert_eq!(told.unwrap_err(), "the handler panicked: second");
    }
}
