//! In which order the replies to WRITE leave. Pure bookkeeping: no I/O, no clock.
//!
//! WRITEs of one handle may finish in any order, but their replies leave in the order of the requests. The draft
//! allows any order; clients in wide use do not:
//!
//! - OpenSSH's `scp` (9.0 and later, `sftp_upload` with `inplace_flag`) stops counting at the first reply that comes
//!   early, and cuts the uploaded file to what it counted, even after a success.
//! - paramiko's pipelined `put` throws away a reply that comes before the one it waits for, and later waits for the
//!   thrown-away one for ever.
//!
//! Replies of different handles, and to other requests, never wait for each other.

use std::collections::VecDeque;

use crate::handles::HandleId;
use crate::order::{Scope, Span};

/// The place of a WRITE among those of its handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn(u64);

/// WRITEs whose replies have not left, in order of arrival.
#[derive(Debug)]
pub(crate) struct WriteReplies<R> {
    slots: VecDeque<Slot<R>>,
    next_turn: u64,
}

#[derive(Debug)]
struct Slot<R> {
    turn: Turn,
    handle: HandleId,
    /// The reply while it waits for earlier ones.
    reply: Option<R>,
}

impl<R> WriteReplies<R> {
    pub(crate) fn new() -> Self {
        Self {
            slots: VecDeque::new(),
            next_turn: 0,
        }
    }

    /// Notes a request that was taken. Its turn is to be given back with the reply; `None`: the reply may leave when
    /// it is there.
    pub(crate) fn expect(&mut self, scope: Scope) -> Option<Turn> {
        let Scope::Handle(handle, Span::Write { .. }) = scope else {
            return None;
        };
        let turn = Turn(self.next_turn);
        self.next_turn += 1;
        self.slots.push_back(Slot {
            turn,
            handle,
            reply: None,
        });
        Some(turn)
    }

    /// Takes the reply of `turn`, and hands the replies that may leave now to `send`, in order.
    pub(crate) fn finish(&mut self, turn: Turn, reply: R, mut send: impl FnMut(R)) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.turn == turn) else {
            return send(reply);
        };
        slot.reply = Some(reply);
        let handle = slot.handle;
        let mut index = 0;
        while let Some(slot) = self.slots.get_mut(index) {
            if slot.handle != handle {
                index += 1;
                continue;
            }
            let Some(reply) = slot.reply.take() else { return };
            self.slots.remove(index);
            send(reply);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn write(handle: u64) -> Scope {
        Scope::Handle(HandleId::for_tests(handle), Span::write(0, 1))
    }

    #[test]
    fn a_reply_that_is_early_waits_for_those_before_it_on_its_handle() {
        let mut replies = WriteReplies::new();
        let turns: Vec<Turn> = [1, 2, 1]
            .iter()
            .filter_map(|h| replies.expect(write(*h)))
            .collect();
        let mut sent = Vec::new();
        replies.finish(turns[2], 'c', |r| sent.push(r));
        assert!(sent.is_empty(), "an early reply waits");
        replies.finish(turns[1], 'b', |r| sent.push(r));
        assert_eq!(sent, ['b'], "another handle does not wait");
        replies.finish(turns[0], 'a', |r| sent.push(r));
        assert_eq!(sent, ['b', 'a', 'c']);
    }

    #[test]
    fn only_writes_have_a_turn() {
        let mut replies = WriteReplies::<()>::new();
        let read = Scope::Handle(HandleId::for_tests(1), Span::Read { start: 0 });
        let close = Scope::Handle(HandleId::for_tests(1), Span::Whole);
        for scope in [read, close, Scope::Nothing, Scope::Everything] {
            assert_eq!(replies.expect(scope), None);
        }
    }

    proptest! {
        /// However WRITEs finish, every reply leaves, and those of one handle in the order of their requests.
        #[test]
        fn replies_of_one_handle_leave_in_order(
            handles in prop::collection::vec(0u64..3, 1..60),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 60),
        ) {
            let mut replies = WriteReplies::new();
            let mut open: Vec<(usize, Turn)> =
                handles.iter().enumerate().filter_map(|(n, h)| Some((n, replies.expect(write(*h))?))).collect();
            let mut sent = Vec::new();
            for pick in picks.iter().take(handles.len()) {
                let (number, turn) = open.swap_remove(pick.index(open.len()));
                replies.finish(turn, number, |n| sent.push(n));
            }
            prop_assert_eq!(sent.len(), handles.len());
            for handle in 0..3 {
                let of_handle: Vec<usize> = sent.iter().copied().filter(|n| handles[*n] == handle).collect();
                prop_assert!(of_handle.is_sorted());
            }
        }
    }
}
