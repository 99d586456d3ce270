//! What is counted about standbys, each metric a documented field; `replica` is the place in the list of URLs.

use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Opts, Registry};

use super::admission::{Change, Sight};

#[derive(Debug, Clone)]
pub struct Metrics {
    /// `securenet_replica_admitted`: 1 while reads may go to the replica.
    pub admitted: IntGaugeVec,
    /// `securenet_replica_lag_seconds`: how old what it shows is; not moved while it does not answer.
    pub lag_seconds: GaugeVec,
    /// `securenet_replica_ejections_total`: how often it was left out, by `reason`: `behind`, `away`, `no-standby`, `unfit`.
    pub ejections: IntCounterVec,
}

impl Metrics {
    /// Fails only when the names are registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            admitted: IntGaugeVec::new(
                Opts::new("securenet_replica_admitted", "1 while reads may go to the replica."),
                &["replica"],
            )?,
            lag_seconds: GaugeVec::new(
                Opts::new("securenet_replica_lag_seconds", "How old what the replica shows is."),
                &["replica"],
            )?,
            ejections: IntCounterVec::new(
                Opts::new("securenet_replica_ejections_total", "How often a replica was left out, by reason."),
                &["replica", "reason"],
            )?,
        };
        registry.register(Box::new(metrics.admitted.clone()))?;
        registry.register(Box::new(metrics.lag_seconds.clone()))?;
        registry.register(Box::new(metrics.ejections.clone()))?;
        Ok(metrics)
    }

    /// So that a replica that never answered shows as left out, not as unknown.
    pub(super) fn expect(&self, count: usize) {
        (0..count).for_each(|at| self.admitted.with_label_values(&[&at.to_string()]).set(0));
    }

    pub(super) fn saw(&self, at: usize, sight: &Sight) {
        match sight {
            Sight::Current { lag } | Sight::Behind { lag } => {
                self.lag_seconds.with_label_values(&[&at.to_string()]).set(lag.as_secs_f64());
            }
            Sight::NoStandby | Sight::Unfit | Sight::Away => {}
        }
    }

    pub(super) fn changed(&self, at: usize, change: Change, sight: &Sight) {
        let at = at.to_string();
        match change {
            Change::Admitted => self.admitted.with_label_values(&[&at]).set(1),
            Change::Ejected => {
                self.admitted.with_label_values(&[&at]).set(0);
                self.ejections.with_label_values(&[at.as_str(), sight.name()]).inc();
            }
        }
    }
}
