//! Which requests of a channel may run at once. Pure bookkeeping: no I/O, no clock.
//!
//! The rule (draft-ietf-secsh-filexfer-02 §6.1, and what pipelining clients rely on):
//!
//! - READ and WRITE of one handle wait for earlier ones whose bytes they share, unless both only read. A READ that
//!   meets the end of the file also depends on writes behind its bytes, which move the end.
//! - Every other request of a handle (CLOSE, FSTAT, READDIR, …) waits for all earlier requests of that handle,
//!   and later ones wait for it. Handles never wait for each other, so CLOSE waits for its own handle only.
//! - A request that names a path (OPEN, STAT, RENAME, …) sees everything that was sent before it, and everything
//!   sent after it sees its outcome: it runs alone.

use std::collections::VecDeque;

use crate::handles::HandleId;

/// What a request touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Nothing that another request could change.
    Nothing,
    /// Paths: anything.
    Everything,
    /// A part of an open handle.
    Handle(HandleId, Span),
}

/// Which part of a handle. Ends are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// The handle itself.
    Whole,
    /// Bytes that are read, and the end of the file if that comes first.
    Read { start: u64 },
    /// Bytes that are written.
    Write { start: u64, end: u64 },
}

impl Span {
    /// `len` bytes from `start`, to be written.
    pub(crate) fn write(start: u64, len: usize) -> Self {
        Self::Write {
            start,
            end: start.saturating_add(len as u64),
        }
    }

    fn conflicts(self, other: Self) -> bool {
        match (self, other) {
            (Self::Whole, _) | (_, Self::Whole) => true,
            (Self::Read { .. }, Self::Read { .. }) => false,
            (Self::Read { start }, Self::Write { end, .. })
            | (Self::Write { end, .. }, Self::Read { start }) => start < end,
            (Self::Write { start, end }, Self::Write { start: s, end: e }) => start < e && s < end,
        }
    }
}

impl Scope {
    fn conflicts(self, other: Self) -> bool {
        match (self, other) {
            (Self::Nothing, _) | (_, Self::Nothing) => false,
            (Self::Everything, _) | (_, Self::Everything) => true,
            (Self::Handle(a, ours), Self::Handle(b, theirs)) => a == b && ours.conflicts(theirs),
        }
    }
}

/// Names a request between [`Order::admit`] and [`Order::finish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// Requests that have arrived and are not finished, in order of arrival.
#[derive(Debug)]
pub(crate) struct Order<T> {
    slots: VecDeque<Slot<T>>,
    waiting: usize,
    next_ticket: u64,
}

#[derive(Debug)]
struct Slot<T> {
    ticket: Ticket,
    scope: Scope,
    /// The request while it waits; boxed because hardly any does, and slots are moved.
    waiting: Option<Box<T>>,
}

impl<T> Order<T> {
    pub(crate) fn new() -> Self {
        Self {
            slots: VecDeque::new(),
            waiting: 0,
            next_ticket: 0,
        }
    }

    /// Requests that run or wait.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Takes the next request. It comes back with its ticket if it may run now, otherwise later from
    /// [`Self::next_ready`].
    pub(crate) fn admit(&mut self, scope: Scope, request: T) -> Option<(Ticket, T)> {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let blocked = self.slots.iter().any(|earlier| earlier.scope.conflicts(scope));
        let (waiting, run) = if blocked {
            self.waiting += 1;
            (Some(Box::new(request)), None)
        } else {
            (None, Some((ticket, request)))
        };
        self.slots.push_back(Slot {
            ticket,
            scope,
            waiting,
        });
        run
    }

    /// Notes that a running request is done. Afterwards [`Self::next_ready`] gives those that waited for it.
    pub(crate) fn finish(&mut self, ticket: Ticket) {
        if let Some(index) = self.slots.iter().position(|slot| slot.ticket == ticket) {
            self.slots.remove(index);
        }
    }

    /// A request that waited and may run now, the earliest first.
    pub(crate) fn next_ready(&mut self) -> Option<(Ticket, T)> {
        if self.waiting == 0 {
            return None;
        }
        let index = (0..self.slots.len()).find(|&index| self.is_ready(index))?;
        let slot = &mut self.slots[index];
        let request = slot.waiting.take()?;
        self.waiting -= 1;
        Some((slot.ticket, *request))
    }

    fn is_ready(&self, index: usize) -> bool {
        let slot = &self.slots[index];
        slot.waiting.is_some()
            && !self
                .slots
                .range(..index)
                .any(|earlier| earlier.scope.conflicts(slot.scope))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn handle(id: u64, span: Span) -> Scope {
        Scope::Handle(HandleId::for_tests(id), span)
    }

    fn scopes() -> impl Strategy<Value = Scope> {
        let span = prop_oneof![
            1 => Just(Span::Whole),
            4 => (0u64..40).prop_map(|start| Span::Read { start }),
            4 => (0u64..40, 0usize..20).prop_map(|(start, len)| Span::write(start, len)),
        ];
        prop_oneof![
            1 => Just(Scope::Everything),
            1 => Just(Scope::Nothing),
            12 => (0u64..3, span).prop_map(|(id, span)| handle(id, span)),
        ]
    }

    #[test]
    fn reads_run_together_and_overlapping_writes_wait() {
        let mut order = Order::new();
        let read = |start| handle(1, Span::Read { start });
        let (first, _) = order.admit(read(10), 'a').expect("first runs");
        assert!(order.admit(read(5), 'b').is_some());
        assert!(order.admit(handle(1, Span::write(0, 5)), 'c').is_some());
        assert!(order.admit(handle(1, Span::write(20, 5)), 'd').is_none());
        assert!(
            order.admit(handle(1, Span::write(4, 1)), 'e').is_none(),
            "'c' writes byte 4"
        );
        order.finish(first);
        assert_eq!(order.next_ready(), None, "'b' would see the end move");
    }

    #[test]
    fn close_waits_only_for_its_own_handle() {
        let mut order = Order::new();
        let (write, _) = order.admit(handle(1, Span::write(0, 10)), 'a').expect("runs");
        assert!(order.admit(handle(2, Span::write(0, 10)), 'b').is_some());
        assert!(order.admit(handle(1, Span::Whole), 'c').is_none());
        order.finish(write);
        assert_eq!(order.next_ready().map(|(_, r)| r), Some('c'));
    }

    #[test]
    fn a_path_waits_for_everything_and_holds_everything_back() {
        let mut order = Order::new();
        let (close, _) = order.admit(handle(1, Span::Whole), 'a').expect("runs");
        assert!(order.admit(Scope::Everything, 'b').is_none());
        assert!(order.admit(handle(2, Span::Read { start: 0 }), 'c').is_none());
        order.finish(close);
        let (rename, request) = order.next_ready().expect("the path is next");
        assert_eq!(request, 'b');
        assert_eq!(order.next_ready(), None);
        order.finish(rename);
        assert_eq!(order.next_ready().map(|(_, r)| r), Some('c'));
    }

    proptest! {
        /// However requests finish, conflicting ones never overlap in time, they run in order of arrival, and
        /// every one runs.
        #[test]
        fn conflicting_requests_keep_their_order(
            arrivals in prop::collection::vec(scopes(), 1..60),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 200),
        ) {
            let mut order = Order::new();
            let mut running: Vec<(Ticket, usize)> = Vec::new();
            let mut started = Vec::new();
            let mut picks = picks.into_iter().cycle();
            let mut todo = arrivals.iter().copied().enumerate().peekable();
            while todo.peek().is_some() || !running.is_empty() {
                let pick = picks.next().expect("endless");
                if let Some((number, scope)) = todo.next_if(|_| running.is_empty() || pick.index(2) == 0) {
                    running.extend(order.admit(scope, number).inspect(|(_, n)| started.push(*n)));
                } else {
                    let (ticket, _) = running.swap_remove(pick.index(running.len()));
                    order.finish(ticket);
                    while let Some(ready) = order.next_ready() {
                        started.push(ready.1);
                        running.push(ready);
                    }
                }
                for (i, (_, a)) in running.iter().enumerate() {
                    for (_, b) in &running[i + 1..] {
                        prop_assert!(!arrivals[*a].conflicts(arrivals[*b]));
                    }
                }
            }
            prop_assert_eq!(started.len(), arrivals.len());
            prop_assert_eq!(order.len(), 0);
            for (i, later) in started.iter().enumerate() {
                for earlier in &started[..i] {
                    prop_assert!(earlier < later || !arrivals[*earlier].conflicts(arrivals[*later]));
                }
            }
        }
    }
}
