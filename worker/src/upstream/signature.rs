//! Signatures of what is delivered, as Standard Webhooks has them (version 1, symmetric): an
//! HMAC-SHA256 over the id, the moment and the payload. It knows no requests.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::fmt;

/// What a secret starts with.
const PREFIX: &str = "whsec_";

/// A secret is of so many bytes: the standard's bounds.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The block of SHA-256.
const BLOCK_BYTES: usize = 64;

/// Signs with one secret.
#[derive(Clone)]
pub struct Signer {
    /// What has hashed the secret already (RFC 2104): the inner and the outer hash.
    inner: Sha256,
    outer: Sha256,
}

impl Signer {
    /// What signs with this secret: `whsec_` and 24 to 64 bytes in base64.
    ///
    /// # Errors
    /// What is wrong with it, without a word of it.
    pub fn new(secret: &str) -> Result<Self, &'static str> {
        let encoded = secret.strip_prefix(PREFIX).ok_or("it does not start with whsec_")?;
        let key = STANDARD.decode(encoded).map_err(|_| "it is not base64 behind whsec_")?;
        if !SECRET_BYTES.contains(&key.len()) {
            return Err("it is not of 24 to 64 bytes");
        }
        Ok(Self::of_key(&key))
    }

    /// A key that is no longer than a block.
    fn of_key(key: &[u8]) -> Self {
        let keyed = |pad: u8| {
            let mut block = [pad; BLOCK_BYTES];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            Sha256::new_with_prefix(block)
        };
        Self { inner: keyed(0x36), outer: keyed(0x5c) }
    }

    /// The value of `webhook-signature` for a payload that is delivered under `id` in that second.
    pub(super) fn sign(&self, id: &str, second: u64, payload: &[Bytes]) -> String {
        let mut inner = self.inner.clone();
        inner.update(id);
        inner.update(".");
        inner.update(second.to_string());
        inner.update(".");
        payload.iter().for_each(|segment| inner.update(segment));
        let mut outer = self.outer.clone();
        outer.update(inner.finalize());
        let mut signature = String::with_capacity(3 + 44);
        signature.push_str("v1,");
        STANDARD.encode_string(outer.finalize(), &mut signature);
        signature
    }
}

/// Nothing of the secret.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hmac_is_that_of_rfc_4231() {
        let Signer { mut inner, mut outer } = Signer::of_key(&[0x0b; 20]);
        inner.update(b"Hi There");
        outer.update(inner.finalize());
        let told: String = outer.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(told, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    }

    #[test]
    fn the_signature_is_that_of_the_standard() {
        let signer = Signer::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let told = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let whole = [Bytes::from_static(br#"{"test": 2432232314}"#)];
        assert_eq!(signer.sign(id, 1_614_265_330, &whole), told);
        let parts = [&br#"{"test""#[..], b"", b": 2432232314}"].map(Bytes::from_static);
        assert_eq!(signer.sign(id, 1_614_265_330, &parts), told);
        assert_ne!(signer.sign(id, 1_614_265_331, &whole), told);
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_told() {
        for (secret, told) in [
            ("", "start with whsec_"),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "start with whsec_"),
            ("whsec_", "24 to 64"),
            ("whsec_%", "base64"),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "base64"),
            ("whsec_c2hvcnQ=", "24 to 64"),
        ] {
            assert!(Signer::new(secret).unwrap_err().contains(told), "{secret}");
        }
        let signer = Signer::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(format!("{signer:?}"), "Signer");
    }
}
