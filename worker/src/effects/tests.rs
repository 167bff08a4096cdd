//! Effects under test: what is remembered of reads and writes, and with which marks.

use super::*;
use crate::testing::{FakeSource, task};

fn view<'a>(source: &'a FakeSource, overlay: &'a Overlay) -> View<'a> {
    View { upper: overlay, lower: None, source }
}

#[test]
fn several_puts_to_a_key_collapse_to_the_last_with_the_first_mark() {
    let (source, overlay) = (FakeSource::default(), Overlay::default());
    let mark = source.set(b"k", "old");
    let mut effects = Effects::default();
    assert_eq!(effects.read(b"k", view(&source, &overlay)).unwrap().unwrap(), "old");
    source.set(b"k", "changed by another");
    effects.put(b"k", "one".into(), view(&source, &overlay)).unwrap();
    effects.put(b"k", "two".into(), view(&source, &overlay)).unwrap();
    assert_eq!(effects.read(b"k", view(&source, &overlay)).unwrap().unwrap(), "two");
    let (puts, expects) = effects.finish().unwrap();
    let put = Put { key: "k".into(), value: Some("two".into()), read: mark };
    assert_eq!((puts, expects), (vec![put], vec![]));
}

#[test]
fn an_attempt_sees_its_own_deletion() {
    let (source, overlay) = (FakeSource::default(), Overlay::default());
    source.set(b"k", "old");
    let mut effects = Effects::default();
    effects.delete(b"k", view(&source, &overlay)).unwrap();
    assert_eq!(effects.read(b"k", view(&source, &overlay)).unwrap(), None);
    assert_eq!(effects.finish().unwrap().0[0].value, None);
}

#[test]
fn keys_only_read_become_expects_even_if_absent() {
    let (source, overlay) = (FakeSource::default(), Overlay::default());
    let mark = source.set(b"there", "x");
    let mut effects = Effects::default();
    effects.read(b"there", view(&source, &overlay)).unwrap();
    effects.read(b"absent", view(&source, &overlay)).unwrap();
    let (puts, expects) = effects.finish().unwrap();
    assert!(puts.is_empty());
    let absent = Expect { key: "absent".into(), read: ReadMark::At { lsn: 0, watermark: 0 } };
    assert_eq!(expects, [Expect { key: "there".into(), read: mark }, absent]);
}

#[test]
fn a_blind_put_carries_the_mark_of_what_it_overwrites() {
    let (source, overlay) = (FakeSource::default(), Overlay::default());
    let mark = source.set(b"k", "old");
    let mut effects = Effects::default();
    effects.put(b"k", "new".into(), view(&source, &overlay)).unwrap();
    assert_eq!(effects.finish().unwrap().0[0].read, mark);
}

#[test]
fn the_overlay_hides_the_source_deletions_included() {
    let (source, mut overlay) = (FakeSource::default(), Overlay::default());
    source.set(b"k", "old");
    let mark = ReadMark::At { lsn: 1, watermark: 0 };
    let deletion = Put { key: "k".into(), value: None, read: mark };
    overlay.extend(task(7), 2, &[deletion]);
    let mut effects = Effects::default();
    assert_eq!(effects.read(b"k", view(&source, &overlay)).unwrap(), None);
    let after = ReadMark::After { task: task(7), run: 2 };
    assert_eq!(effects.finish().unwrap().1[0].read, after);
}

#[test]
fn a_reserved_key_is_refused() {
    let (source, overlay) = (FakeSource::default(), Overlay::default());
    let key = bulk::errors_key(task(7), 0);
    let mut effects = Effects::default();
    let refused = [
        effects.put(&key, "v".into(), view(&source, &overlay)).unwrap_err(),
        effects.delete(&key, view(&source, &overlay)).unwrap_err(),
        effects.read(&key, view(&source, &overlay)).map(drop).unwrap_err(),
    ];
    for failure in refused {
        assert!(matches!(failure, Failure::Defect(fault) if fault.code == "reserved-key"));
    }
}

#[test]
fn effects_are_bounded_in_keys_and_bytes() {
    let (source, overlay) = (FakeSource::default(), Overlay::default());
    let view = view(&source, &overlay);
    let mut effects = Effects::default();
    for number in 0..KEYS_MAX {
        effects.read(number.to_string().as_bytes(), view).unwrap();
    }
    effects.read(b"0", view).unwrap();
    let refused = effects.read(b"one more", view).unwrap_err();
    assert!(matches!(refused, Failure::Defect(fault) if fault.code == "too-many-keys"));

    let mut effects = Effects::default();
    effects.put(b"k", vec![0; EFFECTS_MAX_BYTES].into(), view).unwrap();
    let refused = effects.finish().unwrap_err();
    assert!(matches!(refused, Failure::Defect(fault) if fault.code == "effects-too-large"));
}
