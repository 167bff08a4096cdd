//! `echo`: answers with its own payload and content type. It never copies a payload that arrived
//! in one piece.

use crate::failure::Failure;
use crate::handler::Handler;
use crate::input::Input;
use overtime_protocol::{Kind, Product};

pub(super) struct Echo;

impl Handler for Echo {
    fn kind(&self) -> Kind {
        Kind::durable("echo").in_memory()
    }

    fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
        Ok(Product { content_type: input.content_type().cloned(), body: input.payload_shared() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, job};
    use bytes::Bytes;
    use overtime_protocol::{Job, Outcome, Payload};
    use std::sync::Arc;

    #[test]
    fn payload_and_content_type_come_back() {
        let segments = vec![Bytes::from_static(b"one "), Bytes::from_static(b"two")];
        let content_type: Option<Arc<str>> = Some("text/plain".into());
        let payload = Payload::seal(segments);
        let job = Job { payload, content_type: content_type.clone(), ..job("") };
        let completion = Bench::new(Arc::new(Echo)).attempt(&job);
        let Outcome::Done(product) = completion.outcome else { panic!("{completion:?}") };
        assert_eq!(product, Product { content_type, body: "one two".into() });
    }

    #[test]
    fn an_empty_payload_and_no_content_type_come_back_as_such() {
        let job = Job { payload: Payload::seal(vec![]), ..job("") };
        let completion = Bench::new(Arc::new(Echo)).attempt(&job);
        let Outcome::Done(product) = completion.outcome else { panic!("{completion:?}") };
        assert_eq!(product, Product::default());
    }
}
