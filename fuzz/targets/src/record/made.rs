//! Makes a record of any bytes: each decides something, and behind the last all is zero.

use bytes::Bytes;
use overtime_protocol::record::{Acceptance, Advance, Change, Put, ReadMark, Record, StartMark};
use overtime_protocol::{
    Claim, Class, Document, Durability, Fault, Fingerprint, Form, KeyHash, KindName, LANES, Lane,
    Payload, Product, Progress, Source, TaskId, TaskState, UnixMillis,
};
use std::time::Duration;

/// The bytes that are left.
pub(super) struct Made<'a> {
    bytes: &'a [u8],
}

impl<'a> Made<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn record(&mut self) -> Record {
        let task = self.task();
        let plain = Record::new(task, self.at());
        Record {
            attempt: self.number() as u32,
            claim: self.maybe(|made| Claim {
                key: KeyHash([made.byte(); 16]),
                fingerprint: Fingerprint([made.byte(); 16]),
            }),
            acceptance: self.maybe(Self::acceptance),
            change: self.maybe(|made| made.change(task)),
            puts: (0..self.byte() % 5).map(|_| self.put()).collect(),
            ..plain
        }
    }

    fn acceptance(&mut self) -> Acceptance {
        Acceptance {
            kind: self.kind(),
            lane: self.lane(),
            tenant: self.text().into(),
            created_at: self.at(),
            due_at: self.maybe(Self::at),
            urgency: self.byte(),
            content_type: self.maybe(|made| made.text().into()),
            traceparent: self.maybe(|made| made.text().into()),
            form: if self.flag() { Form::Bulk } else { Form::Single },
            payload: self.payload(),
        }
    }

    fn payload(&mut self) -> Payload {
        match self.byte() % 3 {
            0 => Payload::spooled(self.number()),
            1 => Payload::seal(vec![self.piece()]),
            _ => Payload::seal(vec![self.piece(), self.piece()]),
        }
    }

    fn change(&mut self, task: TaskId) -> Change {
        match self.byte() % 7 {
            0 => Change::Started(StartMark {
                at: self.at(),
                isolated: self.flag(),
                crashes: self.byte(),
            }),
            1 => Change::Retrying { next_at: self.at(), fault: self.fault() },
            2 => {
                let progress = self.progress();
                Change::Advanced(Advance { cursor: self.piece(), progress })
            }
            3 => Change::Parked(self.document(task)),
            4 => {
                let product = self.maybe(|made| Product {
                    content_type: made.maybe(|made| made.text().into()),
                    body: made.piece(),
                });
                Change::Finished(self.document(task), product)
            }
            5 => Change::Resumed,
            _ => Change::CancelAsked,
        }
    }

    fn document(&mut self, id: TaskId) -> Box<Document> {
        let states = (0..=u8::MAX).map_while(TaskState::from_number).count();
        let state = TaskState::from_number(self.byte() % states.max(1) as u8);
        Box::new(Document {
            id,
            kind: self.kind(),
            lane: self.lane(),
            state: state.expect("the numbers of states start at 0 and have no gap"),
            attempts: self.number() as u32,
            created_at: self.at(),
            started_at: self.maybe(Self::at),
            finished_at: self.maybe(Self::at),
            next_attempt_at: None,
            progress: self.maybe(Self::progress),
            fault: self.maybe(Self::fault),
            tenant: self.text().into(),
            durability: Durability::Disk,
        })
    }

    fn fault(&mut self) -> Fault {
        Fault {
            code: self.text().into(),
            detail: self.text(),
            source: [Source::Server, Source::Task, Source::Upstream][usize::from(self.byte() % 3)],
            class: if self.flag() { Class::Persistent } else { Class::Ephemeral },
            retry_after: self.maybe(|made| Duration::from_millis(made.number())),
            members: self.maybe(|made| made.text().into()),
        }
    }

    fn put(&mut self) -> Put {
        let read = ReadMark::At { lsn: 0, watermark: 0 };
        Put { key: self.piece(), value: self.maybe(Self::piece), read }
    }

    fn progress(&mut self) -> Progress {
        Progress { done: self.number(), total: self.maybe(Self::number) }
    }

    fn task(&mut self) -> TaskId {
        TaskId::from_key(self.number() >> 1).expect("it has 63 bits")
    }

    fn kind(&mut self) -> KindName {
        KindName::new(&self.text()).unwrap_or(KindName::new("echo").expect("it is a name"))
    }

    fn lane(&mut self) -> Lane {
        LANES[usize::from(self.byte() % 4)]
    }

    fn at(&mut self) -> UnixMillis {
        UnixMillis(self.number())
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.piece()).into_owned()
    }

    /// Mostly short, sometimes longer than a cursor may be.
    fn piece(&mut self) -> Bytes {
        let len = match self.byte() {
            255 => 4090 + usize::from(self.byte() % 8),
            short => usize::from(short % 32),
        };
        let (now, rest) = self.bytes.split_at(len.min(self.bytes.len()));
        self.bytes = rest;
        let mut piece = now.to_vec();
        piece.resize(len, 0);
        piece.into()
    }

    fn number(&mut self) -> u64 {
        match self.byte() {
            short @ 0..250 => short.into(),
            _ => u64::from_le_bytes([0; 8].map(|_: u8| self.byte())),
        }
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| make(self))
    }

    fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }
}
