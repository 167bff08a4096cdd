//! Events of tasks, for those who follow them: as bytes, by task, and by follower. Nothing here
//! reads from the journal or writes to a socket.

mod feed;
mod follower;
mod frame;

pub(crate) use feed::Feed;
pub(crate) use follower::{Follower, Opening, PastLeft, Standing};
pub(crate) use frame::{Frame, Taken};
