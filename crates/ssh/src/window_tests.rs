//! The policy against a model of the transport library's windows and of a peer that keeps to them.

use proptest::prelude::*;

use super::*;

/// One connection: the library's windows, the policy, and a peer with data to send on each channel.
struct Model {
    policy: WindowPolicy,
    target: u32,
    channels: Vec<ModelChannel>,
    initial: u32,
    questions: usize,
}

struct ModelChannel {
    /// The window as the library has it, and, a round trip later, the peer.
    window: u32,
    /// What the peer knows it may send.
    known: u32,
    to_send: usize,
    delivered: usize,
    /// Whether the service consumes each packet at once.
    prompt: bool,
    backlog: Arc<Backlog>,
}

impl Model {
    fn new(channels: usize, limits: &Limits) -> Self {
        let mut model = Self {
            policy: WindowPolicy::new(limits),
            target: limits.initial_window,
            channels: Vec::new(),
            initial: limits.initial_window,
            questions: 0,
        };
        for _ in 0..channels {
            model.open();
        }
        model
    }

    fn open(&mut self) {
        let backlog = Arc::new(Backlog::counted_in(self.policy.total.clone()));
        self.policy
            .opened(u32::try_from(self.channels.len()).unwrap(), Arc::clone(&backlog));
        let (window, known) = (self.initial, self.initial);
        self.channels.push(ModelChannel {
            window,
            known,
            to_send: 0,
            delivered: 0,
            prompt: false,
            backlog,
        });
    }

    /// What russh 0.65 does with a packet: `adjust_window_size`, then `adjust_window`, then `data`.
    fn receive(&mut self, channel: usize, len: u32) {
        let id = u32::try_from(channel).unwrap();
        let state = &mut self.channels[channel];
        state.window -= len;
        if state.window < self.target / 2 {
            state.window = self.target;
            self.target = self.policy.topped_up(id);
            assert!(
                self.target >= TRICKLE,
                "a target of {} would never grant again",
                self.target
            );
        }
        let state = &mut self.channels[channel];
        match self.policy.received(id, len as usize).unwrap() {
            Received::Trickle => self.questions += 1,
            Received::Data => {}
        }
        assert_eq!(
            self.policy.channels[&id].credit, state.window,
            "the mirror is wrong"
        );
        if !state.prompt {
            state.backlog.add(len as usize);
        }
        state.delivered += len as usize;
    }

    /// One round trip: the peer sends what it may in the order of `order`, then hears of the new windows.
    fn round(&mut self, order: &[usize]) {
        for &channel in order {
            loop {
                let state = &mut self.channels[channel];
                let len = state
                    .known
                    .min(32 * 1024)
                    .min(u32::try_from(state.to_send).unwrap_or(u32::MAX));
                if len == 0 {
                    break;
                }
                state.known -= len;
                state.to_send -= len as usize;
                self.receive(channel, len);
            }
        }
        for state in &mut self.channels {
            state.known = state.window;
        }
    }

    fn consume(&mut self, channel: usize, bytes: usize) {
        self.channels[channel].backlog.sub(bytes);
    }

    fn held(&self) -> usize {
        self.channels.iter().map(|channel| channel.backlog.bytes()).sum()
    }

    /// What the head of `window.rs` promises, with two bytes for each question.
    fn bound(&self, limits: &Limits) -> usize {
        let trickled = self.questions * TRICKLE as usize;
        limits.connection_budget + self.channels.len() * self.initial as usize + trickled
    }
}

const MIB: usize = 1 << 20;

#[test]
fn a_service_that_consumes_nothing_stops_the_peer_at_the_budget() {
    let limits = Limits::default();
    let mut model = Model::new(1, &limits);
    model.channels[0].to_send = 1 << 30;
    for _ in 0..1000 {
        model.round(&[0]);
    }
    assert!(model.held() <= limits.connection_budget + MIB, "{}", model.held());
    assert!(model.held() >= limits.connection_budget / 2, "{}", model.held());
    // And when the service goes on, so does the peer.
    model.consume(0, usize::MAX);
    model.channels[0].prompt = true;
    for _ in 0..80 {
        model.round(&[0]);
    }
    assert!(
        model.channels[0].delivered > 200 * MIB,
        "{}",
        model.channels[0].delivered
    );
}

#[test]
fn all_connections_together_are_stopped_at_the_total_and_those_that_keep_up_go_on() {
    let limits = Limits {
        received_total: ReceivedTotal::new(24 * MIB),
        ..Limits::default()
    };
    let mut stalled = Vec::new();
    for _ in 0..10 {
        let mut model = Model::new(1, &limits);
        for _ in 0..100 {
            model.channels[0].to_send = 1 << 30;
            model.round(&[0]);
        }
        stalled.push(model);
    }
    let mut prompt = Model::new(1, &limits);
    prompt.channels[0].prompt = true;
    for _ in 0..1000 {
        prompt.channels[0].to_send = 1 << 30;
        prompt.round(&[0]);
    }
    let held: usize = stalled.iter().map(Model::held).sum();
    // Who comes later has what every channel begins with, and the one window that the library gives behind that.
    let crossing = 24 * MIB + limits.connection_budget;
    let later = 8 * 2 * limits.initial_window as usize;
    assert!(
        held <= crossing + later && crossing + later < 10 * limits.connection_budget,
        "{held}"
    );
    // In the smallest windows that are worth speaking of.
    assert!(
        prompt.channels[0].delivered > 100 * MIB,
        "{}",
        prompt.channels[0].delivered
    );
    // And when they end, what they held counts no more.
    drop(stalled);
    assert_eq!(limits.received_total.held.load(Ordering::Relaxed), 0);
}

#[test]
fn a_service_that_keeps_up_gets_a_window_of_nearly_eight_mib() {
    let limits = Limits::default();
    let mut model = Model::new(1, &limits);
    model.channels[0].to_send = 1 << 30;
    model.channels[0].prompt = true;
    let mut rounds = 0;
    while model.channels[0].to_send > 0 {
        model.round(&[0]);
        rounds += 1;
    }
    assert!(rounds < 150, "a GiB took {rounds} round trips");
    assert_eq!(model.questions, 0);
    assert!(model.policy.target > 7 << 20);
    assert!(
        model.policy.target < 2 * limits.initial_window,
        "more would be cut when keys are exchanged"
    );
}

#[test]
fn a_service_that_lags_a_round_trip_behind_is_not_stopped_by_questions() {
    let limits = Limits::default();
    let mut model = Model::new(1, &limits);
    model.channels[0].to_send = 1 << 30;
    let mut rounds = 0;
    while model.channels[0].to_send > 0 {
        model.round(&[0]);
        model.consume(0, usize::MAX);
        rounds += 1;
    }
    assert!(rounds < 300, "a GiB took {rounds} round trips");
    assert!(model.questions < 3, "{} questions", model.questions);
}

#[test]
fn a_congested_channel_does_not_stop_another() {
    for order in [[0, 1], [1, 0]] {
        let limits = Limits::default();
        let mut model = Model::new(2, &limits);
        model.channels[0].to_send = 1 << 30;
        model.channels[1].to_send = 1 << 30;
        model.channels[1].prompt = true;
        for _ in 0..1000 {
            model.round(&order);
        }
        let (held, delivered) = (model.held(), model.channels[1].delivered);
        assert!(delivered > 50 * MIB, "{order:?}: {delivered}");
        // The congested one gains nothing by the windows that are meant for the other.
        for _ in 0..1000 {
            model.round(&order);
        }
        assert!(model.channels[1].delivered > delivered + 100 * MIB, "{order:?}");
        assert!(
            model.held() <= held + 1000 * TRICKLE as usize,
            "{order:?}: {held} and then {}",
            model.held()
        );
        assert!(model.held() <= model.bound(&limits));
    }
}

#[test]
fn a_congested_channel_with_nothing_more_to_send_does_not_hold_up_another() {
    let limits = Limits::default();
    let mut model = Model::new(2, &limits);
    model.channels[0].to_send = 1 << 30;
    for _ in 0..100 {
        model.round(&[0, 1]);
    }
    model.channels[0].to_send = 0;
    model.channels[1].to_send = 50 * MIB;
    model.channels[1].prompt = true;
    for _ in 0..1000 {
        model.round(&[0, 1]);
    }
    assert_eq!(model.channels[1].delivered, 50 * MIB);
}

#[test]
fn many_idle_channels_leave_room_for_one_that_works() {
    let limits = Limits::default();
    let mut model = Model::new(10, &limits);
    model.channels[3].to_send = 100 * MIB;
    model.channels[3].prompt = true;
    let mut rounds = 0;
    while model.channels[3].to_send > 0 {
        model.round(&[3]);
        rounds += 1;
        assert!(rounds < 30, "{} delivered only", model.channels[3].delivered);
    }
    assert_eq!(model.questions, 0);
}

#[test]
fn sending_more_than_granted_is_noticed() {
    let limits = Limits {
        initial_window: 100_000,
        ..Limits::default()
    };
    let mut policy = WindowPolicy::new(&limits);
    policy.opened(7, Arc::default());
    assert_eq!(policy.received(7, 100_000), Ok(Received::Trickle));
    assert_eq!(policy.received(7, 1), Err(CreditExceeded { got: 1, credit: 0 }));
    assert_eq!(
        policy.received(7, usize::MAX),
        Err(CreditExceeded {
            got: usize::MAX,
            credit: 0
        })
    );
    // The library tops up before it looks at the length: the old credit counts.
    policy.opened(8, Arc::default());
    assert_eq!(policy.received(8, 60_000), Ok(Received::Data));
    policy.topped_up(8);
    assert_eq!(
        policy.received(8, 40_001),
        Err(CreditExceeded {
            got: 40_001,
            credit: 40_000
        })
    );
    // Unknown channels are none of its business.
    assert_eq!(policy.received(9, 5), Ok(Received::Data));
}

#[derive(Debug, Clone)]
enum Step {
    Send { channel: usize, bytes: usize },
    Consume { channel: usize, bytes: usize },
    Round { first: usize },
    Open,
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = prop_oneof![1..10_usize, 1..100_000_usize, 1..20_000_000_usize];
    prop_oneof![
        2 => (0..6_usize, bytes.clone()).prop_map(|(channel, bytes)| Step::Send { channel, bytes }),
        2 => (0..6_usize, bytes).prop_map(|(channel, bytes)| Step::Consume { channel, bytes }),
        4 => (0..6_usize).prop_map(|first| Step::Round { first }),
        1 => Just(Step::Open),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens, memory is bounded, the mirror is right, and everything arrives once it is consumed.
    #[test]
    fn any_history_is_bounded_and_ends_well(steps in prop::collection::vec(step(), 1..120)) {
        let limits = Limits::default();
        let mut model = Model::new(1, &limits);
        let mut wanted = 0;
        for step in steps {
            let count = model.channels.len();
            match step {
                Step::Send { channel, bytes } => {
                    model.channels[channel % count].to_send += bytes;
                    wanted += bytes;
                }
                Step::Consume { channel, bytes } => model.consume(channel % count, bytes),
                Step::Round { first } => {
                    let mut order: Vec<_> = (0..count).collect();
                    order.rotate_left(first % count);
                    model.round(&order);
                }
                Step::Open if count < limits.channels => model.open(),
                Step::Open => {}
            }
            prop_assert!(model.held() <= model.bound(&limits), "{} bytes are held", model.held());
        }
        let order: Vec<_> = (0..model.channels.len()).collect();
        let mut rounds = 0;
        while model.channels.iter().any(|channel| channel.to_send > 0) {
            for &channel in &order {
                model.consume(channel, usize::MAX);
            }
            model.round(&order);
            rounds += 1;
            prop_assert!(rounds < 10_000, "no progress");
        }
        let delivered: usize = model.channels.iter().map(|channel| channel.delivered).sum();
        prop_assert_eq!(delivered, wanted);
    }
}
