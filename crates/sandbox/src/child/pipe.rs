//! Standard input and output of the child, as frames.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read, write};
use rustix::stdio::{stdin, stdout};

use crate::wire::{Frame, Inbox};

/// The child's end of the pipe to the host.
#[derive(Clone)]
pub(super) struct Pipe(Rc<RefCell<Buffers>>);

struct Buffers {
    inbox: Inbox,
    chunk: Vec<u8>,
}

impl Pipe {
    pub(super) fn open() -> Self {
        #[cfg(target_os = "linux")]
        {
            // A larger pipe saves switches between the processes; without it everything still works.
            let _ = rustix::pipe::fcntl_setpipe_size(stdin(), 1 << 20);
            let _ = rustix::pipe::fcntl_setpipe_size(stdout(), 1 << 20);
        }
        Self(Rc::new(RefCell::new(Buffers { inbox: Inbox::default(), chunk: vec![0; 256 << 10] })))
    }

    /// Waits for the next frame; `None` when the host has closed the pipe.
    pub(super) fn receive(&self) -> Result<Option<Frame>, String> {
        let buffers = &mut *self.0.borrow_mut();
        loop {
            if let Some(frame) = buffers.inbox.next()? {
                return Ok(Some(frame));
            }
            match read(stdin(), &mut buffers.chunk) {
                Ok(0) => return Ok(None),
                Ok(count) => buffers.inbox.space().extend_from_slice(&buffers.chunk[..count]),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Waits until something can be read, at most this long.
    pub(super) fn wait(&self, longest: Duration) {
        if !self.0.borrow().inbox.is_empty() {
            return;
        }
        let timeout =
            Timespec { tv_sec: longest.as_secs().min(3600) as i64, tv_nsec: longest.subsec_nanos().into() };
        // Interrupted or failed waiting only means that the caller looks again.
        let _ = poll(&mut [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)], Some(&timeout));
    }

    /// Whether something can be read at once.
    pub(super) fn is_ready(&self) -> bool {
        if !self.0.borrow().inbox.is_empty() {
            return true;
        }
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(poll(&mut [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)], Some(&now)), Ok(count) if count > 0)
    }

    /// Sends a whole frame.
    pub(super) fn send(&self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            match write(stdout(), bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }
}
