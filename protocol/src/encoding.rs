//! Encoding: the one place that knows bincode. Values in, bytes out, and back, each with a bound
//! on what foreign bytes can allocate. It knows no value of the domain.
//!
//! The format is bincode's standard one: fields in their order without names; whole numbers of 16
//! bits and more as little-endian varints; texts behind their length; an option behind 0 or 1; an
//! enumeration behind the number of its variant.

use bincode::config;
pub(crate) use bincode::{Decode, Encode};
use serde::{Serialize, de::DeserializeOwned};

/// The value's encoding failed; nothing useful was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotEncoded;

const fn config<const LIMIT: usize>()
-> config::Configuration<config::LittleEndian, config::Varint, config::Limit<LIMIT>> {
    config::standard().with_limit::<LIMIT>()
}

/// Appends `value`, of which at most `LIMIT` bytes could be read back.
pub(crate) fn append<const LIMIT: usize>(
    value: impl Encode,
    out: &mut Vec<u8>,
) -> Result<(), NotEncoded> {
    let written = bincode::encode_into_std_write(value, out, config::<LIMIT>());
    written.map(|_| ()).map_err(|_| NotEncoded)
}

/// Reads a value from the start of `bytes`, and how many bytes it took; `None` if there is none
/// or it would take more than `LIMIT`.
pub(crate) fn read<const LIMIT: usize, T: Decode<()>>(bytes: &[u8]) -> Option<(T, usize)> {
    bincode::decode_from_slice(bytes, config::<LIMIT>()).ok()
}

/// Appends a value of a type that is described by serde.
pub(crate) fn append_serde<const LIMIT: usize>(
    value: &impl Serialize,
    out: &mut Vec<u8>,
) -> Result<(), NotEncoded> {
    let written = bincode::serde::encode_into_std_write(value, out, config::<LIMIT>());
    written.map(|_| ()).map_err(|_| NotEncoded)
}

/// Reads such a value, which has to take all of `bytes`.
pub(crate) fn read_serde<const LIMIT: usize, T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let read = bincode::serde::decode_from_slice(bytes, config::<LIMIT>());
    read.ok().filter(|(_, len)| *len == bytes.len()).map(|(value, _)| value)
}

/// Has a type that has a number for each of its values encoded as that number, in one byte.
macro_rules! by_number {
    ($type:ty) => {
        impl bincode::Encode for $type {
            fn encode<E: bincode::enc::Encoder>(
                &self,
                encoder: &mut E,
            ) -> Result<(), bincode::error::EncodeError> {
                bincode::Encode::encode(&self.number(), encoder)
            }
        }

        impl<Context> bincode::Decode<Context> for $type {
            fn decode<D: bincode::de::Decoder<Context = Context>>(
                decoder: &mut D,
            ) -> Result<Self, bincode::error::DecodeError> {
                let number = bincode::Decode::decode(decoder)?;
                Self::from_number(number).ok_or(bincode::error::DecodeError::Other("a number"))
            }
        }

        bincode::impl_borrow_decode!($type);
    };
}

pub(crate) use by_number;
