//! Given what happened, when somebody wants something, then this follows: the door through which deciders are tested.
//!
//! It never waits and never draws: the time is an argument. It panics, so it is for tests alone.

use std::fmt::Debug;

use crate::{
    decider::{Decider, Reason, fold},
    vocabulary::Timestamp,
};

/// Starts from the state these events lead to.
///
/// # Panics
/// When the events cannot have happened in this order.
pub fn given<D: Decider>(events: impl IntoIterator<Item = D::Event>) -> Given<D> {
    let events: Vec<D::Event> = events.into_iter().collect();
    match fold::<D>(&events) {
        Ok(state) => Given { state },
        Err(impossible) => panic!("the given events are no history: {impossible}"),
    }
}

/// A state some events led to.
#[must_use]
pub struct Given<D> {
    state: D,
}

impl<D: Decider> Given<D> {
    pub fn when(self, command: D::Command, now: Timestamp) -> When<D> {
        When { outcome: self.state.decide(command, now), state: self.state }
    }

    pub fn state(&self) -> &D {
        &self.state
    }
}

/// What was decided, to be compared by `then` or `then_refused`.
#[must_use]
pub struct When<D: Decider> {
    state: D,
    outcome: Result<Vec<D::Event>, D::Refusal>,
}

impl<D: Decider> When<D>
where
    D::Event: PartialEq + Debug,
    D::Refusal: PartialEq,
{
    /// These events follow, and can be replayed. Answers the state they lead to.
    ///
    /// # Panics
    /// When something else follows.
    pub fn then(self, expected: impl IntoIterator<Item = D::Event>) -> D {
        let expected: Vec<D::Event> = expected.into_iter().collect();
        let events = match self.outcome {
            Ok(events) => events,
            Err(refusal) => panic!("refused ({}) instead of {expected:?}: {refusal}", refusal.code()),
        };
        assert_eq!(events, expected, "other events follow");
        match events.iter().try_fold(self.state, D::evolve) {
            Ok(state) => state,
            Err(impossible) => panic!("what was decided cannot be replayed: {impossible}"),
        }
    }

    /// Nothing may follow, for this reason.
    ///
    /// # Panics
    /// When something follows, or another reason is given.
    pub fn then_refused(self, expected: D::Refusal) {
        match self.outcome {
            Ok(events) => panic!("accepted ({events:?}) instead of refused: {expected}"),
            Err(refusal) => assert_eq!(refusal, expected, "refused for another reason"),
        }
    }
}
