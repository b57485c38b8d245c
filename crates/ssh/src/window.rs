//! How much the peer may send: the decisions about receive windows, without I/O.
//!
//! What the transport library (russh 0.65) does, and all that it lets us do:
//!
//! - It keeps one *target* for the whole connection. When a packet of `n` bytes arrives on a channel it takes `n` off
//!   that channel's window; if less than half of the target is left, it sends WINDOW_ADJUST up to the target, at once
//!   and before anybody has consumed anything. Then it asks us for the next target.
//! - This question is the only way to change the target. A window that has run dry gets nothing by itself: credit is
//!   granted only on arrival of data. A target of 1 would never grant again.
//!
//! So credit is withheld by answering [`TRICKLE`] = 2: a window is then topped up only when it has run dry, by two
//! bytes, which the peer uses to ask again. The stream delays these questions (see `stream.rs`), so that they
//! cost next to nothing; when the service has caught up, the next question gets a real window again.
//!
//! Since the target is shared, the answer that one channel causes is used up by whichever channel needs credit next:
//!
//! - An answer must therefore be right for all of them. [`WindowPolicy::topped_up`] finds the largest target for which
//!   no channel, whichever it is, brings the connection over its budget; with little room it falls to [`MIN_TARGET`],
//!   then to the trickle.
//! - A congested channel (its service does not consume) must not hold up the others. While it asks in a trickle, a
//!   real target meant for another channel could fall to it instead. Its question uses up its two bytes, so
//!   right after it the next one is a round trip away, and the waiting channel's own question, which was
//!   granted earlier, comes first: that is when the real target is set. A peer that is unfair about it can gain
//!   [`MIN_TARGET`] each time, until the budget stops everything. One channel alone gets seven eighths of it.
//!
//! What the connection may have us hold is thus at most its budget plus one initial window for each further channel,
//! which the library grants when a channel opens. While all connections together hold more than
//! [`Limits::received_total`], those that hold anything worth speaking of get the trickle.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits::{Limits, ReceivedTotal};

/// Bytes of a channel that were received and not yet given back.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    bytes: AtomicUsize,
    /// Where they count too.
    total: ReceivedTotal,
}

impl Backlog {
    /// One that counts in `total` as well.
    pub(crate) fn counted_in(total: ReceivedTotal) -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            total,
        }
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// More were received.
    pub(crate) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.total.held.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Some were given back; more than there are count as all.
    pub(crate) fn sub(&self, bytes: usize) {
        let less = |held: usize| Some(held.saturating_sub(bytes));
        // The closure never returns None.
        let held = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        let given = held.map_or(0, |held| held.min(bytes));
        self.total.held.fetch_sub(given, Ordering::Relaxed);
    }

    /// All were given back.
    pub(crate) fn clear(&self) {
        let given = self.bytes.swap(0, Ordering::Relaxed);
        self.total.held.fetch_sub(given, Ordering::Relaxed);
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The peer sent more than it had credit for (RFC 4254 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{got} bytes were received on a channel with {credit} bytes of credit")]
pub(crate) struct CreditExceeded {
    /// Bytes received.
    pub(crate) got: usize,
    /// Bytes that were allowed.
    pub(crate) credit: u32,
}

/// What arrived, as far as credit is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// Data within a real window.
    Data,
    /// A question of a channel that is held short: worth a delay.
    Trickle,
}

/// Mirrors the windows of a connection's channels and decides the next target.
#[derive(Debug)]
pub(crate) struct WindowPolicy {
    initial_window: u32,
    max_window: u32,
    budget: usize,
    /// Of all connections.
    total: ReceivedTotal,
    target: u32,
    channels: HashMap<u32, Window>,
    last_topped_up: Option<u32>,
    /// Packets received so far, on all channels.
    packets: u64,
}

#[derive(Debug)]
struct Window {
    /// Bytes that the peer may still send.
    credit: u32,
    /// What `credit` was before the top-up that the packet being handled has caused.
    before_top_up: Option<u32>,
    /// The target that this channel has earned by consuming fast.
    earned: u32,
    /// `packets` of the connection when this channel's last one came.
    last_packet: Option<u64>,
    backlog: Arc<Backlog>,
}

impl WindowPolicy {
    pub(crate) fn new(limits: &Limits) -> Self {
        // The library breaks a connection that receives more than two initial windows while it waits for the
        // peer's KEXINIT; packets have headers that count there.
        let most_on_the_wire = limits.initial_window.saturating_mul(2) - limits.initial_window / 16;
        Self {
            initial_window: limits.initial_window,
            // Room for the raised target.
            max_window: (limits.window.min(most_on_the_wire) / 17) * 16,
            budget: limits.connection_budget,
            total: limits.received_total.clone(),
            target: limits.initial_window,
            channels: HashMap::new(),
            last_topped_up: None,
            packets: 0,
        }
    }

    /// A channel was opened with the initial window.
    pub(crate) fn opened(&mut self, channel: u32, backlog: Arc<Backlog>) {
        let initial = self.initial_window;
        let window = Window {
            credit: initial,
            before_top_up: None,
            earned: initial.min(self.max_window),
            last_packet: None,
            backlog,
        };
        self.channels.insert(channel, window);
    }

    /// A channel is gone, and nobody holds its data any more.
    pub(crate) fn closed(&mut self, channel: u32) {
        self.channels.remove(&channel);
    }

    /// `bytes` arrived; the library has taken them off the window and has already asked [`Self::topped_up`] if they
    /// brought it low. Does not change the backlog.
    pub(crate) fn received(&mut self, channel: u32, bytes: usize) -> Result<Received, CreditExceeded> {
        let Some(window) = self.channels.get_mut(&channel) else {
            return Ok(Received::Data);
        };
        self.packets += 1;
        window.last_packet = Some(self.packets);
        let topped_up = window.before_top_up.take();
        let credit = topped_up.unwrap_or(window.credit);
        let left = u32::try_from(bytes)
            .ok()
            .and_then(|bytes| credit.checked_sub(bytes));
        let Some(left) = left else {
            return Err(CreditExceeded { got: bytes, credit });
        };
        if topped_up.is_none() {
            window.credit = left;
        }
        Ok(if window.credit <= TRICKLE {
            Received::Trickle
        } else {
            Received::Data
        })
    }

    /// The library has brought `channel` up to the target; returns the next one.
    pub(crate) fn topped_up(&mut self, channel: u32) -> u32 {
        let target = self.target;
        let Some(window) = self.channels.get_mut(&channel) else {
            return target;
        };
        window.before_top_up = Some(window.credit);
        window.credit = target;
        let backlog = window.backlog.bytes();
        // Only a channel that used up half of a real window says something about the speed of its service.
        if target > TRICKLE {
            if backlog <= window.earned as usize / 4 {
                window.earned = window.earned.saturating_mul(2).min(self.max_window);
            } else if backlog > window.earned as usize {
                window.earned = (window.earned / 2).max(self.initial_window.min(self.max_window));
            }
        }
        self.target = self.next_target(channel);
        self.last_topped_up = Some(channel);
        self.target
    }

    /// The next target after `channel` was topped up.
    fn next_target(&self, channel: u32) -> u32 {
        let own = self.allowed(channel);
        let Some(window) = self.channels.get(&channel) else {
            return TRICKLE;
        };
        let mut others = self.channels.keys().copied().filter(|other| *other != channel);
        let asking = |other: u32| {
            self.channels
                .get(&other)
                .is_some_and(|window| window.credit <= TRICKLE)
        };
        if own == TRICKLE {
            // This question is answered; the next comes from a channel that waits with better reason, if any.
            let waits = others.any(|other| asking(other) && self.allowed(other) > TRICKLE);
            return if waits { MIN_TARGET } else { TRICKLE };
        }
        let congested = others.any(|other| self.allowed(other) == TRICKLE);
        // It has just got its window, or it can wait for the congested channel's question. If that did not come
        // since this channel's last one, the congested channel has nothing to send.
        let can_wait = window.credit > TRICKLE || self.last_topped_up != Some(channel);
        if congested && can_wait {
            return TRICKLE;
        }
        if window.credit <= own { raised(own) } else { own }
    }

    /// The largest target that suits `channel` and the budget, whichever channel uses it up.
    fn allowed(&self, channel: u32) -> u32 {
        let Some(window) = self.channels.get(&channel) else {
            return TRICKLE;
        };
        let exposed: usize = self.channels.values().map(Window::exposed).sum();
        // Most channels are idle, and their first windows were granted in any case.
        let further = (self.channels.len() - 1) * self.initial_window as usize;
        let room = self.budget.saturating_sub(exposed.saturating_sub(further));
        let mut target = window.earned.min(self.shared_wire(channel));
        let is_full = self.total.is_full();
        while target >= MIN_TARGET && !is_full {
            if self
                .channels
                .values()
                .all(|window| window.growth(raised(target)) <= room.min(self.own_room(window)))
            {
                return target;
            }
            target -= target / 8;
        }
        let held: usize = self.channels.values().map(|window| window.backlog.bytes()).sum();
        // While all connections together hold too much, only those go on whose service keeps up.
        let most = if is_full { PACKET } else { self.budget / 16 };
        let small = window.backlog.bytes() <= most && held + MIN_TARGET as usize <= self.budget;
        if small { MIN_TARGET } else { TRICKLE }
    }

    /// By how much one channel may grow: an eighth of the budget is for others.
    fn own_room(&self, window: &Window) -> usize {
        (self.budget - self.budget / 8).saturating_sub(window.exposed())
    }

    /// What the other channels leave of the bytes that may be on the wire when keys are exchanged. Channels that have
    /// been silent for long are taken to stay so for the round trip that this concerns once in many gigabytes.
    fn shared_wire(&self, channel: u32) -> u32 {
        let granted = self.channels.iter().fold(0_u32, |sum, (other, window)| {
            let silent = window
                .last_packet
                .is_none_or(|last| self.packets - last > SILENT_PACKETS);
            if *other == channel || silent {
                sum
            } else {
                sum.saturating_add(window.credit)
            }
        });
        self.max_window
            .saturating_sub(granted)
            .max(SHARED_TARGET.min(self.max_window))
    }
}

impl Window {
    /// Bytes that this channel may make us hold before it is topped up again.
    fn exposed(&self) -> usize {
        self.credit as usize + self.backlog.bytes()
    }

    /// By how much [`Self::exposed`] can grow if this channel is the next to be brought up to `target`.
    fn growth(&self, target: u32) -> usize {
        if self.credit >= target / 2 {
            // At that moment at least half of the target, less one packet, was still granted.
            target as usize / 2 + PACKET
        } else {
            target as usize
        }
    }
}

/// A target a little above `target`. Real targets alternate between the two.
///
/// With the same one each time, a peer that sends its window in one burst, as all do on long ways, would bring it down to
/// just half of the target with the second half of the burst; the grant for that half would wait for the next
/// burst, and a round trip would carry half a window. A trigger that is a little higher every other time is
/// reached with every burst.
fn raised(target: u32) -> u32 {
    target + target / 16
}

/// The target that withholds credit: see the head of this file.
pub(crate) const TRICKLE: u32 = 2;

/// The smallest real target; below it, adjustments would cost more than they bring.
const MIN_TARGET: u32 = 256 * 1024;

/// A channel is silent when so many packets came on others since its last.
const SILENT_PACKETS: u64 = 256;

/// What a channel gets while others, which hardly ever all send at the same time, hold large windows.
const SHARED_TARGET: u32 = 1 << 20;

/// The largest packet that a peer may use up a window with.
const PACKET: usize = 64 * 1024;

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
