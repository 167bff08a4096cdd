//! An optional number that takes no more room than the number: of these a live task has several, and
//! there may be a million live tasks. It knows nothing of what it counts.

use overtime_protocol::{CallNumber, Monotonic, UnixMillis};
use std::fmt;
use std::marker::PhantomData;

/// What is a number of 64 bits by another name, and never the largest.
pub(crate) trait Number: Copy {
    fn number(self) -> u64;
    fn of(number: u64) -> Self;
}

impl Number for u64 {
    fn number(self) -> u64 {
        self
    }

    fn of(number: u64) -> Self {
        number
    }
}

/// Makes a number of a type with one field.
macro_rules! numbers {
    ($($name:ident),*) => {$(
        impl Number for $name {
            fn number(self) -> u64 {
                self.0
            }

            fn of(number: u64) -> Self {
                Self(number)
            }
        }
    )*};
}

numbers!(CallNumber, Monotonic, UnixMillis);

/// `Option<T>` in eight bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slim<T>(u64, PhantomData<T>);

impl<T: Number> Slim<T> {
    const ABSENT: u64 = u64::MAX;
    pub(crate) const NONE: Self = Self(Self::ABSENT, PhantomData);

    /// The largest number becomes the one before it.
    pub(crate) fn some(value: T) -> Self {
        Self(value.number().min(Self::ABSENT - 1), PhantomData)
    }

    pub(crate) fn get(self) -> Option<T> {
        (self.0 != Self::ABSENT).then(|| T::of(self.0))
    }

    pub(crate) fn is_some(self) -> bool {
        self.get().is_some()
    }

    pub(crate) fn is_none(self) -> bool {
        self.get().is_none()
    }

    pub(crate) fn take(&mut self) -> Option<T> {
        std::mem::replace(self, Self::NONE).get()
    }

    pub(crate) fn replace(&mut self, value: T) -> Option<T> {
        std::mem::replace(self, Self::some(value)).get()
    }
}

impl<T: Number> From<Option<T>> for Slim<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::NONE, Self::some)
    }
}

impl<T: Number + fmt::Debug> fmt::Debug for Slim<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_an_option_is_in_half_the_room() {
        for value in [0, 1, u64::MAX - 1] {
            assert_eq!(Slim::some(value).get(), Some(value));
            assert_eq!(Slim::from(Some(value)), Slim::some(value));
        }
        let mut slim = Slim::from(None::<UnixMillis>);
        assert!(slim.is_none() && !slim.is_some());
        assert_eq!(slim.replace(UnixMillis(7)), None);
        assert_eq!(format!("{slim:?}"), "Some(UnixMillis(7))");
        assert_eq!((slim.take(), slim.get()), (Some(UnixMillis(7)), None));
        assert_eq!(2 * size_of::<Slim<UnixMillis>>(), size_of::<Option<UnixMillis>>());
    }

    #[test]
    fn the_largest_number_is_not_taken_for_none() {
        assert_eq!(Slim::some(u64::MAX).get(), Some(u64::MAX - 1));
    }
}
